"""Outcome models on the ladder of predictor sets. They do not know how slopes were made."""
