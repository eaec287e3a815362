# Reference numbers for the variance of a concordance by the infinitesimal jackknife, rows of one patient together.
# Run in this folder after outcome.R: Rscript influence.R   (R 4.2.2, survival 3.5-3)
# Makes influence_rows.csv (rows of patients with a kind and a score that has ties) and influence.csv.
suppressMessages(library(survival))
options(digits = 17)
set.seed(20261128)
rows <- data.frame(patient = rep(1:30, times = sample(1:5, 30, replace = TRUE)))
rows$positive <- rbinom(nrow(rows), 1, 0.4)
rows$score <- round(rows$positive + rnorm(30)[rows$patient] + rnorm(nrow(rows)), 1)
write.csv(rows, "influence_rows.csv", row.names = FALSE, quote = FALSE)
kept <- function(what, fit) data.frame(what = what, value = unname(coef(fit)), variance = c(vcov(fit)))
area <- concordance(positive ~ score, rows, cluster = patient)
d <- read.csv("outcome_cohort.csv")
d$rounded <- round(d$risk_5, 1)
early <- concordance(Surv(followup, event) ~ rounded, d, reverse = TRUE)
write.csv(format(rbind(kept("area", area), kept("harrell", early)), digits = 17, trim = TRUE), "influence.csv",
          row.names = FALSE, quote = FALSE)
