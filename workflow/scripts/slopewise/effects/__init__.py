"""Effects that may differ between patients: of a treatment, or of an interruption of a series."""
