# Reference numbers of slopes by the time of the last visit: lme4 with lmerTest (Satterthwaite), part x time in the fixed
# effects. Run in this folder: Rscript dropout.R   (reads dropout_rows.csv; writes dropout.csv: part, name, value)
suppressMessages({library(lme4); library(lmerTest)})
d <- read.csv("dropout_rows.csv", colClasses = c(patient = "character"))
last <- tapply(d$time, d$patient, max)[d$patient]
d$part <- factor(ifelse(last == 1, 1, ifelse(last == 3, 2, 3)))
fit <- lmer(alpha ~ part + part:time + (time | patient), d,
            control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6)))
out <- list()
add <- function(part, name, value)
  out[[length(out) + 1]] <<- data.frame(part = part, name = name, value = sprintf("%.12g", value))
one <- function(part, l, names) {
  table <- contest(fit, L = l, joint = FALSE, confint = TRUE)
  for (k in seq_along(names)) add(part, names[k], table[[c("Estimate", "df", "lower", "upper", "Pr(>|t|)")[k]]])
}
unit <- function(k) { l <- numeric(6); l[3 + k] <- 1; l }
for (k in 1:3) one(paste("part", k), unit(k), c("slope", "df", "slope_low", "slope_high"))
for (k in 1:2) {
  table <- contest(fit, L = unit(k) - unit(3), joint = FALSE, confint = TRUE)
  add(paste("part", k), "difference", table$Estimate)
  add(paste("part", k), "difference_low", table$lower); add(paste("part", k), "difference_high", table$upper)
  add(paste("part", k), "p_value", table[["Pr(>|t|)"]])
}
write.csv(do.call(rbind, out), "dropout.csv", row.names = FALSE, quote = FALSE)
