"""Sheets of a workbook, whichever program wrote it: which one is read, and where its names and rows stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable, refuse_twins
from slopewise.sources.typed import as_text, refuse_nul
from slopewise.study.errors import close_to

Row = TypeVar("Row")

SHEET = " (sheet "
"""What stands between the name of a workbook and that of its sheet in messages."""


PART = 5_000
"""Rows of a part."""


def counted_rows(rows: Iterable[Row], count: Callable[[int], None]) -> Iterator[Row]:
    """The rows; `count` is called with the number of each `PART` of them, and with that of the rest."""
    number = 0
    for number, row in enumerate(rows, start=1):
        yield row
        if number % PART == 0:
            count(PART)
    count(number % PART)


KEYS = "data.sheet for the measurements, data.patients_sheet for the patients, data.subjects_sheet for the subjects"
OPTIONS_OF_PREDICT = "--sheet for the measurements, --patients-sheet for the patients"
OPTIONS = f"{OPTIONS_OF_PREDICT}, --subjects-sheet for the subjects"
"""What names a sheet: the keys of a study file, and the options of the commands."""


def chosen_sheet(names: Sequence[str], filled: Sequence[str], asked: str | None, name: str) -> str:
    """The sheet that is read: the one that is asked for, else the only one that holds anything.

    names, filled: all sheets of the workbook and those that are not empty. Raises `InputError` where there is no such
    sheet or where several could be meant.
    """
    if asked is not None:
        if asked in names:
            return asked
        close = close_to(asked, list(names))
        meant = f"; did you mean {close!r}?" if close else ""
        raise InputError(f"{name}: there is no sheet {asked!r} ({KEYS}){meant}; there are: {', '.join(names)}")
    if not filled:
        raise InputError(f"{name}: every sheet is empty; it needs a row with the columns' names and rows below it")
    if len(filled) > 1:
        raise InputError(f"{name}: has several sheets ({', '.join(filled)}); name the one to be read ({KEYS})")
    return filled[0]


def sheet_table(name: str, sheet: str, several: bool, rows: Sequence[Sequence[Any]], kind: str) -> TextTable:
    """The table of one sheet from the values of its rows, the first of which is row 1 of the sheet.

    The first row that is not blank has the columns' names. `several`: the workbook has other sheets, so that messages
    name this one. Raises `InputError` for names that stand twice or are merged, and where no rows follow.
    """
    name = f"{name}{SHEET}{sheet})" if several else name
    cells = [[as_text(value) for value in row] for row in rows]
    lines = [line for line, row in enumerate(cells, start=1) if any(row)]
    if not lines:
        raise InputError(f"{name}: the sheet is empty; it needs a row with the columns' names and rows below it")
    header = cells[lines[0] - 1]
    if len(lines) == 1:
        raise InputError(f"{name}: the sheet has no rows below the columns' names; fill it in, or name another sheet")
    width = max(len(cells[line - 1]) for line in lines)
    header = header + [""] * (width - len(header))
    below = [cells[line - 1] + [""] * (width - len(cells[line - 1])) for line in lines[1:]]
    _refuse_nameless(name, header, below, lines[0])
    refuse_twins(header, name)
    columns = {column: [row[place] for row in below] for place, column in enumerate(header) if column}
    for column, texts in columns.items():
        refuse_nul(name, column, texts)
    return TextTable(name, pd.DataFrame(columns, dtype=object), np.array(lines[1:], dtype=np.int64), kind, ".")


def _refuse_nameless(name: str, header: Sequence[str], below: Sequence[Sequence[str]], line: int) -> None:
    """Refuse a column that holds values and has no name, but for row numbers before the first name."""
    first = next(place for place, column in enumerate(header) if column)
    for place in range(first, len(header)):
        if not header[place] and any(row[place] for row in below):
            raise InputError(
                f"{name}: row {line}: column {letters(place)} holds values and has no name; the names must stand in "
                "one row, the first that is not blank, without merged cells and without a title above them"
            )


def letters(place: int) -> str:
    """What a spreadsheet calls a column (0 is A, 26 is AA)."""
    found, number = "", place + 1
    while number:
        number, rest = divmod(number - 1, 26)
        found = chr(ord("A") + rest) + found
    return found
