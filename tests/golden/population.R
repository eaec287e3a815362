# What the average course says: residual variances by stratum (nlme's varIdent), slopes by stratum and their contrast
# with Satterthwaite's degrees of freedom (lmerTest::contest), straight against curved (lme4, splines::ns), two zeros.
# Run in this folder: Rscript population.R     Writes population.csv: case, kind, name, value.
suppressMessages({library(nlme); library(lme4); library(lmerTest); library(splines)})
out <- list()
add <- function(case, kind, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, kind = kind, name = name, value = sprintf("%.12g", value))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6),
                       check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")
two_ll <- function(fit) -2 * as.numeric(logLik(fit))

ortho <- read.csv("../../data/orthodont/measurements.csv")
ortho$time <- ortho$age - 8
sleep <- read.csv("../../data/sleepstudy/measurements.csv")
names(sleep)[names(sleep) == "day"] <- "time"
pbc <- merge(read.csv("../../data/pbcseq/measurements.csv"), read.csv("../../data/pbcseq/patients.csv"), by = "id")
pbc$time <- pbc$day / 365.25

# -- residual variance by sex
tight <- lmeControl(opt = "nlminb", tolerance = 1e-10, msTol = 1e-12, maxIter = 500, msMaxIter = 500)
equal <- lme(distance ~ time * sex, ortho, random = ~ time | child, control = tight)
by <- lme(distance ~ time * sex, ortho, random = ~ time | child, weights = varIdent(form = ~ 1 | sex), control = tight)
add("orthodont", "residuals", "deviance_equal", two_ll(equal))
add("orthodont", "residuals", "deviance", two_ll(by))
add("orthodont", "residuals", "residual_sd_Female", by$sigma)
add("orthodont", "residuals", "ratio_Male", coef(by$modelStruct$varStruct, unconstrained = FALSE))
test <- anova(equal, by)
add("orthodont", "residuals", "lrt", test$L.Ratio[2]); add("orthodont", "residuals", "p_value", test$`p-value`[2])

# -- slopes by stratum: rows of coefficients (Intercept, time, stratum, time:stratum)
strata <- function(case, fit, share) {
  rows <- list(everybody = c(0, 1, 0, share), first = c(0, 1, 0, 0), second = c(0, 1, 0, 1), difference = c(0, 0, 0, 1))
  for (name in names(rows)) {
    found <- contest(fit, rows[[name]], joint = FALSE)
    for (k in c("Estimate", "Std. Error", "df", "lower", "upper", "Pr(>|t|)")) add(case, k, name, found[[k]])
  }
}
fit <- lmerTest::lmer(distance ~ time * sex + (time | child), ortho, control = control)
strata("orthodont", fit, mean(tapply(ortho$sex == "Male", ortho$child, mean)))
people <- read.csv("../../data/pbcseq/patients.csv")
markers <- list(log_bilirubin = log(pbc$bili), log_cholesterol = log(pbc$chol), albumin = pbc$albumin,
                log_alk_phos = log(pbc$alk_phos), log_ast = log(pbc$ast), platelets = pbc$platelet,
                log_prothrombin = log(pbc$protime))
for (name in names(markers)) {
  pbc$y <- markers[[name]]
  fit <- lmerTest::lmer(y ~ time * trt + (time | id), pbc, control = control)
  strata(name, fit, mean(people$trt))
}

# -- straight or bent, by maximum likelihood
shapes <- function(case, data, y, fixed, group) {
  inner <- quantile(unique(data$time), c(1, 2) / 3); ends <- range(data$time)
  data$square <- data$time^2; data$curve <- ns(data$time, knots = inner, Boundary.knots = ends)
  random <- sprintf("(time | %s)", group)
  formulas <- c(linear = sprintf("%s ~ %s + %s", y, fixed, random),
                quadratic = sprintf("%s ~ %s + square + %s", y, fixed, random),
                spline = sprintf("%s ~ %s + curve[, -1] + %s", y, fixed, random))
  if (fixed == "time") formulas["spline"] <- sprintf("%s ~ curve + %s", y, random)
  for (shape in names(formulas)) {
    fit <- suppressMessages(lme4::lmer(as.formula(formulas[[shape]]), data, REML = FALSE, control = control))
    add(case, "deviance_ml", shape, two_ll(fit)); add(case, "aic", shape, AIC(fit))
  }
}
shapes("sleepstudy", sleep, "reaction", "time", "subject")
pbc$y <- log(pbc$bili)
shapes("log_bilirubin", pbc, "y", "time * trt", "id")

# -- the same lines under two zeros
for (structure in c("correlated", "diagonal")) for (zero in c(0, 4.5)) {
  sleep$t <- sleep$time - zero
  random <- if (structure == "correlated") "(t | subject)" else "(1 | subject) + (0 + t | subject)"
  fit <- lme4::lmer(as.formula(paste("reaction ~ t +", random)), sleep, control = control)
  v <- as.data.frame(VarCorr(fit)); at <- sprintf("%s_%g", structure, zero)
  add("sleepstudy", "deviance", at, two_ll(fit))
  add("sleepstudy", "intercept", at, fixef(fit)[1]); add("sleepstudy", "slope", at, fixef(fit)[2])
  add("sleepstudy", "intercept_sd", at, v$sdcor[1]); add("sleepstudy", "slope_sd", at, v$sdcor[2])
  if (structure == "correlated") add("sleepstudy", "correlation", at, v$sdcor[3])
}

write.csv(do.call(rbind, out), "population.csv", row.names = FALSE, quote = FALSE)
