# Reference coefficients of elastic-net models, from R's glmnet.
# Run in this folder: Rscript penalty.R   (R 4.2.2, survival 3.5-3, glmnet 4.1-6)
# Reads outcome_cohort.csv; makes penalty.csv. Predictors in units of their SD (divisor n - 1), ties by Breslow.
suppressMessages({library(survival); library(glmnet)})
d <- read.csv("outcome_cohort.csv")
x <- scale(as.matrix(d[, c("age", "male", "log_bilirubin", "albumin")]))
rows <- list()
keep <- function(model, lambda, fit) {
  value <- as.matrix(coef(fit))
  rows[[length(rows) + 1]] <<- data.frame(model = model, lambda = lambda, term = rownames(value), value = value[, 1])
}
control <- list(alpha = 0.5, standardize = FALSE, thresh = 1e-20, maxit = 1e7)
with_ <- function(family, y, lambda, ...) {
  do.call(glmnet, c(list(x = x, y = y, family = family, lambda = lambda, ...), control))
}
for (lambda in c(0.02, 0.2)) {
  keep("cox", lambda, with_("cox", Surv(d$coarse, d$event), lambda))
  keep("cox_stratified", lambda, with_("cox", stratifySurv(Surv(d$coarse, d$event), d$male), lambda))
  keep("cox_weighted", lambda, with_("cox", Surv(d$coarse, d$event), lambda, weights = d$copies))
  keep("logistic", lambda, with_("binomial", d$event, lambda))
  # glmnet scales the outcome inside; with an SD (divisor n) of 1 its ridge part is the penalty as written
  keep("linear", lambda, with_("gaussian", d$followup / sqrt(mean((d$followup - mean(d$followup))^2)), lambda))
}
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "penalty.csv", row.names = FALSE, quote = FALSE)
