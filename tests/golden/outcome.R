# Reference numbers for the outcome half, from R's survival, riskRegression and rms.
# Run in this folder: Rscript outcome.R   (R 4.2.2, survival 3.5-3, riskRegression 2022.11.28, rms 6.5-0)
# Makes outcome_cohort.csv (the input) and outcome_cox.csv, outcome_metrics.csv, outcome_calibration.csv.
suppressMessages({library(survival); library(riskRegression); library(rms); library(prodlim)})
options(digits = 17)
horizons <- c(3, 5, 8)

# --- the input: PBC patients at risk at two years, first measured values -------------------------------------------
patients <- read.csv("../../data/pbcseq/patients.csv", colClasses = c(id = "character"))
visits <- read.csv("../../data/pbcseq/measurements.csv", colClasses = c(id = "character"))
visits <- visits[order(visits$id, visits$day), ]
first <- visits[!duplicated(visits$id), ]
d <- merge(patients, first[, c("id", "bili", "albumin", "protime")], by = "id")
d <- d[d$futime / 365.25 > 2, ]
d <- d[order(d$id, method = "radix"), ]
n <- nrow(d)
cohort <- data.frame(
  patient = d$id, followup = d$futime / 365.25 - 2, event = as.integer(d$status > 0), age = d$age,
  male = as.integer(d$sex == "m"), log_bilirubin = log(d$bili), albumin = d$albumin
)
cohort$coarse <- ceiling(cohort$followup * 2) / 2              # half years: many ties
cohort$entry <- ifelse(seq_len(n) %% 3 == 0, cohort$coarse / 4, 0)
cohort$copies <- (seq_len(n) * 7) %% 4                         # 0 to 3 copies of a patient
cohort$train <- as.integer(seq_len(n) %% 2 == 1)
cox <- coxph(Surv(followup, event) ~ age + male + log_bilirubin + albumin, cohort[cohort$train == 1, ], x = TRUE)
cohort$score <- as.numeric(predict(cox, cohort, type = "lp"))
for (h in horizons) {
  cohort[[paste0("risk_", h)]] <- as.numeric(1 - summary(survfit(cox, cohort), times = h)$surv)
}
write.csv(format(cohort, digits = 17, trim = TRUE), "outcome_cohort.csv", row.names = FALSE, quote = FALSE)

# --- Cox models ----------------------------------------------------------------------------------------------------
rows <- list()
keep <- function(model, item, name, value) {
  rows[[length(rows) + 1]] <<- data.frame(model = model, item = item, name = name, value = value)
}
record <- function(model, fit) {
  keep(model, "estimate", names(coef(fit)), coef(fit))
  keep(model, "se", names(coef(fit)), sqrt(diag(vcov(fit))))
  keep(model, "loglik", c("null", "fit"), fit$loglik)
}
hazards <- function(model, fit, data) {                        # at the means of the predictors (R centres no 0/1 column)
  means <- as.data.frame(t(colMeans(data[, names(coef(fit))])))
  base <- survfit(fit, means, se.fit = FALSE)
  for (h in horizons) keep(model, "hazard", as.character(h), max(c(0, base$cumhaz[base$time <= h])))
}
control <- coxph.control(eps = 1e-11, iter.max = 50)
f <- ~ age + male + log_bilirubin + albumin
plain <- coxph(update(f, Surv(followup, event) ~ .), cohort, control = control)
tied <- coxph(update(f, Surv(coarse, event) ~ .), cohort, control = control)
repeated <- coxph(update(f, Surv(coarse, event) ~ .), cohort[rep(seq_len(n), cohort$copies), ], control = control)
entered <- coxph(update(f, Surv(entry, coarse, event) ~ .), cohort, control = control)
stratified <- coxph(Surv(entry, coarse, event) ~ age + log_bilirubin + albumin + strata(male), cohort, control = control)
clustered <- coxph(Surv(coarse, event) ~ age + log_bilirubin + albumin + strata(male), cohort, control = control,
  cluster = seq_len(n) %/% 3)
keep("clustered", "robust", names(coef(clustered)), sqrt(diag(vcov(clustered))))
for (name in c("plain", "tied", "repeated", "entered", "stratified")) record(name, get(name))
for (name in c("plain", "tied", "entered")) hazards(name, get(name), cohort)
hazards("repeated", repeated, cohort[rep(seq_len(n), cohort$copies), ])
base <- basehaz(stratified, centered = TRUE)
for (h in horizons) for (s in unique(base$strata)) {
  b <- base[base$strata == s, ]
  keep("stratified", paste0("hazard_", s), as.character(h), max(c(0, b$hazard[b$time <= h])))
}
curves <- summary(survfit(tied, cohort[1:5, ]), times = horizons)
for (i in 1:5) keep("tied", paste0("risk_", i), as.character(horizons), 1 - curves$surv[, i])
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "outcome_cox.csv", row.names = FALSE, quote = FALSE)

# --- discrimination and accuracy: the model of the odd patients, tested on everybody; KM of censoring on everybody --
rows <- list()
tau <- max(horizons)
keep("harrell", "all", "", concordance(Surv(followup, event) ~ score, cohort, reverse = TRUE)$concordance)
keep("harrell", "tau", "", concordance(Surv(followup, event) ~ score, cohort, reverse = TRUE, ymax = tau)$concordance)
keep("uno", "tau", "", concordance(Surv(followup, event) ~ score, cohort, reverse = TRUE, ymax = tau, timewt = "n/G2")$concordance)
risks <- as.matrix(cohort[, paste0("risk_", horizons)])
score <- Score(list(m = risks), Surv(followup, event) ~ 1, cohort, times = horizons, metrics = c("auc", "brier"),
  summary = "ipa", cens.model = "km", se.fit = FALSE, conf.int = FALSE)
auc <- as.data.frame(score$AUC$score)
brier <- as.data.frame(score$Brier$score)
brier <- brier[brier$model == "m", ]
for (i in seq_along(horizons)) {
  keep("auc", "score", as.character(horizons[i]), auc$AUC[i])
  keep("brier", "score", as.character(horizons[i]), brier$Brier[i])
  keep("ipa", "score", as.character(horizons[i]), brier$IPA[i])
}
km <- survfit(Surv(followup, event) ~ 1, cohort)
# reverse: at a tie events come first, so those patients are not at risk of censoring any more
censoring <- prodlim(Hist(followup, event) ~ 1, cohort, reverse = TRUE)
keep("kaplan_meier", "event", as.character(horizons), summary(km, times = horizons)$surv)
keep("observed_expected", "score", as.character(horizons), (1 - summary(km, times = horizons)$surv) / colMeans(risks))
keep("kaplan_meier", "censoring", as.character(horizons), predict(censoring, times = horizons))
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "outcome_metrics.csv", row.names = FALSE, quote = FALSE)

# --- calibration: follow-up cut at the horizon ---------------------------------------------------------------------
rows <- list()
for (h in horizons) {
  risk <- cohort[[paste0("risk_", h)]]
  x <- log(-log(1 - risk))
  time <- pmin(cohort$followup, h)
  event <- as.integer(cohort$event == 1 & cohort$followup <= h)
  name <- as.character(h)
  keep("slope", "", name, coef(coxph(Surv(time, event) ~ x, control = control)))
  # offset: R centres it, so the baseline at offset 0 is H(mean) / exp(mean)
  calibrated <- coxph(Surv(time, event) ~ offset(x), control = control)
  keep("intercept", "", name, log(max(basehaz(calibrated, centered = TRUE)$hazard)) - mean(x))
  knots <- quantile(x, c(0.1, 0.5, 0.9))
  spline <- as.matrix(rcspline.eval(x, knots = knots, inclx = TRUE))
  smooth <- coxph(Surv(time, event) ~ spline, control = control)
  hazard <- max(basehaz(smooth, centered = TRUE)$hazard)
  observed <- 1 - exp(-hazard * exp(predict(smooth, type = "lp")))
  keep("ici", "", name, mean(abs(observed - risk)))
  grid <- quantile(risk, c(0.1, 0.5, 0.9), names = FALSE)
  at <- as.matrix(rcspline.eval(log(-log(1 - grid)), knots = knots, inclx = TRUE))
  lp <- as.numeric(sweep(at, 2, smooth$means) %*% coef(smooth))
  keep("curve", as.character(c(0.1, 0.5, 0.9)), name, 1 - exp(-hazard * exp(lp)))
}
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "outcome_calibration.csv", row.names = FALSE, quote = FALSE)
