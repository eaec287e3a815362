"""A shipped model as plain content for the calculator of the report, which works without Python.

Only what level, slope and risk of one patient need: designs as plain columns, parameters, recipes, baselines, ranges
and the rules of reading. No patient, no measurement, no date; what `predict` draws is left out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from slopewise.cohort.clock import DAYS, TOLERANCE
from slopewise.cohort.conversions import CONVERSIONS
from slopewise.design.plain import OutOfReach, plain_columns
from slopewise.design.recipe import Recipe
from slopewise.outcome.cox import CoxFit
from slopewise.outcome.fit import StepModel
from slopewise.outcome.glm import GlmFit
from slopewise.shipped.reading import MarkerModel, ShippedModel
from slopewise.shipped.units import INVERSES, named_unit
from slopewise.study.units import column_unit, transformed_unit

STEPS = ("level", "slope")
"""The predictors that the calculator shows: without the slopes and with them."""


def calculator(model: ShippedModel) -> dict[str, Any]:
    """Plain JSON content for the calculator's script; `OutOfReach` where the model has what that cannot compute."""
    study = model.study
    _check_reach(model)
    numbers = _numbers(model)
    strata = model.steps["slope"].strata
    covariates = {
        name: {"levels": None if one.levels is None else list(one.levels), "range": model.ranges.get(name)}
        for name, one in model.covariates.items()
        if name not in strata.columns
    }
    return {
        "landmark": model.landmark if math.isfinite(model.landmark) else None,
        "tolerance": TOLERANCE,
        "time": _time(model),
        "duplicates": study.data.duplicates,
        "markers": [_marker(model, marker, numbers) for marker in model.markers],
        "covariates": [{"name": name, **known} for name, known in covariates.items()],
        "strata": {"columns": list(strata.columns), "levels": list(strata.levels)} if strata.columns else None,
        "causes": list(model.causes),
        "horizons": [None if math.isnan(horizon) else horizon for horizon in model.horizons],
        "numeric": model.kind.numeric,
        "steps": {name: _step(model.steps[name]) for name in STEPS},
        "recommended": model.recommended,
        "conversions": [[one.factor, one.example] for one in CONVERSIONS],
    }


def _check_reach(model: ShippedModel) -> None:
    growth, step = model.study.growth, model.steps["slope"]
    if growth.slope_of != "time":
        raise OutOfReach(f"slopes in {growth.slope_of} instead of time")
    if growth.residual_by or growth.weights:
        raise OutOfReach("residual variances or weights that differ between rows (growth.residual_by, growth.weights)")
    if model.study.data.batch is not None:
        raise OutOfReach("batches whose effect is removed (data.batch)")
    for name in model.study.growth_columns:
        if model.covariates[name].varies is not False and name not in model.study.outcome.covariates:
            raise OutOfReach(f"the growth model’s column {name}, which may vary between visits")
    if {*step.strata.columns} & {*model.study.outcome.covariates, *model.study.growth_columns}:
        raise OutOfReach("a stratum that is a covariate, too")
    for marker in model.markers:
        if marker.fit.structure == "excluded":
            raise OutOfReach(f"the marker {marker.name}, whose growth model could not be fitted")


def _numbers(model: ShippedModel) -> dict[str, tuple[float, float]]:
    """The range of the time and of every numeric covariate of the growth model."""
    low, high = model.times or (0.0, 1.0)
    end = model.landmark if math.isfinite(model.landmark) else high
    return {**model.ranges, "time": (low, max(high, end))}


def _time(model: ShippedModel) -> dict[str, Any]:
    """In which unit visits are entered and how they come into the analysis unit; where the clock starts."""
    data = model.study.data
    unit = data.analysis_unit if data.time_unit == "date" else data.time_unit
    ratio = [1.0, 1.0] if unit == data.analysis_unit else [DAYS[unit], DAYS[data.analysis_unit]]
    return {
        "unit": unit,
        "ratio": ratio,
        "analysis_unit": data.analysis_unit,
        "from_first": data.time_zero == "first_visit",
        "range": model.times,
    }


def _marker(model: ShippedModel, marker: MarkerModel, numbers: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    settings, estimates = model.study.markers[marker.name], marker.fit.estimates
    unit = column_unit(settings.transform, marker.unit)
    named = [named_unit(one.factor, unit) for one in CONVERSIONS]
    measured = None
    if marker.values is not None:
        measured = [float(end) for end in INVERSES[settings.transform](np.array(marker.values))]
    return {
        "name": marker.name,
        "transform": settings.transform,
        "unit": unit,
        "named": [known and f"{known} instead of {unit}" for known in named],
        "model_unit": transformed_unit(settings.transform, marker.unit),
        "plausible": settings.plausible,
        "values": marker.values,
        "measured": measured,
        "level": marker.level,
        "slope": marker.slope,
        "fixed": _design(marker.fit.design.fixed, numbers),
        "random": _design(marker.fit.design.random, numbers),
        "beta": estimates.beta[0].tolist(),
        "covariance": estimates.covariance[0].tolist(),
        "variance": float(estimates.variance_scale[0] * marker.fit.ratios[0]),
    }


def _design(recipe: Recipe, numbers: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """The columns, and what the derivative by time needs (`Recipe.derivative`)."""
    low, high = recipe.domain
    return {
        "columns": plain_columns(recipe, numbers),
        "moves": recipe.time in recipe.formula.variables,
        "polynomial": recipe.formula.polynomial,
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
    }


def _step(model: StepModel) -> dict[str, Any]:
    """One step of the ladder: its columns as the recipe standardises them, and a model of each cause."""
    recipe = model.recipe
    return {
        "coding": [[name, None if levels is None else list(levels)] for name, levels in recipe.coding.covariates],
        "every": list(recipe.every_term),
        "derived": [one.to_dict() for one in recipe.derived],
        "columns": recipe.columns.tolist(),
        "centre": recipe.centre.tolist(),
        "scale": recipe.scale.tolist(),
        "horizons": [None if math.isnan(horizon) else horizon for horizon in model.horizons],
        "parts": [_part(part) for part in model.parts],
    }


def _part(part: CoxFit | GlmFit) -> dict[str, Any]:
    shared = {"beta": part.beta.tolist(), "centre": part.centre.tolist()}
    if isinstance(part, GlmFit):
        return {**shared, "link": part.link, "intercept": part.intercept}
    return {**shared, "times": list(part.horizons), "baseline": part.baseline.tolist()}
