# Reference numbers for competing events, from R's survival, riskRegression and prodlim.
# Run in this folder after outcome.R: Rscript competing.R   (R 4.2.2, survival 3.5-3, riskRegression 2022.11.28)
# Makes competing_cohort.csv (the input) and competing.csv.
suppressMessages({library(survival); library(riskRegression); library(prodlim)})
options(digits = 17)
horizons <- c(3, 5, 8)

# --- the input: PBC patients at risk at two years; death is the event (1), transplant competes (2) ------------------
cohort <- read.csv("outcome_cohort.csv", colClasses = c(patient = "character"))
status <- read.csv("../../data/pbcseq/patients.csv", colClasses = c(id = "character"))
code <- status$status[match(cohort$patient, status$id)]
n <- nrow(cohort)
d <- data.frame(
  patient = cohort$patient, followup = cohort$followup + seq_len(n) * 1e-6,   # no ties: Efron's and Breslow's are one
  event = ifelse(code == 2, 1L, ifelse(code == 1, 2L, 0L)), age = cohort$age, log_bilirubin = cohort$log_bilirubin,
  albumin = cohort$albumin, train = cohort$train
)
control <- coxph.control(eps = 1e-11, iter.max = 50)
f <- ~ age + log_bilirubin + albumin
cause <- function(c, data) coxph(update(f, Surv(followup, event == c) ~ .), data, control = control, x = TRUE)
multi <- function(data) {
  full <- update(f, Surv(followup, factor(event, 0:2)) ~ .)
  do.call(coxph, list(full, data = data, id = quote(patient), control = control, model = TRUE, x = TRUE))
}
state <- function(fit, data, h, s) {
  curves <- survfit(fit, newdata = data, se.fit = FALSE)
  curves$pstate[max(which(curves$time <= h)), , s]
}
trained <- multi(d[d$train == 1, ])
for (h in horizons) d[[paste0("risk_", h)]] <- state(trained, d, h, 2)
write.csv(format(d, digits = 17, trim = TRUE), "competing_cohort.csv", row.names = FALSE, quote = FALSE)

rows <- list()
keep <- function(model, item, name, value) {
  rows[[length(rows) + 1]] <<- data.frame(model = model, item = item, name = name, value = as.numeric(value))
}
# --- cause-specific Cox models and the absolute risks that they combine to ------------------------------------------
for (c in 1:2) {
  fit <- cause(c, d)
  keep(paste0("cause_", c), "estimate", names(coef(fit)), coef(fit))
  keep(paste0("cause_", c), "se", names(coef(fit)), sqrt(diag(vcov(fit))))
}
whole <- multi(d)
for (h in horizons) for (c in 1:2) for (i in 1:5) {
  keep(paste0("cause_", c), paste0("risk_", i), as.character(h), state(whole, d[i, ], h, c + 1))
}
# --- Aalen-Johansen --------------------------------------------------------------------------------------------------
aj <- summary(survfit(Surv(followup, factor(event, 0:2)) ~ 1, d), times = horizons)
delta <- prodlim(Hist(followup, event) ~ 1, d)                 # its standard errors are the delta method's
for (c in 1:2) {
  keep(paste0("cause_", c), "aalen_johansen", as.character(horizons), aj$pstate[, c + 1])
  at <- sapply(horizons, function(h) max(which(delta$time <= h)))
  keep(paste0("cause_", c), "aalen_johansen_se", as.character(horizons), delta$se.cuminc[[as.character(c)]][at])
}
# --- performance of the risks of the odd patients' model, on everybody; Kaplan-Meier of censoring on everybody -------
risks <- as.matrix(d[, paste0("risk_", horizons)])
score <- Score(list(m = risks), Hist(followup, event) ~ 1, d, cause = 1, times = horizons, metrics = c("auc", "brier"),
  summary = "ipa", cens.model = "km", se.fit = FALSE, conf.int = FALSE)
auc <- as.data.frame(score$AUC$score)
brier <- as.data.frame(score$Brier$score)
brier <- brier[brier$model == "m", ]
keep("score", "auc", as.character(horizons), auc$AUC)
keep("score", "brier", as.character(horizons), brier$Brier)
keep("score", "ipa", as.character(horizons), brier$IPA)
# who has a competing event never has the event: Wolbers et al. 2009
never <- ifelse(d$event == 2, 100, d$followup)
keep("score", "harrell", "", concordance(Surv(never, event == 1) ~ risk_8, d, reverse = TRUE, ymax = 8)$concordance)
# weighted: pairs by hand, Wolbers et al. 2014
censoring <- prodlim(Hist(followup, event > 0) ~ 1, d, reverse = TRUE)
before <- predictSurvIndividual(censoring, lag = 1)
g <- numeric(n); g[order(d$followup, -(d$event > 0))] <- before
up <- down <- 0
for (i in which(d$event == 1 & d$followup < 8)) for (j in seq_len(n)) {
  w <- if (d$followup[j] > d$followup[i]) 1 / g[i]^2 else if (d$event[j] == 2) 1 / (g[i] * g[j]) else 0
  up <- up + w * ((d$risk_8[i] > d$risk_8[j]) + 0.5 * (d$risk_8[i] == d$risk_8[j]) * (i != j))
  down <- down + w
}
keep("score", "uno", "", up / down)
# --- calibration at a horizon: direct binomial regression with the weights of the Brier score -------------------------
for (h in horizons) {
  y <- as.numeric(d$event == 1 & d$followup <= h)
  w <- ifelse(d$followup > h, 1 / predict(censoring, times = h), ifelse(d$event > 0, 1 / g, 0))
  x <- log(-log(1 - d[[paste0("risk_", h)]]))
  slope <- suppressWarnings(glm(y ~ x, binomial("cloglog"), weights = w, epsilon = 1e-14, maxit = 100))
  shift <- suppressWarnings(glm(y ~ offset(x), binomial("cloglog"), weights = w, epsilon = 1e-14, maxit = 100))
  keep("score", "slope", as.character(h), coef(slope)["x"])
  keep("score", "intercept", as.character(h), coef(shift))
}
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "competing.csv", row.names = FALSE, quote = FALSE)
