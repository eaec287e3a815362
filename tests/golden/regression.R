# Reference numbers for binary and continuous outcomes, from R's stats, rms and pROC's definition of the AUC.
# Run in this folder after outcome.R: Rscript regression.R   (R 4.2.2, rms 6.5-0)
# Makes regression_cohort.csv (the input) and regression.csv.
suppressMessages(library(rms))
options(digits = 17)
cohort <- read.csv("outcome_cohort.csv", colClasses = c(patient = "character"))
n <- nrow(cohort)
d <- data.frame(
  patient = cohort$patient, age = cohort$age, log_bilirubin = cohort$log_bilirubin, albumin = cohort$albumin,
  died = as.integer(cohort$event == 1 & cohort$followup <= 5), albumin_later = cohort$albumin - cohort$followup / 10,
  copies = cohort$copies, train = cohort$train
)
d$value <- 0.05 * d$age - d$albumin_later + 0.3 * d$log_bilirubin^2
f <- ~ age + log_bilirubin + albumin
control <- glm.control(epsilon = 1e-14, maxit = 100)
half <- glm(update(f, died ~ .), binomial, d[d$train == 1, ], control = control)
line <- lm(update(f, value ~ .), d[d$train == 1, ])
d$risk <- predict(half, d, type = "response")
d$prediction <- predict(line, d)
write.csv(format(d, digits = 17, trim = TRUE), "regression_cohort.csv", row.names = FALSE, quote = FALSE)

rows <- list()
keep <- function(model, item, name, value) {
  rows[[length(rows) + 1]] <<- data.frame(model = model, item = item, name = name, value = as.numeric(value))
}
many <- d[rep(seq_len(n), d$copies), ]
for (model in c("plain", "repeated")) {
  data <- if (model == "plain") d else many
  logistic <- glm(update(f, died ~ .), binomial, data, control = control)
  linear <- lm(update(f, value ~ .), data)
  for (fit in list(list("logistic", logistic), list("linear", linear))) {
    name <- paste(fit[[1]], model, sep = "_")
    found <- coef(summary(fit[[2]]))[-1, ]
    keep(name, "estimate", rownames(found), found[, 1])
    keep(name, "se", rownames(found), found[, 2])
    keep(name, "p_value", rownames(found), found[, 4])
    keep(name, "prediction", as.character(1:5), predict(fit[[2]], d[1:5, ], type = "response"))
  }
  keep(paste("linear", model, sep = "_"), "residual_sd", "", summary(linear)$sigma)
}
p <- d$risk; y <- d$died
keep("binary", "auc", "", mean(outer(p[y == 1], p[y == 0], ">") + 0.5 * outer(p[y == 1], p[y == 0], "==")))
keep("binary", "brier", "", mean((y - p)^2))
keep("binary", "ipa", "", 1 - mean((y - p)^2) / mean((y - mean(y))^2))
x <- qlogis(p)
keep("binary", "slope", "", coef(glm(y ~ x, binomial, control = control))["x"])
keep("binary", "intercept", "", coef(glm(y ~ offset(x), binomial, control = control)))
knots <- quantile(x, c(0.1, 0.5, 0.9))
smooth <- glm(y ~ rcspline.eval(x, knots = knots, inclx = TRUE), binomial, control = control)
keep("binary", "ici", "", mean(abs(fitted(smooth) - p)))
v <- d$value; q <- d$prediction
keep("continuous", "r2", "", 1 - sum((v - q)^2) / sum((v - mean(v))^2))
keep("continuous", "rmse", "", sqrt(mean((v - q)^2)))
keep("continuous", "mae", "", mean(abs(v - q)))
keep("continuous", "slope", "", coef(lm(v ~ q))["q"])
knots <- quantile(q, c(0.1, 0.5, 0.9))
curve <- lm(v ~ rcspline.eval(q, knots = knots, inclx = TRUE))
keep("continuous", "curve", as.character(1:5), fitted(curve)[1:5])
write.csv(format(do.call(rbind, rows), digits = 17, trim = TRUE), "regression.csv", row.names = FALSE, quote = FALSE)
