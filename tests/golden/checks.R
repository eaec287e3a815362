# Reference numbers for the checks of the growth models: the three models for log bilirubin of the PBC trial (lme4, lmerTest,
# REML profile intervals), pooled regression (lm), every patient left out in turn (sleepstudy, orthodont), no and partial
# pooling (lmList, ranef), residuals, the implied correlation, the number of visits as a modifier of the slope, and
# Benjamini and Hochberg's adjustment. Run in this folder: Rscript checks.R
# Writes checks.csv: case, model, kind, name, value.
suppressMessages({library(lme4); library(lmerTest)})
out <- list()
add <- function(case, model, kind, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, model = model, kind = kind, name = name, value = sprintf("%.12g", value))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
                       check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")
lmm <- function(formula, data, ...) suppressMessages(lmerTest::lmer(as.formula(formula), data, control = control, ...))

sleep <- read.csv("../../data/sleepstudy/measurements.csv")
sleep$time <- sleep$day; sleep$patient <- factor(sleep$subject); sleep$y <- sleep$reaction
ortho <- read.csv("../../data/orthodont/measurements.csv")
ortho$time <- ortho$age - 8; ortho$patient <- factor(ortho$child); ortho$y <- ortho$distance
pbc <- merge(read.csv("../../data/pbcseq/measurements.csv"), read.csv("../../data/pbcseq/patients.csv"), by = "id")
pbc$time <- pbc$day / 365.25; pbc$patient <- factor(pbc$id); pbc$y <- log(pbc$bili)
pbc <- pbc[!is.na(pbc$y), ]
pbc <- pbc[order(pbc$id, pbc$time), ]
cases <- list(sleepstudy = list(data = sleep, fixed = "time"), orthodont = list(data = ortho, fixed = "time * sex"),
              pbc_growth = list(data = pbc, fixed = "time * trt"))

for (case in names(cases)) {
  data <- cases[[case]]$data; fixed <- cases[[case]]$fixed
  pooled <- lm(as.formula(paste("y ~", fixed)), data)
  table <- coef(summary(pooled))
  for (k in c("Estimate", "Std. Error")) add(case, "pooled", k, rownames(table), table[, k])
  add(case, "pooled", "df", rownames(table), rep(pooled$df.residual, nrow(table)))
  add(case, "pooled", "sigma", "", sigma(pooled))
  # The residual variance of pooled regression: f log v + f s^2 / v, at most 3.84 above its minimum (REML).
  rise <- function(x) pooled$df.residual * (x + exp(-x) - 1) - qchisq(0.95, 1)
  add(case, "pooled", c("ci_low", "ci_high"), "Residual|Residual",
      sigma(pooled) * exp(c(uniroot(rise, c(-2, 0), tol = 1e-12)$root, uniroot(rise, c(0, 2), tol = 1e-12)$root) / 2))
  full <- lmm(paste("y ~", fixed, "+ (time | patient)"), data)

  # Residuals about the patients' own lines, each in its own standard deviation: R P R with R = sigma^2 I; rows that keep
  # at least 5% of the residual variance. Skewness and kurtosis without bias for normal values (G1 and G2).
  X <- as.matrix(getME(full, "X"))
  V <- sigma(full)^2 * (diag(nrow(X)) + as.matrix(tcrossprod(getME(full, "Z") %*% getME(full, "Lambda"))))
  W <- solve(V); WX <- W %*% X
  share <- sigma(full)^2 * (diag(W) - rowSums((WX %*% solve(crossprod(X, WX))) * WX))
  r <- (residuals(full) / (sigma(full) * sqrt(share)))[share > 0.05]
  add(case, "random_slope", "number", "residual", length(r))
  add(case, "random_slope", "beyond_2", "residual", mean(abs(r) > 2))
  add(case, "random_slope", "largest", "residual", max(abs(r)))
  centred <- r - mean(r); s2 <- mean(centred^2); n <- length(r)
  add(case, "random_slope", "skewness", "residual", mean(centred^3) / s2^1.5 * sqrt(n * (n - 1)) / (n - 2))
  add(case, "random_slope", "kurtosis", "residual", (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (mean(centred^4) / s2^2 - 3) + 6))

  # The correlation of values at three times
  times <- quantile(data$time, c(0, 1)); times <- c(times[1], mean(times), times[2])
  Z <- cbind(1, times); V <- Z %*% as.matrix(VarCorr(full)[[1]]) %*% t(Z)
  between <- V / sqrt(outer(diag(V) + sigma(full)^2, diag(V) + sigma(full)^2))
  add(case, "random_slope", "correlation", c("11", "12", "13", "22", "23", "33"), between[upper.tri(between, diag = TRUE)][c(1, 2, 4, 3, 5, 6)])

  # Partial pooling and its conditional standard deviations; no pooling
  own <- ranef(full, condVar = TRUE)[[1]]
  spread <- sqrt(attr(own, "postVar")[2, 2, ])
  shown <- rownames(own)[seq(1, nrow(own), length.out = 9)]
  add(case, "random_slope", "b_intercept", shown, own[shown, 1]); add(case, "random_slope", "b_slope", shown, own[shown, 2])
  add(case, "random_slope", "slope_se", shown, spread[match(shown, rownames(own))])
  for (who in shown) {
    line <- lm(y ~ time, data[data$patient == who, ])
    add(case, "no_pooling", "intercept", who, coef(line)[1]); add(case, "no_pooling", "slope", who, coef(line)[2])
  }

  # Without one patient: all of them in the small studies, nine in the large one
  sd_of <- function(fit) attr(VarCorr(fit)[[1]], "stddev")[2]
  for (who in if (case == "pbc_growth") shown else rownames(own)) {
    without <- lmm(paste("y ~", fixed, "+ (time | patient)"), droplevels(data[data$patient != who, ]))
    change <- fixef(without) - fixef(full)
    add(case, "influence", "slope_sd_change", who, sd_of(without) - sd_of(full))
    add(case, "influence", "cook", who, drop(t(change) %*% solve(as.matrix(vcov(full))) %*% change) / length(change))
  }
}

# The PBC trial side by side
for (m in c("random_intercept", "random_slope")) {
  formula <- sprintf("y ~ time * trt + (%s | patient)", if (m == "random_slope") "time" else "1")
  fit <- lmm(formula, pbc); ml <- lmm(formula, pbc, REML = FALSE)
  add("pbc_growth", m, "deviance_reml", "", -2 * as.numeric(logLik(fit))); add("pbc_growth", m, "deviance_ml", "", -2 * as.numeric(logLik(ml)))
  add("pbc_growth", m, "aic", "", AIC(ml)); add("pbc_growth", m, "bic", "", BIC(ml))
  table <- coef(summary(fit))
  for (k in c("Estimate", "Std. Error", "df")) add("pbc_growth", m, k, rownames(table), table[, k])
  vf <- var(as.vector(model.matrix(fit) %*% fixef(fit)))
  Z <- if (m == "random_slope") cbind(1, pbc$time) else matrix(1, nrow(pbc), 1)
  vr <- mean(rowSums((Z %*% as.matrix(VarCorr(fit)[[1]])) * Z)); s2 <- sigma(fit)^2
  add("pbc_growth", m, "icc", "", vr / (vr + s2))
  add("pbc_growth", m, "r2_marginal", "", vf / (vf + vr + s2)); add("pbc_growth", m, "r2_conditional", "", (vf + vr) / (vf + vr + s2))
}

# REML profile intervals of the random-slope model, sigma not profiled out: from what lme4's deviance function leaves behind
f <- lme4::lmer(y ~ time * trt + (time | patient), pbc, devFunOnly = TRUE)
n <- nrow(pbc); p <- 4
deviance <- function(x) {
  sd <- exp(x[4]); a <- abs(x[1]) / sd; b <- abs(x[2]) / sd
  f(c(a, b * sin(x[3]), b * cos(x[3])))
  e <- environment(f)
  e$pp$ldL2() + e$pp$ldRX2() + (n - p) * (log(2 * pi) + 2 * x[4]) + (e$resp$wrss() + e$pp$sqrL(1)) / exp(2 * x[4])
}
fit <- lmm("y ~ time * trt + (time | patient)", pbc); v <- as.data.frame(VarCorr(fit)); s <- sigma(fit)
best <- c(v$sdcor[1], v$sdcor[2], asin(v$sdcor[3]), log(s)); lowest <- deviance(best)
names <- c("Intercept|Intercept", "time|time", "Intercept|time", "Residual|Residual")
for (k in 1:4) {
  above <- function(value) {
    part <- function(x) { y <- numeric(4); y[-k] <- x; y[k] <- value; deviance(y) }
    end <- nlminb(best[-k], part, control = list(rel.tol = 1e-13, x.tol = 1e-10))
    nlminb(end$par, part, control = list(rel.tol = 1e-13, x.tol = 1e-10))$objective - lowest - qchisq(0.95, 1)
  }
  width <- c(0.3 * best[1], 0.3 * best[2], 0.4, 0.15)[k]
  for (sign in c(-1, 1)) {
    root <- uniroot(above, sort(best[k] + c(0, sign * width)), tol = 1e-7)$root
    add("pbc_growth", "random_slope", c("ci_low", "", "ci_high")[sign + 2], names[k], if (k == 3) sin(root) else if (k == 4) exp(root) else root)
  }
}

# Does the slope differ with the number of visits?
pbc$visits <- as.numeric(table(pbc$patient)[as.character(pbc$patient)])
table <- coef(summary(lmm("y ~ time * trt + visits + visits:time + (time | patient)", pbc)))
row <- grep("visits:time|time:visits", rownames(table))
for (k in c("Estimate", "Std. Error", "df")) add("pbc_growth", "visits", k, "", table[row, k])

p <- c(0.0003, 0.041, 0.2, 0.039, 0.9, 0.012)
add("", "adjusted", "p", seq_along(p), p); add("", "adjusted", "q", seq_along(p), p.adjust(p, "BH"))

write.csv(do.call(rbind, out), "checks.csv", row.names = FALSE, quote = FALSE)
