"""The patients: one row each, from a file of their own or from columns of the measurements that do not vary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from slopewise.cohort.clock import coarser, in_unit, read_times
from slopewise.cohort.columns import Columns, patient_level
from slopewise.cohort.findings import ERROR, WARNING, Findings
from slopewise.cohort.incomplete import UNKNOWN_EVENT, severity, way_out
from slopewise.cohort.moments import INTERRUPTION, moments_of
from slopewise.cohort.outcome import read_outcome
from slopewise.cohort.rows import tell_bad_weights, tell_missing_patients, typed_column
from slopewise.run.short_repr import ShortRepr
from slopewise.sources.numbers import NUMBER
from slopewise.sources.table import BadCell, TextTable, shown
from slopewise.study.keys import MISSING, ColumnReference, Outcome, canonical_code
from slopewise.study.model import Study


def event_numbers(outcome: Outcome) -> dict[str, int]:
    """Each code of the event column as a number: 0 censored, 1 the event, then the competing ones in their order."""
    numbers = dict.fromkeys(outcome.censored, 0) | dict.fromkeys(outcome.events, 1)
    labels = list(dict.fromkeys(outcome.competing.values()))
    return numbers | {code: 2 + labels.index(label) for code, label in outcome.competing.items()}


def event_labels(outcome: Outcome) -> dict[int, str]:
    """What the numbers of `event_numbers` mean; a composite event is told as ``transplant or death``.

    Of a binary outcome 0 is any other level than the positive one; a continuous outcome has no numbers that mean, and
    a study without an outcome none at all.
    """
    return OUTCOMES[outcome.kind].labels(outcome)


def _no_labels(outcome: Outcome) -> dict[int, str]:
    return {}


def _labels_of_levels(outcome: Outcome) -> dict[int, str]:
    return {0: f"{outcome.column}: not {outcome.positive}", 1: f"{outcome.column}: {outcome.positive}"}


def _labels_of_events(outcome: Outcome) -> dict[int, str]:
    labels = {0: "censored", 1: " or ".join(outcome.events.values())}
    return labels | dict(enumerate(dict.fromkeys(outcome.competing.values()), start=2))


def patients_of_rows(study: Study, table: TextTable, findings: Findings) -> TextTable:
    """A table of patients from the measurements' own patient-level columns, where no patients' file is given."""
    patient = study.data.patient
    text = table.text[~table.missing(patient)]
    lines = table.lines[~table.missing(patient)]
    first = text[[patient]].assign(line=lines).drop_duplicates(patient)
    columns: dict[str, list[str]] = {patient: first[patient].to_list()}
    for column, key in patient_level(study).items():
        values = constant_values(table, column, key, patient, findings)
        columns[column] = [values.get(name, "") for name in columns[patient]]
    frame = pd.DataFrame(columns, dtype=object)
    return replace(table, text=frame, lines=first["line"].to_numpy(), cell_lines={}, cell_columns={})


def constant_values(table: TextTable, column: str, key: str, patient_column: str, findings: Findings) -> dict[str, str]:
    """Each patient's one value of a column (empty cells aside); a second value is an error with both lines."""
    found: dict[str, tuple[str, int]] = {}
    told: set[str] = set()
    for patient, cell, line in zip(table.text[patient_column], table.text[column], table.lines, strict=True):
        if cell in MISSING or patient in MISSING:
            continue
        value, first_line = found.setdefault(patient, (cell, line))
        if cell != value and patient not in told and not _same_number(cell, value, table.decimal):
            told.add(patient)
            first = f"{shown(value)} on {findings.place(table.name, first_line)}"
            message = f"{key} varies within the patient: {first}, {shown(cell)} here"
            action = "correct it, or give a file with one row per patient as data.patients"
            findings.add(ERROR, table.name, message, action, line=line, patient=patient, column=column)
    return {patient: value for patient, (value, _) in found.items()}


def _same_number(one: str, other: str, decimal: str) -> bool:
    if not (NUMBER[decimal].fullmatch(one) and NUMBER[decimal].fullmatch(other)):
        return False
    return float(one.replace(decimal, ".")) == float(other.replace(decimal, "."))


def read_people(study: Study, table: TextTable, columns: Columns, findings: Findings) -> pd.DataFrame:
    """One row a patient (index: the line): patient, time (its time zero), covariates; of an outcome followup, event.

    Both times are on the file's own clock. Only reserved names are ours, so a covariate may have any other. An outcome
    that is no event has the column outcome; its followup is when it was seen, infinite where no column tells.
    """
    data = study.data
    tell_missing_patients(table, data.patient, findings, severity(study))
    tell_twin_patients(table, data.patient, findings)
    people = pd.DataFrame({"patient": table.text[data.patient].to_numpy()}, index=table.lines)
    people["time"] = np.nan
    if isinstance(data.time_zero, ColumnReference):
        what = "the patient has no time zero"
        unit = "date" if study.visits_from_zero else data.time_unit
        people["time"] = _times(study, table, data.time_zero.column, unit, what, findings)
    if study.kind.predicts:
        people = people.assign(**_outcome_columns(study, table, findings))
    if study.effects.interruption is not None:
        people[INTERRUPTION] = moments_of(study, table, findings)
    for column in columns.of_patients:
        people[column] = typed_column(table, column, study, findings)
        if column == study.growth.weights:
            tell_bad_weights(study, table, people[column].to_numpy(), findings)
    return people


def _outcome_columns(study: Study, table: TextTable, findings: Findings) -> dict[str, np.ndarray]:
    """The columns followup, [entry,] event and, of an outcome that is no event, outcome; in the table's order."""
    outcome = study.outcome
    found = {"followup": np.full(len(table.text), np.inf)}
    if outcome.time is not None and outcome.time_unit is not None:
        what = "the patient has no follow-up time" if study.kind.timed else "the outcome has no time"
        found["followup"] = _times(study, table, outcome.time, outcome.time_unit, what, findings)
    if outcome.entry is not None and outcome.time_unit is not None:
        what = "the patient has no time of entry"
        found["entry"] = _times(study, table, outcome.entry, outcome.time_unit, what, findings)
    return found | OUTCOMES[study.kind.name].columns(study, table, findings)


def _no_columns(study: Study, table: TextTable, findings: Findings) -> dict[str, np.ndarray]:
    return {}


def _columns_of_events(study: Study, table: TextTable, findings: Findings) -> dict[str, np.ndarray]:
    return {"event": _events(study, table, findings)}


def _columns_of_levels(study: Study, table: TextTable, findings: Findings) -> dict[str, np.ndarray]:
    values = read_outcome(study, table, findings)
    return {"outcome": values, "event": (values == 1).astype(np.int64)}


def _columns_of_numbers(study: Study, table: TextTable, findings: Findings) -> dict[str, np.ndarray]:
    values = read_outcome(study, table, findings)
    return {"outcome": values, "event": np.zeros(len(values), dtype=np.int64)}


@dataclass(frozen=True, repr=False)
class OutcomeColumns(ShortRepr):
    """How the cohort holds a kind of outcome: what the numbers of events mean, and the columns that are read."""

    labels: Callable[[Outcome], dict[int, str]]
    columns: Callable[[Study, TextTable, Findings], dict[str, np.ndarray]]


OUTCOMES = {
    "survival": OutcomeColumns(_labels_of_events, _columns_of_events),
    "binary": OutcomeColumns(_labels_of_levels, _columns_of_levels),
    "continuous": OutcomeColumns(_no_labels, _columns_of_numbers),
    "none": OutcomeColumns(_no_labels, _no_columns),
}
"""By kind of outcome."""


def tell_twin_patients(table: TextTable, column: str, findings: Findings) -> None:
    """A patient who stands twice in a file of patients is an error."""
    if table.text[column].is_unique:
        return
    first: dict[str, int] = {}
    for patient, line in zip(table.text[column], table.lines, strict=True):
        if first.setdefault(patient, line) != line and patient not in MISSING:
            message = f"the patient appears twice in the file (first on {findings.place(table.name, first[patient])})"
            action = "keep one row per patient"
            findings.add(ERROR, table.name, message, action, line=line, patient=patient, column=column)


def _times(study: Study, table: TextTable, column: str, unit: str, what: str, findings: Findings) -> np.ndarray:
    data = study.data
    key = "data.patients_date_format" if data.patients else "data.date_format"
    values, bad = read_times(table, column, unit, data.format_of_patients, key)
    findings.add_cells(table, column, bad, f"correct it or set {key}" if unit == "date" else "correct it", data.patient)
    empty = [BadCell(int(row), what) for row in np.flatnonzero(table.missing(column))]
    action = way_out(study, "fill it in, or delete the patient from the files")
    findings.add_cells(table, column, empty, action, data.patient, severity(study))
    return values


def _events(study: Study, table: TextTable, findings: Findings) -> np.ndarray:
    """The event of each patient as a number; a code that the study does not name is an error."""
    outcome = study.outcome
    assert outcome.event is not None
    numbers = event_numbers(outcome)
    of_row, cells = pd.factorize(table.text[outcome.event].to_numpy(dtype=object))
    each = [canonical_code(cell) for cell in cells]
    codes = np.array(each, dtype=object)[of_row]
    events = np.array([numbers.get(code, UNKNOWN_EVENT) for code in each], dtype=np.int64)[of_row]
    bad, empty = [], []
    unknown = np.flatnonzero(events == UNKNOWN_EVENT)
    often = Counter(codes[row] for row in unknown)
    for row in unknown:
        if codes[row] in MISSING:
            empty.append(BadCell(int(row), "the patient has no event code"))
        elif count := often.pop(codes[row], 0):  # once for each code
            told = f" ({count} patients have it)" if count > 1 else ""
            bad.append(BadCell(int(row), f"unknown event code {shown(codes[row])}{told}{_twin(codes[row], outcome)}"))
    action = f"the study names {', '.join(numbers)}; correct it, or name the code in outcome.events or outcome.censored"
    findings.add_cells(table, outcome.event, bad, action, study.data.patient)
    action = way_out(study, "fill it in, or delete the patient from the files")
    findings.add_cells(table, outcome.event, empty, action, study.data.patient, severity(study))
    present = set(each)
    for key, named in (("events", outcome.events), ("competing", outcome.competing)):
        for code in named:
            if code not in present:
                message = f"no patient has the code {shown(code)} ({named[code]}) of outcome.{key}"
                action = "correct the code, or take it out of the study file if nobody had this event"
                findings.add(WARNING, table.name, message, action, column=outcome.event)
    return events


def _twin(code: str, outcome: Outcome) -> str:
    """A clause on the study's code that differs from an unknown one in case or blanks only; empty without one."""
    keys = {"censored": outcome.censored, "events": outcome.events, "competing": outcome.competing}
    for key, known in keys.items():
        for other in known:
            if "".join(other.split()).casefold() == "".join(code.split()).casefold():
                way = f"use one spelling in the file, or add this spelling to outcome.{key}"
                return f"; it differs from {shown(other)} in case or blanks only: {way}"
    return ""


def refuse_single(rows: pd.DataFrame, file: str, column: str, findings: Findings) -> None:
    """One patient alone is an error: most often the column of patients is another one."""
    found = set(rows["patient"]) - MISSING
    if len(found) == 1:
        message = f"the file has one patient only ({shown(*found)})"
        action = "a growth model needs several; is data.patient the right column?"
        findings.add(ERROR, file, message, action, column=column)


def set_clock(study: Study, rows: pd.DataFrame, people: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Subtract each patient's time zero from visits and follow-up; both in the analysis unit afterwards.

    Where dates meet durations, the durations count from the date of time zero already.
    """
    data = study.data
    zero = time_zero_of(study, rows, people)
    start = np.zeros(len(zero)) if study.visits_from_zero else zero
    if data.time_unit == "date":
        start = coarser(rows["time"].to_numpy(), start)
    of_row = pd.Series(start, index=people["patient"]).reindex(rows["patient"]).to_numpy()
    times = in_unit(rows["time"].to_numpy() - of_row, data.time_unit, data.analysis_unit)
    if INTERRUPTION in people:
        own = people[INTERRUPTION].to_numpy(dtype=float) - start
        people = people.assign(**{INTERRUPTION: in_unit(own, data.time_unit, data.analysis_unit)})
    moved = {name: _since(study, people[name].to_numpy(), zero) for name in ("followup", "entry") if name in people}
    return rows.assign(time=times), people.assign(**moved).drop(columns="time")


def _since(study: Study, values: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Times of the outcome's clock since each patient's time zero, in the analysis unit."""
    data, unit = study.data, study.outcome.time_unit
    if unit is None:
        return values
    if unit == "date":
        zero = coarser(values, zero)
    if study.followup_from_zero:
        return in_unit(values, unit, data.analysis_unit)
    if study.visits_from_zero:
        return in_unit(values - zero, unit, data.analysis_unit)
    if unit == data.time_unit:
        return in_unit(values - zero, unit, data.analysis_unit)
    return in_unit(values, unit, data.analysis_unit) - in_unit(zero, data.time_unit, data.analysis_unit)


def time_zero_of(study: Study, rows: pd.DataFrame, people: pd.DataFrame) -> np.ndarray:
    """Each patient's time zero in `data.time_unit`, a date where the study has dates, in the order of `people`."""
    zero = study.data.time_zero
    if isinstance(zero, ColumnReference):
        return people["time"].to_numpy()
    if zero == "first_visit":
        # The first row in the file, measured or not: which markers a study asks for must not move the clock.
        return rows.groupby("patient", sort=False)["time"].min().reindex(people["patient"]).to_numpy()
    return np.full(len(people), float(zero))
