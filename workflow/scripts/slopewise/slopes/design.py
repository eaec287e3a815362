"""Can the growth models of a study be built and scored on its cohort? Every design matrix, made before any fit.

What a run evaluates, in the same order: the fixed and the random effects on the cohort's rows, on each marker's own
rows and, where a formula learns constants from rows (splines, orthogonal polynomials), on every training set of the
folds; then each patient's design at time zero and at the landmark, and its derivative there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.products import Matrix
from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import Formula
from slopewise.folds import fits
from slopewise.growth import GrowthModel
from slopewise.run.errors import InputError
from slopewise.slopes.marker import at_landmark, growth_model, moments, values_held
from slopewise.study.model import Study

DEPENDENT = 1e-8
"""A column whose part outside the columns before it is smaller than this, relative to the column, adds nothing."""
MOST_NAMED = 5


@dataclass(frozen=True)
class DesignFindings:
    """`stops`: why the growth models cannot be fitted, one sentence each. `warnings`: columns that add nothing."""

    stops: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """One of the two formulas: the key that holds it, and the rows and patients on which it is evaluated."""

    key: str
    formula: Formula
    rows: pd.DataFrame
    patients: pd.DataFrame
    zero: pd.DataFrame
    levels: dict[str, tuple[object, ...]]
    model: GrowthModel


def examine_design(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, later: pd.DataFrame | None = None,
    folds: pd.DataFrame | None = None,
) -> DesignFindings:  # fmt: skip
    """Build the designs of all growth models of `study` on its cohort; nothing is fitted.

    measurements, patients, later: the tables of ``cohort/`` (`later` where the growth models learn from it); folds: the
    table ``folds``, for formulas that learn constants from training rows.
    """
    model, predictor = growth_model(study), study.growth.slope_of
    own = patients if "patient" not in patients else patients.sort_values("patient", kind="stable")
    learned = measurements if later is None else pd.concat([measurements, later], ignore_index=True)
    extra = [column for column in own.columns if column not in learned.columns]
    frame = learned.merge(own[["patient", *extra]], on="patient", how="inner")
    stops = list(_constant(study, frame, predictor))
    if stops:
        return DesignFindings(tuple(stops), ())
    fixed = values_held(study, measurements, own)
    scored = at_landmark(measurements, own.reset_index(drop=True), study.landmark_time, predictor, fixed)
    moment = moments(measurements, scored["patient"].tolist(), study.landmark_time, predictor)
    at = scored.assign(**{predictor: moment})
    specification = model.specification()
    levels = learn_levels((specification.fixed, specification.random), frame)
    warnings: list[str] = []
    for key, formula in (("growth.fixed", specification.fixed), ("growth.random", specification.random)):
        part = _Part(key, formula, frame, at, scored.assign(**{predictor: 0.0}), levels, model)
        try:
            warnings += _build(study, part, folds)
        except InputError as error:
            stops.append(f"{key}: {error}")
    return DesignFindings(tuple(stops), tuple(warnings))


def _constant(study: Study, frame: pd.DataFrame, predictor: str) -> Iterator[str]:
    """Markers whose rows all lie at one value of the predictor: there is no course in them."""
    values = {name: frame.loc[frame[name].notna(), predictor].unique() for name in study.markers}
    flat = [name for name, seen in values.items() if len(seen) < 2]
    if not flat:
        return
    named = ", ".join(flat[:MOST_NAMED]) + (f" and {len(flat) - MOST_NAMED} more" if len(flat) > MOST_NAMED else "")
    where = " up to the landmark" if np.isfinite(study.landmark_time) else ""
    at = f"{predictor} {values[flat[0]][0]:g}" if len(values[flat[0]]) else "no row at all"
    yield (
        f"landmark: all rows of {named}{where} lie at {at}, so there is no slope to estimate; choose a later landmark, "
        "or leave the marker out"
        if np.isfinite(study.landmark_time)
        else f"markers: all rows of {named} lie at {at}, so there is no slope to estimate; leave the marker out"
    )


def _build(study: Study, part: _Part, folds: pd.DataFrame | None) -> list[str]:
    """Every evaluation of one formula; `InputError` for the first that fails. Returns warnings."""
    complete = part.rows[list(part.formula.variables)].notna().all(axis=1)
    warnings: list[str] = []
    for name in study.markers:
        there = complete & part.rows[name].notna()
        rows = part.rows if there.all() else part.rows[there]
        recipe, matrix = _learn(part, rows)
        _refuse_width(part, matrix)
        warnings = warnings or _dependent(part, matrix, recipe.names)
        _at_landmark(part, recipe)
        if part.key == "growth.fixed":  # the comparison of poolings takes the average slope where each was seen last
            last = _last_rows(rows, part.model.time)
            _refuse_slopes(recipe, last, "around the last visit of a patient, where slopes are compared")
        if not part.formula.stateful:
            return warnings  # the same for every marker and training set, but for rows of the matrix just made
        for training in _training_sets(study, folds, part.patients["patient"]):
            own, _ = _learn(part, rows[rows["patient"].isin(training)])
            own.matrix(rows)
            _at_landmark(part, own)
    return warnings


def _last_rows(rows: pd.DataFrame, predictor: str) -> pd.DataFrame:
    """Each patient's last row by the predictor."""
    order = np.argsort(rows[predictor].to_numpy(), kind="stable")
    earlier = pd.Series(rows["patient"].to_numpy()[order]).duplicated(keep="last").to_numpy()
    return rows.iloc[order[~earlier]]


def _learn(part: _Part, rows: pd.DataFrame) -> tuple[Recipe, Matrix]:
    return Recipe.learn(part.formula, rows, part.levels, part.model.time, part.model.bounds)


def _refuse_width(part: _Part, matrix: Matrix) -> None:
    columns = matrix.shape[1]
    if part.key == "growth.fixed" and columns == 0:
        raise InputError(f"{part.formula.text!r} leaves no fixed effect, so there is no average course; write ~ time")
    if part.key == "growth.random" and not 1 <= columns <= 4:
        raise InputError(
            f"{part.formula.text!r} makes {columns} random effects a patient, and a growth model has 1 to 4; write "
            "~ time (an intercept and a slope) or ~ 1 (an intercept)"
        )


def _dependent(part: _Part, matrix: Matrix, names: tuple[str, ...]) -> list[str]:
    """Columns that are a linear combination of those before them: they add nothing and are left out of the fits."""
    scale = np.sqrt((matrix**2).sum(axis=0))
    standard = matrix / np.where(scale > 0, scale, 1.0)
    kept: list[NDArray[np.float64]] = []
    found = []
    for place, name in enumerate(names):
        rest = standard[:, place].copy()
        for _ in range(2):  # once more, since rounding leaves a part of the earlier columns
            for column in kept:
                rest -= (column @ rest) * column
        size = float(np.sqrt(rest @ rest))
        if size > DEPENDENT:
            kept.append(rest / size)
        else:
            found.append(name)
    if not found:
        return []
    effect = "left out of the fits" if part.key == "growth.fixed" else "a random intercept alone may be left"
    verb = "is" if len(found) == 1 else "are"
    return [
        f"{part.key}: {', '.join(found[:MOST_NAMED])} {verb} a linear combination of the columns before "
        f"{'it' if len(found) == 1 else 'them'} in the cohort's rows ({effect}); simplify the formula"
    ]


def _at_landmark(part: _Part, recipe: Recipe) -> None:
    """The design and its derivative where patients are scored; names the moment at which it cannot be evaluated."""
    for moment, rows in (("at time zero, where starting values are taken", part.zero),
                         ("at the landmark, where levels are taken", part.patients)):  # fmt: skip
        try:
            recipe.matrix(rows)
        except InputError as error:
            raise InputError(f"{error} ({moment})") from None
    _refuse_slopes(recipe, part.patients, "around the landmark, where slopes are taken")


def _refuse_slopes(recipe: Recipe, rows: pd.DataFrame, where: str) -> None:
    try:
        finite = np.isfinite(recipe.derivative(rows)).all()
    except InputError as error:
        raise InputError(f"{error} ({where})") from None
    if not finite:
        raise InputError(f"formula {recipe.formula.text!r}: its slope is not a finite number ({where})")


def _training_sets(study: Study, folds: pd.DataFrame | None, patients: pd.Series) -> Iterator[set[str]]:
    """The patients of every training set of the fold table, each once."""
    if folds is None:
        return
    names = sorted(str(patient) for patient in patients)
    seen: set[bytes] = set()
    for fit in fits(folds, names):
        if fit.trained.tobytes() not in seen:
            seen.add(fit.trained.tobytes())
            yield {name for name, trained in zip(names, fit.trained, strict=True) if trained}
