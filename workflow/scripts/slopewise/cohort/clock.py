"""The clock: units of time and calendar dates, as numbers in the study's analysis unit.

A year has 365.25 days and a month is a twelfth of a year, everywhere. A date is a number of days since 1970-01-01,
a time of day its fraction.
"""

from __future__ import annotations

import re
from datetime import datetime

import numpy as np

from slopewise.sources.numbers import numbers
from slopewise.sources.table import BadCell, TextTable, shown
from slopewise.study.keys import MISSING

DAYS = {
    "minutes": 1.0 / 1440,
    "hours": 1.0 / 24,
    "days": 1.0,
    "weeks": 7.0,
    "months": 365.25 / 12,
    "years": 365.25,
    "date": 1.0,
}
"""Days in each unit; dates are counted in days."""

TOLERANCE = 1e-9
"""Times this close are the same: 0.4 weeks in days are 2.8000000000000003."""

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?")
WITH_ZONE = re.compile(ISO.pattern + r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})")
EXCEL_DAY = re.compile(r"[1-6][0-9]{4}(\.[0-9]+)?")
"""Days since 1899-12-30, as spreadsheets keep the dates of 1927 to 2091."""
SLASHED = re.compile(r"([0-9]{1,2})([-/. ])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})")
EPOCH = datetime(1970, 1, 1)
LARGEST = 1e50
"""No measurement, covariate or time is as large: squares and products of larger numbers overflow."""


def in_unit(values: np.ndarray, unit: str, analysis_unit: str) -> np.ndarray:
    """Durations given in `unit` (dates: in days) in the analysis unit; exact when the units are the same."""
    if unit == analysis_unit:
        return values + 0.0
    return values * DAYS[unit] / DAYS[analysis_unit] + 0.0  # + 0.0 so that no minus zero is written


def coarser(values: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """The moments `zero` (n,) from which `values` (m,) count, both in days: whole days where all `values` are.

    A date beside a date-time is the whole day, so that the day of an operation at half past ten is day 0.
    """
    known = values[np.isfinite(values)]
    return np.floor(zero) if len(known) and bool((known == np.floor(known)).all()) else zero


def finite(table: TextTable, column: str) -> tuple[np.ndarray, list[BadCell]]:
    """A column as numbers like `sources.numbers`; what is too large to compute with is a bad cell, and NaN."""
    values, bad = numbers(table, column)
    large = np.flatnonzero(np.abs(values) > LARGEST)
    bad += [BadCell(int(row), f"{shown(table.text[column].iloc[row])} {TOO_LARGE}", numeric=True) for row in large]
    values[large] = np.nan
    return values, bad


TOO_LARGE = "is not a possible value (a code for missing values?) and is too large to compute with"


def read_times(
    table: TextTable, column: str, unit: str, date_format: str, key: str = "data.date_format"
) -> tuple[np.ndarray, list[BadCell]]:
    """A column of times as float64 in `unit` (dates: days since 1970-01-01; NaN where missing), and its bad cells.

    `key` is the key of the study file that holds `date_format`, for messages.
    """
    if unit != "date":
        return finite(table, column)
    cells = table.text[column]
    if date_format == "auto":
        unclear = _not_iso(cells.to_list())
        if unclear is not None:
            return np.full(len(cells), np.nan), [unclear]
    values, bad = np.full(len(cells), np.nan), []
    known: dict[str, float] = {}
    for row, cell in enumerate(cells):
        if cell in MISSING:
            continue
        try:
            if cell not in known:
                known[cell] = _days(cell, date_format, key)
            values[row] = known[cell]
        except ValueError as error:
            bad.append(BadCell(row, str(error)))
    return values, bad


def _days(cell: str, date_format: str, key: str) -> float:
    """A date as days since 1970-01-01; `ValueError` with a message for a person."""
    if WITH_ZONE.fullmatch(cell):
        raise ValueError(f"the date {shown(cell)} has a time zone; write local dates without one")
    if date_format == "auto":
        if not ISO.fullmatch(cell):
            serial = EXCEL_DAY.fullmatch(cell)
            counted = ", but the number of a day as Excel counts them: save it as a date" if serial else ""
            raise ValueError(f"{shown(cell)} is not an ISO date (2020-12-31){counted}")
        try:
            moment = datetime.fromisoformat(cell)
        except ValueError:
            raise ValueError(f"{shown(cell)} is not a calendar date") from None
    else:
        try:
            moment = datetime.strptime(cell, date_format)
        except ValueError:
            raise ValueError(f"{shown(cell)} does not fit {key} {date_format!r}") from None
    if moment.tzinfo is not None:
        raise ValueError(f"the date {shown(cell)} has a time zone; write local dates without one")
    return (moment - EPOCH).total_seconds() / 86400.0


def _not_iso(cells: list[str]) -> BadCell | None:
    """The first cell of a column whose dates need a format, with the formats that fit every such date of the column.

    A format is told but not taken: a file with days up to the 12th today may mean the other order tomorrow.
    """
    found = [(row, match) for row, cell in enumerate(cells) if (match := SLASHED.fullmatch(cell))]
    if not found:
        return None
    row, first = found[0]
    mark, year = first[2], "%Y" if len(first[4]) == 4 else "%y"
    orders = {
        f"%d{mark}%m{mark}{year}": all(int(m[1]) <= 31 and int(m[3]) <= 12 for _, m in found),
        f"%m{mark}%d{mark}{year}": all(int(m[1]) <= 12 and int(m[3]) <= 31 for _, m in found),
    }
    fitting = [f'"{order}"' for order, fits in orders.items() if fits]
    if len(fitting) == 2:
        message = f"the date {shown(first[0])} is ambiguous: it may be {fitting[0]} or {fitting[1]}"
    elif fitting:
        message = f"the date {shown(first[0])} is not ISO; the dates of this column fit {fitting[0]}"
    else:
        message = (
            f"the date {shown(first[0])} is not ISO, and the dates of this column fit no single order of day and month"
        )
    return BadCell(row, message)
