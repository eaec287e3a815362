"""Values of a typed file (Parquet, Excel, SAS ...) as the text that a CSV file would hold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Any

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable, refuse_twins, shown


def typed_table(name: str, header: Sequence[str], columns: Sequence[Sequence[Any]], encoding: str) -> TextTable:
    """The table of a file whose columns have types, rows counted from 1; columns without a name are left out.

    `columns` holds the values of each column of `header`, all of one length; `encoding` is what `Table.encoding` says.
    Raises `InputError` for a column's name that stands twice, for no rows and for a text with a NUL character.
    """
    header = [column.strip() for column in header]
    refuse_twins(header, name)
    rows = len(columns[0]) if columns else 0
    if not rows:
        raise InputError(f"{name}: the file has no rows; export it again")
    texts = {column: as_texts(values) for column, values in zip(header, columns, strict=True) if column}
    for column, cells in texts.items():
        refuse_nul(name, column, cells)
    return TextTable(name, pd.DataFrame(texts, dtype=object), np.arange(1, rows + 1, dtype=np.int64), encoding, ".")


def refuse_nul(name: str, column: str, cells: Sequence[str], before: int = 0) -> None:
    """Refuse a text with a NUL character, which ends a text for many programs; `before` rows came before these."""
    for row, cell in enumerate(cells, start=before + 1):
        if "\0" in cell:
            raise InputError(f"{name}: row {row}, column {column}: {shown(cell)} holds a NUL character; delete it")


def as_texts(values: Sequence[Any]) -> list[str]:
    """The values of a column, each as `as_text` has it."""
    kinds = set(map(type, values))
    if kinds <= {str}:
        return [value.strip() for value in values]
    if kinds <= {int}:
        return list(map(str, values))
    if kinds <= {float, type(None)}:
        return numbers_as_texts(np.array(values, dtype=np.float64)).tolist()
    return [as_text(value) for value in values]


def numbers_as_texts(values: np.ndarray) -> np.ndarray:
    """Numbers (n,), NaN where missing, as texts (n,), each as `as_text` has it."""
    texts = np.full(len(values), "", dtype=object)
    whole = (np.abs(values) < 1e15) & (values == np.floor(values))
    rest = ~whole & ~np.isnan(values)
    texts[whole] = list(map(str, values[whole].astype(np.int64).tolist()))
    texts[rest] = list(map(repr, values[rest].tolist()))
    return texts


def as_text(value: Any) -> str:
    """A value of a typed file as the text that a CSV file would hold; a whole number has no point (7.0 is 7)."""
    if value is None or value is pd.NaT:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    if isinstance(value, datetime):
        return value.date().isoformat() if value.timetz() == time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
