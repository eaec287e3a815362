"""Design matrices: formulas screened, learned on training rows and replayed on new ones."""
