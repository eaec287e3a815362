"""The tables that pass between steps: their columns, their keys, and the one way to read and write them.

A table is checked against its schema when it is written and again when it is read (pandera finds what is wrong with
one that breaks it), sorted by its keys, and written all or nothing. The suffix of the path decides the form: Parquet
for steps, CSV for people, where a text that a spreadsheet would run as a formula is guarded by an apostrophe, which
reading takes away again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.files import atomic
from slopewise.tables.of_batches import OF_BATCHES
from slopewise.tables.of_cohort_and_outcome import TABLES as OF_OTHERS
from slopewise.tables.of_effects import OF_EFFECTS
from slopewise.tables.of_groups import OF_GROUPS
from slopewise.tables.of_growth import OF_GROWTH, OF_SLOPES
from slopewise.tables.of_predictions import OF_PREDICTIONS
from slopewise.tables.schema import FLAG, FULL, INTEGER, NUMBER, TEXT, Kind, Schema

if TYPE_CHECKING:
    from pandera.errors import SchemaError, SchemaErrors

__all__ = ["TABLES", "Schema", "bare", "check", "guarded", "read", "write"]

TABLES: dict[str, Schema] = {
    **OF_OTHERS,
    **OF_BATCHES,
    **OF_GROUPS,
    **OF_GROWTH,
    **OF_SLOPES,
    **OF_EFFECTS,
    **OF_PREDICTIONS,
}


STRING = pd.StringDtype()
TYPES: dict[Kind, np.dtype[Any]] = {
    INTEGER: np.dtype("int64"), NUMBER: np.dtype("float64"), FULL: np.dtype("float64"), FLAG: np.dtype("bool"),
}  # fmt: skip
"""The type of a kind of column that is no text."""


def check(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """The frame in the table's types, order of columns and order of rows; `ValueError` where it breaks the schema."""
    table = TABLES[name].of(frame)
    missing = [column for column in table.columns if column not in frame.columns]
    if missing:
        raise ValueError(f"table {name}: columns missing: {', '.join(missing)}")
    further = [column for column in frame.columns if column not in table.columns]
    here = [column for column in table.columns if column in frame.columns]
    if list(frame.columns) != [*here, *further]:
        frame = frame[[*here, *further]]
    types = dict(zip(frame.columns, frame.dtypes, strict=True))
    wanted = {column: TYPES.get(table.columns[column], STRING) for column in here}
    frame = _converted(frame, {column: kind for column, kind in wanted.items() if types[column] != kind})
    if not table.holds(frame):
        _refuse(frame, name, table)
    if not table.positional:
        frame = frame.sort_values(list(table.keys), kind="stable")
    return frame.reset_index(drop=True)


def _converted(frame: pd.DataFrame, types: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with some columns in other types, one by one: `astype` of a frame takes all columns apart."""
    if not types:
        return frame
    try:
        return frame.assign(**{column: frame[column].astype(kind) for column, kind in types.items()})
    except (ValueError, TypeError):
        return frame.astype(dict(types))  # its error names the column


def _refuse(frame: pd.DataFrame, name: str, table: Schema) -> None:
    """`ValueError` that says where a frame breaks its table's schema."""
    from pandera.errors import SchemaError, SchemaErrors

    try:
        table.schema.validate(frame, lazy=True)
    except (SchemaError, SchemaErrors) as error:
        raise ValueError(f"table {name} breaks its schema: {_reasons(error)}") from error


def _reasons(error: SchemaError | SchemaErrors) -> str:
    """What is wrong, on one line: column, check and the first value that fails it."""
    cases = error.failure_cases
    if not isinstance(cases, pd.DataFrame):
        return str(error).replace("\n", " ")
    first = cases.drop_duplicates(["column", "check"])
    return "; ".join(f"{row.column}: {row.check} fails for {row.failure_case!r}" for row in first.itertuples())


def write(frame: pd.DataFrame, name: str, *paths: str | Path) -> pd.DataFrame:
    """Check `frame` against the table called `name` and write it to each of `paths`; returns what was written."""
    frame = check(frame, name)
    for path in paths:
        with atomic(path) as temporary:
            if Path(path).suffix == ".parquet":
                frame.to_parquet(temporary, index=False)
            else:
                _texts(frame, guarded).to_csv(temporary, index=False, lineterminator="\n")
    return frame


FORMULA = re.compile(r"'*(?=[=+\-@\t\r])(?![+-]?[0-9]+(\.[0-9]+)?\Z)", re.DOTALL)
"""The start of a text that a spreadsheet would run as a formula, behind apostrophes or none; a number is no formula."""


def guarded(text: str) -> str:
    """The text as a CSV file for people holds it: with an apostrophe before what a spreadsheet takes for a formula.

    `bare` gives it back, so that a patient called ``=1+1`` is the same patient in every table.
    """
    return f"'{text}" if FORMULA.match(text) else text


def bare(text: str) -> str:
    """What `guarded` was given."""
    return text[1:] if text.startswith("'") and FORMULA.match(text[1:]) else text


MARKS = frozenset("'=+-@\t\r")
"""How a text begins that `guarded` or `bare` may change."""


def _texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The frame with `guarded` or `bare` done to every text in it; missing texts stay missing."""
    names = [
        name
        for name in frame.columns
        if pd.api.types.is_string_dtype(frame[name].dtype)
        and not MARKS.isdisjoint(text[:1] for text in frame[name].array if isinstance(text, str))
    ]
    changed = {name: frame[name].map(change, na_action="ignore").astype("string") for name in names}
    return frame.assign(**changed) if changed else frame


def read(name: str, path: str | Path) -> pd.DataFrame:
    """Read the table called `name` from Parquet or CSV and check it against its schema.

    Raises `InputError` when the file is not there or is not that table, since a user may have edited it.
    """
    path = Path(path)
    try:
        if path.suffix == ".parquet":
            return check(_parquet(path), name)
        kinds = TABLES[name].columns.items()
        text: dict[Hashable, str] = {c: "string" for c, kind in kinds if kind == TEXT or isinstance(kind, tuple)}
        return check(_texts(pd.read_csv(path, dtype=text, keep_default_na=False, na_values=[""]), bare), name)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: {error}. Delete it and run the workflow again.") from error


def _parquet(path: Path) -> pd.DataFrame:
    """A Parquet file, read without a further thread, which would keep this process from being copied."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path, pre_buffer=False) as file:
        frame: pd.DataFrame = file.read(use_threads=False).to_pandas(use_threads=False)
    return frame


def read_each(inputs: Mapping[str, Path], *names: str) -> list[pd.DataFrame]:
    """The tables of these names, each from the input that is called as the table without its folder."""
    return [read(name, inputs[name.rpartition("/")[2]]) for name in names]
