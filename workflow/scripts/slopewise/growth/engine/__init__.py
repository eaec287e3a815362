"""The likelihood on arrays: moments of each patient, compiled kernels, the optimiser."""
