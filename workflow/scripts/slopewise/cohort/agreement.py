"""How well each marker is reproduced when it is measured again: from a table of values, or from repeated scans.

Both come from other patients than those of the cohort, so that they may be read once, outside the folds: scans of a
patient of the cohort would select markers in the training sets that hold the patient out, and are refused, whether
under the same id or, where their values are those of a visit, under another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from slopewise.cohort.findings import NOTE, Findings
from slopewise.cohort.rows import TRANSFORMS
from slopewise.kernels.agreement import intraclass
from slopewise.run.errors import InputError
from slopewise.sources.numbers import numbers
from slopewise.sources.readers import place_of, read_table
from slopewise.sources.table import TextTable, shown
from slopewise.study.keys import Data
from slopewise.study.model import Study

COLUMNS = ["marker", "subjects", "scans", "icc", "ci_low", "ci_high"]
FEATURE, LOW, VALUE = "feature", "icc_low", "icc"
"""Columns of a table of ICC values: the feature's column in the measurements, the lower limit, the value itself."""
COPIED = 5
"""Different values that a scan must have, all of them those of a visit, to be that visit."""


def agreement(study: Study, folder: Path, findings: Findings, cohort: pd.DataFrame) -> pd.DataFrame:
    """The table ``cohort/agreement``: subjects and scans, ICC and its 95% interval of each marker; or no rows.

    Values are of the marker after its transform. A marker that the table lacks has no ICC, which is counted in a note.
    `cohort` has the visits of the study's patients (column patient, markers after their transform), to which repeated
    scans are compared and of which nothing enters the table. Raises `InputError` for a table of none of the markers,
    one that has not the columns it needs, and repeated scans of a patient of the cohort.
    """
    filters = study.filters
    if filters.icc_table is not None:
        rows = _given(study, folder, filters.icc_table)
        name = filters.icc_table
    elif filters.retest is not None:
        rows = _from_scans(study, folder, filters.retest, cohort)
        name = filters.retest
    else:
        return pd.DataFrame(columns=COLUMNS)
    lacking = [row[0] for row in rows if np.isnan(row[4])]
    if len(lacking) == len(rows):
        raise InputError(f"{name}: holds an ICC of none of the {len(rows)} markers; are its features others?")
    if lacking:
        message = f"{len(lacking)} of {len(rows)} markers have no ICC here (the first: {lacking[0]})"
        findings.add(NOTE, name, message, "filters.icc leaves them out")
    return pd.DataFrame(rows, columns=COLUMNS)


Row = tuple[str, int, int, float, float, float]


def _given(study: Study, folder: Path, name: str) -> list[Row]:
    """The lower limit of each marker's ICC, or where the table has no limits the value itself."""
    table = read_table(folder, name, "filters.icc_table", _plain(study))
    columns = [str(column) for column in table.text.columns]
    if FEATURE not in columns or not {LOW, VALUE} & set(columns):
        raise InputError(f"{name}: needs the columns {FEATURE} and {LOW} (or {VALUE}) (filters.icc_table)")
    value, low = (_column(table, column) if column in columns else None for column in (VALUE, LOW))
    twins = table.text[FEATURE][table.text[FEATURE].duplicated()]
    if len(twins):
        raise InputError(f"{name}: the feature {shown(twins.iloc[0])} has two rows; delete one (filters.icc_table)")
    place = {feature: row for row, feature in enumerate(table.text[FEATURE])}
    rows: list[Row] = []
    for marker, own in study.markers.items():
        row = place.get(own.column)
        of_row = [np.nan if row is None or known is None else float(known[row]) for known in (value, low)]
        rows.append((marker, 0, 0, of_row[0], of_row[0] if low is None else of_row[1], np.nan))
    return rows


def _plain(study: Study) -> Data:
    """How the table is read: as the study's own, but for the sheet of a workbook."""
    return study.data.model_copy(update={"sheet": None})


def _column(table: TextTable, column: str) -> np.ndarray:
    values, bad = numbers(table, column)
    if bad:
        raise InputError(f"{place_of(table, int(table.lines[bad[0].row]))}, column {column}: {bad[0].message}")
    return values


def _from_scans(study: Study, folder: Path, name: str, cohort: pd.DataFrame) -> list[Row]:
    """ICC of each marker from the patients with two scans or more, of each the first as many as all of them have."""
    table = read_table(folder, name, "filters.retest", _plain(study))
    if study.data.patient not in table.text.columns:
        raise InputError(
            f"{name}: has no column {study.data.patient} (data.patient), which tells patients (filters.retest)"
        )
    patient = table.text[study.data.patient]
    shared = sorted(set(patient) & set(cohort["patient"].astype(str)))
    if shared:
        raise InputError(
            f"{name}: {len(shared)} of its patients are patients of the study (the first: {shared[0]}); their scans "
            "would select markers in training sets that hold them out. Leave them out of this table "
            "(filters.retest), or rename them where they are other people"
        )
    values = {marker: _transformed(study, table, marker) for marker in study.markers}
    if any(own is not None for own in values.values()):
        _refuse_copies(name, patient, values, cohort)
    counts = patient.value_counts()
    scans = int(counts[counts >= 2].min()) if (counts >= 2).any() else 0
    if (counts >= 2).sum() < 3:
        raise InputError(f"{name}: an ICC needs 3 patients with two scans or more, and there are {(counts >= 2).sum()}")
    number = patient.groupby(patient).cumcount().to_numpy()
    kept = np.flatnonzero(patient.map(counts).ge(2).to_numpy() & (number < scans))
    kept = kept[np.lexsort((number[kept], patient.to_numpy()[kept]))]
    rows: list[Row] = []
    for marker, own in values.items():
        if own is None:
            rows.append((marker, 0, scans, np.nan, np.nan, np.nan))
            continue
        wide = own[kept].reshape(-1, scans)
        wide = wide[~np.isnan(wide).any(axis=1)]
        rows.append((marker, len(wide), scans, *intraclass(wide, study.filters.icc_form == "2,1")))
    return rows


def _transformed(study: Study, table: TextTable, marker: str) -> np.ndarray | None:
    """The marker in each row after its transform, missing where that is not defined; None where the table lacks it."""
    own = study.markers[marker]
    if own.column not in table.text.columns:
        return None
    values, transform = _column(table, own.column), TRANSFORMS[own.transform]
    with np.errstate(all="ignore"):
        return np.asarray(transform.apply(np.where(transform.defined(values), values, np.nan)), dtype=float)


def _refuse_copies(
    name: str, patient: pd.Series, values: Mapping[str, np.ndarray | None], cohort: pd.DataFrame
) -> None:
    """Refuse scans whose markers, `COPIED` or more, are all those of a visit of the cohort."""
    here = {marker: own for marker, own in values.items() if own is not None}
    visits = {key: row for row, key in _keys(cohort[list(here)].to_numpy(dtype=float))}
    copied = [(scan, visits[key]) for scan, key in _keys(np.column_stack(list(here.values()))) if key in visits]
    if copied:
        scan, visit = copied[0]
        raise InputError(
            f"{name}: {len(copied)} of its rows have the values of a visit of the study in all {len(here)} markers "
            f"(the first: {patient.iloc[scan]}, as a visit of {cohort['patient'].iloc[visit]}); scans of the study's "
            "patients would select markers in training sets that hold them out. Leave them out of this table "
            "(filters.retest)"
        )


def _keys(values: np.ndarray) -> Iterator[tuple[int, bytes]]:
    """Each row that has `COPIED` different values or more, with what is equal where two rows are."""
    for place, row in enumerate(values + 0.0):
        if len(np.unique(row[~np.isnan(row)])) >= COPIED:
            yield place, row.tobytes()
