"""Parquet and Feather (Arrow): files with typed columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from slopewise.run.errors import InputError
from slopewise.run.progress import uncounted
from slopewise.sources.table import TextTable
from slopewise.sources.typed import numbers_as_texts, typed_table
from slopewise.study.keys import Data

PART = 1 << 16
"""Rows of a part."""


def read_parquet(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The Parquet file at `path`, `name` in messages; `count` is called with the share of the rows in each part."""
    import pyarrow.parquet as pq

    return _read(path, name, "Parquet", pq.read_table, count)


def read_feather(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The Feather file at `path`, `name` in messages; `count` as `read_parquet` has it."""
    import pyarrow.feather as feather

    return _read(path, name, "Feather", feather.read_table, count)


def _read(
    path: Path, name: str, kind: str, read: Callable[[Path], Any], count: Callable[[float], None] = uncounted
) -> TextTable:
    import pyarrow as pa

    try:
        content = read(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{name}: cannot be read as {kind} ({reason}); write the file again") from error
    columns: list[list[Any]] = [[] for _ in content.columns]
    for part in content.to_batches(PART):
        for values, column in zip(columns, part.columns, strict=True):
            values += _values(column)
        count(part.num_rows / content.num_rows)
    return typed_table(name, content.column_names, columns, kind.lower())


def _values(column: Any) -> Sequence[Any]:
    """The values of a column; texts and numbers without the detour of an object of Python for each."""
    import pyarrow as pa

    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return column.fill_null("").to_pandas().tolist()
    if pa.types.is_float64(column.type):
        return numbers_as_texts(column.to_numpy(zero_copy_only=False)).tolist()
    return column.to_pylist()
