"""Each patient's level and slope, cross-fitted, with their reliability."""
