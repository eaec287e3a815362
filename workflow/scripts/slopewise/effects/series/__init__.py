"""Interrupted time series of many units: what changes at each unit's moment, and how much that differs between them."""
