"""Tables below ``outcome/`` of markers one at a time, and of predictions averaged over patients: none of a patient."""

from __future__ import annotations

from slopewise.tables.of_cohort_and_outcome import STEP_KEYS
from slopewise.tables.schema import FULL, INTEGER, NUMBER, TEXT, Kind, Schema


def _columns(text: str, kind: Kind = NUMBER) -> dict[str, Kind]:
    return dict.fromkeys(text.split(), kind)


OF_PREDICTIONS: dict[str, Schema] = {
    # Averages of groups of patients: one number a row.
    "outcome/examples": Schema(
        {
            "example": ("low", "middle", "high", "change"),
            "patients": INTEGER,
            "quantity": (
                *("risk", "frequency", "measured", "line", "level", "slope", "slope_se", "reliability", "covariate"),
            ),
            **_columns("item predictors", TEXT),
            **_columns("time value low high original of"),
            "category": TEXT,
        },
        ("example", "quantity", "item", "predictors", "time"),
    ),
    # Without rows where there is no landmark, no slope in the model, or slopes in another predictor than time.
    "outcome/delta": Schema(
        {
            "delta": FULL,
            **STEP_KEYS,
            "term": TEXT,
            "patients": INTEGER,
            "dropped": INTEGER,
            **_columns("estimate ratio ci_low ci_high"),
        },
        ("delta", "predictors", "cause", "term"),
        positional=True,
    ),
    # Without rows where nothing is censored, or too little for a model of the censoring.
    "outcome/censoring": Schema(
        {
            **STEP_KEYS,
            "metric": ("auc", "brier", "ipa", "observed_expected"),
            **_columns("horizon marginal conditional difference"),
            "terms": INTEGER,
        },
        ("predictors", "cause", "metric", "horizon"),
    ),
    # Missing numbers: `message` says why.
    "outcome/associations": Schema(
        {"marker": TEXT, "cause": TEXT, **_columns("estimate se df p_value q_value"), "message": TEXT},
        ("marker", "cause"),
    ),
    # Part 0 is all patients, the others are parts of them in the order of the prediction.
    "outcome/instability": Schema(
        {
            **STEP_KEYS,
            "horizon": NUMBER,
            **_columns("part patients resamples", INTEGER),
            **_columns("predicted low high difference changed"),
        },
        ("predictors", "cause", "horizon", "part"),
    ),
    # Means over all patients; without rows where no slope is in the model.
    "outcome/slow_fast": Schema(
        {
            **_columns("marker cause", TEXT),
            "horizon": NUMBER,
            "patients": INTEGER,
            **_columns("level slope_10 slope_90 risk_10 risk_90 difference low high"),
            "resamples": INTEGER,
        },
        ("marker", "cause", "horizon"),
    ),
    # Of competing events that of the study's own event.
    "outcome/evidence": Schema(
        {
            "quantity": (
                *("gain", "effect", "likelihood_ratio_p", "permutation_p", "permuted_gain", "reliability"),
                *("informative", "relevant_effect", "power", "needed", "needed_here", "margin", "seen_once"),
            ),
            **_columns("marker metric", TEXT),
            **_columns("horizon value low high"),
        },
        ("quantity", "marker", "metric"),
    ),
    # A row for each outer fold of the validation.
    "outcome/imputation_audit": Schema(
        {
            "scheme": TEXT,
            **_columns("repeat held_out patients_fitted patients_predicted shared_patients", INTEGER),
            "verdict": ("clean", "leak"),
        },
        ("scheme", "repeat", "held_out"),
    ),
    "outcome/classification": Schema(
        {
            **STEP_KEYS,
            "horizon": NUMBER,
            "threshold": NUMBER,
            **_columns("patients resamples", INTEGER),
            **_columns("above changed often"),
        },
        ("predictors", "cause", "horizon", "threshold"),
    ),
    "outcome/optimism": Schema(
        {
            **STEP_KEYS,
            "metric": TEXT,
            **_columns("horizon apparent optimism se corrected"),
            "resamples": INTEGER,
        },
        ("predictors", "cause", "metric", "horizon"),
    ),
    "outcome/calibration_instability": Schema(
        {**STEP_KEYS, **_columns("horizon x y low high"), "resamples": INTEGER},
        ("predictors", "cause", "horizon", "x"),
    ),
}
