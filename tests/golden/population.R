# What the average course says: residual variances by stratum (nlme's varIdent) and their test.
# Run in this folder: Rscript population.R     Writes population.csv: case, kind, name, value.
suppressMessages({library(nlme)})
out <- list()
add <- function(case, kind, name, value)
  out[[length(out) + 1]] <<- data.frame(case = case, kind = kind, name = name, value = sprintf("%.12g", value))

ortho <- read.csv("../../data/orthodont/measurements.csv")
ortho$time <- ortho$age - 8

# -- residual variance by sex
tight <- lmeControl(opt = "nlminb", tolerance = 1e-10, msTol = 1e-12, maxIter = 500, msMaxIter = 500)
equal <- lme(distance ~ time * sex, ortho, random = ~ time | child, control = tight)
by <- lme(distance ~ time * sex, ortho, random = ~ time | child, weights = varIdent(form = ~ 1 | sex), control = tight)
add("orthodont", "residuals", "deviance_equal", -2 * as.numeric(logLik(equal)))
add("orthodont", "residuals", "deviance", -2 * as.numeric(logLik(by)))
add("orthodont", "residuals", "residual_sd_Female", by$sigma)
add("orthodont", "residuals", "ratio_Male", coef(by$modelStruct$varStruct, unconstrained = FALSE))
test <- anova(equal, by)
add("orthodont", "residuals", "lrt", test$L.Ratio[2]); add("orthodont", "residuals", "p_value", test$`p-value`[2])

write.csv(do.call(rbind, out), "population.csv", row.names = FALSE, quote = FALSE)
