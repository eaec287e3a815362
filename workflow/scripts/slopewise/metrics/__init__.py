"""Measures of a prediction's worth: concordance, accuracy, calibration, decision curves. They know no model."""
