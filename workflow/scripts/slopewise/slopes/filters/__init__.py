"""What of many markers is left out, learned on the patients of each training set alone."""
