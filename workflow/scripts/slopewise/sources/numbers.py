"""Numbers as files spell them: decimal commas and points, marks of thousands, and what is no number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from unicodedata import normalize

import numpy as np

from slopewise.run.errors import InputError
from slopewise.sources.patterns import Cells, fits
from slopewise.sources.table import BadCell, TextTable, shown

INFINITE = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+([eE][-+]?[0-9]+)?")
DECIMAL_POINT = re.compile(r"[-+]?[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?")
THOUSANDS = {mark: re.compile(rf"[-+]?[1-9][0-9]{{0,2}}[{mark}][0-9]{{3}}") for mark in ".,"}
"""Numbers in which the mark may be that of decimals or that of thousands."""
HUNDREDS = re.compile(r"[-+]?[1-9][0-9]{2}")
BARE_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{3,}([.,][0-9]*)?")
GROUPED = re.compile(r"[-+]?[0-9]{1,3}([,.'’ \u00a0\u202f])[0-9]{3}(\1[0-9]{3})*([.,][0-9]+)?")
BELOW = re.compile(r"<\s*(.+)")
"""A value below a limit of detection."""
NUMBER = {
    ".": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
    ",": re.compile(r"[-+]?([0-9]+,?[0-9]*|,[0-9]+)([eE][-+]?[0-9]+)?"),
}


def numbers(table: TextTable, column: str) -> tuple[np.ndarray, list[BadCell]]:
    """A column as float64 (NaN where missing), and the cells that are no finite number (NaN there too)."""
    decimal, cells = table.decimal, table.text[column].to_numpy(dtype=object)
    ready = Cells(cells)
    unclear = np.zeros(len(cells), dtype=bool)
    if table.decimal_found and _may_be_thousands(ready, cells, decimal):
        unclear = ready.fit(THOUSANDS[decimal])
    values = np.full(len(cells), np.nan)
    read = ready.fit(NUMBER[decimal]) & ~unclear
    values[read] = ready.numbers(read, decimal)
    wrong = ~np.isfinite(values) & ~table.missing(column)
    values[wrong] = np.nan
    bad = [_bad_cell(int(row), cells[row], decimal, bool(unclear[row])) for row in np.flatnonzero(wrong)]
    return values, bad


def is_numeric(cells: np.ndarray, decimal: str) -> np.ndarray:
    """Which texts (n,) are numbers, or are meant as numbers although they cannot be read as such."""
    bad = [_no_number(row, cell, decimal) for row, cell in enumerate(cells)]
    return fits(cells, NUMBER[decimal]) | np.array([cell.numeric for cell in bad], dtype=bool)


def _bad_cell(row: int, cell: str, decimal: str, unclear: bool) -> BadCell:
    if unclear:
        return BadCell(row, f"{shown(cell)} {EITHER}; set data.decimal, or write it without marks", True)
    return _no_number(row, cell, decimal)


def _no_number(row: int, cell: str, decimal: str) -> BadCell:
    if INFINITE.fullmatch(cell) or NUMBER[decimal].fullmatch(cell):
        return BadCell(row, f"{shown(cell)} is not a finite number", numeric=True)
    if NUMBER["," if decimal == "." else "."].fullmatch(cell):
        return BadCell(row, f"{shown(cell)} is not a number where the decimal mark is {decimal!r}", numeric=True)
    if GROUPED.fullmatch(cell):
        return BadCell(row, f"{shown(cell)} has marks of thousands, which are not read", numeric=True)
    if cell.endswith("%") and NUMBER[decimal].fullmatch(cell[:-1].rstrip()):
        return BadCell(row, f"{shown(cell)} is not a number because of the sign %")
    if not cell.isascii() and NUMBER[decimal].fullmatch(normalize("NFKC", cell).replace("−", "-")):
        return BadCell(row, f"{shown(cell)} is not a number: some of its characters are no plain digits or signs")
    return BadCell(row, f"{shown(cell)} is not a number")


EITHER = "could be a decimal mark or a mark of thousands"


def _may_be_thousands(ready: Cells, cells: np.ndarray, mark: str) -> bool:
    """Whether the marks of a column may be those of thousands: three digits after each, and whole hundreds without."""
    marked = ready.hold(mark)
    if not marked.any() or not fits(cells[marked], THOUSANDS[mark]).all():
        return False
    bare = cells[~marked]
    return bool(fits(bare, HUNDREDS).any()) and not bool(fits(bare, BARE_THOUSANDS).any())


def find_decimal(columns: Mapping[str, np.ndarray], name: str, delimiter: str) -> str:
    """The decimal mark of the file; `InputError` where nothing tells 1,234 (or 1.234) of decimals from thousands.

    Cells whose mark cannot be that of thousands (3,5 and 0.123) tell it, by majority. Without any, marks that may be
    either are refused; points are taken as decimal in a file whose cells commas separate.
    """
    patterns = {",": DECIMAL_COMMA, ".": DECIMAL_POINT}
    first: dict[str, str] = {}
    plain = {",": 0, ".": 0}
    for cells in columns.values():
        ready = Cells(cells)
        for mark, pattern in patterns.items():
            marked = cells[ready.hold(mark)]
            marked = marked[fits(marked, pattern)]
            if len(marked):
                first.setdefault(mark, marked[0])
                plain[mark] += int((~fits(marked, THOUSANDS[mark])).sum())
    if any(plain.values()):
        return "," if plain[","] > plain["."] else "."
    unclear = first.get(",") or (first.get(".") if delimiter != "," else None)
    if unclear:
        what = "a decimal comma" if "," in unclear else "a decimal point"
        message = f"{shown(unclear)} could be {what} or a mark of thousands; set data.decimal"
        raise InputError(f"{name}: {message}")
    return "."
