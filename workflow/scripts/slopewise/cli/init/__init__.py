"""`slopewise init`: a first study file, proposed from the tables."""
