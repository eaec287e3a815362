"""Risks of new patients from a shipped model, with how sure they are and where the model was never tried.

The risk is the shipped model's at the patient's level and slope given their own rows up to the landmark; with
competing events each cause has its own, and for a continuous outcome it is the predicted value. Its interval comes
from draws of (β, Ψ, σ², b_i): it tells how far the patient's own course is known, with the outcome model's
coefficients held (docs/methods.md, section 6).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.newcomers import Newcomers, read_newcomers
from slopewise.outcome.fit import StepModel
from slopewise.outcome.ladder import LADDER, values
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import amount
from slopewise.shipped.ranges import check_units, other_units, outside
from slopewise.shipped.reading import ShippedModel, read_model
from slopewise.shipped.scores import MarkerRows, drawn, marker_rows, scores
from slopewise.slopes.facts import facts
from slopewise.slopes.marker import held
from slopewise.sources.sheets import KEYS, OPTIONS_OF_PREDICT
from slopewise.study.units import column_unit
from slopewise.tables import files as tables

Floats = NDArray[np.float64]
SHOWN = ("visits", "level", "slope", "slope_se", "reliability")
"""What is told of each marker."""
NUMBERS = ("risk", "risk_low", "risk_high", "slope_share")
"""What is predicted for each cause and horizon."""


@dataclass(frozen=True)
class Request:
    """What is asked for: the files, a step of the ladder, the draws behind an interval, units and dialect as told.

    Without `predictors` they are those that the study's report recommends. `strict`: a patient who cannot be predicted
    is an error, not a row without a risk.
    """

    model: Path
    measurements: str
    patients: str | None = None
    predictors: str | None = None
    draws: int = 1000
    units: Mapping[str, str] | None = None
    dialect: Mapping[str, str | None] | None = None
    strict: bool = False


@dataclass(frozen=True, repr=False)
class Risks(ShortRepr):
    """The table ``risks`` (a row per patient, cause and horizon), lines for whoever asked, the refused and why."""

    table: pd.DataFrame
    told: list[str]
    refused: Mapping[str, str]


def predict(request: Request, folder: Path) -> Risks:
    """Risks of the patients in the request's files (paths beside `folder`). Raises `InputError`.

    A patient with an error of their own has rows without a risk, and the reason in `refused`, unless the request is
    strict or nobody else is left.
    """
    model = read_model(request.model)
    request = replace(request, predictors=chosen_predictors(model, request.predictors))
    check_units(model, request.units or {})
    try:
        newcomers = _newcomers(model, request, folder)
    except InputError as error:
        raise InputError(in_words_of_predict(str(error))) from error
    scored = _Scored.of(model, newcomers, model.steps[str(request.predictors)])
    parts = [
        _lines(scored, model, request, place, _notes(model, newcomers, scored, place))
        for place in range(len(newcomers.patients))
    ]
    parts += [_refused(model, request, patient, reason) for patient, reason in newcomers.refused.items()]
    table = _table(parts)
    return Risks(tables.check(table, "risks"), _told(model, newcomers, table, request), dict(newcomers.refused))


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its numbers at 6 significant digits: more would claim what no model knows."""
    numbers = [name for name in table.columns if pd.api.types.is_float_dtype(table[name])]
    return table.assign(**{name: [float(f"{value:.6g}") for value in table[name]] for name in numbers})


def chosen_predictors(model: ShippedModel, asked: str | None) -> str:
    """The step that is asked for, or the one that the model recommends; `InputError` without either."""
    if asked is None and model.recommended is None:
        raise InputError(
            "the model does not hold which predictors its report recommends (an older one): run the study again, or "
            "name them, for example --predictors level"
        )
    chosen = asked or str(model.recommended)
    if chosen not in model.steps:
        raise InputError(f"--predictors {chosen}: the model has {', '.join(model.steps)}")
    return chosen


def _newcomers(model: ShippedModel, request: Request, folder: Path) -> Newcomers:
    """The new patients whom the model can take, the others in `refused`."""
    files = {"measurements": request.measurements, "patients": request.patients, **(request.dialect or {})}
    study = model.study.model_copy(update={"data": model.study.data.model_copy(update=files)})
    found = read_newcomers(study, folder, model.covariates, request.strict)
    refused = other_units(model, found, request.measurements, request.units or {})
    refused |= _unknown_strata(model.steps[str(request.predictors)], found.patients)
    left = ~found.patients["patient"].isin(list(refused))
    if refused and (request.strict or not left.any()):
        raise InputError(next(iter(refused.values())))
    reasons = {**found.refused, **refused}
    return replace(
        found,
        patients=found.patients[left].reset_index(drop=True),
        measurements=found.measurements[~found.measurements["patient"].isin(list(refused))].reset_index(drop=True),
        refused={patient: in_words_of_predict(reasons[patient]) for patient in sorted(reasons)},
    )


def _unknown_strata(step: StepModel, patients: pd.DataFrame) -> dict[str, str]:
    """Patients of a stratum of the baseline hazard that the model does not know."""
    found = {}
    for place, patient in enumerate(patients["patient"]):
        try:
            step.strata.codes(patients.iloc[[place]])
        except InputError as error:
            found[str(patient)] = str(error)
    return found


def _held(model: ShippedModel) -> dict[str, str]:
    """The batch at which levels are taken, as for the patients whom the model was made of."""
    batch = model.study.data.batch
    return {} if batch is None else held(model.study, model.covariates[batch.column].levels or ())


Columns = dict[str, list[Any]]
"""Columns of the table of risks for one patient, a value each cause and horizon."""


def _table(parts: list[Columns]) -> pd.DataFrame:
    """All patients' rows as one frame."""
    columns = {name: [value for part in parts for value in part[name]] for name in parts[0]}
    counts = {name: pd.array(columns[name], dtype="Int64") for name in columns if name.endswith(".visits")}
    return pd.DataFrame({**columns, **counts})


def _refused(model: ShippedModel, request: Request, patient: str, reason: str) -> Columns:
    """The rows of a patient who cannot be predicted."""
    keys = _keys(model, request, patient)
    shown = [f"{marker.name}.{column}" for marker in model.markers for column in SHOWN]
    empty: dict[str, Any] = {name: pd.NA if name.endswith(".visits") else np.nan for name in (*NUMBERS, *shown)}
    return keys | _alike(keys, {**empty, "outside": "", "notes": "", "refused": reason})


def _alike(keys: Columns, values: Mapping[str, Any]) -> Columns:
    """Columns with one value for all causes and horizons."""
    return {name: [value] * len(keys["patient"]) for name, value in values.items()}


def _keys(model: ShippedModel, request: Request, patient: str) -> Columns:
    """A row a cause and horizon of one patient, and the moment from which horizons count."""
    rows = len(model.causes) * len(model.horizons)
    return {
        "patient": [patient] * rows,
        "predictors": [request.predictors] * rows,
        "cause": np.repeat(model.causes, len(model.horizons)).tolist(),
        "landmark": [model.landmark if np.isfinite(model.landmark) else np.nan] * rows,
        "horizon": np.tile(model.horizons, len(model.causes)).tolist(),
    }


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
        at_values = _held(model)
        for marker in model.markers:
            files = (newcomers.measurements, newcomers.patients)
            rows[marker.name] = marker_rows(marker, *files, model.landmark, at_values)
            found[marker.name] = scores(rows[marker.name])
            logarithmic = model.study.markers[marker.name].transform == "log"
            summary.append(facts(*files, marker.name, logarithmic, model.study.growth.slope_of))
        whole = pd.concat([table.assign(marker=name) for name, table in found.items()])
        wide = values(pd.concat(summary), whole, list(rows)).reindex(newcomers.patients["patient"])
        raw = step.recipe.raw(newcomers.patients, wide, missing=step.imputer is not None)
        return _Scored(step, rows, found, raw, step.strata.codes(newcomers.patients))


def _lines(scored: _Scored, model: ShippedModel, request: Request, place: int, notes: list[str]) -> Columns:
    """One patient's rows of the table, one a cause and horizon."""
    own = slice(place, place + 1)
    risk = scored.step.risks(scored.raw[own], scored.stratum[own])[0]
    low, high, share = _uncertainty(scored, model, request.draws, place)
    first = next(iter(scored.rows.values()))
    keys = _keys(model, request, first.patients[place])
    numbers = (risk.ravel(), low.ravel(), high.ravel(), np.repeat(share, len(model.horizons)))
    shown = {f"{name}.{column}": table[column].iloc[place] for name, table in scored.scores.items() for column in SHOWN}
    beyond = outside(model, scored.rows, scored.scores, place)
    return (
        keys
        | {name: values.tolist() for name, values in zip(NUMBERS, numbers, strict=True)}
        | _alike(keys, {**shown, "outside": beyond, "notes": "; ".join(notes), "refused": ""})
    )


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
    lacking = [name for name in rules.covariates if pd.isna(newcomers.patients[name].iloc[place])]
    if lacking:
        number = 0 if scored.step.imputer is None else scored.step.imputer.number
        notes.append(f"{', '.join(lacking)} is missing: the risk is a mean over {amount(number, 'imputed value')}")
    if patient in newcomers.dropped:
        notes.append(f"{amount(newcomers.dropped[patient], 'row')} without a marker's value or a covariate left out")
    if patient in newcomers.varying:
        notes.append(f"{', '.join(newcomers.varying[patient])} varies: its last value was taken")
    return notes


def _told(model: ShippedModel, newcomers: Newcomers, table: pd.DataFrame, request: Request) -> list[str]:
    """The lines for the terminal."""
    data = model.study.data
    units = [f"{data.time} in {data.time_unit}"]
    for marker in model.markers:
        settings = model.study.markers[marker.name]
        unit = column_unit(settings.transform, marker.unit)
        units += [f"{marker.name} ({settings.column}) in {unit}"] if unit else []
    lines = [
        f"{amount(len(newcomers.patients), 'patient')}: {_predicted(model)}",
        f"predictors: {request.predictors}{_why(model, request)}",
        f"units as the model has them: {'; '.join(units)}",
    ]
    if newcomers.unmeasured:
        lines.append(f"not in the measurements and not used: {amount(newcomers.unmeasured, 'patient')} of --patients")
    lines += [f"{name}: the file has no column {model.study.markers[name].column!r}; the population's values are used "
              "for every patient" for name in newcomers.absent]  # fmt: skip
    beyond = table.loc[table["outside"] != "", "patient"].nunique()
    if beyond:
        lines.append(f"outside the training range: {amount(beyond, 'patient')} (column outside)")
    steps = [step.name for step in LADDER if {"level", "slope"} & set(step.quantities)]
    if request.predictors not in steps:
        lines.append(f"no interval: the step {request.predictors} holds neither level nor slope")
    scatter = model.steps[str(request.predictors)].residual_sd
    if np.isfinite(scatter):
        lines.append(f"intervals are of the expected value; single patients lie around it with an SD of {scatter:.4g}")
    return lines


def _moment(model: ShippedModel) -> str:
    """From when on the model predicts."""
    if not np.isfinite(model.landmark):
        return "each patient's last visit"
    unit = model.study.data.analysis_unit
    return f"the landmark, {model.landmark:g}{'' if unit == 'none' else f' {unit}'} after time zero"


def _predicted(model: ShippedModel) -> str:
    """What the column `risk` holds (a risk of each cause, or the value of a continuous outcome), counted from when."""
    unit, moment = model.study.data.analysis_unit, _moment(model)
    causes = " and of ".join(model.causes)
    if np.isnan(model.horizons).all():
        return f"the column risk is the {PREDICTED[model.kind.name]} of {causes}, seen from {moment}"
    within = ", ".join(f"{horizon:g}" for horizon in model.horizons) + ("" if unit == "none" else f" {unit}")
    return f"the column risk is the risk of {causes} within {within} (column horizon), counted from {moment}"


PREDICTED = {"survival": "risk", "binary": "risk", "continuous": "value"}
"""What is predicted, by kind of outcome; kinds that predict nothing have no row."""


def _why(model: ShippedModel, request: Request) -> str:
    """Whether the predictors are those that the report recommends."""
    if model.recommended is None:
        return ""
    if request.predictors == model.recommended:
        return f" (recommended by the study's report: {model.reason})"
    return f" (the study's report recommends {model.recommended}: {model.reason})"


def in_words_of_predict(text: str) -> str:
    """A message without the keys of a study file, which whoever predicts does not have: options take their place."""
    for pattern, instead in WORDS:
        text = re.sub(pattern, instead, text)
    return text


WORDS = (
    (re.escape(KEYS), OPTIONS_OF_PREDICT),
    (r" \(data\.(where|layout\.\w+|lesion\.\w+)\)", " (as in the study)"),
    (r"set data\.(delimiter|decimal|encoding)", r"set --\1"),
    (r" or set data\.(patients_)?date_format", " (dates are read as in the study)"),
    (
        r",? or give a file with one row per patient as data\.patients",
        ", or give a file with one row per patient (--patients)",
    ),
    (r", or set data\.duplicates to [a-z, ]+(?= |$|[.;])", ": keep one row per time"),
    (r", or choose another transform", ""),
    (r", leave the cell empty, or set markers\.\S+\.below \([a-z ]+\)", ", or leave the cell empty"),
    (r"; if the column holds categories, name it in data\.categories", ""),
    (r"is data\.patient the right column of both files", "is this the right column of both files"),
    (r" \(data\.(patient|time)\)", r" (the model’s \1)"),
    (r" \(data\.time_zero\)", " (the model’s time zero)"),
    (r" \((outcome\.covariates|outcome\.strata|growth)\)", " (a covariate of the model)"),
    (r" \((growth|outcome|data)\.[a-z_]+\)", ""),
)
"""What messages of the study's own reading say, and what they say here."""
