"""model.json: written from a fit, read again, applied to new patients."""
