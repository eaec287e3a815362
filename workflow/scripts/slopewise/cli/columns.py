"""What a column of an unknown table is like: numbers or dates, how it moves within a patient, what its name says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from slopewise.cohort.clock import read_times
from slopewise.cohort.named_units import words
from slopewise.run.errors import InputError
from slopewise.sources.numbers import NUMBER, numbers
from slopewise.sources.readers import place_word
from slopewise.sources.table import TextTable, shown
from slopewise.study.keys import MISSING

DAYS_WRITTEN = (
    *(f"%d{mark}%m{mark}{year}" for mark in "./- " for year in ("%Y", "%y")),
    *(f"%m{mark}%d{mark}{year}" for mark in "/-." for year in ("%Y", "%y")),
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%d%b%Y", "%d-%b-%y", "%d%b%y", "%b %d, %Y"),
    *("%d. %B %Y", "%d %B %Y", "%B %d, %Y"),
)
TIMES_WRITTEN = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", ":%H:%M:%S", "T%H:%M:%S")
DATE_FORMATS = ("auto", *(f"{day}{time}" for time in TIMES_WRITTEN for day in DAYS_WRITTEN))
"""Formats that are tried, in this order; ``auto`` is ISO."""
MOST_SHOWN = 4
"""Different cells that a message shows; the others are counted."""
FEWEST_BELOW = 3
"""Rows of numbers below a first row of none, without which it may be a slip."""
SAMPLE = 40
"""Cells on which a format is tried before the whole column is read by it."""


@dataclass(frozen=True)
class Column:
    """A column as it was found.

    `values` (n,) are its numbers, NaN where missing or no number; `odd` says where a column of numbers has a cell
    that is none; `formats` are the date formats that fit every cell, none for a column of numbers or of text.
    """

    name: str
    present: int
    distinct: int
    values: np.ndarray
    odd: str
    formats: tuple[str, ...]

    @property
    def is_number(self) -> bool:
        """Every cell is a number or missing, and there is one."""
        return self.present > 0 and not self.odd and not self.formats and bool(np.isfinite(self.values).any())

    @property
    def is_date(self) -> bool:
        """Every cell is a date or missing."""
        return bool(self.formats)


def describe(table: TextTable, name: str) -> Column:
    """Look at one column."""
    missing = table.missing(name)
    present = int((~missing).sum())
    values, bad = numbers(table, name)
    formats: tuple[str, ...] = ()
    # Dates without marks (20201231) are numbers too: only a column of eight digits throughout is tried as dates.
    eight = present > 0 and bool(table.text[name][~missing].str.fullmatch(r"(19|20)[0-9]{6}").all())
    if present and (len(bad) == present or eight):
        formats = _date_formats(table, name)
    odd = ""
    if bad and not formats:
        odd = bad_cells(table, name, [cell.row for cell in bad]) if len(bad) < present / 2 else "text"
    return Column(name, present, int(table.text[name][~missing].nunique()), values, odd, formats)


def bad_cells(table: TextTable, name: str, rows: list[int]) -> str:
    """Cells that are no numbers, the same ones counted: ``98 × '<30', 26 × 'x' (first at line 5), no numbers``."""
    counts = Counter(shown(str(table.text[name].iloc[row])) for row in rows)
    named = [f"{count} × {cell}" for cell, count in counts.most_common(MOST_SHOWN)]
    others = len(rows) - sum(count for _, count in counts.most_common(MOST_SHOWN))
    more = f" and {others} more" if others else ""
    file, line = table.located(int(table.lines[rows[0]]))
    place = f"{place_word(file)} {line}" + (f" of {file}" if table.parts else "")
    return f"{', '.join(named)}{more}, {'no number' if len(rows) == 1 else 'no numbers'} (first at {place})"


def refuse_second_header(table: TextTable) -> None:
    """Refuse a table whose first row holds no data: the only row without a number in two or more columns of numbers.

    Raises `InputError`.
    """
    found = []
    number = NUMBER[table.decimal].fullmatch
    for name in map(str, table.text.columns):
        first = table.text[name].iloc[: 1 + FEWEST_BELOW].to_list()
        if number(first[0]) or first[0] in MISSING or not any(map(number, first)):
            continue
        _, bad = numbers(table, name)
        if len(bad) == 1 and bad[0].row == 0 and (~table.missing(name)).sum() > FEWEST_BELOW:
            found.append(name)
    if len(found) >= 2:
        row = ", ".join(shown(str(table.text[name].iloc[0])) for name in found[:MOST_SHOWN])
        file, line = table.located(int(table.lines[0]))
        message = f"the first row holds units or names ({row}) and all rows below it numbers"
        raise InputError(
            f"{file}: {place_word(file)} {line}: {message}; delete it, or write units into the columns' names"
        )


def _date_formats(table: TextTable, name: str) -> tuple[str, ...]:
    """The date formats that read every cell of a column; most are ruled out by its first cell."""
    present = np.flatnonzero(~table.missing(name))
    formats = tuple(DATE_FORMATS)
    for rows in (present[:1], present[:SAMPLE], present):
        if formats:
            part = replace(table, text=table.text[[name]].iloc[rows], lines=table.lines[rows])
            formats = tuple(one for one in formats if not read_times(part, name, "date", one)[1])
    return formats


def named(name: str, exact: frozenset[str], inside: Iterable[str] = ()) -> int:
    """How well a name fits: 3 when it is one of `exact` as a whole, 2 when one of its words is, 1 by a part of it."""
    own = words(name)
    if "".join(own) in exact:
        return 3
    if exact & set(own):
        return 2
    joined = "".join(own)
    return 1 if any(part in joined for part in inside) else 0


@dataclass(frozen=True)
class Within:
    """How a column moves within patients, in the order of the file.

    `rising`: share of steps that go up; `tied`: share of rows whose value another row of the patient has too;
    `gap`: median size of a step; `first`: each patient's first value.
    """

    rising: float
    tied: float
    gap: float
    first: np.ndarray


def within(patients: pd.Series, values: np.ndarray) -> Within:
    """Describe the movement of `values` (n,), NaN where missing, within `patients` (n,)."""
    frame = pd.DataFrame({"patient": patients.to_numpy(), "value": values}).dropna()
    steps = frame.groupby("patient", sort=False)["value"].diff().dropna()
    ordered = frame.sort_values(["patient", "value"]).groupby("patient")["value"].diff().dropna()
    return Within(
        rising=float((steps > 0).mean()) if len(steps) else 0.0,
        tied=float(frame.duplicated(["patient", "value"], keep=False).mean()) if len(frame) else 1.0,
        gap=float(ordered[ordered > 0].median()) if (ordered > 0).any() else 0.0,
        first=frame.groupby("patient")["value"].min().to_numpy(),
    )


def is_key(table: TextTable, name: str) -> bool:
    """Whether a column has a value in every row, and each once."""
    return bool(table.text[name].is_unique) and not table.missing(name).any()


def is_constant(table: TextTable, patient: str, name: str) -> bool:
    """Whether no patient has two values of a column, although some patient could have; not of an empty column."""
    rows = table.text[[patient, name]]
    rows = rows[~rows[name].isin(MISSING)]
    if rows.empty:
        return False
    by_patient = rows.groupby(patient)[name]
    return int(by_patient.nunique().max()) <= 1 and bool((by_patient.size() > 1).any())


def looks_like_code(column: Column) -> bool:
    """Whether whole numbers are few and large, such as sites 101 to 105: more likely names than amounts."""
    values = np.unique(column.values[np.isfinite(column.values)])
    if not column.is_number or not 3 <= len(values) <= 30 or np.any(values % 1):
        return False
    return bool(len(values) < 0.5 * column.present and values.min() >= 100 and np.ptp(values) < 10 * len(values))


def listed(names: Iterable[str]) -> str:
    """Names for a message, 40 at most: a radiomics table has thousands."""
    names = [readable(name) for name in names]
    return ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")


def scalar(text: str) -> str:
    """A text as it can stand in the study file: plain where nothing could be read into it, else in quotes."""
    import yaml

    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9_./-]*", text)
    if plain and text.lower() not in ("true", "false", "yes", "no", "on", "off", "null", "y", "n"):
        return text
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**6).strip()


def readable(text: str) -> str:
    """Text from data on one line and without control characters, for a comment or a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in " ".join(text.split())) or shown(text)
