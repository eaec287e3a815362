# Reference numbers of the models whose residual variance changes: nlme's lme with varExp. By time: exp(d1 t) exp(d2 t^2),
# two varExp combined; by the value that the random-intercept model expects (level 1): exp(d v), v held fixed.
# Run in this folder: Rscript heteroscedastic.R
# Writes heteroscedastic_rows.csv (simulated: residual SD 0.5 exp(0.15 t), slopes of SD 0.1) and heteroscedastic.csv
# (by, name, value; deviances are -2 REML log-likelihoods).
suppressMessages(library(nlme))
set.seed(20261126)
n <- 60
d <- data.frame(patient = rep(sprintf("p%02d", 1:n), each = 6), time = rep(0:5, n))
who <- rep(1:n, each = 6)
d$y <- round(5 + rnorm(n)[who] + (0.3 + 0.1 * rnorm(n)[who]) * d$time + 0.5 * exp(0.15 * d$time) * rnorm(6 * n), 4)
write.csv(d, "heteroscedastic_rows.csv", row.names = FALSE, quote = FALSE)
control <- lmeControl(maxIter = 500, msMaxIter = 500, niterEM = 100, tolerance = 1e-10, msTol = 1e-12, opt = "nlminb")
fit <- function(random, weights = NULL) lme(y ~ time, d, random = random, weights = weights, control = control)
deviance_of <- function(fit) -2 * as.numeric(logLik(fit))
level <- ~ 1 | patient
slope <- ~ time | patient
constant <- fit(level)
d$t2 <- d$time^2
d$v <- fitted(constant, level = 1)
out <- list()
add <- function(by, name, value)
  out[[length(out) + 1]] <<- data.frame(by = by, name = name, value = sprintf("%.12g", value))
add("none", "deviance_intercept", deviance_of(constant))
add("none", "deviance_slope", deviance_of(fit(slope)))
ways <- list(time = function() varComb(varExp(form = ~ time), varExp(form = ~ t2)), fitted = function() varExp(form = ~ v))
for (by in names(ways)) {
  one <- fit(level, ways[[by]]()); both <- fit(slope, ways[[by]]())
  add(by, "deviance_intercept", deviance_of(one)); add(by, "deviance_slope", deviance_of(both))
  lrt <- deviance_of(one) - deviance_of(both); scatter <- deviance_of(constant) - deviance_of(one)
  k <- if (by == "time") 2 else 1
  add(by, "lrt", lrt); add(by, "p_value", (pchisq(lrt, 1, lower = FALSE) + pchisq(lrt, 2, lower = FALSE)) / 2)
  add(by, "lrt_scatter", scatter); add(by, "p_scatter", pchisq(scatter, k, lower = FALSE))
  print(coef(one$modelStruct$varStruct))
}
write.csv(do.call(rbind, out), "heteroscedastic.csv", row.names = FALSE, quote = FALSE)
