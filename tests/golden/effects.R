# Effects of a treatment that differ between patients: random slope on the treatment, residual variance by treatment,
# and parallel arms with their own covariance. Run in this folder: Rscript effects.R
# R 4.2.2, nlme 3.1-162, lme4 1.1-31. Writes effects_rows.csv (the rows of all data sets) and effects.csv.
# bioequivalence.csv: data set I of the European Medicines Agency (EMA/618604/2008), a replicate crossover trial.
suppressMessages({library(nlme); library(lme4)})
options(digits = 15)

machines <- subset(as.data.frame(nlme::Machines), Machine %in% c("B", "C"))
rows <- data.frame(data = "machines", patient = as.character(machines$Worker), time = 0,
                   treatment = as.character(machines$Machine), period = "", sequence = "", y = machines$score)
be <- read.csv("bioequivalence.csv")
rows <- rbind(rows, data.frame(data = "bioequivalence", patient = as.character(be$subject), time = be$period,
                               treatment = be$treatment, period = as.character(be$period), sequence = be$sequence,
                               y = log(be$pk)))
rabbit <- MASS::Rabbit
rows <- rbind(rows, data.frame(data = "rabbit", patient = as.character(rabbit$Animal), time = log2(rabbit$Dose / 6.25),
                               treatment = as.character(rabbit$Treatment), period = "", sequence = "",
                               y = rabbit$BPchange))
people <- read.csv("../../data/btheb/patients.csv")
visits <- merge(read.csv("../../data/btheb/measurements.csv"), people, by = "id")
visits <- visits[!is.na(visits$bdi), ]
rows <- rbind(rows, data.frame(data = "btheb", patient = as.character(visits$id), time = visits$month,
                               treatment = visits$treatment, period = "", sequence = "", y = visits$bdi))
write.csv(rows, "effects_rows.csv", row.names = FALSE, quote = FALSE)

found <- data.frame(data = character(), what = character(), value = numeric())
add <- function(data, ...) {
  values <- c(...)
  found <<- rbind(found, data.frame(data = data, what = names(values), value = unname(values)))
}
tight <- lmeControl(maxIter = 500, msMaxIter = 2000, niterEM = 200, tolerance = 1e-12, msTol = 1e-14, opt = "nlminb",
                    msMaxEval = 5000)
parts <- function(d, reference) transform(d, d = as.numeric(treatment != reference))

# nlme: the residual variance differs between treatments
of_lme <- function(name, formula, reference) {
  d <- parts(rows[rows$data == name, ], reference)
  fit <- lme(formula, random = ~ d | patient, weights = varIdent(form = ~ 1 | d), data = d, control = tight)
  v <- as.matrix(getVarCov(fit)); sd <- sqrt(diag(v))
  scale <- coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)
  add(name, effect = unname(fixef(fit)["d"]), se = sqrt(diag(vcov(fit)))[["d"]], sd_level = sd[[1]], sd_effect = sd[[2]],
      correlation = v[1, 2] / prod(sd), residual_reference = fit$sigma * scale[["0"]],
      residual_versus = fit$sigma * scale[["1"]], deviance = -2 * as.numeric(logLik(fit)))
  b <- ranef(fit)
  add(name, setNames(fixef(fit)["d"] + b[order(rownames(b)), "d"], paste0("patient:", sort(rownames(b)))))
  equal <- lme(formula, random = ~ d | patient, data = d, control = tight)
  add(name, deviance_equal = -2 * as.numeric(logLik(equal)))
}
of_lme("machines", y ~ d, "B")

# lme4: one residual variance
simplex <- lmerControl(optimizer = "Nelder_Mead", optCtrl = list(maxfun = 1e5, FtolAbs = 1e-14, XtolRel = 1e-12))
of_lmer <- function(name, formula, reference) {
  d <- parts(rows[rows$data == name, ], reference)
  fit <- lmer(formula, d, control = simplex)
  v <- as.data.frame(VarCorr(fit))
  add(name, effect = unname(fixef(fit)["d"]), se = sqrt(diag(as.matrix(vcov(fit))))[["d"]], sd_level = v$sdcor[1],
      sd_effect = v$sdcor[2], correlation = v$sdcor[3], residual = v$sdcor[4], deviance = REMLcrit(fit))
  b <- ranef(fit)$patient
  add(name, setNames(fixef(fit)["d"] + b[order(rownames(b)), "d"], paste0("patient:", sort(rownames(b)))))
}
of_lmer("rabbit", y ~ d + time + (d | patient), "Control")
of_lmer("bioequivalence", y ~ d + period + sequence + (d | patient), "R")

# Parallel arms: each arm with its own mean course, covariance and residual variance, against one for both
d <- parts(rows[rows$data == "btheb", ], "TAU")
arms <- lapply(c(0, 1), function(a) lmer(y ~ time + (time | patient), d[d$d == a, ], control = simplex))
equal <- lmer(y ~ time * d + (time | patient), d, control = simplex)
for (a in 1:2) {
  v <- as.data.frame(VarCorr(arms[[a]])); s <- c("reference", "versus")[a]
  add("btheb", setNames(v$sdcor[c(1, 2, 4)], paste0(c("level_", "slope_", "residual_"), s)))
}
add("btheb", lrt = REMLcrit(equal) - REMLcrit(arms[[1]]) - REMLcrit(arms[[2]]))
write.csv(format(found, digits = 12), "effects.csv", row.names = FALSE, quote = FALSE)
