# Reference numbers for the instability of predictions, optimism and net benefit, by their published definitions.
# Riley & Collins 2023 (10.1002/bimj.202200302), as the R package pminternal has them: mean absolute prediction error,
# classification instability; Harrell, Lee & Mark 1996 for optimism; Vickers & Elkin 2006 for net benefit, as the R
# package dcurves has it for a binary outcome. Net benefit under censoring: weighted by 1/G, and by the Kaplan-Meier
# risk of those at or above the threshold (dcurves).
# Run in this folder after outcome.R and regression.R: Rscript instability.R   (R 4.2.2, rms 6.5-0, survival 3.5-3)
# Makes instability_counts.csv (copies of each patient in each resample) and instability.csv.
suppressMessages(library(rms))
suppressMessages(library(survival))
options(digits = 17)
d <- read.csv("regression_cohort.csv", colClasses = c(patient = "character"))
n <- nrow(d); resamples <- 40; thresholds <- c(0.1, 0.3, 0.5)
set.seed(20230419)
counts <- t(sapply(seq_len(resamples), function(b) tabulate(sample(n, n, replace = TRUE), n)))
write.table(counts, "instability_counts.csv", sep = ",", row.names = FALSE, col.names = FALSE)

control <- glm.control(epsilon = 1e-14, maxit = 100)
models <- list(level = died ~ age + log_bilirubin, slope = died ~ age + log_bilirubin + albumin)
auc <- function(p, y) mean(outer(p[y == 1], p[y == 0], ">") + 0.5 * outer(p[y == 1], p[y == 0], "=="))
benefit <- function(p, y, t) mean(p >= t & y == 1) - mean(p >= t & y == 0) * t / (1 - t)
measures <- function(p, y, null, at, knots) {
  x <- qlogis(p)
  smooth <- glm(y ~ rcspline.eval(x, knots = knots, inclx = TRUE), binomial, control = control)
  c(auc = auc(p, y), brier = mean((y - p)^2), ipa = 1 - mean((y - p)^2) / mean((y - null)^2),
    log_score = mean(ifelse(y == 1, log(p), log(1 - p))),
    calibration_slope = unname(coef(glm(y ~ x, binomial, control = control))["x"]),
    calibration_intercept = unname(coef(glm(y ~ offset(x), binomial, control = control))),
    ici = mean(abs(fitted(smooth) - p)), observed_expected = sum(y) / sum(p), net_benefit = benefit(p, y, at))
}
rows <- list()
keep <- function(model, item, name, value) {
  rows[[length(rows) + 1]] <<- data.frame(model = model, item = item, name = name, value = as.numeric(value))
}
at <- round(100 * mean(d$died)) / 100
for (name in names(models)) {
  whole <- glm(models[[name]], binomial, d, control = control)
  p <- fitted(whole)
  found <- sapply(seq_len(resamples), function(b) {
    many <- d[rep(seq_len(n), counts[b, ]), ]
    predict(glm(models[[name]], binomial, many, control = control), d, type = "response")
  })
  error <- rowMeans(abs(found - p))
  keep(name, "mape", "mean", mean(error))
  keep(name, "mape", d$patient[1:20], error[1:20])
  for (t in thresholds) {
    keep(name, "above", t, mean(p >= t))
    keep(name, "changed", t, mean(rowMeans((found >= t) != (p >= t))))
    keep(name, "often", t, mean(rowMeans((found >= t) != (p >= t)) > 0.1))
  }
  gaps <- sapply(seq_len(resamples), function(b) {
    rows <- rep(seq_len(n), counts[b, ])
    own <- found[, b]
    null <- mean(d$died[rows])
    knots <- quantile(qlogis(own), c(0.1, 0.5, 0.9)) # of all patients, in whom the curve is drawn
    measures(own[rows], d$died[rows], null, at, knots) - measures(own, d$died, null, at, knots)
  })
  apparent <- measures(p, d$died, mean(d$died), at, quantile(qlogis(p), c(0.1, 0.5, 0.9)))
  keep(name, "apparent", names(apparent), apparent)
  keep(name, "optimism", rownames(gaps), rowMeans(gaps))
  keep(name, "corrected", rownames(gaps), apparent - rowMeans(gaps))
  for (t in thresholds) keep(name, "net_benefit", t, benefit(p, d$died, t))
}
for (t in thresholds) keep("all", "net_benefit", t, benefit(rep(1, n), d$died, t))

s <- read.csv("outcome_cohort.csv", colClasses = c(patient = "character"))
happened <- s$event == 1
G <- survfit(Surv(followup - 1e-6 * event, 1 - event) ~ 1, s) # at a tie the event comes before the censoring
before <- function(t) c(1, G$surv)[findInterval(t, G$time, left.open = TRUE) + 1]
upto <- function(t) c(1, G$surv)[findInterval(t, G$time) + 1]
for (h in c(3, 5, 8)) for (t in thresholds) {
  p <- s[[paste0("risk_", h)]]
  case <- ifelse(happened & s$followup <= h, 1 / before(s$followup), 0)
  control_weight <- ifelse(s$followup > h, 1 / upto(h), 0)
  odds <- t / (1 - t)
  keep(h, "ipcw", t, mean(case * (p >= t)) - odds * mean(control_weight * (p >= t)))
  inside <- p >= t
  km <- summary(survfit(Surv(followup, event) ~ 1, s[inside, ]), times = h, extend = TRUE)$surv
  keep(h, "kaplan_meier", t, mean(inside) * ((1 - km) - odds * km))
}
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "instability.csv", row.names = FALSE, quote = FALSE)
