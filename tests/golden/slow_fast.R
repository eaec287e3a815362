# Risks at the median level with slow and fast change, averaged over all patients, from R's survival.
# Run in this folder: Rscript slow_fast.R   (R 4.2.2, survival 3.5-3)
# Reads outcome_cohort.csv, makes slow_fast.csv. The level is log bilirubin; albumin stands in for a slope, since only
# numbers matter here.
suppressMessages(library(survival))
options(digits = 17)
horizons <- c(3, 5, 8)
cohort <- read.csv("outcome_cohort.csv", colClasses = c(patient = "character"))
fit <- coxph(Surv(followup, event) ~ age + male + log_bilirubin + albumin, cohort, ties = "efron",
             control = coxph.control(eps = 1e-10, toler.chol = 1e-13, iter.max = 100))
ends <- quantile(cohort$albumin, c(0.1, 0.9), names = FALSE)
rows <- lapply(ends, function(slope) {
  alike <- transform(cohort, log_bilirubin = median(cohort$log_bilirubin), albumin = slope)
  rowMeans(1 - summary(survfit(fit, alike), times = horizons)$surv)
})
made <- data.frame(horizon = horizons, level = median(cohort$log_bilirubin), slope_10 = ends[1], slope_90 = ends[2],
                   risk_10 = rows[[1]], risk_90 = rows[[2]])
write.csv(format(made, digits = 17, trim = TRUE), "slow_fast.csv", row.names = FALSE, quote = FALSE)
