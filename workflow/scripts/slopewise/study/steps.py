"""What of the study file each step depends on."""

from __future__ import annotations

from typing import Any

from slopewise.study.model import Study

STEPS = (
    *("cohort", "folds", "compare_growth", "effects", "crossfit", "gather"),
    *("outcome", "validate", "examples", "ship", "report"),
)
"""The steps that `subset` knows."""


def _keys(place: str, names: str) -> tuple[str, ...]:
    return tuple(f"{place}.{name}" for name in names.split())


_GROWTH_MODEL = (
    *_keys("growth", "fixed random structure reml engine residual_by weights rows slope_of"),
    *("landmark", "bayes", "data.batch"),
)

_OUTCOME_MODEL = _keys(
    "outcome",
    "kind events competing positive covariates strata horizons terms penalty one_visit missing_marker entry "
    "missing_covariate imputations",
)

DEPENDS_ON: dict[str, tuple[str, ...]] = {
    "cohort": (
        *("data", "landmark", "growth.rows", "growth.residual_by", "growth.weights", "growth.slope_of"),
        *_keys("markers.*", "column transform plausible units below"),
        *_keys("filters", "icc icc_table retest icc_form"),
        *_keys("outcome", "kind where time time_unit entry after_measurements event events competing censored column"),
        *_keys("outcome", "positive covariates strata one_visit missing_marker missing_covariate"),
        "validation.subgroups",
        *_keys("effects", "treatment period sequence interruption treatment_over_time"),
    ),
    "folds": ("seed", "data.centre", "outcome.kind", "crossfit", "validation.folds", "validation.repeats"),
    "compare_growth": ("seed", *_GROWTH_MODEL, "growth.bootstrap", "data.time_unit"),
    "effects": ("seed", "effects", *_GROWTH_MODEL, "growth.bootstrap", "data.time_unit"),
    # The transform tells whether a relative change is exp(delta) - 1.
    "crossfit": ("seed", *_GROWTH_MODEL, *_keys("markers.*", "transform fast_change")),
    "gather": ("seed", *_GROWTH_MODEL, *_keys("markers.*", "transform fast_change"), "filters"),
    # Both stages again in each bootstrap sample; model.json also tells `predict` how to read a new patient.
    "outcome": (
        *("seed", *_GROWTH_MODEL, *_OUTCOME_MODEL, "crossfit"),
        *_keys("outcome", "bootstrap stability time_unit"),
        *_keys("markers.*", "column transform unit plausible units below"),
        *_keys("data", "layout lesion where time_labels value_labels"),
        *_keys("data", "patient patients_patient time time_unit date_format patients_date_format analysis_unit"),
        *_keys("data", "time_zero birth_date duplicates categories missing"),
    ),
    "validate": ("seed", "data.centre", "data.batch", *_OUTCOME_MODEL, "validation"),
    # Growth models come from models.json; the transform tells which levels are logarithms.
    "examples": (
        *(
            "growth.slope_of",
            "landmark",
            "report.small_cells",
            "markers.*.transform",
            *_OUTCOME_MODEL,
            "outcome.column",
        ),
    ),
    # The evidence that the recommendation rests on, from tables: the study's causes, its margin, who is counted as few.
    "ship": ("growth.slope_of", "report.small_cells", *_OUTCOME_MODEL, *_keys("outcome", "margin column")),
    "report": tuple(key for key in Study.model_fields if key != "chunk_size"),
}


def _copy(source: dict[str, Any], target: dict[str, Any], path: list[str]) -> None:
    """Copy what `path` leads to, with the maps on the way; ``*`` stands for every key."""
    for key in source if path[0] == "*" else [path[0]]:
        if len(path) == 1:
            target[key] = source[key]
        else:
            _copy(source[key], target.setdefault(key, {}), path[1:])


def subset(study: Study, step: str) -> dict[str, Any]:
    """Exactly the parts of the study that `step` depends on, fit for JSON: when they change, it runs again.

    What reaches a step only through a table that it reads (follow-up, folds, fits) is not among them.
    Raises `ValueError` for an unknown step.
    """
    if step not in STEPS:
        raise ValueError(f"unknown step {step!r}: one of {', '.join(STEPS)}")
    content = study.model_dump(mode="json")
    chosen: dict[str, Any] = {}
    for path in DEPENDS_ON[step]:
        _copy(content, chosen, path.split("."))
    if step != "folds":
        chosen["marker_names"] = list(study.markers)
    if step == "cohort":
        chosen["growth_columns"] = list(study.model_columns)
    return chosen
