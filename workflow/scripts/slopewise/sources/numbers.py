"""Numbers as files spell them: decimal commas and points, marks of thousands, and what is no number."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from slopewise.run.errors import InputError
from slopewise.sources.table import BadCell, TextTable, shown
from slopewise.study.keys import MISSING

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
    pattern, decimal = NUMBER[table.decimal], table.decimal
    values = np.full(len(table.text), np.nan)
    bad = []
    unclear = table.decimal_found and _may_be_thousands(table.text[column], decimal)
    for row, cell in enumerate(table.text[column]):
        if cell in MISSING:
            continue
        if unclear and THOUSANDS[decimal].fullmatch(cell):
            bad.append(BadCell(row, f"{shown(cell)} {EITHER}; set data.decimal, or write it without marks", True))
            continue
        if pattern.fullmatch(cell):
            values[row] = float(cell.replace(",", ".") if decimal == "," else cell)
            if math.isfinite(values[row]):
                continue
            values[row] = np.nan
        bad.append(_no_number(row, cell, decimal))
    return values, bad


def _no_number(row: int, cell: str, decimal: str) -> BadCell:
    if INFINITE.fullmatch(cell) or NUMBER[decimal].fullmatch(cell):
        return BadCell(row, f"{shown(cell)} is not a finite number", numeric=True)
    if NUMBER["," if decimal == "." else "."].fullmatch(cell):
        return BadCell(row, f"{shown(cell)} is not a number where the decimal mark is {decimal!r}", numeric=True)
    if GROUPED.fullmatch(cell):
        return BadCell(row, f"{shown(cell)} has marks of thousands, which are not read", numeric=True)
    return BadCell(row, f"{shown(cell)} is not a number")


EITHER = "could be a decimal mark or a mark of thousands"


def _may_be_thousands(cells: Iterable[str], mark: str) -> bool:
    """Whether the marks of a column may be those of thousands: three digits after each, and whole hundreds without."""
    marked = [cell for cell in cells if mark in cell]
    if not marked or not all(THOUSANDS[mark].fullmatch(cell) for cell in marked):
        return False
    bare = [cell for cell in cells if mark not in cell]
    return any(HUNDREDS.fullmatch(cell) for cell in bare) and not any(BARE_THOUSANDS.fullmatch(cell) for cell in bare)


def find_decimal(columns: Mapping[str, Sequence[str]], name: str, delimiter: str) -> str:
    """The decimal mark of the file; `InputError` where nothing tells 1,234 (or 1.234) of decimals from thousands.

    Cells whose mark cannot be that of thousands (3,5 and 0.123) tell it, by majority. Without any, marks that may be
    either are refused; points are taken as decimal in a file whose cells commas separate.
    """
    patterns = {",": DECIMAL_COMMA, ".": DECIMAL_POINT}
    marked = {mark: [cell for cells in columns.values() for cell in cells if mark in cell and pattern.fullmatch(cell)]
              for mark, pattern in patterns.items()}  # fmt: skip
    plain = {mark: sum(1 for cell in cells if not THOUSANDS[mark].fullmatch(cell)) for mark, cells in marked.items()}
    if any(plain.values()):
        return "," if plain[","] > plain["."] else "."
    unclear = marked[","] or (marked["."] if delimiter != "," else [])
    if unclear:
        what = "a decimal comma" if "," in unclear[0] else "a decimal point"
        message = f"{shown(unclear[0])} could be {what} or a mark of thousands; set data.decimal"
        raise InputError(f"{name}: {message}")
    return "."
