# Reference fits of growth models: lme4 with lmerTest (bobyqa, rhoend 1e-12, because lme4's default optimiser stops early
# on some of these data) and nlme for residual variances by stratum. Run in this folder: Rscript growth.R
# Writes growth.csv: case, kind (deviance, fixed, se, df, covariance, sigma, blup), name, value; and growth_folds.csv:
# deviances without the patients whose number leaves `fold` when divided by `folds` (the best of bobyqa's three starts).
suppressMessages({library(lme4); library(lmerTest); library(nlme); library(survival)})
out <- list()
add <- function(case, kind, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, kind = kind, name = name, value = sprintf("%.15g", value))

control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
                       check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore",
                       check.scaleX = "ignore")
by_lmer <- function(case, formula, data, reml = TRUE, weights = NULL) {
  data$w_ <- if (is.null(weights)) 1 else weights
  fit <- suppressMessages(lmerTest::lmer(formula, data, REML = reml, weights = w_, control = control))
  table <- coef(summary(fit))
  add(case, "deviance", "", -2 * as.numeric(logLik(fit)))
  add(case, "fixed", rownames(table), table[, "Estimate"])
  add(case, "se", rownames(table), table[, "Std. Error"])
  add(case, "df", rownames(table), table[, "df"])
  blocks <- VarCorr(fit)
  covariance <- as.matrix(Matrix::bdiag(lapply(blocks, function(b) matrix(b, nrow(b)))))
  names <- unlist(lapply(blocks, rownames))
  for (i in seq_along(names)) for (j in seq_len(i))
    add(case, "covariance", paste(names[i], names[j], sep = "|"), covariance[i, j])
  add(case, "sigma", "", sigma(fit))
  effects <- ranef(fit)[[1]]
  for (k in colnames(effects)) add(case, "blup", paste(rownames(effects), k, sep = "|"), effects[[k]])
}
by_lme <- function(case, fixed, random, data, stratum) {
  fit <- lme(fixed, data, random = random, weights = varIdent(form = as.formula(paste("~ 1 |", stratum))),
             control = lmeControl(opt = "nlminb", maxIter = 500, msMaxIter = 1000, msTol = 1e-13, tolerance = 1e-11,
                                  msVerbose = FALSE, niterEM = 100))
  add(case, "deviance", "", -2 * as.numeric(logLik(fit)))
  add(case, "fixed", names(fixef(fit)), fixef(fit))
  add(case, "se", names(fixef(fit)), sqrt(diag(vcov(fit))))
  covariance <- getVarCov(fit)
  for (i in 1:nrow(covariance)) for (j in 1:i)
    add(case, "covariance", paste(rownames(covariance)[i], rownames(covariance)[j], sep = "|"), covariance[i, j])
  ratio <- coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)
  add(case, "sigma", names(ratio), fit$sigma * ratio)
  effects <- ranef(fit)
  for (k in colnames(effects)) add(case, "blup", paste(rownames(effects), k, sep = "|"), effects[[k]])
}

sleep <- lme4::sleepstudy
by_lmer("sleep", Reaction ~ Days + (Days | Subject), sleep)
by_lmer("sleep_ml", Reaction ~ Days + (Days | Subject), sleep, reml = FALSE)
by_lmer("sleep_diagonal", Reaction ~ Days + (Days || Subject), sleep)
by_lmer("sleep_intercept", Reaction ~ Days + (1 | Subject), sleep)
by_lmer("sleep_slope_only", Reaction ~ Days + (0 + Days | Subject), sleep)
by_lmer("sleep_weights", Reaction ~ Days + (Days | Subject), sleep, weights = 1 + (sleep$Days %% 3))
sleep$twice <- 2 * sleep$Days
by_lmer("sleep_aliased", Reaction ~ Days + twice + (Days | Subject), sleep)

orthodont <- as.data.frame(nlme::Orthodont)
orthodont$Subject <- as.character(orthodont$Subject)
orthodont$Sex <- as.character(orthodont$Sex)
by_lmer("orthodont", distance ~ age * Sex + (age | Subject), orthodont)
orthodont$age8 <- orthodont$age - 8
by_lmer("orthodont_8", distance ~ age8 * Sex + (age8 | Subject), orthodont)
by_lme("orthodont_sex", distance ~ age * Sex, ~ age | Subject, orthodont, "Sex")
sleep$half <- ifelse(sleep$Days < 4, "a", ifelse(sleep$Days < 8, "b", "c"))
by_lme("sleep_half", Reaction ~ Days, ~ Days | Subject, sleep, "half")

pbc <- survival::pbcseq
pbc$sex <- as.character(pbc$sex)
pbc$year <- pbc$day / 365.25
by_lmer("pbc", log(bili) ~ year * sex + age + (year | id), pbc)
by_lmer("pbc_ml", log(bili) ~ year * sex + age + (year | id), pbc, reml = FALSE)
by_lmer("pbc_quadratic", log(bili) ~ year + I(year^2) + (year + I(year^2) | id), pbc)
early <- pbc[pbc$year <= 2 & pbc$futime / 365.25 > 2, ]
by_lmer("pbc_early", log(bili) ~ year + (year | id), early)
by_lmer("pbc_albumin", albumin ~ year + (year | id), early)
by_lmer("pbc_protime", log(protime) ~ year + (year | id), early)
early$centred <- early$year - 1
by_lmer("pbc_no_slope", albumin ~ centred + (centred || id), early[early$year < 1.3, ])

write.csv(do.call(rbind, out), "growth.csv", row.names = FALSE, quote = FALSE)

lowest <- function(formula, data, q) {
  plain <- diag(q)[lower.tri(diag(q), diag = TRUE)]
  ends <- sapply(c(0, 0.3, -0.3), function(tilt)
    -2 * as.numeric(logLik(lme4::lmer(formula, data, control = control, start = plain + tilt * (plain == 0)))))
  min(ends)
}
folds <- list()
early$log_bili <- log(early$bili)
early$log_protime <- log(early$protime)
for (marker in c("log_bili", "albumin", "log_protime")) for (fold in 0:19) {
  rows <- early[as.integer(early$id) %% 20 != fold, ]
  value <- lowest(as.formula(paste(marker, "~ year + (year | id)")), rows, 2)
  folds[[length(folds) + 1]] <- data.frame(data = "pbc_early", marker = marker, folds = 20, fold = fold, deviance = value)
}
for (fold in 0:4) {
  rows <- pbc[as.integer(pbc$id) %% 5 != fold, ]
  value <- lowest(albumin ~ year + I(year^2) + (year + I(year^2) | id), rows, 3)
  folds[[length(folds) + 1]] <- data.frame(data = "pbc", marker = "albumin", folds = 5, fold = fold, deviance = value)
}
folds <- do.call(rbind, folds)
folds$deviance <- sprintf("%.12g", folds$deviance)
write.csv(folds, "growth_folds.csv", row.names = FALSE, quote = FALSE)
