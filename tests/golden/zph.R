# Reference numbers of the test of proportional hazards, from R's cox.zph (transform km, a test of each column).
# Run in this folder: Rscript zph.R   (R 4.2.2, survival 3.5-3)
# Reads outcome_cohort.csv; makes zph.csv.
suppressMessages(library(survival))
d <- read.csv("outcome_cohort.csv")
control <- coxph.control(eps = 1e-11, iter.max = 50)
models <- list(
  plain = coxph(Surv(followup, event) ~ age + male + log_bilirubin + albumin, d, control = control),
  tied = coxph(Surv(coarse, event) ~ age + male + log_bilirubin + albumin, d, control = control),
  entered = coxph(Surv(entry, coarse, event) ~ age + male + log_bilirubin + albumin, d, control = control),
  stratified = coxph(Surv(coarse, event) ~ age + log_bilirubin + albumin + strata(male), d, control = control),
  both = coxph(Surv(entry, coarse, event) ~ age + log_bilirubin + albumin + strata(male), d, control = control)
)
rows <- list()
keep <- function(model, item, name, value) {
  rows[[length(rows) + 1]] <<- data.frame(model = model, item = item, name = name, value = value)
}
for (name in names(models)) {
  z <- cox.zph(models[[name]], terms = FALSE)
  keep(name, "chisq", rownames(z$table), z$table[, "chisq"])
  keep(name, "p", rownames(z$table), z$table[, "p"])
  # residuals of tied events have no order: their sums over time and over time times the moment do not need one
  keep(name, "residual_sum", colnames(z$y), colSums(z$y))
  keep(name, "residual_moment", colnames(z$y), colSums(z$y * z$x))
  keep(name, "variance", colnames(z$y), diag(z$var))
}
# the bend of a restricted cubic spline with three knots, as Harrell scales it
knots <- quantile(d$log_bilirubin, c(0.1, 0.5, 0.9), names = FALSE)
bend <- Hmisc::rcspline.eval(d$log_bilirubin, knots = knots, norm = 2)
keep("bend", "value", as.character(c(1, 50, 100, 200)), bend[c(1, 50, 100, 200), 1])
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "zph.csv", row.names = FALSE, quote = FALSE)
