"""The visits as a clock: each patient's last visit, the date of time zero, and how ids of two tables meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from slopewise.cli.columns import Column, listed, readable
from slopewise.cohort.clock import read_times
from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable
from slopewise.study.keys import MISSING

SPELLINGS: dict[str, Callable[[str], str]] = {
    "leading zeros are lost in one of them": lambda text: text.lstrip("0") or "0",
    "one of them writes whole numbers with .0": lambda text: re.sub(r"\.0+$", "", text),
    "they differ in upper and lower case": str.casefold,
    "they differ in blanks and marks between letters and digits": lambda text: re.sub(r"[\W_]+", "", text).casefold(),
    "one of them has a prefix before the number": lambda text: re.sub(r"^\D+0*|^0+", "", text) or "0",
}
"""Ways in which programs spell the same id differently, likely ones first."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True)
class Ids:
    """How the ids of two tables are made to meet, and what is wrong with them (empty: nothing)."""

    spelt: Callable[[str], str] = field(default=_as_it_is)
    trouble: str = ""


def meet(measurements: TextTable, patients: TextTable, column: str) -> Ids:
    """Whether the ids of two tables are the same texts; where few are, the spelling in which they would be."""
    rows, people = (set(table.text[column]) - MISSING for table in (measurements, patients))
    if overlap(rows, people) >= 0.5:
        return Ids()
    for cause, spelt in SPELLINGS.items():
        one, other = {spelt(each): each for each in sorted(rows)}, {spelt(each): each for each in sorted(people)}
        shared = sorted(set(one) & set(other))
        if len(shared) >= 0.5 * min(len(one), len(other)) and len(one) >= 0.9 * len(rows):
            example = next((each for each in shared if one[each] != other[each]), shared[0])
            trouble = (
                f"the patients of {measurements.name} and {patients.name} do not match, since ids are text: "
                f"{readable(one[example])} there is {readable(other[example])} here; {cause}: write both in the same "
                "way (read and save the column as text)"
            )
            return Ids(spelt, trouble)
    few = listed(sorted(rows)[:3]), listed(sorted(people)[:3])
    return Ids(_as_it_is, f"few patients are in both files: {measurements.name} has {few[0]} ..., {patients.name} "
                          f"{few[1]} ...; is it the right column (--patient)?")  # fmt: skip


def overlap(one: set[str], other: set[str]) -> float:
    """Share of the smaller set that is in the other too."""
    return len(one & other) / max(1, min(len(one), len(other)))


@dataclass(frozen=True)
class Clock:
    """The visits as a clock.

    `dates`: it has calendar dates (counted in days). `date_format`: how dates of patients are most likely written;
    `zero_format`: how those of time zero are. `last`: each patient's last visit, since time zero where `zero` is
    known, else on the file's own clock. `gap`: the typical step between visits; `span`: from the first to the last of
    all. `zero`: each patient's date of time zero (days since 1970), from a column of the patients' table, or None.
    """

    patient: str
    unit: str
    dates: bool
    date_format: str
    gap: float
    last: pd.Series
    span: float
    zero: pd.Series | None
    zero_format: str
    spelt: Callable[[str], str]

    def ids(self, table: TextTable) -> list[str]:
        """The patients of a table's rows, spelt so that both tables meet."""
        return [self.spelt(str(cell)) for cell in table.text[self.patient]]

    def zero_of(self, table: TextTable) -> np.ndarray:
        """The date of time zero of the patients of a table's rows; 0 where there is none."""
        if self.zero is None:
            return np.zeros(len(table.text))
        return self.zero.reindex(self.ids(table)).to_numpy()


def make_clock(
    table: TextTable, patient: str, column: Column, unit: str, date_format: str, gap: float, ids: Ids,
    zero: tuple[TextTable, str, str] | None,
) -> Clock:  # fmt: skip
    """The clock of the visits; `zero` is the table, column and format of the dates of time zero."""
    values, _ = read_times(table, column.name, unit, date_format)
    names = [ids.spelt(str(cell)) for cell in table.text[patient]]
    last = pd.Series(values, index=names).groupby(level=0).max().dropna()
    starts = None
    if zero is not None:
        source, name, written = zero
        days, _ = read_times(source, name, "date", written)
        starts = pd.Series(days, index=[ids.spelt(str(cell)) for cell in source.text[patient]]).groupby(level=0).first()
        if unit == "date":
            last = (last - starts.reindex(last.index)).dropna()
    return Clock(
        patient=patient, unit="days" if unit == "date" else unit, dates=unit == "date", date_format=date_format,
        gap=gap, last=last, span=extent(values), zero=starts,
        zero_format=zero[2] if zero else "", spelt=ids.spelt,
    )  # fmt: skip


def extent(values: np.ndarray) -> float:
    """From the smallest to the largest of the values; 0 where there is none."""
    there = values[np.isfinite(values)]
    return float(np.ptp(there)) if len(there) else 0.0


def fitting_format(table: TextTable, column: Column, preferred: str) -> str:
    """The format of a column of dates: that of the visits where it fits, else the only one that does.

    Raises `InputError` where day and month could be either way round.
    """
    if preferred in column.formats or not column.formats:
        return preferred
    return only_format(table, column, list(column.formats), "--patients-date-format")


def only_format(table: TextTable, column: Column, fitting: list[str], option: str) -> str:
    """The first of the formats that fit; `InputError` where it may be day first or month first."""
    if len(fitting) > 1 and "auto" not in fitting and "." not in fitting[0]:
        first = table.text[column.name][~table.missing(column.name)].iloc[0]
        either = " or ".join(f'"{fmt}"' for fmt in fitting)
        raise InputError(
            f"{table.name}: column {readable(column.name)}: the dates, such as {first!r}, may be day first or "
            f"month first; give it with {option} {either}"
        )
    return fitting[0]


def known_ids(table: TextTable, column: str) -> set[str]:
    """The ids in a column."""
    return set(map(str, table.text[column])) - MISSING


def best_match(ids: set[str], table: TextTable, columns: Iterable[str]) -> tuple[str, float]:
    """The column of a table whose values are most of these ids, and the share of them."""
    scored = [(overlap(ids, known_ids(table, name)), -place, name) for place, name in enumerate(columns)]
    share, _, name = max(scored, default=(0.0, 0, ""))
    return name, share
