"""The keys of rigour.json, the manifest of how a study was analysed, with what each holds."""

from __future__ import annotations

KEYS: dict[str, str] = {
    "format": "1; it increases when a key is renamed or removed.",
    "study": "Name, title, kind of outcome, event, landmark and horizons in the unit of the analysis.",
    "findings": "What the report finds, in three of its sentences.",
    "cohort": "Patients and rows in the files and in the cohort, events, and the reasons of exclusion. "
    "A count between 0 and `report.small_cells` is null.",
    "parameters": "Coefficients of each set of predictors, and events (patients, if the outcome is a number) for each "
    "of the largest set.",
    "sample_size": "The criteria of Riley et al. for the largest set: patients needed, patients there, margin of the "
    "overall risk; null for an outcome that is a number.",
    "missing_covariates": "Patients of the cohort without a value, by covariate.",
    "folds": "Folds and repeats of cross-fitting and of the nested validation, and resamples of both bootstraps.",
    "learned": "For each quantity, from whose data it is learned.",
    "audit": "Fits that were audited, those that shared a patient with whom they scored, and rows after the landmark "
    "in them; imputations of covariates, a training set each, and those that a predicted patient taught.",
    "performance": "A list: predictors, cause, metric, horizon, apparent, corrected by the bootstrap (null without), "
    "validated with its 95% interval. As in `outcome/performance` and `outcome/optimism`.",
    "instability": "A list: predictors, horizon, mean absolute difference of predictions between bootstrap models and "
    "the models of all patients, share in another third, models. As in `outcome/instability`.",
    "given_up": "How many lines the ledgers of the models and of the validation have.",
    "seed": "The seed of all random numbers.",
    "versions": "Versions of slopewise, Python and libraries.",
    "code_digest": "The digest of the code.",
    "hashes": "SHA-256 of the study file, the input files and the tables.",
}
"""In their order in docs/tables.md; the file has them sorted."""
