# Reference numbers of the model comparison: lme4 with lmerTest (three models by REML and ML), REML profile intervals of the
# variance components from lme4's own deviance function, nlme for serial correlation, lm for the F test of equal slopes,
# and a parametric bootstrap of the likelihood ratio. Run in this folder: Rscript compare.R
# Writes compare.csv: case, model, kind, name, value.
suppressMessages({library(lme4); library(lmerTest); library(nlme)})
out <- list()
add <- function(case, model, kind, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, model = model, kind = kind, name = name, value = sprintf("%.12g", value))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
                       check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")

# REML deviance at (theta, sigma), sigma not profiled out, from what lme4's deviance function leaves behind.
at <- function(f, n, p, theta, log_sigma) {
  f(theta)
  e <- environment(f)
  pwrss <- e$resp$wrss() + e$pp$sqrL(1)
  e$pp$ldL2() + e$pp$ldRX2() + (n - p) * (log(2 * pi) + 2 * log_sigma) + pwrss / exp(2 * log_sigma)
}
profiles <- function(case, fit, f) {
  n <- nobs(fit); p <- length(fixef(fit)); v <- as.data.frame(VarCorr(fit)); s <- sigma(fit)
  best <- c(v$sdcor[1], v$sdcor[2], asin(v$sdcor[3]), log(s))
  deviance <- function(x) {
    sd <- exp(x[4]); a <- abs(x[1]) / sd; b <- abs(x[2]) / sd
    at(f, n, p, c(a, b * sin(x[3]), b * cos(x[3])), x[4])
  }
  lowest <- deviance(best)
  names <- c("Intercept|Intercept", "slope|slope", "Intercept|slope", "Residual|Residual")
  for (k in 1:4) {
    above <- function(value) {
      free <- best[-k]; scale <- pmax(abs(free), 0.1)
      part <- function(x) { y <- numeric(4); y[-k] <- x * scale; y[k] <- value; deviance(y) }
      flat <- best; flat[2] <- 0.05 * best[2]; flat[3] <- 0  # near a random intercept, where another minimum may lie
      least <- Inf
      for (found in list(free / scale, flat[-k] / scale)) {
        for (i in 1:4) found <- optim(found, part, control = list(reltol = 1e-14, maxit = 5000))$par
        least <- min(least, part(found))
      }
      least - lowest - qchisq(0.95, 1)
    }
    edge <- list(c(0, best[1] * 5), c(0, best[2] * 5), c(-pi / 2, pi / 2), best[4] + c(-1, 1))[[k]]
    shown <- list(identity, identity, sin, exp)[[k]]
    for (end in 1:2) {
      value <- if (above(edge[end]) <= 0) edge[end] else
        uniroot(above, sort(c(best[k], edge[end])), tol = 1e-6)$root
      add(case, "random_slope", c("ci_low", "ci_high")[end], names[k], shown(value))
    }
  }
}
three <- function(case, data, y, t, g, fixed, profiled = TRUE) {
  models <- list(random_intercept = sprintf("%s ~ %s + (1 | %s)", y, fixed, g),
                 random_slope = sprintf("%s ~ %s + (%s | %s)", y, fixed, t, g))
  pooled <- lm(as.formula(paste(y, "~", fixed)), data)
  add(case, "pooled", "deviance_ml", "", -2 * as.numeric(logLik(pooled)))
  add(case, "pooled", "deviance_reml", "", -2 * as.numeric(logLik(pooled, REML = TRUE)))
  add(case, "pooled", "aic", "", AIC(pooled)); add(case, "pooled", "bic", "", BIC(pooled))
  for (m in names(models)) {
    fit <- suppressMessages(lmerTest::lmer(as.formula(models[[m]]), data, control = control))
    ml <- suppressMessages(lme4::lmer(as.formula(models[[m]]), data, REML = FALSE, control = control))
    add(case, m, "deviance_reml", "", -2 * as.numeric(logLik(fit)))
    add(case, m, "deviance_ml", "", -2 * as.numeric(logLik(ml)))
    add(case, m, "aic", "", AIC(ml)); add(case, m, "bic", "", BIC(ml))
    table <- coef(summary(fit))
    for (k in c("Estimate", "Std. Error", "df")) add(case, m, k, rownames(table), table[, k])
    # Nakagawa's R2: variance of the fixed predictions, mean variance of the random effects over the rows
    vf <- var(as.vector(model.matrix(fit) %*% fixef(fit)))
    Z <- if (m == "random_slope") cbind(1, data[[t]]) else matrix(1, nrow(data), 1)
    vr <- mean(rowSums((Z %*% as.matrix(VarCorr(fit)[[1]])) * Z)); s2 <- sigma(fit)^2
    add(case, m, "icc", "", vr / (vr + s2))
    add(case, m, "r2_marginal", "", vf / (vf + vr + s2)); add(case, m, "r2_conditional", "", (vf + vr) / (vf + vr + s2))
    if (profiled && m == "random_slope") profiles(case, fit, lme4::lmer(as.formula(models[[m]]), data, devFunOnly = TRUE))
  }
}
equal_slopes <- function(case, data, y, t, g, fixed) {
  zero <- lm(as.formula(sprintf("%s ~ %s + factor(%s)", y, fixed, g)), data)
  one <- lm(as.formula(sprintf("%s ~ %s + factor(%s) * %s", y, fixed, g, t)), data)
  table <- anova(zero, one)
  add(case, "detective", "f", "", table$F[2]); add(case, "detective", "p_value", "", table$`Pr(>F)`[2])
  add(case, "detective", "df1", "", table$Df[2]); add(case, "detective", "df2", "", table$Res.Df[2])
}
serial <- function(case, data, fixed, t, g, starts) {
  for (m in c("serial", "slope_and_serial")) {
    random <- as.formula(if (m == "serial") sprintf("~ 1 | %s", g) else sprintf("~ %s | %s", t, g))
    best <- Inf
    for (start in starts) {
      fit <- try(lme(as.formula(fixed), data, random = random,
                     correlation = corExp(start, form = as.formula(sprintf("~ %s | %s", t, g)), nugget = TRUE),
                     control = lmeControl(opt = "nlminb", maxIter = 500, msMaxIter = 1000, msTol = 1e-12,
                                          tolerance = 1e-10, returnObject = TRUE)), silent = TRUE)
      if (!inherits(fit, "try-error")) best <- min(best, -2 * as.numeric(logLik(fit)))
    }
    add(case, m, "deviance_reml", "", best)
  }
}
starts <- list(c(1, 0.3), c(3, 0.2), c(6, 0.1), c(2, 0.7))

sleep <- read.csv("../../data/sleepstudy/measurements.csv")
three("sleepstudy", sleep, "reaction", "day", "subject", "day")
equal_slopes("sleepstudy", sleep, "reaction", "day", "subject", "day")
serial("sleepstudy", sleep, "reaction ~ day", "day", "subject", starts)
ortho <- read.csv("../../data/orthodont/measurements.csv")
ortho$time <- ortho$age - 8
three("orthodont", ortho, "distance", "time", "child", "time * sex")
equal_slopes("orthodont", ortho, "distance", "time", "child", "time * sex")
serial("orthodont", ortho, "distance ~ time * sex", "time", "child", starts)
blues <- merge(read.csv("../../data/btheb/measurements.csv"), read.csv("../../data/beat_the_blues/patients.csv"))
blues <- blues[order(blues$id, blues$month), ]
three("beat_the_blues", blues, "bdi", "month", "id", "month * treatment + drug + length")
equal_slopes("beat_the_blues", blues, "bdi", "month", "id", "month * treatment + drug + length")
serial("beat_the_blues", blues, "bdi ~ month * treatment + drug + length", "month", "id", starts)
pupils <- merge(read.csv("../../data/math_achieve/measurements.csv"), read.csv("../../data/math_achieve/schools.csv"))
three("math_achieve", pupils, "math", "ses", "school", "ses * sector", profiled = FALSE)
equal_slopes("math_achieve", pupils, "math", "ses", "school", "ses * sector")

# The parametric bootstrap of the likelihood ratio, on the data where it is neither 0 nor 1.
set.seed(1)
null <- suppressMessages(lme4::lmer(distance ~ time * sex + (1 | child), ortho, control = control))
full <- suppressMessages(lme4::lmer(distance ~ time * sex + (time | child), ortho, control = control))
observed <- 2 * as.numeric(logLik(full) - logLik(null))
drawn <- sapply(1:2000, function(i) {
  y <- simulate(null)[[1]]
  2 * as.numeric(suppressMessages(logLik(refit(full, y)) - logLik(refit(null, y))))
})
add("orthodont", "random_slope", "p_value_bootstrap", "", mean(drawn >= observed))

write.csv(do.call(rbind, out), "compare.csv", row.names = FALSE, quote = FALSE)
