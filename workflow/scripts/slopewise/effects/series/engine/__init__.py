"""Compiled loops of the likelihood of an interrupted time series."""
