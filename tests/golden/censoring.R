# Reference Brier scores and AUC with weights from a Cox model of the censoring, from R's riskRegression.
# Run in this folder: Rscript censoring.R   (R 4.2.2, survival 3.5-3, riskRegression 2022.11.28)
# Reads outcome_cohort.csv; makes censoring.csv.
suppressMessages({library(survival); library(riskRegression); library(prodlim)})
cohort <- read.csv("outcome_cohort.csv")
horizons <- c(3, 5, 8)
risks <- as.matrix(cohort[, paste0("risk_", horizons)])
score <- Score(list(m = risks), Surv(followup, event) ~ age + log_bilirubin, cohort, times = horizons,
  metrics = c("auc", "brier"), cens.model = "cox", null.model = FALSE, se.fit = FALSE, conf.int = FALSE)
auc <- as.data.frame(score$AUC$score); brier <- as.data.frame(score$Brier$score)
made <- rbind(data.frame(metric = "auc", horizon = horizons, value = auc$AUC),
              data.frame(metric = "brier", horizon = horizons, value = brier$Brier))
write.csv(format(made, digits = 15, trim = TRUE), "censoring.csv", row.names = FALSE, quote = FALSE)
