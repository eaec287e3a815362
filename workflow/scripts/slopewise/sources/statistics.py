"""Files of SAS, Stata and SPSS, read by pyreadstat: value labels become levels, user-missing values are missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from slopewise.run.errors import InputError
from slopewise.run.extras import needed
from slopewise.sources.table import TextTable
from slopewise.sources.typed import as_text, typed_table
from slopewise.study.keys import Data

Count = Callable[[float], None]
"""Called with the share of the rows in each part that was read; for transport files, which do not hold how many there
are, with their number."""


def read_spss(path: Path, name: str, data: Data, count: Count | None = None) -> TextTable:
    """The file of SPSS (.sav, .zsav) at `path`, `name` in messages."""
    return _read(path, name, data, "SPSS", "read_sav", count, user_missing=True)


def read_stata(path: Path, name: str, data: Data, count: Count | None = None) -> TextTable:
    """The file of Stata (.dta) at `path`, `name` in messages; user-missing values are .a to .z."""
    return _read(path, name, data, "Stata", "read_dta", count, user_missing=True)


def read_sas(path: Path, name: str, data: Data, count: Count | None = None) -> TextTable:
    """The data set of SAS (.sas7bdat) at `path`, `name` in messages; user-missing values are .A to .Z and ._ ."""
    return _read(path, name, data, "SAS", "read_sas7bdat", count, user_missing=True)


def read_transport(path: Path, name: str, data: Data, count: Count | None = None) -> TextTable:
    """The transport file of SAS (.xpt, version 5 or 8) at `path`, `name` in messages; no value is user-missing."""
    return _read(path, name, data, "SAS transport", "read_xport", count)


PARTS, PART = 10, 20_000
"""Parts in which a file is read whose number of rows is known, and rows of a part where it is not."""


def _read_parts(read: Callable[..., Any], path: Path, count: Count, options: dict[str, Any]) -> tuple[Any, Any]:
    """What `read` gives of the whole file, read in parts: the columns as lists, and the facts."""
    _, facts = read(str(path), metadataonly=True, **{key: value for key, value in options.items() if key == "encoding"})
    total = facts.number_rows
    size = PART if total is None else max(1, -(-total // PARTS))
    columns: dict[str, list[Any]] = {name: [] for name in facts.column_names}
    done = 0
    while True:
        values, part = read(str(path), output_format="dict", row_offset=done, row_limit=size, **options)
        rows = len(next(iter(values.values()), ()))
        facts = part if done == 0 else facts
        for name, cells in columns.items():
            cells.extend(values[name])
        done += rows
        if rows:
            count(rows if total is None else rows / total)
        if rows < size:
            return columns, facts


def _read(
    path: Path, name: str, data: Data, kind: str, reader: str, count: Count | None = None, **options: Any
) -> TextTable:
    pyreadstat = needed("pyreadstat", "sas", f"{name}: reading this kind of file")
    if data.encoding != "auto":
        options["encoding"] = data.encoding
    try:
        read = getattr(pyreadstat, reader)
        if count is None:
            values, facts = read(str(path), output_format="dict", **options)
        else:
            values, facts = _read_parts(read, path, count, options)
    except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")[:200]
        encoded = "convert string" in reason or "encoding" in reason
        way = "; set data.encoding" if encoded else "; save the file again, or as CSV"
        raise InputError(f"{name}: cannot be read as a file of {kind} ({reason}){way}") from error
    declared: Counter[tuple[str, str]] = Counter()
    columns = []
    for column in facts.column_names:
        cells = list(values[column])
        if facts.readstat_variable_types.get(column) == "float":
            cells = [float(str(np.float32(cell))) if isinstance(cell, float) else cell for cell in cells]
        if column not in (data.patient, data.patients_patient):
            ranges = facts.missing_ranges.get(column, [])
            cells, codes = _without_user_missing(cells, ranges, facts.missing_user_values.get(column, []))
            declared.update((column.strip(), code) for code in codes)
            if data.value_labels == "levels":
                cells = _labelled(cells, facts.variable_value_labels.get(column, {}))
        columns.append(cells)
    return replace(typed_table(name, facts.column_names, columns, facts.file_encoding or kind), declared=dict(declared))


def _without_user_missing(
    cells: Sequence[Any], ranges: Sequence[Mapping[str, Any]], letters: Sequence[str]
) -> tuple[list[Any], list[str]]:
    """The cells of a column, None where one is user-missing, and the codes of those.

    ranges: of SPSS, each from `lo` to `hi`; letters: of SAS and Stata, which stand for .a and so on.
    """
    found: list[Any] = []
    codes = []
    for cell in cells:
        if cell is not None and cell in letters:
            codes.append(f".{cell}")
            found.append(None)
        elif cell is not None and any(_within(cell, limits) for limits in ranges):
            codes.append(as_text(cell))
            found.append(None)
        else:
            found.append(cell)
    return found, codes


def _within(cell: Any, limits: Mapping[str, Any]) -> bool:
    """Whether a cell lies in a range of user-missing values; a text has single values only."""
    low, high = limits["lo"], limits["hi"]
    if isinstance(cell, str) or isinstance(low, str):
        return bool(cell == low)
    return isinstance(cell, int | float) and bool(low <= cell <= high)


def _labelled(cells: list[Any], labels: Mapping[Any, str]) -> list[Any]:
    """The labels in place of the values, where each value of the column has one; else the values."""
    present = {cell for cell in cells if cell is not None and cell == cell}
    if not present or not present <= set(labels):
        return cells
    return [labels.get(cell) for cell in cells]
