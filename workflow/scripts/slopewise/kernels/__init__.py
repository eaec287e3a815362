"""Compiled code that both the outcome models and the metrics use."""
