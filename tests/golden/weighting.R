# Reference numbers of inverse probability weights and marginal structural models: glm for the pooled logistic models,
# geepack's geeglm (independence, robust variance) for the weighted growth model.
# R 4.2.2, geepack 1.3.9. Run in this folder: Rscript weighting.R
# Writes weighting_rows.csv (simulated: 300 patients, up to 6 visits; the treatment starts and stops with the severity,
# which earlier treatment lowers; patients drop out) and weighting.csv (case, name, value). Cases: changes (of this set),
# belts (of ../../data/usseatbelts: seat-belt laws, with log deaths per mile and income of the year before as confounders),
# sciatica (of ../../data/sciatica: the study config/studies/sciatica.yaml; splines of time from package splines).
suppressMessages(library(geepack))
tight <- glm.control(epsilon = 1e-14, maxit = 100)
set.seed(20261127)
made <- do.call(rbind, lapply(1:300, function(i) {
  age <- round(rnorm(1), 3); u <- rnorm(1); d <- NULL; a <- 0; severity <- 0
  for (k in 0:5) {
    if (k > 0) a <- rbinom(1, 1, plogis(-1.5 + 1.2 * severity + 1.5 * a + 0.3 * age))
    severity <- round(0.5 * severity - 0.6 * a + 0.5 * u + 0.3 * age + rnorm(1), 4)
    d <- rbind(d, data.frame(patient = sprintf("p%03d", i), time = k, drug = a, severity = severity, age = age,
                             y = round(10 + 0.3 * k - 1 * a + severity + rnorm(1), 4)))
    if (rbinom(1, 1, plogis(-3 + 0.7 * severity))) break
  }
  d
}))
write.csv(made, "weighting_rows.csv", row.names = FALSE, quote = FALSE)
lagged <- function(x, id) ave(x, id, FUN = function(v) c(NA, v[-length(v)]))
chance <- function(fit, y) ifelse(y == 1, fitted(fit), 1 - fitted(fit))
out <- list()
add <- function(case, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, name = gsub("[ ,]", "", name), value = sprintf("%.12g", value))
keep <- function(case, d, formula) {
  d$id <- as.integer(factor(d$patient)); d$case_weight <- d$w
  fit <- geeglm(formula, id = id, data = d, weights = case_weight, corstr = "independence")
  s <- summary(fit)$coefficients
  for (k in rownames(s)) { add(case, paste0("beta_", k), s[k, 1]); add(case, paste0("se_", k), s[k, 2]) }
}
cumulate <- function(d, ratio) ave(ratio, d$patient, FUN = cumprod)

d <- made[order(made$patient, made$time), ]
d$previous <- lagged(d$drug, d$patient); d$last <- lagged(d$severity, d$patient); d$start <- lagged(d$time, d$patient)
d$exposure <- ave(d$drug * ifelse(is.na(d$start), 0, d$time - d$start), d$patient, FUN = cumsum)
at <- !is.na(d$previous)
num <- glm(drug ~ start + previous + age, binomial, d[at, ], control = tight)
den <- glm(drug ~ start + previous + age + last, binomial, d[at, ], control = tight)
ratio <- rep(1, nrow(d)); ratio[at] <- chance(num, d$drug[at]) / chance(den, d$drug[at])
d$treatment_weight <- cumulate(d, ratio)
stays <- as.numeric(ave(d$time, d$patient, FUN = max) > d$time)
asked <- d$time < 5
num <- glm(stays[asked] ~ time + drug + age, binomial, d[asked, ], control = tight)
den <- glm(stays[asked] ~ time + drug + age + severity, binomial, d[asked, ], control = tight)
ratio <- rep(1, nrow(d)); ratio[asked] <- chance(num, stays[asked]) / chance(den, stays[asked])
reached <- lagged(cumulate(d, ratio), d$patient); reached[is.na(reached)] <- 1
d$staying_weight <- reached
w <- d$treatment_weight * d$staying_weight
ends <- quantile(w, c(0.01, 0.99)); d$w <- pmin(pmax(w, ends[1]), ends[2])
for (k in seq_len(nrow(d))) { add("changes", paste0("treatment_", k), d$treatment_weight[k])
  add("changes", paste0("staying_", k), d$staying_weight[k]); add("changes", paste0("weight_", k), d$w[k]) }
keep("changes", d, y ~ time + age + drug + exposure)

a <- read.csv("../../data/usseatbelts/measurements.csv")
a$patient <- a$state; a$time <- a$year - 1983; a$y <- log(a$fatalities); a$law <- as.numeric(a$enforce != "no")
a <- a[order(a$patient, a$time), ]
a$previous <- lagged(a$law, a$patient); a$last <- lagged(a$y, a$patient); a$earned <- lagged(a$income, a$patient)
a$start <- lagged(a$time, a$patient)
at <- !is.na(a$previous)
num <- glm(law ~ start + previous, binomial, a[at, ], control = tight)
den <- glm(law ~ start + previous + last + earned, binomial, a[at, ], control = tight)
ratio <- rep(1, nrow(a)); ratio[at] <- chance(num, a$law[at]) / chance(den, a$law[at])
a$w <- cumulate(a, ratio)
for (k in seq_len(nrow(a))) add("belts", paste0("weight_", k), a$w[k])
keep("belts", a, y ~ time + law)
suppressMessages(library(splines))
b <- read.csv("../../data/sciatica/visits.csv")
b <- b[order(b$patient, b$years), ]; b$time <- b$years; b$y <- b$leg_pain
b$previous <- lagged(b$surgery, b$patient); b$start <- lagged(b$time, b$patient)
for (k in c("leg_pain", "disability", "recovery")) b[[paste0("last_", k)]] <- lagged(b[[k]], b$patient)
b$exposure <- ave(b$surgery * ifelse(is.na(b$start), 0, b$time - b$start), b$patient, FUN = cumsum)
at <- !is.na(b$previous) & b$previous == 0
num <- glm(surgery ~ bs(start, df = 4) + age + sex, binomial, b[at, ], control = tight)
den <- glm(surgery ~ bs(start, df = 4) + age + sex + last_leg_pain + last_disability + last_recovery, binomial, b[at, ],
           control = tight)
ratio <- rep(1, nrow(b)); ratio[at] <- chance(num, b$surgery[at]) / chance(den, b$surgery[at])
b$w <- cumulate(b, ratio)
for (k in seq_len(nrow(b))) add("sciatica", paste0("weight_", k), b$w[k])
keep("sciatica", b, y ~ bs(time, df = 4) + age + sex + surgery + exposure)
write.csv(do.call(rbind, out), "weighting.csv", row.names = FALSE, quote = FALSE)
