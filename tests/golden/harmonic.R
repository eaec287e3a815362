# Reference numbers of growth models with seasons: two harmonics of a period of 12 months as fixed effects, independent
# residuals (lme4, REML) and AR(1) residuals (nlme's corAR1), and the slope of the average course at two moments.
# R 4.2.2, nlme 3.1-162, lme4 1.1-31. Run in this folder: Rscript harmonic.R
# Writes harmonic_rows.csv (unit, time in months, y; simulated) and harmonic.csv (case, name, value; deviances are -2 REML
# log-likelihoods).
suppressMessages({ library(nlme); library(lme4) })
set.seed(20261128)
rows <- do.call(rbind, lapply(1:15, function(i) {
  time <- 0:29
  e <- as.vector(arima.sim(list(ar = 0.4), 30, sd = 0.5))
  y <- 5 + rnorm(1) + (0.05 + rnorm(1, 0, 0.02)) * time + sin(2 * pi * time / 12) - 0.4 * cos(4 * pi * time / 12) + e
  data.frame(unit = sprintf("u%02d", i), time = time, y = round(y, 4))
}))
write.csv(rows, "harmonic_rows.csv", row.names = FALSE, quote = FALSE)
wave <- function(f, j) f(2 * pi * j * rows$time / 12)
rows$sin1 <- wave(sin, 1); rows$cos1 <- wave(cos, 1); rows$sin2 <- wave(sin, 2); rows$cos2 <- wave(cos, 2)
fixed <- y ~ time + sin1 + cos1 + sin2 + cos2
out <- list()
add <- function(case, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, name = name, value = sprintf("%.12g", value))
keep <- function(case, beta, se, deviance) {
  for (k in names(beta)) { add(case, paste0("beta_", k), beta[[k]]); add(case, paste0("se_", k), se[[k]]) }
  add(case, "deviance", deviance)
  for (at in c(0, 7.5)) {
    turn <- 2 * pi / 12
    slope <- beta[["time"]] + turn * (beta[["sin1"]] * cos(turn * at) - beta[["cos1"]] * sin(turn * at)) +
      2 * turn * (beta[["sin2"]] * cos(2 * turn * at) - beta[["cos2"]] * sin(2 * turn * at))
    add(case, paste0("slope_", at), slope)
  }
}
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE)
fit <- lmer(update(fixed, . ~ . + (time | unit)), rows, control = tight)
keep("independent", fixef(fit), sqrt(diag(as.matrix(vcov(fit)))), -2 * as.numeric(logLik(fit)))
control <- lmeControl(maxIter = 1000, msMaxIter = 2000, niterEM = 200, tolerance = 1e-12, msTol = 1e-14, opt = "nlminb")
serial <- lme(fixed, random = ~ time | unit, correlation = corAR1(form = ~ time | unit), data = rows, control = control)
keep("serial", fixef(serial), sqrt(diag(vcov(serial))), -2 * as.numeric(logLik(serial)))
add("serial", "phi", coef(serial$modelStruct$corStruct, unconstrained = FALSE))
write.csv(do.call(rbind, out), "harmonic.csv", row.names = FALSE, quote = FALSE)
