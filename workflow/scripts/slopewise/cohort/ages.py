"""Age at time zero from a date of birth (`data.birth_date`), as the column `age` beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from slopewise.cohort.clock import DAYS, read_times
from slopewise.cohort.findings import Findings
from slopewise.run.errors import InputError
from slopewise.sources.selected import need_column
from slopewise.sources.table import BadCell, TextTable, shown
from slopewise.study.formulas import AGE
from slopewise.study.keys import Data
from slopewise.study.model import Study

OLDEST = 125.0
"""Years; nobody is known to have lived longer."""


def with_age(
    study: Study, measurements: TextTable, patients: TextTable | None, findings: Findings, given: bool = False
) -> tuple[TextTable, TextTable | None]:
    """Both tables, with the column `age` in the one that has the date of birth; as they are without `data.birth_date`.

    The age is that at time zero in years of 365.25 days, from whole days, and empty where either date is. A date that
    cannot be read, and an age below 0 or above `OLDEST`, are errors among the findings. `given`: tables that have a
    column `age` and no date of birth will do. Raises `InputError` without the column, and where `age` is there already.
    """
    column = study.data.birth_date
    if column is None:
        return measurements, patients
    both = [table for table in (patients, measurements) if table is not None]
    table = next((one for one in both if column in one.text.columns), both[0])
    has_age = next((one for one in both if AGE in one.text.columns), None)
    if given and has_age is not None and column not in table.text.columns:
        return measurements, patients
    need_column(table, column, "data.birth_date")
    if has_age is not None:
        message = f"data.birth_date makes a column {AGE}, and there is one already; rename it, or leave out the key"
        raise InputError(f"{has_age.name}: column {AGE}: {message}")
    aged = _aged(study.data, table, date_of_time_zero(study.data, measurements, patients), patients is table, findings)
    return (measurements, aged) if table is patients else (aged, patients)


def _aged(data: Data, table: TextTable, zero: pd.Series, of_patients: bool, findings: Findings) -> TextTable:
    assert data.birth_date is not None
    key = "data.patients_date_format" if of_patients else "data.date_format"
    written = data.format_of_patients if of_patients else data.date_format
    birth, bad = read_times(table, data.birth_date, "date", written, key)
    start = zero.reindex(table.text[data.patient]).to_numpy(dtype=float)
    age = (np.floor(start) - np.floor(birth)) / DAYS["years"]
    for row in np.flatnonzero((age < 0) | (age > OLDEST)):
        cell, day = shown(table.text[data.birth_date].iloc[row]), np.datetime64(int(start[row]), "D")
        wrong = "is after time zero" if age[row] < 0 else f"makes the patient {age[row]:.0f} years old at time zero"
        bad.append(BadCell(int(row), f"the date of birth {cell} {wrong} ({day})"))
    findings.add_cells(table, data.birth_date, bad, f"correct it, time zero, or {key}", data.patient)
    cells = ["" if np.isnan(years) else f"{years:.4f}".replace(".", table.decimal) for years in age]
    return replace(table, text=table.text.assign(**{AGE: np.array(cells, dtype=object)}))


def date_of_time_zero(data: Data, measurements: TextTable, patients: TextTable | None) -> pd.Series:
    """Each patient's time zero in days since 1970-01-01, by the patient; what cannot be read is reported elsewhere."""
    if data.time_zero == "first_visit":
        table, column, written = measurements, data.time, data.date_format
    else:
        table, column, written = patients or measurements, data.zero_column, data.format_of_patients
    if column not in table.text.columns or data.patient not in table.text.columns:
        return pd.Series(dtype=float)
    values, _ = read_times(table, column, "date", written)
    return pd.Series(values, index=table.text[data.patient].to_numpy()).groupby(level=0).min()
