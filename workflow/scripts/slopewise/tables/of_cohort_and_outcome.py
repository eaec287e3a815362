"""The schema of every table that passes between steps, but for those of the other modules here."""

from __future__ import annotations

from slopewise.tables.schema import FLAG, FULL, INTEGER, NUMBER, TEXT, Kind, Schema

SCHEMES = ("crossfit", "validation", "centre")
STRUCTURES = ("correlated", "diagonal", "intercept", "excluded")
GROWTH_MODELS = ("pooled", "random_intercept", "random_slope", "study")
SEVERITIES = ("error", "warning", "note")
FIT_KEYS: dict[str, Kind] = {"marker": TEXT, "scheme": SCHEMES, "repeat": INTEGER, "held_out": INTEGER, "fold": INTEGER}
_SETS: dict[str, Kind] = {"scheme": SCHEMES, "repeat": INTEGER, "held_out": INTEGER}
STEP_KEYS: dict[str, Kind] = {"predictors": TEXT, "cause": TEXT}


def _columns(text: str, kind: Kind = NUMBER) -> dict[str, Kind]:
    return dict.fromkeys(text.split(), kind)


_SCORES = _columns("intercept level level_se slope slope_se reliability")
_MEASUREMENTS = Schema({"patient": TEXT, "time": FULL}, ("patient", "time"), further=True, positional=True)
_CURVE = Schema(
    {**STEP_KEYS, "horizon": NUMBER, **_columns("x y ci_low ci_high")}, ("predictors", "cause", "horizon", "x")
)

_GROUPS = Schema(
    {
        **_columns("column group", TEXT),
        **_columns("patients events", INTEGER),
        **STEP_KEYS,
        "metric": TEXT,
        **_columns("horizon validated ci_low ci_high"),
        "versus": TEXT,
        **_columns("difference difference_low difference_high"),
    },
    ("column", "group", "predictors", "cause", "metric", "horizon"),
)

_PREDICTIONS = Schema(
    {
        "patient": TEXT,
        **STEP_KEYS,
        **_columns("repeat fold", INTEGER),
        "linear_predictor": FULL,
        "horizon": NUMBER,
        "risk": FULL,
    },
    ("patient", "predictors", "cause", "repeat", "horizon"),
)

TABLES: dict[str, Schema] = {
    "cohort/measurements": _MEASUREMENTS,
    "cohort/later": _MEASUREMENTS,
    "cohort/patients": Schema(
        {"patient": TEXT},
        ("patient",),
        further=True,
        either=({"entry": NUMBER, "followup": FULL, "event": INTEGER}, {"outcome": FULL}, {}),
    ),
    "cohort/flow": Schema(
        {
            "step": TEXT,
            "reason": TEXT,
            **_columns("patients_removed rows_removed patients_left rows_left events_left", INTEGER),
        },
        ("step",),
        positional=True,
    ),
    "cohort/excluded": Schema(
        {
            "kind": ("covariate", "first", "last", "visits"),
            "characteristic": TEXT,
            "level": TEXT,
            "group": ("analysed", "excluded"),
            **_columns("patients known", INTEGER),
            **_columns("mean sd"),
            "count": INTEGER,
        },
        ("kind", "characteristic", "level", "group"),
    ),
    "cohort/problems": Schema(
        {
            "severity": SEVERITIES,
            "file": TEXT,
            "line": NUMBER,
            **_columns("patient column message action", TEXT),
        },
        ("severity", "file", "line"),
        positional=True,
    ),
    "folds": Schema(
        {"scheme": SCHEMES, "repeat": INTEGER, "held_out": INTEGER, "patient": TEXT, "fold": INTEGER},
        ("scheme", "repeat", "held_out", "patient"),
    ),
    "growth/fixed_effects": Schema(
        {
            "marker": TEXT,
            "model": GROWTH_MODELS,
            "term": TEXT,
            **_columns("estimate se df statistic p_value ci_low ci_high"),
        },
        ("marker", "model", "term"),
    ),
    "growth/covariance": Schema(
        {
            "marker": TEXT,
            "model": GROWTH_MODELS,
            "term_1": TEXT,
            "term_2": TEXT,
            **_columns("covariance sd_or_correlation ci_low ci_high"),
        },
        ("marker", "model", "term_1", "term_2"),
    ),
    "growth/comparison": Schema(
        {
            "marker": TEXT,
            "model": GROWTH_MODELS,
            "parameters": INTEGER,
            **_columns("deviance_ml deviance_reml aic bic lrt p_value p_value_naive p_value_bootstrap q_value"),
            **_columns("icc r2_marginal r2_conditional"),
        },
        ("marker", "model"),
    ),
    "growth/serial": Schema(
        {
            "marker": TEXT,
            **_columns("deviance_random_intercept deviance_random_slope deviance_serial deviance_slope_and_serial"),
            **_columns("share range residual_sd lrt p_value"),
        },
        ("marker",),
    ),
    "growth/trends": Schema(
        {
            "marker": TEXT,
            "patients": INTEGER,
            **_columns("sd_seen sd_expected f"),
            **_columns("df1 df2", INTEGER),
            "p_value": NUMBER,
        },
        ("marker",),
    ),
    "growth/variogram": Schema(
        {
            "marker": TEXT,
            "lag": FULL,
            "pairs": INTEGER,
            **_columns("seen random_intercept random_slope serial"),
        },
        ("marker", "lag"),
    ),
    "growth/implied": Schema(
        {"marker": TEXT, "time": FULL, "rows": INTEGER, **_columns("seen random_intercept random_slope")},
        ("marker", "time"),
    ),
    "growth/population": Schema({"marker": TEXT, **_columns("time mean", FULL)}, ("marker", "time")),
    "growth/fits": Schema(
        {
            **FIT_KEYS,
            "structure": STRUCTURES,
            "converged": FLAG,
            "singular": FLAG,
            "iterations": INTEGER,
            **_columns("gradient deviance"),
            **_columns("patients rows", INTEGER),
            "message": TEXT,
        },
        tuple(FIT_KEYS),
    ),
    "slopes/slopes": Schema(
        {
            "patient": TEXT,
            "marker": TEXT,
            "visits": INTEGER,
            "span": NUMBER,
            **_SCORES,
            "slope_deviation": NUMBER,
            **_columns("slope_ols first last delta delta_relative"),
        },
        ("patient", "marker"),
    ),
    "slopes/crossfit": Schema({"patient": TEXT, **FIT_KEYS, **_SCORES}, ("patient", *FIT_KEYS)),
    "slopes/leakage_audit": Schema(
        {
            "scheme": SCHEMES,
            **_columns("repeat held_out fold patients_fitted patients_scored shared_patients", INTEGER),
            **_columns("latest_time_fitted landmark"),
            "rows_after_landmark": INTEGER,
            "verdict": ("clean", "leak"),
        },
        ("scheme", "repeat", "held_out", "fold"),
    ),
    "cohort/agreement": Schema(
        {"marker": TEXT, **_columns("subjects scans", INTEGER), **_columns("icc ci_low ci_high")}, ("marker",)
    ),
    "slopes/filters": Schema(
        {
            **_SETS,
            "marker": TEXT,
            "step": TEXT,
            "withholds": ("marker", "slope"),
            **_columns("statistic threshold"),
            "stand_in": TEXT,
        },
        (*_SETS, "marker", "step"),
    ),
    "slopes/filter_survival": Schema(
        {
            **_SETS,
            "step": TEXT,
            "threshold": NUMBER,
            **_columns("before after patients shared_patients rows_after_landmark", INTEGER),
            "verdict": ("clean", "leak"),
        },
        (*_SETS, "step"),
        positional=True,
    ),
    "slopes/filter_stability": Schema(
        {"scheme": SCHEMES, "step": TEXT, "training_sets": INTEGER, **_columns("kept nogueira ci_low ci_high")},
        ("scheme", "step"),
        positional=True,
    ),
    "slopes/reliability": Schema({"marker": TEXT, **_columns("reliability ci_low ci_high")}, ("marker",)),
    "outcome/coefficients": Schema(
        {
            **STEP_KEYS,
            "term": TEXT,
            "scale": ("unit", "sd"),
            **_columns("estimate se ratio ci_low ci_high p_value ci_low_bootstrap ci_high_bootstrap penalty selected"),
            **_columns("missing_information"),
        },
        ("predictors", "cause", "term", "scale"),
    ),
    "outcome/proportional_hazards": Schema(
        {**STEP_KEYS, "term": TEXT, "statistic": FULL, "df": INTEGER, "p_value": FULL},
        ("predictors", "cause", "term"),
    ),
    "outcome/schoenfeld": Schema(
        {**STEP_KEYS, "term": TEXT, "time": FULL, **_columns("residual smooth ci_low ci_high")},
        ("predictors", "cause", "term", "time"),
        positional=True,
    ),
    "outcome/performance": Schema(
        {
            **STEP_KEYS,
            "metric": TEXT,
            **_columns("horizon apparent validated ci_low ci_high"),
            "versus": TEXT,
            **_columns("difference difference_low difference_high"),
        },
        ("predictors", "cause", "metric", "horizon"),
    ),
    "outcome/predictions": _PREDICTIONS,
    # Of the shipped models for their own training patients: repeat 0, fold 0.
    "outcome/apparent": _PREDICTIONS,
    "outcome/ledger": Schema(
        {"predictors": TEXT, "repeat": INTEGER, "held_out": INTEGER, "marker": TEXT, "message": TEXT},
        ("predictors", "repeat", "held_out", "marker", "message"),
    ),
    "outcome/subgroups": _GROUPS,
    "outcome/centres": _GROUPS,
    "outcome/sensitivity": Schema(
        {
            "slopes": ("nested", "apparent", "in_sample", "reused_folds", "complete_cases"),
            **STEP_KEYS,
            "metric": TEXT,
            **_columns("horizon validated difference"),
        },
        ("slopes", "predictors", "cause", "metric", "horizon"),
    ),
    # Of pairs of halves of the patients; empty without them, and of models without a penalty.
    "outcome/selection": Schema(
        {**STEP_KEYS, "term": TEXT, **_columns("frequency both_halves"), "stable": FLAG},
        ("predictors", "cause", "term"),
    ),
    "outcome/stability": Schema(
        {
            **STEP_KEYS,
            "measure": ("halves", "terms", "kept", "stable", "bound", "nogueira", "group_changes"),
            **_columns("value ci_low ci_high"),
        },
        ("predictors", "cause", "measure"),
    ),
    # Without a test (`statistic` missing) `message` says why.
    "outcome/likelihood_ratio": Schema(
        {
            **STEP_KEYS,
            "versus": TEXT,
            **_columns("statistic df df_residual p_value"),
            "message": TEXT,
        },
        ("predictors", "cause"),
    ),
    "outcome/permutation": Schema(
        {
            **STEP_KEYS,
            "metric": TEXT,
            "horizon": NUMBER,
            "versus": TEXT,
            **_columns("gain null_mean null_high p_value"),
            **_columns("permutations repeats", INTEGER),
        },
        ("predictors", "cause", "metric", "horizon"),
    ),
    "supermodel": Schema(
        {
            **STEP_KEYS,
            "term": TEXT,
            "model": ("separate", "common", "changing", "change"),
            "landmark": NUMBER,
            "scale": ("unit", "sd"),
            **_columns("estimate se ratio ci_low ci_high p_value ci_low_bootstrap ci_high_bootstrap resamples"),
        },
        ("predictors", "cause", "term", "model", "landmark", "scale"),
    ),
    "landmarks": Schema(
        {
            "landmark": FULL,
            **_columns("patients events slopes", INTEGER),
            **STEP_KEYS,
            "metric": TEXT,
            **_columns("horizon apparent validated ci_low ci_high"),
            "versus": TEXT,
            **_columns("difference difference_low difference_high"),
        },
        ("landmark", "predictors", "cause", "metric", "horizon"),
    ),
    # What `predict` makes of new patients; columns of each marker follow.
    "risks": Schema(
        {
            "patient": TEXT,
            **STEP_KEYS,
            **_columns("landmark horizon risk risk_low risk_high slope_share"),
            "outside": TEXT,
            "notes": TEXT,
            "refused": TEXT,
        },
        ("patient", "predictors", "cause", "horizon"),
        further=True,
    ),
    "outcome/calibration": _CURVE,
    "outcome/decision_curve": _CURVE,
}
