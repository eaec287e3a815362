"""The metrics of predictions: what each is called in a report, what it can be, and how it is explained there.

The performance table, intervals, report and checklist take their metrics from here; `validate.measure` has the values.
The concordance of survival outcomes, which has no horizon, stands with the kind of outcome (`study.kinds`).
"""

from __future__ import annotations

from dataclasses import dataclass

INFINITY = float("inf")


@dataclass(frozen=True)
class Metric:
    """A metric at a horizon: `label` in tables, the range `low` to `high` at which intervals are cut, and an entry
    `term`, `meaning` of the report's list of metrics (empty where another entry or the template has it)."""

    label: str
    low: float = -INFINITY
    high: float = INFINITY
    term: str = ""
    meaning: str = ""


METRICS = {
    "auc": Metric("AUC", 0.0, 1.0),
    "log_score": Metric(
        "log score",
        high=0.0,
        term="log score",
        meaning="mean natural logarithm of the predicted probability of the observed outcome (higher is better, 0 is "
        "certainty); more sensitive than C to what is added to a strong predictor.",
    ),
    "brier": Metric(  # with IPC weights it may exceed 1
        "Brier score",
        0.0,
        term="Brier score, IPA",
        meaning="mean squared difference between predicted risk and observed outcome (lower is better); IPA is its "
        "improvement over predicting the same risk for all patients (0 none, 1 perfect).",
    ),
    "ipa": Metric("IPA", high=1.0),
    "calibration_slope": Metric(
        "calibration slope",
        term="calibration slope and intercept, ICI",
        meaning="a slope of 1 and an intercept of 0 are ideal; a slope below 1 means that predictions are too "
        "extreme. ICI is the "
        "mean distance between predicted and observed risk; as a distance it cannot be negative, so that resampling "
        "moves its interval upwards.",
    ),
    "calibration_intercept": Metric("calibration intercept"),
    "ici": Metric("ICI", 0.0, 1.0),
    "observed_expected": Metric(
        "O:E",
        0.0,
        term="O:E",
        meaning="observed over expected number of events (calibration in the large): 1 is ideal; above 1, predicted "
        "risks are too low on average.",
    ),
    "net_benefit": Metric(
        "net benefit",
        high=1.0,
        term="net benefit",
        meaning="of acting at one threshold of risk, the cohort’s risk at that horizon (in the notes of the "
        "validation); the decision curves have all thresholds.",
    ),
    "r2": Metric("R²", high=1.0),
    "rmse": Metric("root mean squared error", 0.0),
    "mae": Metric("mean absolute error", 0.0),
}
"""Metrics at a horizon, or of an outcome without one, in the order of the report's tables."""
