"""Questions asked of fits: comparisons, intervals, tests, diagnostics."""
