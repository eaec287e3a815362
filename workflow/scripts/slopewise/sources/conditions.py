"""A table with a row per patient and diagnosis (`data.conditions`), such as FHIR's Condition, joined to the patients.

The first date of a condition ends the follow-up where the outcome names it; of the others it becomes a column, from
which the cohort makes what was known at time zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from slopewise.run.errors import InputError
from slopewise.sources.readers import place_of
from slopewise.sources.selected import listed, need_column
from slopewise.sources.table import Part, TextTable, shown
from slopewise.study.errors import close_to
from slopewise.study.keys import MISSING, Data, canonical_code
from slopewise.study.model import Study

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def histories(study: Study) -> tuple[str, ...]:
    """The conditions that are columns, and not ends of the follow-up."""
    return tuple(name for name in study.data.condition_names if name not in _ends(study))


def with_conditions(patients: TextTable, diagnoses: TextTable, study: Study) -> TextTable:
    """The table of patients with the first date of each condition that is a column, and the follow-up ended by others.

    Of a patient who had a condition that is a code of the outcome by the end of the follow-up, that end is
    its first date and the event its name; of several conditions the first one counts. A patient without diagnoses had
    none. Every cell keeps its file and line. Raises `InputError` for columns and codes that are not there, for a date
    that is no day, and where the tables have no patient in common.
    """
    data = study.data
    assert data.conditions is not None
    names = [str(name) for name in diagnoses.text.columns]
    key = data.patient if data.patient in names or data.patients_patient is None else data.patients_patient
    need_column(diagnoses, key, "data.subjects")
    need_column(diagnoses, data.conditions.code, "data.conditions.code")
    need_column(diagnoses, data.conditions.date, "data.conditions.date")
    need_column(patients, data.patient, "data.patient")
    ids = patients.text[data.patient]
    if not set(ids) & (set(diagnoses.text[key]) - MISSING):
        some = shown(str(diagnoses.text[key].iloc[0]))
        message = f"none of the patients of {patients.name} is there (data.subjects); its ids are such as {some}"
        raise InputError(f"{diagnoses.name}: column {key}: {message}; write the ids alike in both files")
    before = patients.files[-1].before + int(patients.lines.max(initial=0))
    parts = (Part(part.name, part.encoding, part.before + before) for part in diagnoses.files)
    table = replace(patients, parts=(*patients.files, *parts), notes=(*patients.notes, *diagnoses.notes))
    for name, rows in _rows_of_names(diagnoses, data).items():
        first = _first(diagnoses, rows, key, data.conditions.date)
        found = np.array([first.get(patient, -1) for patient in ids], dtype=np.int64)
        dates = np.append(diagnoses.text[data.conditions.date].to_numpy(dtype=object), "")[found]
        lines = np.where(found >= 0, np.append(diagnoses.lines, 0)[found] + before, patients.lines)
        table = (_ended if name in _ends(study) else _added)(table, study, name, dates, lines)
    return table


def _ends(study: Study) -> Iterable[str]:
    return (*study.outcome.events, *study.outcome.competing, *study.outcome.censored)


def _rows_of_names(diagnoses: TextTable, data: Data) -> dict[str, np.ndarray]:
    """The rows of each condition; a condition of which no code occurs is refused."""
    assert data.conditions is not None
    column = data.conditions.code
    codes = diagnoses.text[column].map(canonical_code)
    there = sorted(set(codes) - MISSING)
    found = {}
    for name, asked in data.conditions.names.items():
        held = codes.isin([code for code in there if any(_fits(code, one) for one in asked)]).to_numpy()
        if not held.any():
            close = close_to(asked[0], there) if asked else ""
            meant = f"; did you mean {close!r}?" if close else ""
            message = f"no cell holds {listed(map(shown, asked))} (data.conditions.names.{name}){meant}"
            raise InputError(f"{diagnoses.name}: column {column}: {message}; the column holds {listed(there)}")
        found[name] = np.flatnonzero(held)
    return found


def _fits(code: str, asked: str) -> bool:
    return code.startswith(asked[:-1]) if asked.endswith("*") else code == asked


def _first(diagnoses: TextTable, rows: np.ndarray, key: str, column: str) -> dict[str, int]:
    """The row of each patient's first date among the `rows`, which must have days."""
    found: dict[str, int] = {}
    dates, ids = diagnoses.text[column].to_numpy(dtype=object), diagnoses.text[key].to_numpy(dtype=object)
    for row in map(int, rows):
        if ids[row] in MISSING:
            continue
        if not DAY.fullmatch(dates[row][:10]):
            what = f"{shown(dates[row])} is not an ISO date (2020-12-31)"
            what = "the diagnosis has no date" if dates[row] in MISSING else what
            place = f"{place_of(diagnoses, int(diagnoses.lines[row]))}, patient {ids[row]}, column {column}"
            raise InputError(f"{place}: {what}; write the day, or delete the row")
        first = found.setdefault(ids[row], row)
        if dates[row][:10] < dates[first][:10]:
            found[ids[row]] = row
    return found


def _added(table: TextTable, study: Study, name: str, dates: np.ndarray, lines: np.ndarray) -> TextTable:
    """The table with the first date of a condition as a column."""
    if name in table.text.columns:
        message = "data.conditions makes a column of this name, and there is one already; give the condition another"
        raise InputError(f"{table.name}: column {name}: {message}")
    note = ("", f"{int((dates != '').sum())} of {len(dates)} patients have {name}", "as given in data.conditions")
    return replace(
        table,
        text=table.text.assign(**{name: dates}),
        cell_lines={**table.cell_lines, name: lines},
        notes=(*table.notes, note),
    )


def _ended(table: TextTable, study: Study, name: str, dates: np.ndarray, lines: np.ndarray) -> TextTable:
    """The table with the follow-up of those who had a condition ended by it."""
    outcome = study.outcome
    assert outcome.time is not None and outcome.event is not None
    need_column(table, outcome.time, "outcome.time")
    need_column(table, outcome.event, "outcome.event")
    days = np.array([date[:10] for date in dates], dtype=object)
    ends = table.text[outcome.time].to_numpy(dtype=object, copy=True)
    other = next((row for row, end in enumerate(ends) if end not in MISSING and not DAY.fullmatch(end[:10])), None)
    if other is not None:  # dates are compared as text
        place = f"{place_of(table, int(table.lines[other]))}, column {outcome.time}"
        message = f"{shown(ends[other])} is not an ISO date, with which those of data.conditions are compared"
        raise InputError(f"{place}: {message}; write the dates as 2020-12-31")
    events = table.text[outcome.event].to_numpy(dtype=object, copy=True)
    earlier = np.array([end in MISSING or day <= end[:10] for day, end in zip(days, ends, strict=True)], dtype=bool)
    is_first, late = (dates != "") & earlier, int(((dates != "") & ~earlier).sum())
    # A condition that ended the follow-up on the same day was named before this one.
    same = np.isin(events, [other for other in _ends(study) if other in study.data.condition_names])
    is_first &= ~(same & (days == np.array([end[:10] for end in ends], dtype=object)))
    ends[is_first], events[is_first] = days[is_first], name
    of_cells = dict(table.cell_lines)
    for column in (outcome.time, outcome.event):
        of_cells[column] = np.where(is_first, lines, of_cells.get(column, table.lines))
    message = f"{name} ends the follow-up of {int(is_first.sum())} of {len(dates)} patients"
    message += f"; {late} have it after the end of their follow-up, where it does not count" if late else ""
    return replace(
        table,
        text=table.text.assign(**{outcome.time: ends, outcome.event: events}),
        cell_lines=of_cells,
        notes=(*table.notes, ("", message, "as given in data.conditions")),
    )
