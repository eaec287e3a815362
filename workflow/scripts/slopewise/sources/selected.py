"""Rows that a study asks for by their codes (`data.where`, `outcome.where`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable, shown
from slopewise.study.errors import close_to
from slopewise.study.keys import canonical_code

MOST = 20
"""Columns or codes that a message lists."""


def selected(table: TextTable, where: Mapping[str, tuple[str, ...]], key: str, complete: bool = True) -> TextTable:
    """The rows of the table that hold one of the codes in each column of `where`; how many is a note of the table.

    key: the key of the study file, for messages; complete: whether each code must be there. Raises `InputError` for
    a column or a code that is not there, and where no row is left.
    """
    if not where:
        return table
    keep = np.ones(len(table.text), dtype=bool)
    for column, codes in where.items():
        need_column(table, column, key)
        cells = table.text[column].map(canonical_code)
        there = set(cells)
        for code in codes if complete else ():
            if code not in there:
                close = close_to(code, [str(one) for one in there])
                meant = f"; did you mean {close!r}?" if close else ""
                held = listed(str(one) for one, _ in Counter(cells).most_common())
                message = f"no cell holds {shown(code)} ({key}){meant}; the column holds {held}; name one of them"
                raise InputError(f"{table.name}: column {column}: {message}")
        keep &= cells.isin(codes).to_numpy()
    columns = ", ".join(where)
    if not keep.any():
        raise InputError(f"{table.name}: no row has the codes that {key} names ({columns}); correct them")
    note = ("", f"{int(keep.sum())} of {len(keep)} rows were selected by {columns}", f"as given in {key}")
    return replace(table.chosen(keep), notes=(*table.notes, note))


def need_column(table: TextTable, column: str, key: str) -> None:
    """Raise `InputError` where the table has no such column."""
    names = [str(name) for name in table.text.columns]
    if column not in names:
        close = close_to(column, names, 0.8)
        meant = f"; did you mean {close!r}?" if close else ""
        message = f"there is no such column ({key}){meant}; the columns there are: {listed(names)}"
        raise InputError(f"{table.name}: column {column}: {message}")


def listed(names: Iterable[str]) -> str:
    """The first names of many, for a message."""
    names = list(names)
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")
