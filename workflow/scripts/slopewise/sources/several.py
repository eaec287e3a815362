"""Several files of one pattern as one table, whose rows know the file that they came from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.table import Part, TextTable

MOST = 3
"""Columns that a message lists."""


def joined(name: str, tables: Sequence[TextTable]) -> TextTable:
    """The rows of all `tables` below each other in their order, called `name`; lines count on from file to file.

    Raises `InputError` where a table has not the columns of the first, in whatever order, or another decimal mark.
    """
    first = tables[0]
    columns = [str(column) for column in first.text.columns]
    for table in tables[1:]:
        _need_same_columns(first.name, columns, table.name, [str(column) for column in table.text.columns])
    decimal = _decimal(tables)
    parts, before = [], 0
    for table in tables:
        parts.append(Part(table.name, table.encoding, before))
        before += int(table.lines.max(initial=0))
    return replace(
        first,
        name=name,
        text=pd.concat([table.text[columns] for table in tables], ignore_index=True),
        lines=np.concatenate([table.lines + part.before for table, part in zip(tables, parts, strict=True)]),
        decimal=decimal,
        decimal_found=any(table.decimal_found for table in tables),
        recoded=dict(sum((Counter(table.recoded) for table in tables), Counter())),
        declared=dict(sum((Counter(table.declared) for table in tables), Counter())),
        notes=tuple(dict.fromkeys(note for table in tables for note in table.notes)),
        parts=tuple(parts),
    )


def _need_same_columns(first: str, columns: Sequence[str], other: str, found: Sequence[str]) -> None:
    lacking = [column for column in columns if column not in found]
    added = [column for column in found if column not in columns]
    if lacking:
        raise InputError(
            f"{other}: column {lacking[0]}: there is no such column{_more(lacking)}, and {first} has it; files of one "
            "pattern must have the same columns"
        )
    if added:
        raise InputError(
            f"{other}: column {added[0]}: {first} has no such column{_more(added)}; files of one pattern must have the "
            "same columns"
        )


def _more(names: Sequence[str]) -> str:
    if len(names) == 1:
        return ""
    rest = f" and {len(names) - 1 - MOST} more" if len(names) > 1 + MOST else ""
    return f" (nor {', '.join(names[1 : 1 + MOST])}{rest})"


def _decimal(tables: Sequence[TextTable]) -> str:
    """The decimal mark of all tables; one without decimals has that of the others."""
    comma = next((table for table in tables if table.decimal == ","), None)
    if comma is None:
        return "."
    for table in tables:
        column = next((str(name) for name in table.text.columns if _has_points(table, str(name))), None)
        if table.decimal == "." and column is not None:
            message = f"has decimal points, and {comma.name} has decimal commas; write the numbers of all files alike"
            raise InputError(f"{table.name}: column {column}: {message}")
    return ","


def _has_points(table: TextTable, column: str) -> bool:
    return bool(table.text[column].str.fullmatch(r"[-+]?[0-9]*\.[0-9]+").any())
