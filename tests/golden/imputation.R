# Reference estimates after multiple imputation, from R's mice.
# Run in this folder: Rscript imputation.R   (R 4.2.2, mice 3.15.0, mitml 0.4-4, survival 3.5-3)
# Makes imputation_rows.csv (a cohort that lacks values of x and of g), imputation_sets.csv (5 completed sets) and
# imputation.csv: `exact` are Rubin's rules and D2 on these 5 sets, `many` pools 200 imputations of mice's own.
suppressMessages({library(mice); library(survival)})
set.seed(20)
n <- 300
z <- rnorm(n)
x <- 0.6 * z + rnorm(n)
g <- factor(c("a", "b", "c")[1 + rowSums(outer(0.7 * z + rlogis(n), c(-0.5, 1), ">"))])
hazard <- 0.3 * exp(0.6 * x + 0.5 * (g == "b") + 0.8 * (g == "c") + 0.3 * z)
death <- rexp(n, hazard); cens <- runif(n, 1, 6)
d <- data.frame(time = pmin(death, cens), event = as.integer(death <= cens), x = x, g = g, z = z)
d$y <- 1 + 0.8 * d$x + 0.5 * (d$g == "c") - 0.4 * d$z + rnorm(n)
d$b <- as.integer(d$y + rlogis(n) > 1)
d$x[runif(n) < plogis(-1 + 0.8 * z)] <- NA
d$g[runif(n) < 0.2] <- NA
write.csv(format(d, digits = 17, trim = TRUE), "imputation_rows.csv", row.names = FALSE, quote = FALSE)
d$na <- nelsonaalen(d, time, event)
outcome <- list(cox = c("event", "na"), linear = "y", logistic = "b")
fits <- list(
  cox = function(s) coxph(Surv(time, event) ~ x + g + z, s),
  linear = function(s) lm(y ~ x + g + z, s),
  logistic = function(s) glm(b ~ x + g + z, binomial, s))
smaller <- list(linear = function(s) lm(y ~ z, s), logistic = function(s) glm(b ~ z, binomial, s))
rows <- list(); sets <- list()
keep <- function(what, model, term, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(what = what, model = model, term = term, quantity = quantity, value = value)
}
impute <- function(model, m, seed) {
  own <- d[, c("x", "g", "z", outcome[[model]])]
  made <- mice(own, m = m, maxit = 10, method = c("norm", "polyreg", rep("", ncol(own) - 2)), seed = seed,
               printFlag = FALSE)
  lapply(seq_len(m), function(i) cbind(complete(made, i), d[, c("time", "event", "y", "b")]))
}
pooled <- function(what, model, completed) {
  fitted <- as.mira(lapply(completed, fits[[model]]))
  own <- pool(fitted)$pooled
  own <- own[own$term != "(Intercept)", ]
  for (i in seq_len(nrow(own))) for (q in c("estimate", "t", "df", "fmi")) keep(what, model, own$term[i], q, own[i, q])
  if (what == "exact" && model != "cox") {
    test <- mitml::testModels(lapply(completed, fits[[model]]), lapply(completed, smaller[[model]]), method = "D2",
                              use = "likelihood")$test
    for (q in c("F.value", "df2", "P(>F)")) keep(what, model, "x + g", q, test[1, q])
  }
}
for (model in names(fits)) {
  few <- impute(model, 5, 3)
  pooled("exact", model, few)
  for (i in seq_along(few)) sets[[length(sets) + 1]] <- data.frame(model = model, set = i, row = seq_len(n),
                                                                     x = few[[i]]$x, g = few[[i]]$g)
  pooled("many", model, impute(model, 200, 4))
}
whole <- do.call(rbind, sets)
lacks <- is.na(d$x) | is.na(d$g)
write.csv(format(whole[lacks[whole$row], ], digits = 17, trim = TRUE), "imputation_sets.csv", row.names = FALSE,
          quote = FALSE)
write.csv(format(do.call(rbind, rows), digits = 15, trim = TRUE), "imputation.csv", row.names = FALSE, quote = FALSE)
