# Slopes of held-out patients: lme4 fitted without every fifth patient, their random effects by the textbook formula.
# Run in the repository's root:  Rscript tests/golden/slopes.R   (R 4.2.2, lme4 1.1-31)
library(lme4)

measurements <- read.csv("data/pbcseq/measurements.csv")
patients <- read.csv("data/pbcseq/patients.csv")
landmark <- 2
measurements$time <- measurements$day / 365.25
at_risk <- patients$id[patients$futime / 365.25 > landmark]
rows <- measurements[measurements$id %in% at_risk & measurements$time <= landmark, ]
rows$y <- log(rows$bili)
held_out <- at_risk[at_risk %% 5 == 0]
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6))
fit <- lmer(y ~ time + (time | id), rows[!rows$id %in% held_out, ], REML = TRUE, control = control)

beta <- fixef(fit)
psi <- as.matrix(VarCorr(fit)$id)[1:2, 1:2]
sigma2 <- sigma(fit)^2
score <- function(patient) {
  own <- rows[rows$id == patient, ]
  z <- cbind(1, own$time)
  v <- z %*% psi %*% t(z) + sigma2 * diag(nrow(z))
  b <- psi %*% t(z) %*% solve(v, own$y - z %*% beta)
  conditional <- psi - psi %*% t(z) %*% solve(v, z %*% psi)
  data.frame(
    patient = patient,
    intercept = beta[1] + b[1],
    level = sum((beta + b) * c(1, landmark)),
    level_se = sqrt(sum(c(1, landmark) * (conditional %*% c(1, landmark)))),
    slope = beta[2] + b[2],
    slope_se = sqrt(conditional[2, 2]),
    slope_deviation = b[2],
    reliability = 1 - conditional[2, 2] / psi[2, 2]
  )
}
out <- do.call(rbind, lapply(held_out, score))
write.csv(format(out, digits = 10, trim = TRUE), "tests/golden/slopes.csv", row.names = FALSE, quote = FALSE)
cat("deviance", format(-2 * as.numeric(logLik(fit)), digits = 12), "\n")
