"""What is wrong with predictors as such: the outcome among them, one twice, constants, codes, technical columns."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from slopewise.cohort.aliases import aliases
from slopewise.cohort.columns import Columns
from slopewise.cohort.findings import ERROR, NOTE, WARNING, Findings
from slopewise.cohort.flow import State
from slopewise.cohort.leaks import FILLED, change_separates, describes_outcome, repeats_outcome
from slopewise.cohort.levels import is_text, refuse_many_levels, refuse_spellings
from slopewise.cohort.technical import technical
from slopewise.study.kinds import Kind
from slopewise.study.model import Study
from slopewise.tables.order import ordered

ASK = "was it known at the landmark? If not, leave it out"
"""What to do about a predictor that describes the outcome; findings of this kind are known by it."""
GROUPS = re.compile(
    r"(.*[_ .])?(site|cent(re|er)|hospital|clinic|ward|klinik|zentrum|region|country|land|race|ethnic(ity)?|"
    r"group|gruppe|type|typ|code|cat(egory)?|class|cluster)([_ .]?(id|nr|no|num|code))?",
    re.IGNORECASE,
)
"""Names of columns whose numbers stand for categories."""
FEWEST_CODES, MOST_CODES = 3, 12
YEARS = (1900, 2100)
FEWEST_PAIRS = 10
"""Patients of a continuous outcome below which a correlation says nothing."""


def refuse_levels(state: State, columns: Columns, files: tuple[str, str], findings: Findings) -> None:
    """Refuse spellings of one level, wherever levels are read; `files`: of visits and of patients."""
    for frame, file, names in (
        (state.people, files[1], columns.of_patients),
        (state.rows, files[0], (*columns.growth_rows, *columns.last_values)),
    ):
        for name in dict.fromkeys(names):
            if is_text(frame[name]):
                refuse_spellings(frame[name], file, findings)


def examine_predictors(
    study: Study, before: State, cohort: State, columns: Columns, files: tuple[str, str], findings: Findings
) -> None:
    """Examine covariates and markers of the `cohort` at the landmark; `before`: patients and rows that it is made of.

    An exact copy or recoding of the outcome, and a text with nearly as many levels as patients, are errors; a column
    that describes the outcome, repeats another, is constant, a code or technical, is a warning. `files`: of visits
    and of patients.
    """
    place = {name: files[1] if name in columns.of_patients else files[0] for name in cohort.people.columns}
    _of_levels(study, cohort, columns, place, files, findings)
    _of_imputation(study, cohort, place, files[1], findings)
    last, change = _last_and_change(study, cohort)
    if study.kind.predicts:
        _of_outcome(study, before, cohort, place, files[0], (last, change), findings)
    _alike(study, cohort, last, place, files[0], findings)
    _technical(study, before, place, files[0], findings)


def _of_levels(
    study: Study, cohort: State, columns: Columns, place: dict[str, str], files: tuple[str, str], findings: Findings
) -> None:
    """Constant covariates, texts of too many levels, and numbers that may be codes."""
    people, n = cohort.people, len(cohort.people)
    for name in dict.fromkeys((*study.outcome.covariates, *study.outcome.strata, *study.validation.subgroups)):
        values = people[name].dropna()
        if n > 1 and len(values) and (values == values.iloc[0]).all():
            one = f"{values.iloc[0]:g}" if not is_text(values) else repr(values.iloc[0])
            message = f"all {len(values)} patients of the cohort have the same value, {one}: it carries no information"
            findings.add(WARNING, place[name], message, "correct the column, or leave it out", column=name)
    growth = [name for name in study.model_columns if name in people or name in cohort.rows]
    for name in dict.fromkeys((*study.outcome.covariates, *growth)):
        key = "outcome.covariates" if name in study.outcome.covariates else "the growth formulas"
        values = people[name] if name in people else cohort.rows.groupby("patient")[name].first().rename(name)
        if is_text(values):
            refuse_many_levels(values, key, place.get(name, files[0]), findings)
        elif name in study.outcome.covariates:
            _ask_about_code(values, name, place[name], findings)


def _of_imputation(study: Study, cohort: State, place: dict[str, str], file: str, findings: Findings) -> None:
    """Covariates that are to be imputed, of which nobody or hardly anybody has a value, or none is missing."""
    lacking = {name: int(cohort.people[name].isna().sum()) for name in study.imputable}
    n = len(cohort.people)
    for name, count in lacking.items():
        if count == n:
            message = f"it is missing for all {n} patients of the cohort, so that it cannot be imputed"
            findings.add(ERROR, place[name], message, "correct the column, or leave it out", column=name)
        elif count > n / 2:
            message = f"it is missing for {count} of {n} patients: most of its values would be imputed"
            action = "consider leaving it out, or ask why it is missing"
            findings.add(WARNING, place[name], message, action, column=name)
    if lacking and not any(lacking.values()):
        message = "outcome.missing_covariate is impute, but no covariate is missing: nothing is imputed"
        findings.add(NOTE, file, message, "leave the key out, or keep it for new patients who lack a covariate")


def _ask_about_code(values: pd.Series, name: str, file: str, findings: Findings) -> None:
    """Ask whether a few whole numbers are codes: a warning where name or size say so, else a note."""
    found = np.unique(values.dropna().to_numpy(dtype=float))
    few = FEWEST_CODES <= len(found) <= MOST_CODES and len(values) >= 5 * len(found)
    if not few or (found % 1).any():
        return
    years = YEARS[0] <= found[0] and found[-1] <= YEARS[1] and not GROUPS.fullmatch(name)
    # 101 to 105 are codes by their size; 100, 110, 120 are steps of a scale.
    far = found[0] >= 100 and np.ptp(found) < found[0] / 2 and (found % 5).any() and not years
    listed = ", ".join(f"{value:g}" for value in found[:5]) + (", ..." if len(found) > 5 else "")
    message = f"{len(found)} whole numbers ({listed}) are treated as a number, with the same effect for each step of 1"
    action = f"if they are codes of categories, write C({name}) in outcome.covariates"
    findings.add(WARNING if far or GROUPS.fullmatch(name) else NOTE, file, message, action, column=name)


def _last_and_change(study: Study, cohort: State) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each marker's last value, and last minus first, of each patient of the cohort in its order; NaN where unknown."""
    names, patients = list(study.markers), cohort.people["patient"]
    keys = ["patient", "time", *names]
    groups = ordered(cohort.rows[keys], keys).groupby("patient", sort=False)[names]
    last, first, seen = (frame.reindex(patients) for frame in (groups.last(), groups.first(), groups.count()))
    return last, (last - first).where(seen >= 2)


def _of_outcome(
    study: Study, before: State, cohort: State, place: dict[str, str], rows: str,
    markers: tuple[pd.DataFrame, pd.DataFrame], findings: Findings,
) -> None:  # fmt: skip
    """Predictors that are or describe the outcome: covariates, and the last value and the change of each marker."""
    people = before.people
    with_them = people[people["followup"] > study.landmark_time] if np.isfinite(study.landmark_time) else people
    kind = study.kind
    for name in dict.fromkeys((*study.outcome.covariates, *study.outcome.strata)):
        key = "outcome.covariates" if name in study.outcome.covariates else "outcome.strata"
        frames = [frame for frame in (cohort.people, with_them) if name in frame]
        found = next(filter(None, (_reason(frame[name].to_numpy(), frame, kind) for frame in frames)), None)
        if found is not None:
            why, exact = found  # who lacks a covariate is set aside: all with, or all without, the event
            _tell((why, exact or why.startswith(FILLED)), "the column ", key, place[name], name, findings)
    last, change = markers
    for name, marker in study.markers.items():
        found = _reason(last[name].to_numpy(), cohort.people, kind)
        if found is None and not kind.numeric:
            if change_separates(change[name].to_numpy(), cohort.people["event"].to_numpy()):
                found = "separates patients with the event from those without", False
                _tell(
                    found,
                    f"the change of the marker {name} up to the landmark ",
                    "markers",
                    rows,
                    marker.column,
                    findings,
                )
        elif found is not None:
            what = f"the last value of the marker {name} up to the landmark "
            _tell(found, what, "markers", rows, marker.column, findings)


def _reason(values: np.ndarray, people: pd.DataFrame, kind: Kind) -> tuple[str, bool] | None:
    """Why a predictor (n,), one value for each of `people`, describes the outcome, and whether it is an exact copy."""
    missing = pd.isna(values)
    known = values[~missing]
    if kind.numeric:
        return _copies(values, people["outcome"].to_numpy(dtype=float))
    event, followup = people["event"].to_numpy(), people["followup"].to_numpy(dtype=float)
    if len(known) and repeats_outcome(known, event[~missing], followup[~missing]):
        return "repeats the outcome in another coding", True
    numeric = values.dtype != object
    cells = _as_texts(values.astype(float)) if numeric else np.array(values, dtype=object)
    numbers = values.astype(float) if numeric else np.full(len(values), np.nan)
    why = describes_outcome(cells, numbers, missing, event, followup)
    return (why, False) if why else None


def _as_texts(values: np.ndarray) -> np.ndarray:
    """Numbers (n,) as texts of twelve digits, each different one made once."""
    different, place = np.unique(values, return_inverse=True)
    return np.array([f"{value:.12g}" for value in different], dtype=object)[place]


def _copies(values: np.ndarray, outcome: np.ndarray) -> tuple[str, bool] | None:
    """The same of a continuous outcome: the predictor is a straight line of it."""
    if values.dtype == object:
        return None
    both = np.isfinite(values) & np.isfinite(outcome)
    if both.sum() < FEWEST_PAIRS or np.ptp(values[both]) == 0 or np.ptp(outcome[both]) == 0:
        return None
    correlation = abs(float(np.corrcoef(values[both], outcome[both])[0, 1]))
    if correlation > 1 - 1e-10:
        return "repeats the outcome on another scale", True
    return (
        (f"is strongly associated with the outcome (correlation {correlation:.4f})", False)
        if correlation > 0.99
        else None
    )


def _tell(found: tuple[str, bool], what: str, key: str, file: str, column: str, findings: Findings) -> None:
    """Add a predictor that describes the outcome: an error where it is an exact copy, else a warning."""
    why, exact = found
    action = f"leave it out of {key}" if exact else f"{ASK} of {key}"
    findings.add(ERROR if exact else WARNING, file, f"{what}{why}", action, column=column)


def _alike(
    study: Study, cohort: State, last: pd.DataFrame, place: dict[str, str], rows: str, findings: Findings
) -> None:
    """Covariates that repeat each other, markers that do, and covariates that repeat a marker's last value."""
    covariates = {name: cohort.people[name].to_numpy() for name in dict.fromkeys(study.outcome.covariates)}
    markers = {name: cohort.rows[name].to_numpy() for name in study.markers}
    action = "leave one of the two out"
    for name, other, how in aliases(covariates):
        findings.add(WARNING, place[name], f"it repeats the covariate {other} ({how})", action, column=name)
    for name, other, how in aliases(markers):
        column = study.markers[name].column
        message = f"the marker {name} repeats the marker {other} ({how})"
        if column == study.markers[other].column:
            message = f"the markers {other} and {name} are read from one column"
        findings.add(WARNING, rows, message, action, column=column)
    for name in covariates:
        for marker, one in study.markers.items():
            pair = {marker: last[marker].to_numpy(), name: covariates[name]}
            if name == one.column:
                message = (
                    f"the covariate {name} is the column of the marker {marker}, whose level is a predictor already"
                )
            elif any(True for _ in aliases(pair)):
                message = f"the covariate {name} repeats the last value of the marker {marker} up to the landmark"
            else:
                continue
            findings.add(WARNING, place[name], message, action, column=name)


def _technical(study: Study, before: State, place: dict[str, str], rows: str, findings: Findings) -> None:
    """Columns that programs write for themselves, named as markers or covariates."""
    named = [(one.column, before.rows[name], rows, f"the marker {name}") for name, one in study.markers.items()]
    named += [(name, before.people[name], place[name], "the covariate") for name in study.outcome.covariates
              if name in before.people]  # fmt: skip
    for column, values, file, what in named:
        numbers = np.full(len(values), np.nan) if is_text(values) else values.to_numpy(dtype=float)
        if why := technical(column, numbers):
            message = f"{what} does not look like a measurement: {why}"
            findings.add(WARNING, file, message, "leave it out", column=column)
