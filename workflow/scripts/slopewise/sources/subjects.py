"""A third table with a row per patient (`data.subjects`), such as ADSL of a trial, joined to the table of patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.numbers import NUMBER
from slopewise.sources.readers import place_of
from slopewise.sources.selected import listed, need_column
from slopewise.sources.table import Part, TextTable, shown
from slopewise.study.keys import MISSING, Data


def with_subjects(patients: TextTable, subjects: TextTable, data: Data) -> TextTable:
    """The table of patients with the columns of `subjects` that it does not have, by the patient.

    A patient who is not in `subjects` has empty cells there. Every cell keeps its file and line. Raises `InputError`
    where `subjects` has no column of the patient or a patient twice, and where the tables have no patient in common.
    """
    names = [str(name) for name in subjects.text.columns]
    key = data.patient if data.patient in names or data.patients_patient is None else data.patients_patient
    need_column(subjects, key, "data.subjects")
    need_column(patients, data.patient, "data.patient")
    row_of = _rows(subjects, key)
    rows = np.array([row_of.get(patient, -1) for patient in patients.text[data.patient]], dtype=np.int64)
    if not (rows >= 0).any():
        some = shown(str(subjects.text[key].iloc[0]))
        message = f"none of the patients of {patients.name} is there (data.subjects); its ids are such as {some}"
        raise InputError(f"{subjects.name}: column {key}: {message}; write the ids alike in both files")
    added = [name for name in names if name != key and name not in patients.text.columns]
    before = patients.files[-1].before + int(patients.lines.max(initial=0))
    places = np.where(rows >= 0, subjects.lines[rows] + before, patients.lines)
    cells = {name: _cells(subjects, name, rows, patients.decimal) for name in added}
    kept = {pair: count for pair, count in subjects.recoded.items() if pair[0] in added}
    declared = {pair: count for pair, count in subjects.declared.items() if pair[0] in added}
    found = int((rows >= 0).sum())
    note = ("", f"{subjects.name} has {found} of {len(rows)} patients: {listed(added)}", "as given in data.subjects")
    return replace(
        patients,
        text=pd.concat([patients.text, pd.DataFrame(cells, dtype=object)], axis=1),
        cell_lines={**patients.cell_lines, **dict.fromkeys(added, places)},
        recoded={**patients.recoded, **kept},
        declared={**patients.declared, **declared},
        notes=(*patients.notes, *subjects.notes, note),
        parts=(
            *patients.files,
            *(Part(part.name, part.encoding, part.before + before) for part in subjects.files),
        ),
    )


def _rows(subjects: TextTable, key: str) -> dict[str, int]:
    """The row of each patient."""
    found: dict[str, int] = {}
    for row, patient in enumerate(subjects.text[key]):
        if patient not in MISSING and (first := found.setdefault(patient, row)) != row:
            place = f"{place_of(subjects, int(subjects.lines[row]))}, patient {patient}, column {key}"
            line = subjects.located(int(subjects.lines[first]))[1]
            message = f"the patient appears twice in the file (first at {line}; data.subjects)"
            raise InputError(f"{place}: {message}; keep one row per patient")
    return found


def _cells(subjects: TextTable, name: str, rows: np.ndarray, decimal: str) -> np.ndarray:
    """The cells of a column for the patients, numbers with the decimal mark of their table."""
    cells = np.append(subjects.text[name].to_numpy(dtype=object), "")[rows]
    if decimal == subjects.decimal:
        return np.asarray(cells)
    number = NUMBER[subjects.decimal]
    return np.array([c.replace(subjects.decimal, decimal) if number.fullmatch(c) else c for c in cells], dtype=object)
