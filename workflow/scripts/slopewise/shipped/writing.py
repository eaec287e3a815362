"""The model that is shipped: what `model.json` holds, so that a new patient can be scored without any old one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from slopewise import __version__
from slopewise.design.recipe import level_order
from slopewise.growth.draws import parameter_draws
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.outcome.fit import OutcomeFit, StepModel
from slopewise.outcome.predictors import marker_of
from slopewise.outcome.ranges import span
from slopewise.run.seeds import generator
from slopewise.shipped import batches
from slopewise.slopes.batches.effects import MarkerBatches
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.scores import score
from slopewise.study.model import Study

FORMAT = 3
"""Raised when a reader of older files could misread a newer one."""

DRAWS = 200
"""Draws of each growth model's parameters; with many markers fewer, `DRAWS_IN_ALL` over all of them but 20 at least."""
DRAWS_IN_ALL = 4000


def shipped_model(
    study: Study,
    markers: Sequence[MarkerData],
    outcome: OutcomeFit,
    measurements: pd.DataFrame,
    patients: pd.DataFrame,
) -> dict[str, Any]:
    """Stage 1 on everybody and every step of the ladder on everybody's cross-fitted slopes, as plain JSON content.

    Parameters, draws of them, recipes, baseline hazards and rounded training ranges only: no patient, no measurement,
    no date. The frames are ``cohort/measurements`` and ``cohort/patients``. Of a study whose filters left markers out
    it has those that some step of the ladder uses, so that nobody need measure the others.
    """
    steps = outcome.models
    if outcome.data.withheld.markers:
        used = shipped_markers(outcome)
        markers = [data for data in markers if data.marker in used]
        study = study.model_copy(update={"markers": {name: study.markers[name] for name in used}})
        steps = {name: _of_markers(model, used).to_dict() for name, model in outcome.fitted.models.items()}
    return {
        "format": FORMAT,
        "slopewise": __version__,
        "study": study.study,
        "seed": study.seed,
        "landmark": study.landmark,
        "reading": reading(study),
        "covariates": {name: _covariate(study, name, measurements, patients) for name in _covariates(study)},
        "times": span(measurements["time"].to_numpy(dtype=float)),
        "markers": {
            data.marker: {
                **_growth(study, data, len(markers)),
                "unit": study.markers[data.marker].unit,
                "values": span(measurements[data.marker].to_numpy(dtype=float)),
            }
            for data in markers
        },
        "outcome": {
            "kind": study.outcome.kind,
            "causes": list(outcome.data.causes),
            "horizons": list(study.outcome.horizons),
            "steps": steps,
        },
    }


def shipped_markers(outcome: OutcomeFit) -> tuple[str, ...]:
    """The markers that some step of the ladder has in its model, in the study's order; the first one if none has."""
    coding = outcome.data.coding
    used = {marker_of(term, coding) for model in outcome.fitted.models.values() for term in model.recipe.terms}
    return tuple(name for name in outcome.data.markers if name in used) or outcome.data.markers[:1]


def _of_markers(model: StepModel, markers: Sequence[str]) -> StepModel:
    return replace(model, recipe=model.recipe.of_markers(markers))


def reading(study: Study) -> dict[str, Any]:
    """How a new patient's files are read: the parts of the study file that say it, paths and dialect left out."""
    content = study.model_dump(mode="json")
    if study.visits_from_zero:
        content["data"]["time_zero"] = 0.0  # the date of time zero served the outcome, and an age that is given then
    data = (
        *("patient", "time", "time_unit", "date_format", "patients_date_format"),
        *("analysis_unit", "time_zero", "duplicates", "categories", "missing"),
    )
    said = study.model_dump(mode="json", exclude_defaults=True)["data"]
    if study.visits_from_zero:
        said.pop("birth_date", None)
    keys = ("value_labels", "layout", "lesion", "where", "time_labels", "birth_date", "batch")
    shape = [key for key in keys if key in said]
    return {
        "data": {key: content["data"][key] for key in data} | {key: said[key] for key in shape},
        "markers": {
            name: {key: marker[key] for key in ("column", "transform", "unit", "plausible")}
            | ({"units": marker["units"]} if marker["units"] else {})
            | ({"below": marker["below"]} if marker["below"] != "refuse" else {})
            for name, marker in content["markers"].items()
        },
        "growth": {key: content["growth"][key] for key in ("fixed", "random", "residual_by", "weights")}
        | ({"slope_of": study.growth.slope_of} if study.growth.slope_of != "time" else {}),
        "outcome": {
            key: content["outcome"][key] for key in ("kind", "covariates", "strata", "missing_marker", "one_visit")
        }
        | ({"missing_covariate": "impute"} if study.outcome.imputes else {}),
    }


def _covariates(study: Study) -> list[str]:
    return list(dict.fromkeys((*study.outcome.covariates, *study.outcome.strata, *study.growth_columns)))


def _covariate(study: Study, name: str, measurements: pd.DataFrame, patients: pd.DataFrame) -> dict[str, Any]:
    """Levels of a text, range of a number, and whether it may vary within a patient.

    It may where the growth model read it row by row and it did vary; it may not where there was no patients' file,
    or where the growth model read it there. None: the tables do not tell. A stratum's number is a name: it has no
    range, and the model refuses one that it does not know.
    """
    values = pd.concat([frame[name] for frame in (patients, measurements) if name in frame.columns]).dropna()
    varies = None
    if name in measurements.columns:
        varies = bool(measurements[["patient", name]].drop_duplicates()["patient"].duplicated().any())
    elif study.data.patients is None or name in study.growth_columns:
        varies = False
    if pd.api.types.is_numeric_dtype(values):
        known = None if name in study.outcome.strata else span(values.to_numpy(dtype=float))
        return {"levels": None, "range": known, "varies": varies}
    return {"levels": level_order(values), "range": None, "varies": varies}


def _growth(study: Study, data: MarkerData, markers: int) -> dict[str, Any]:
    """The marker's growth model on everybody, draws of its parameters, and the ranges of what it scores."""
    batch = fit_batch(data.trained_on, data.everybody())
    fit = GrowthFit.from_batch(batch, 0)
    number = min(DRAWS, max(20, DRAWS_IN_ALL // markers)) if fit.structure != "excluded" else 0
    draws = parameter_draws(fit, number, generator(study.seed, "draws", data.marker))
    everybody = np.arange(len(data.patients))
    scored = score(data, data.scoring(batch), np.zeros_like(everybody), everybody)
    ranges = {name: span(scored[name].to_numpy(dtype=float)) for name in ("level", "slope")}
    found = {"growth": fit.to_dict(), "draws": draws.to_dict(), **ranges}
    if study.data.batch is not None and isinstance(data.batches, MarkerBatches):
        found["batch"] = batches.written(data.batches, study.data.batch.column)
    return found
