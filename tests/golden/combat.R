# Adjusted values of ComBat without random effects, from Bioconductor's sva, whose iteration is tightened.
# Run in this folder: Rscript combat.R   (R 4.2.2, sva 3.46.0)
# Makes combat_rows.csv, the data (batches of unequal size, a covariate that is kept), and combat.csv.
suppressMessages(library(sva))
tight <- sva:::it.sol
formals(tight)$conv <- 1e-13
assignInNamespace("it.sol", tight, "sva")
set.seed(8)
n <- 90
features <- 12
scanner <- sample(c("A", "B", "C"), n, TRUE, c(0.5, 0.3, 0.2))
time <- round(runif(n, 0, 3), 3)
shift <- c(A = 0, B = 1, C = -0.6)[scanner]
spread <- c(A = 1, B = 1.8, C = 0.6)[scanner]
values <- sapply(seq_len(features), function(k) {
  own <- shift * rnorm(1, 1, 0.4) + spread * runif(1, 0.7, 1.3) * rnorm(n)
  round(10 * k + k * (0.5 * time + own), 4)
})
colnames(values) <- sprintf("m%02d", seq_len(features))
rows <- data.frame(patient = sprintf("p%02d", seq_len(n)), time, values, scanner)
write.csv(rows, "combat_rows.csv", row.names = FALSE, quote = FALSE)
adjusted <- suppressMessages(ComBat(t(values), scanner, mod = model.matrix(~time)))
write.csv(format(as.data.frame(t(adjusted)), digits = 17, trim = TRUE), "combat.csv", row.names = FALSE, quote = FALSE)
