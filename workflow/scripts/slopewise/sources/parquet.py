"""Parquet: typed columns, which become the text that a CSV file would hold."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.table import Table, refuse_twins
from slopewise.study.keys import Data


def read_parquet(path: Path, name: str, data: Data) -> Table:
    """The file at `path`, `name` in messages."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name}: cannot be read as Parquet ({' '.join(str(error).split())[:200]})") from error
    header = [column.strip() for column in content.column_names]
    refuse_twins(header, name)
    if content.num_rows == 0:
        raise InputError(f"{name}: the file has no rows")
    columns = {
        column: [as_text(value) for value in content.column(place).to_pylist()]
        for place, column in enumerate(header)
        if column
    }
    lines = np.arange(1, content.num_rows + 1, dtype=np.int64)
    return Table(name, pd.DataFrame(columns, dtype=object), lines, "parquet", ".")


def as_text(value: Any) -> str:
    """A value of a typed file as the text that a CSV file would hold; a whole number has no point (7.0 is 7)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.timetz() == time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
