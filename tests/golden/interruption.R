# Reference numbers of models of interrupted time series: level and slope change at each unit's moment, random by unit,
# residuals independent (lme4, lmerTest), AR(1) (nlme's corAR1) or exponentially correlated in time (corCAR1).
# R 4.2.2, nlme 3.1-162, lme4 1.1-31, lmerTest 3.1-3. Run in this folder: Rscript interruption.R
# Reads ../../data/usseatbelts; writes interruption_rows.csv (the rows of the two other data sets: nlme's BodyWeight, rats
# whose treatment began in the sixth week, between days 43 and 44; and simulated, unevenly spaced) and interruption.csv
# (case, name, value; deviances are -2 REML log-likelihoods).
suppressMessages({ library(nlme); library(lme4); library(lmerTest) })
control <- lmeControl(maxIter = 1000, msMaxIter = 2000, niterEM = 200, tolerance = 1e-12, msTol = 1e-14, opt = "nlminb")
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9, maxfun = 1e5), calc.derivs = FALSE)
with_terms <- function(d) {
  d$after <- as.numeric(!is.na(d$moment) & d$time >= d$moment)
  d$since <- ifelse(d$after > 0, d$time - d$moment, 0)
  d
}
rows <- merge(read.csv("../../data/usseatbelts/measurements.csv"), read.csv("../../data/usseatbelts/states.csv"))
belts <- with_terms(data.frame(unit = rows$state, time = rows$year - 1983, moment = rows$law - 1983,
                               y = log(rows$fatalities), weight = rows$miles))
belts <- belts[order(belts$unit, belts$time), ]
rats <- with_terms(data.frame(unit = paste0("rat", as.character(BodyWeight$Rat)), time = BodyWeight$time <- BodyWeight$Time,
                              moment = 44, y = BodyWeight$weight, weight = 1))
rats <- rats[order(rats$unit, rats$time), ]
set.seed(20261127)
m <- 40
made <- do.call(rbind, lapply(seq_len(m), function(i) {
  time <- round(cumsum(runif(16, 0.2, 1.0)), 2)
  moment <- if (i > 32) NA else round(runif(1, 3, 7), 2)
  e <- as.vector(t(chol(0.4 * exp(-abs(outer(time, time, "-")) / 1.5))) %*% rnorm(16))
  d <- with_terms(data.frame(unit = sprintf("u%02d", i), time = time, moment = moment, y = 0, weight = 1))
  b <- rnorm(3) * c(1, 0.15, 0.6)
  d$y <- round(10 + b[1] + (0.3 + b[2]) * d$time + (-1 + b[3]) * d$after - 0.2 * d$since +
                 0.5 * sin(2 * pi * d$time / 2) + e, 4)
  d
}))
write.csv(rbind(cbind(set = "rats", rats), cbind(set = "made", made)), "interruption_rows.csv", row.names = FALSE,
          quote = FALSE)
out <- list()
add <- function(case, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, name = name, value = sprintf("%.12g", value))
keep <- function(case, beta, se, psi, sigma, deviance, phi = NULL) {
  for (k in names(beta)) { add(case, paste0("beta_", k), beta[[k]]); add(case, paste0("se_", k), se[[k]]) }
  for (k in rownames(psi)) add(case, paste0("sd_", k), sqrt(psi[k, k]))
  add(case, "sigma", sigma); add(case, "deviance", deviance)
  if (!is.null(phi)) add(case, "phi", phi)
}
of_nlme <- function(case, fit) {
  phi <- coef(fit$modelStruct$corStruct, unconstrained = FALSE)
  keep(case, fixef(fit), sqrt(diag(vcov(fit))), as.matrix(getVarCov(fit)), fit$sigma, -2 * as.numeric(logLik(fit)),
       if (length(phi)) phi[[1]])
}
plain <- lmer(y ~ time + after + since + (time + after + since | unit), belts, weights = weight, control = tight)
keep("belts_independent", fixef(plain), sqrt(diag(as.matrix(vcov(plain)))), VarCorr(plain)$unit, sigma(plain),
     -2 * as.numeric(logLik(plain)))
five <- contest1D(plain, c(0, 0, 1, 5))
add("belts_independent", "after_5", five$Estimate); add("belts_independent", "se_after_5", five$`Std. Error`)
add("belts_independent", "df_after_5", five$df)
of_nlme("belts_ar1", lme(y ~ time + after + since, belts, random = ~ time | unit,
                         correlation = corAR1(form = ~ time | unit), control = control))
of_nlme("belts_ar1_change", lme(y ~ time + after + since, belts, random = list(unit = pdSymm(~ since)),
                               correlation = corAR1(form = ~ time | unit), control = control))
of_nlme("belts_ar1_weights", lme(y ~ time + after + since, belts, random = ~ 1 | unit, weights = varFixed(~ 1 / weight),
                                 correlation = corAR1(form = ~ time | unit), control = control))
of_nlme("rats_ar1", lme(y ~ time + after + since, rats, random = ~ time | unit,
                        correlation = corAR1(form = ~ time | unit), control = control))
made$s <- sin(2 * pi * made$time / 2); made$c <- cos(2 * pi * made$time / 2)
of_nlme("made_ou", lme(y ~ time + after + since + s + c, made, random = ~ after | unit,
                       correlation = corCAR1(form = ~ time | unit), control = control))
write.csv(do.call(rbind, out), "interruption.csv", row.names = FALSE, quote = FALSE)
