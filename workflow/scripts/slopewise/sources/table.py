"""A file as a table of text with the place of each row, whatever kind of file it was.

Everything stays text until a column is asked for as numbers, so that a patient `001` is not `1` and so that a
message can show the cell as the file spells it. Nothing here knows what the columns mean.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.keys import MISSING


@dataclass(frozen=True)
class Part:
    """One of the files of a table: its name, its encoding, and how many places were counted before it."""

    name: str
    encoding: str
    before: int


@dataclass(frozen=True, repr=False)
class TextTable(ShortRepr):
    """A file as text.

    `name` is the path as the study gives it; `text` has a column of str for each named column of the file, cells
    stripped of white space around them; `lines` the place of each, from 1, of a kind that `readers.place_word` names;
    `encoding` and `decimal` are what was given or found (`decimal_found`: the mark was found). `recoded` counts the
    cells of a column that held a code of `data.missing` and are empty now, by (column, code); `declared` those that
    the file itself declares to be missing (user-missing values of SPSS, Stata and SAS). `notes`: what was done to the
    table, as (column or empty, message, why). `cell_lines` has the place of each cell of a column whose cells were
    read from other lines than `lines` says (a long table), `cell_columns` the name in the file of the column of each
    (a wide table). `parts`: of a table of several files, each of them; `lines` then count on from file to file, and
    `place` and `located` give the file with its own line.
    """

    name: str
    text: pd.DataFrame
    lines: np.ndarray
    encoding: str
    decimal: str
    decimal_found: bool = False
    recoded: Mapping[tuple[str, str], int] = field(default_factory=dict)
    declared: Mapping[tuple[str, str], int] = field(default_factory=dict)
    notes: tuple[tuple[str, str, str], ...] = ()
    cell_lines: Mapping[str, np.ndarray] = field(default_factory=dict)
    cell_columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    @property
    def files(self) -> tuple[Part, ...]:
        """The files that the table was read from."""
        return self.parts or (Part(self.name, self.encoding, 0),)

    def located(self, line: int) -> tuple[str, int]:
        """The name of the file of a place of `lines`, and the place in that file."""
        part = next((one for one in reversed(self.parts) if one.before < line), None)
        return (self.name, int(line)) if part is None else (part.name, int(line) - part.before)

    def line(self, row: int, column: str) -> int:
        """The place in the file of the cell of a column in a row (from 0) of the table."""
        return int(self.cell_lines.get(column, self.lines)[row])

    def column(self, row: int, column: str) -> str:
        """The name in the file of the column that the cell of a column in a row (from 0) of the table was read from."""
        return str(self.cell_columns[column][row]) if column in self.cell_columns else column

    def chosen(self, rows: np.ndarray) -> TextTable:
        """The table with some of its rows only; `rows` is a mask."""
        lines = {column: found[rows] for column, found in self.cell_lines.items()}
        columns = {column: found[rows] for column, found in self.cell_columns.items()}
        text = self.text[rows].reset_index(drop=True)
        return replace(self, text=text, lines=self.lines[rows], cell_lines=lines, cell_columns=columns)

    def missing(self, column: str) -> np.ndarray:
        """Which cells of a column mean a missing value."""
        return self.text[column].isin(MISSING).to_numpy()


@dataclass(frozen=True)
class BadCell:
    """A cell that is not what its column must hold: position in the table (from 0) and what is wrong with it.

    `numeric`: it is meant as a number all the same (infinite, or with the other decimal mark).
    """

    row: int
    message: str
    numeric: bool = False


def called_alike(table: TextTable, column: str, name: str) -> TextTable:
    """The table with `column` under another name; a column that has that name already is another one, and goes."""
    text = table.text
    if column != name:
        text = text.drop(columns=[name], errors="ignore").rename(columns={column: name})
    return replace(table, text=text)


def shown(cell: str) -> str:
    """A cell as it can stand in a message of one line: quoted, at most 40 characters."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


FLAG = "Complete?"
"""What REDCap's export with labels calls the flag of each of its forms."""


def told_apart(header: Sequence[str]) -> list[str]:
    """The `header` with a number behind each `FLAG` but the first."""
    return [
        f"{name} ({header[: place + 1].count(name)})" if name == FLAG and name in header[:place] else name
        for place, name in enumerate(header)
    ]


def refuse_twins(header: Sequence[str], name: str) -> None:
    """Refuse a `header` in which a column's name stands twice."""
    twins = [column for column, count in Counter(header).items() if column and count > 1]
    if twins:
        places = " and ".join(str(place + 1) for place, column in enumerate(header) if column == twins[0])
        raise InputError(
            f"{name}: the column name {shown(twins[0])} appears twice (columns {places}); rename one of them"
        )
