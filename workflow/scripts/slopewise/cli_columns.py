"""What a column of an unknown table is like: numbers or dates, how it moves within a patient, what its name says."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.cohort.clock import read_times
from slopewise.sources import MISSING, Table, numbers, shown

DATE_FORMATS = (
    "auto",
    *(f"%d{mark}%m{mark}{year}" for mark in "./- " for year in ("%Y", "%y")),
    *(f"%m{mark}%d{mark}{year}" for mark in "/-." for year in ("%Y", "%y")),
    *("%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d-%b-%Y", "%d %b %Y", "%d%b%Y"),
)
"""Formats that are tried, in this order; ``auto`` is ISO."""
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


def describe(table: Table, name: str) -> Column:
    """Look at one column."""
    missing = table.missing(name)
    present = int((~missing).sum())
    values, bad = numbers(table, name)
    formats: tuple[str, ...] = ()
    # Dates without marks (20201231) are numbers too: only a column of eight digits throughout is tried as dates.
    eight = present > 0 and bool(table.text[name][~missing].str.fullmatch(r"(19|20)[0-9]{6}").all())
    if present and (len(bad) == present or eight):
        formats = tuple(fmt for fmt in DATE_FORMATS if _fits(table, name, fmt))
    odd = ""
    if bad and not formats:
        first = bad[0]
        odd = f"line {table.lines[first.row]}: {first.message}" if len(bad) < present / 2 else "text"
    return Column(name, present, int(table.text[name][~missing].nunique()), values, odd, formats)


def _fits(table: Table, name: str, date_format: str) -> bool:
    present = np.flatnonzero(~table.missing(name))
    for rows in (present[:SAMPLE], present):
        part = Table(table.name, table.text.iloc[rows], table.lines[rows], table.encoding, table.decimal)
        if read_times(part, name, "date", date_format)[1]:
            return False
    return True


def vocabulary(text: str) -> frozenset[str]:
    """Words that a name may be."""
    return frozenset(text.split())


def words(name: str) -> list[str]:
    """The words of a column's name in lower case without accents: ``VisitDate_2`` is visit, date, 2."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    parts = re.sub(r"([a-z])([A-Z])", r"\1 \2", plain).lower()
    return [word for word in re.split(r"[^a-z0-9]+", parts) if word]


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


def is_constant(table: Table, patient: str, name: str) -> bool:
    """Whether no patient has two values of a column, although some patient could have."""
    rows = table.text[[patient, name]]
    rows = rows[~rows[name].isin(MISSING)]
    by_patient = rows.groupby(patient)[name]
    return int(by_patient.nunique().max()) <= 1 and bool((by_patient.size() > 1).any())


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
