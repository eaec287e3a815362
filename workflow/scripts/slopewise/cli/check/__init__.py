"""`slopewise check`: the study file and the data, examined before anything is run."""
