"""The tables of the outcome models: coefficients with naive and bootstrap intervals, and the ledger of decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from slopewise.metrics.resampling import bca_interval, percentile_interval
from slopewise.outcome.ladder import FACTS, LADDER, LadderData
from slopewise.outcome.models import StepModel
from slopewise.outcome.predictors import Note, marker_of
from slopewise.run.words import amount
from slopewise.study.kinds import EVENTS_PER_COEFFICIENT

Floats = NDArray[np.float64]


def coefficients_table(
    data: LadderData, unit: tuple[Floats, Floats], standard: tuple[Floats, Floats], df: Floats, penalty: Floats,
    missing_information: Floats,
) -> pd.DataFrame:  # fmt: skip
    """The table ``outcome/coefficients`` from (estimates, standard errors) per unit and per SD, each (C·T,).

    Intervals are Wald's and on the scale of the estimate (log hazard ratio, log odds ratio), with the t distribution
    of `df` (C·T,) degrees of freedom (infinite but for linear models and imputed covariates, whose
    `missing_information` (C·T,) is missing where nothing was imputed). A term that was left out keeps its rows. Where
    there is a `penalty` (C·T,) an estimate is shrunk on purpose, and has neither standard error nor interval.
    """
    parts, reach = [], stdtrit(df, 0.975)
    for scale, (estimate, error) in (("unit", unit), ("sd", standard)):
        table = pd.DataFrame(data.rows, columns=["predictors", "cause", "term"])
        table["scale"] = scale
        table["estimate"], table["se"] = estimate, error
        table["ratio"] = np.nan if data.kind.numeric else np.exp(estimate)
        table["ci_low"], table["ci_high"] = estimate - reach * error, estimate + reach * error
        table["p_value"] = 2.0 * stdtr(df, -np.abs(estimate / error))
        table["ci_low_bootstrap"] = table["ci_high_bootstrap"] = np.nan
        table["penalty"], table["selected"], table["missing_information"] = penalty, np.nan, missing_information
        parts.append(table)
    order = ["predictors", "cause", "term", "scale", "estimate", "se", "ratio", "ci_low", "ci_high", "p_value"]
    table = pd.concat(parts, ignore_index=True)
    return table[[*order, "ci_low_bootstrap", "ci_high_bootstrap", "penalty", "selected", "missing_information"]]


def bootstrap_intervals(
    coefficients: pd.DataFrame, estimates_unit: Floats, estimates_sd: Floats, data: LadderData,
    jackknife: tuple[Floats, Floats] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Put intervals of two-stage bootstrap estimates (B, C·T) beside the naive ones; none where B = 0.

    Percentile intervals; BCa intervals where estimates without each patient, `jackknife` per unit and per SD (J, C·T),
    are given, with a ledger line where the percentiles had to stay.

    A resample that lacks a marker's term of the shipped model has another model: adjusted for less, its other
    coefficients mean something else. All intervals of that step are then from the other resamples, with a ledger line
    that gives their number; from fewer than half of the resamples there is none. `selected` is the share of all
    resamples in which a penalised term's coefficient is not 0. Returns the coefficients and the ledger lines.
    """
    table, notes = coefficients.copy(), []
    place = {key: index for index, key in enumerate(data.rows)}
    column = np.array([place[key] for key in zip(table["predictors"], table["cause"], table["term"], strict=True)])
    shipped = np.zeros(len(data.rows), dtype=bool)
    shipped[column[table["estimate"].notna().to_numpy()]] = True
    other, lines = _other_models(data, shipped, estimates_unit)
    notes += lines
    for number, (scale, estimates) in enumerate((("unit", estimates_unit), ("sd", estimates_sd))):
        share = (np.nan_to_num(estimates) != 0).mean(axis=0) if len(estimates) else np.full(len(data.rows), np.nan)
        estimates = np.where(other, np.nan, estimates)
        low, high, lacking = percentile_interval(estimates)
        if jackknife is not None:
            own = table["scale"].eq(scale).to_numpy()
            value = np.full(len(data.rows), np.nan)
            value[column[own]] = table.loc[own, "estimate"]
            better = bca_interval(estimates, value, jackknife[number])
            low, high = np.where(better[2], better[0], low), np.where(better[2], better[1], high)
            for index in np.flatnonzero(~better[2] & np.isfinite(low)) if scale == "unit" else ():
                step, cause, term = data.rows[index]
                text = f"{term}: the bootstrap interval is of percentiles, a BCa interval could not be had"
                notes.append(Note(step, marker_of(term, data.coding), of_cause(data, cause) + text))
        rows = ((table["scale"] == scale) & table["estimate"].notna()).to_numpy()
        table.loc[rows, "ci_low_bootstrap"] = low[column[rows]]
        table.loc[rows, "ci_high_bootstrap"] = high[column[rows]]
        shrunk = rows & table["penalty"].notna().to_numpy()
        table.loc[shrunk, "selected"] = share[column[shrunk]]
        for index in column[rows] if scale == "unit" else ():
            if lacking[index] > other[:, index].sum():
                step, cause, term = data.rows[index]
                text = f"{term} was left out in {lacking[index]} of {len(estimates)} bootstrap resamples"
                text = of_cause(data, cause) + text
                notes.append(Note(step, marker_of(term, data.coding), text))
    return table, ledger_frame([(0, 0, note) for note in notes])


def _other_models(
    data: LadderData, shipped: NDArray[np.bool_], estimates: Floats
) -> tuple[NDArray[np.bool_], list[Note]]:
    """Which resamples of `estimates` (B, C·T) have another model than the one `shipped` (C·T,), term by term (B, C·T).

    They lack a term of a marker that it has; a covariate's level that nobody drawn has changes no other coefficient.
    """
    other, notes = np.zeros(estimates.shape, dtype=bool), []
    for cause in data.causes:
        for step in LADDER:
            own = np.array([row[:2] == (step.name, cause) for row in data.rows])
            of_marker = np.array([bool(marker_of(term, data.coding)) for _, _, term in data.rows])
            asked = np.flatnonzero(own & of_marker & shipped)
            lacking = np.isnan(estimates[:, asked])
            different = lacking.any(axis=1)
            if not different.any():
                continue
            other[np.ix_(different, own)] = True
            terms = ", ".join(data.rows[index][2] for index in asked[lacking.any(axis=0)])
            text = (
                f"{terms} could not be estimated in {different.sum()} of {len(estimates)} bootstrap resamples; the "
                "intervals of this step are from the others"
            )
            notes.append(Note(step.name, "", of_cause(data, cause) + text))
    return other, notes


def ledger_frame(lines: Iterable[tuple[int, int, Note]]) -> pd.DataFrame:
    """The table ``outcome/ledger`` from (repeat, held_out, note); repeat 0 is the shipped model."""
    rows = [(note.predictors, repeat, held_out, note.marker, note.message) for repeat, held_out, note in lines]
    return pd.DataFrame(rows, columns=["predictors", "repeat", "held_out", "marker", "message"]).drop_duplicates(
        ignore_index=True
    )


def filled_notes(data: LadderData) -> list[Note]:
    """How many patients lack a quantity of a step and get the training patients' mean instead."""
    notes, n = [], len(data.patients)
    for step in LADDER:
        for m, marker in enumerate(data.markers):
            for name in (quantity for quantity in step.quantities if quantity in FACTS):
                lacking = int(np.isnan(data.facts[:, m, FACTS.index(name)]).sum())
                if lacking:
                    whom = f"missing for {lacking} of {n} patients"
                    text = f"{marker}.{name}: {whom} and replaced by the training patients' mean"
                    notes.append(Note(step.name, marker, text))
    return notes


def imputed_notes(data: LadderData) -> list[Note]:
    """How many patients lack each covariate, which is imputed."""
    notes, place, n = [], 0, len(data.patients)
    for name, levels in data.coding.covariates:
        lacking = int(np.isnan(data.covariates[:, place]).sum()) if levels is None or len(levels) > 1 else 0
        place += 1 if levels is None else len(levels) - 1
        if lacking:
            text = f"{name}: missing for {lacking} of {n} patients and imputed {data.imputations} times"
            notes += [Note(step.name, "", text) for step in LADDER]
    return notes


def of_cause(data: LadderData, cause: str) -> str:
    """``death: `` where there are several causes, so that a line of the ledger says which it is about."""
    return f"{cause}: " if len(data.causes) > 1 else ""


def sparse_notes(data: LadderData, models: Mapping[str, StepModel]) -> list[Note]:
    """Steps with fewer events (patients, if continuous) a coefficient than an unpenalised model should have."""
    notes, counted = [], data.kind.counted
    for name, model in models.items():
        for cause, part in zip(data.causes, model.parts, strict=True):
            events, terms = part.events, len(part.terms)
            if part.penalty is not None:
                continue
            if data.kind.dichotomous:  # the rarer of the two
                events = data.kind.informative(events, part.patients)
            if terms and events < EVENTS_PER_COEFFICIENT * terms:
                text = (
                    f"{events} {counted} for {amount(terms, 'coefficient')}: fewer than {EVENTS_PER_COEFFICIENT} each"
                )
                notes.append(Note(name, "", f"{of_cause(data, cause)}{text}, unpenalised"))
    return notes
