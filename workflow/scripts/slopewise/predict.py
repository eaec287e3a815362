"""Risks of new patients from a shipped model, with how sure they are and where the model was never tried.

The risk is the shipped model's at the patient's level and slope given their own rows up to the landmark; with
competing events each cause has its own, and for a continuous outcome it is the predicted value. Its interval comes
from draws of (β, Ψ, σ², b_i): it tells how far the patient's own course is known, with the outcome model's
coefficients held (METHODS section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise import tables
from slopewise.cohort.newcomers import Newcomers, read_newcomers
from slopewise.outcome.fit import StepModel
from slopewise.outcome.ladder import STEPS, values
from slopewise.predict_model import ShippedModel, read_model
from slopewise.predict_range import check_units, outside, refuse_other_units
from slopewise.predict_scores import MarkerRows, drawn, marker_rows, scores
from slopewise.run import InputError, generator
from slopewise.run_repr import ShortRepr
from slopewise.run_words import amount
from slopewise.slopes import facts

Floats = NDArray[np.float64]
SHOWN = ("visits", "level", "slope", "slope_se", "reliability")
"""What is told of each marker."""


@dataclass(frozen=True)
class Request:
    """What is asked for: the files, a step of the ladder, the draws behind an interval, units and dialect as told."""

    model: Path
    measurements: str
    patients: str | None = None
    predictors: str = "slope"
    draws: int = 1000
    units: Mapping[str, str] | None = None
    dialect: Mapping[str, str] | None = None


@dataclass(frozen=True, repr=False)
class Risks(ShortRepr):
    """The table ``risks`` (a row per patient, cause and horizon) and what to tell whoever asked."""

    table: pd.DataFrame
    told: list[str]


def predict(request: Request, folder: Path) -> Risks:
    """Risks of the patients in the request's files (paths beside `folder`). Raises `InputError`."""
    model = read_model(request.model)
    if request.predictors not in model.steps:
        raise InputError(f"--predictors {request.predictors}: the model has {', '.join(model.steps)}")
    check_units(model, request.units or {})
    files = {"measurements": request.measurements, "patients": request.patients, **(request.dialect or {})}
    study = model.study.model_copy(update={"data": model.study.data.model_copy(update=files)})
    newcomers = read_newcomers(study, folder, model.covariates)
    refuse_other_units(model, newcomers, request.measurements)
    scored = _Scored.of(model, newcomers, model.steps[request.predictors])
    table = pd.concat(
        [
            _lines(scored, model, request, place, _notes(model, newcomers, scored, place))
            for place in range(len(newcomers.patients))
        ],
        ignore_index=True,
    )
    return Risks(tables.check(table, "risks"), _told(model, newcomers, table, request))


@dataclass(frozen=True, repr=False)
class _Scored(ShortRepr):
    """All new patients under every growth model: `rows` per marker, `scores` per marker, and the step's predictors.

    `raw` (n, k) is what the step's model takes, in the order of its recipe's `every_term`, with the patients'
    `stratum` (n,); rows follow `newcomers.patients`.
    """

    step: StepModel
    rows: Mapping[str, MarkerRows]
    scores: Mapping[str, pd.DataFrame]
    raw: Floats
    stratum: NDArray[np.int64]

    @staticmethod
    def of(model: ShippedModel, newcomers: Newcomers, step: StepModel) -> _Scored:
        rows, found, summary = {}, {}, []
        for marker in model.markers:
            rows[marker.name] = marker_rows(marker, newcomers.measurements, newcomers.patients, model.landmark)
            found[marker.name] = scores(rows[marker.name])
            logarithmic = model.study.markers[marker.name].transform == "log"
            summary.append(facts(newcomers.measurements, newcomers.patients, marker.name, logarithmic))
        whole = pd.concat([table.assign(marker=name) for name, table in found.items()])
        wide = values(pd.concat(summary), whole, list(rows)).reindex(newcomers.patients["patient"])
        covariates = step.recipe.coding.matrix(newcomers.patients)
        own = [term for term in step.recipe.every_term if term not in step.recipe.coding.terms]
        raw = np.column_stack([covariates, wide[own].to_numpy(dtype=float)])
        return _Scored(step, rows, found, raw, step.strata.codes(newcomers.patients))


def _lines(scored: _Scored, model: ShippedModel, request: Request, place: int, notes: list[str]) -> pd.DataFrame:
    """One patient's rows of the table, one a cause and horizon."""
    own = slice(place, place + 1)
    risk = scored.step.risks(scored.raw[own], scored.stratum[own])[0]
    low, high, share = _uncertainty(scored, model, request.draws, place)
    first = next(iter(scored.scores.values()))
    frame = pd.DataFrame(
        {
            "patient": first["patient"].iloc[place],
            "predictors": request.predictors,
            "cause": np.repeat(model.causes, len(model.horizons)),
            "horizon": np.tile(model.horizons, len(model.causes)),
            "risk": risk.ravel(),
            "risk_low": low.ravel(),
            "risk_high": high.ravel(),
            "slope_share": np.repeat(share, len(model.horizons)),
        }
    )
    shown = {f"{name}.{column}": table[column].iloc[place] for name, table in scored.scores.items() for column in SHOWN}
    ranges = {name: table.iloc[place] for name, table in scored.scores.items()}
    return frame.assign(**shown, outside=outside(model, scored.rows, ranges, place), notes="; ".join(notes))


def _uncertainty(scored: _Scored, model: ShippedModel, number: int, place: int) -> tuple[Floats, Floats, Floats]:
    """2.5% and 97.5% points of the risk (C, H), and the slopes' share of each linear predictor's variance (C,).

    Missing where the step holds neither level nor slope, or where no draws are asked for.
    """
    terms = scored.step.recipe.every_term
    missing = np.full((len(model.causes), len(model.horizons)), np.nan)
    if number == 0 or not any(term.rsplit(".", 1)[-1] in ("level", "slope") for term in scored.step.recipe.terms):
        return missing, missing, missing[:, 0]
    both = np.repeat(scored.raw[place : place + 1], number, axis=0)
    levels, slopes = both.copy(), both.copy()
    for name, rows in scored.rows.items():
        rng = generator(model.seed, "predict", name, rows.patients[place])
        for quantity, values_, alone in zip(("level", "slope"), drawn(rows, place, number, rng), (levels, slopes),
                                            strict=True):  # fmt: skip
            if f"{name}.{quantity}" in terms:
                column = terms.index(f"{name}.{quantity}")
                both[:, column] = alone[:, column] = values_
    stratum = np.repeat(scored.stratum[place], number)
    low, high = np.quantile(scored.step.risks(both, stratum), (0.025, 0.975), axis=0)
    if not any(term.endswith(".slope") for term in terms):
        return low, high, missing[:, 0]
    by_level, by_slope = scored.step.linear_predictors(levels), scored.step.linear_predictors(slopes)
    return low, high, np.array([shapley_share(a, b) for a, b in zip(by_slope.T, by_level.T, strict=True)])


def shapley_share(part: Floats, other: Floats) -> float:
    """The Shapley effect of `part` in the variance of `part + other`, both (n,) draws that may be correlated.

    With A the part and T the sum: ½ [Cov(T, A)²/Var(A) + Var(T) − Cov(T, B)²/Var(B)] / Var(T), the mean of what
    knowing A takes off the variance before and after B is known; the shares of A and B lie in [0, 1] and add up to 1
    (Owen & Prieur 2017, 10.1137/16M1097717; exact for normal draws). Missing where nothing varies.
    """
    total = part + other
    variance = float(total.var())
    if variance <= 0:
        return float("nan")

    def explained(by: Floats) -> float:
        spread = float(by.var())
        covariance = float(((total - total.mean()) * (by - by.mean())).mean())
        return covariance**2 / spread if spread > 1e-24 * variance else 0.0

    share = 0.5 * (explained(part) + variance - explained(other)) / variance
    return float(np.clip(share, 0.0, 1.0))


def _notes(model: ShippedModel, newcomers: Newcomers, scored: _Scored, place: int) -> list[str]:
    """What whoever reads one patient's risk should know of the rows behind it."""
    notes = []
    patient = str(newcomers.patients["patient"].iloc[place])
    rules = model.study.outcome
    for name, table in scored.scores.items():
        visits = int(table["visits"].iloc[place])
        if visits == 0:
            excluded = " (the cohort had no such patient)" if rules.missing_marker == "exclude" else ""
            notes.append(f"{name} was not measured: the population's level and slope{excluded}")
        elif visits == 1:
            excluded = " (the cohort had no such patient)" if rules.one_visit == "exclude" else ""
            notes.append(f"{name} at one visit: its slope is mostly the population's{excluded}")
    if patient in newcomers.dropped:
        notes.append(f"{amount(newcomers.dropped[patient], 'row')} without a marker's value or a covariate left out")
    if patient in newcomers.varying:
        notes.append(f"{', '.join(newcomers.varying[patient])} varies: its last value was taken")
    return notes


def _told(model: ShippedModel, newcomers: Newcomers, table: pd.DataFrame, request: Request) -> list[str]:
    """The lines for the terminal."""
    data = model.study.data
    units = [f"{data.time} in {data.time_unit}"]
    units += [f"{marker.name} ({model.study.markers[marker.name].column}) in {marker.unit}" for marker in model.markers
              if marker.unit]  # fmt: skip
    lines = [
        f"{amount(len(newcomers.patients), 'patient')}, {_predicted(model)} after {_moment(model)}, "
        f"predictors: {request.predictors}",
        f"units as the model has them: {'; '.join(units)}",
    ]
    lines += [f"{name}: the file has no column {model.study.markers[name].column!r}; the population's values are used "
              "for every patient" for name in newcomers.absent]  # fmt: skip
    beyond = table.loc[table["outside"] != "", "patient"].nunique()
    if beyond:
        lines.append(f"outside the training range: {amount(beyond, 'patient')} (column outside)")
    steps = [step.name for step in STEPS if {"level", "slope"} & set(step.quantities)]
    if request.predictors not in steps:
        lines.append(f"no interval: the step {request.predictors} holds neither level nor slope")
    scatter = model.steps[request.predictors].residual_sd
    if np.isfinite(scatter):
        lines.append(f"intervals are of the expected value; single patients lie around it with an SD of {scatter:.4g}")
    return lines


def _moment(model: ShippedModel) -> str:
    """From when on the model predicts."""
    if not np.isfinite(model.landmark):
        return "each patient's last visit"
    unit = model.study.data.analysis_unit
    return f"landmark {model.landmark:g}{'' if unit == 'none' else f' {unit}'}"


def _predicted(model: ShippedModel) -> str:
    """What the column `risk` holds: a risk of each cause, or the value of a continuous outcome."""
    return f"{'value' if model.kind == 'continuous' else 'risk'} of {' and of '.join(model.causes)}"
