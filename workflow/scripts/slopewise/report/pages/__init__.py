"""Whole pages: the study, its patients, its landmarks."""
