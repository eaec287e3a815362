# Log prothrombin up to the landmark at 2 years, where a few outlying visits make the curvature of the deviance differ
# much from the expected one: lme4 without each fifth of the patients (id modulo 5) as nested cross-fitting leaves them
# out: each fit again without each fifth by id / 5 (fits 0-1, 0-4, 3-3 and 4-4 once ended 5 to 71 above lme4).
# Run in the repository's root:  Rscript tests/golden/growth_outlier.R   (R 4.2.2, lme4 1.1-31)
# Writes growth_outlier.csv: outer, inner (the fifths left out; inner -1: none), kind (deviance, fixed, se, covariance, sigma), name, value.
suppressMessages(library(lme4))

measurements <- read.csv("data/pbcseq/measurements.csv")
patients <- read.csv("data/pbcseq/patients.csv")
landmark <- 2
measurements$time <- measurements$day / 365.25
at_risk <- patients$id[patients$futime / 365.25 > landmark]
rows <- measurements[measurements$id %in% at_risk & measurements$time <= landmark, ]
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
                       check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")
starts <- list(c(1, 0, 1), c(1, -0.3, 0.3), c(1, 0.3, 0.3))

reference <- function(outer, inner) {
  kept <- rows[rows$id %% 5 != outer & (rows$id %/% 5) %% 5 != inner, ]
  fits <- lapply(starts, function(start)
    suppressWarnings(lmer(log(protime) ~ time + (time | id), kept, REML = TRUE, control = control, start = start)))
  deviances <- sapply(fits, function(fit) -2 * as.numeric(logLik(fit)))
  fit <- fits[[which.min(deviances)]]
  covariance <- as.matrix(VarCorr(fit)$id)[1:2, 1:2]
  data.frame(
    outer = outer,
    inner = inner,
    kind = c("deviance", "fixed", "fixed", "se", "se", rep("covariance", 3), "sigma"),
    name = c("", "Intercept", "time", "Intercept", "time", "Intercept|Intercept", "time|Intercept", "time|time", ""),
    value = sprintf("%.12g", c(min(deviances), fixef(fit), sqrt(diag(as.matrix(vcov(fit)))), covariance[1, 1],
                               covariance[2, 1], covariance[2, 2], sigma(fit)))
  )
}
folds <- expand.grid(inner = -1:4, outer = 0:4)
table <- do.call(rbind, Map(reference, folds$outer, folds$inner))
write.csv(table, "tests/golden/growth_outlier.csv", row.names = FALSE, quote = FALSE)
