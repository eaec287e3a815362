# One lmer fit of the file's columns for every line on standard input: prints seconds of processor time and deviance.
suppressMessages(library(lme4))
rows <- read.csv(commandArgs(TRUE)[1], colClasses = c(patient = "character"))
fit_once <- function() lmer(y0 ~ time * sex + age + (time | patient), rows)
fit <- fit_once()
cat(R.version.string, "lme4", as.character(packageVersion("lme4")), "\n")
flush(stdout())
input <- file("stdin", "r")
while (length(readLines(input, n = 1))) {
  clock <- system.time(fit <- fit_once(), gcFirst = TRUE)
  cat(sprintf("%.6f %.9f\n", clock[["user.self"]] + clock[["sys.self"]], -2 * as.numeric(logLik(fit))))
  flush(stdout())
}
