"""Inverse probability weights for a treatment that follows the patient's state, and marginal structural models."""
