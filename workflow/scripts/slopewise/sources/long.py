"""Long tables: a row per patient, time and parameter becomes a row per patient and time.

Every cell keeps the line of the file that it was read from, so that an error names the row of the long table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.numbers import BELOW, NUMBER
from slopewise.sources.readers import place_of
from slopewise.sources.selected import listed, need_column
from slopewise.sources.table import TextTable
from slopewise.study.errors import close_to
from slopewise.study.keys import MISSING, Data, Marker
from slopewise.study.keys_of_layout import Layout

NO_ROWS = np.empty(0, dtype=np.int64)


def pivoted(table: TextTable, data: Data, markers: Mapping[str, Marker], complete: bool = True) -> TextTable:
    """A row per patient and time of the long `table`, with a column for each parameter that is a marker's column.

    A second value of a parameter at one time of a patient makes a second row, which `data.duplicates` settles. Other
    columns keep the first value that a patient and time have. complete: whether each marker must have rows. Raises
    `InputError` for a column or a parameter that is not there, and for units without a factor.
    """
    layout = data.layout
    assert layout is not None and layout.parameter is not None and layout.value is not None
    for key in ("parameter", "value", "unit"):
        if (column := getattr(layout, key)) is not None:
            need_column(table, column, f"data.layout.{key}")
    need_column(table, data.patient, "data.patient")
    need_column(table, data.time, "data.time")
    parameters = table.text[layout.parameter].to_numpy(dtype=object)
    values = table.text[layout.value].to_numpy(dtype=object, copy=True)
    there = set(parameters) - MISSING
    if complete:
        _need_parameters(table, layout.parameter, markers, there)
    wanted = {marker.column: name for name, marker in reversed(list(markers.items())) if marker.column in there}
    held = table.text[layout.parameter].isin(list(wanted)).to_numpy() & ~table.missing(layout.value)
    places = rows_of_codes(parameters, held)
    for code, name in wanted.items():
        rows = places.get(code, NO_ROWS)
        values[rows] = _converted(table, layout, name, markers[name], rows)
    rank = _rank(moments(table, data), parameters, held, last=data.duplicates == "last")
    return _gathered(table, data, (values, places), rank, list(wanted))


def rows_of_codes(parameters: np.ndarray, held: np.ndarray) -> dict[str, np.ndarray]:
    """The rows (ascending) of each code among those that are `held`."""
    rows = np.flatnonzero(held)
    code, names = pd.factorize(parameters[rows])
    order = np.argsort(code, kind="stable")
    ends = np.searchsorted(code[order], np.arange(1, len(names)))
    return dict(zip(names.tolist(), np.split(rows[order], ends), strict=True)) if len(rows) else {}


def _need_parameters(table: TextTable, column: str, markers: Mapping[str, Marker], there: set[str]) -> None:
    for name, marker in markers.items():
        if marker.column not in there:
            close = close_to(marker.column, sorted(there))
            meant = f"; did you mean {close!r}?" if close else ""
            message = f"no row has the parameter {marker.column!r} (markers.{name}.column){meant}"
            raise InputError(f"{table.name}: column {column}: {message}; there are {listed(sorted(there))}")


def moments(table: TextTable, data: Data) -> np.ndarray:
    """The number of each row's patient and time, in the order of the file; a row that lacks either stands alone."""
    pattern = NUMBER[table.decimal]
    times = [
        float(cell.replace(table.decimal, ".")) if pattern.fullmatch(cell) else cell for cell in table.text[data.time]
    ]
    frame = pd.DataFrame({"patient": table.text[data.patient], "time": pd.Series(times, dtype=object)})
    frame["alone"] = np.where(table.missing(data.patient) | table.missing(data.time), np.arange(len(frame)), -1)
    return frame.groupby(list(frame), sort=False, dropna=False).ngroup().to_numpy()


def _rank(moments: np.ndarray, parameters: np.ndarray, held: np.ndarray, last: bool) -> pd.DataFrame:
    """moment and rank of each row: 0 for the first value of a parameter at a moment, or for the last one."""
    frame = pd.DataFrame({"moment": moments, "parameter": parameters, "rank": 0})
    frame.loc[held, "rank"] = frame[held].groupby(["moment", "parameter"]).cumcount(ascending=not last)
    frame["order"] = -frame["rank"] if last else frame["rank"]
    return frame[["moment", "order"]]


def _gathered(
    table: TextTable,
    data: Data,
    cells: tuple[np.ndarray, Mapping[str, np.ndarray]],
    rank: pd.DataFrame,
    wanted: list[str],
) -> TextTable:
    """The table with a row for each moment and order of `rank`; cells: the values, and the rows of each code."""
    values, places_of = cells
    row = rank.groupby(["moment", "order"], sort=True).ngroup().to_numpy()
    count = int(row.max()) + 1
    first = pd.Series(np.arange(len(row))).groupby(row).min().to_numpy()
    layout = data.layout
    assert layout is not None
    gone = {layout.parameter, layout.value, layout.unit, *wanted}
    columns = {
        str(name): _first_known(table, str(name), row, first) for name in table.text.columns if str(name) not in gone
    }
    lines: dict[str, np.ndarray] = {}
    for code in wanted:
        where = places_of.get(code, NO_ROWS)
        column, places = np.full(count, "", dtype=object), table.lines[first].copy()
        column[row[where]] = values[where]
        places[row[where]] = table.lines[where]
        columns[code], lines[code] = column, places
    frame = pd.DataFrame(columns, dtype=object)
    return replace(table, text=frame, lines=table.lines[first], cell_lines=lines)


def _first_known(table: TextTable, name: str, row: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The first value of a column in the rows of the file that become one."""
    cells = table.text[name].to_numpy(dtype=object)
    found = cells[first]
    missing = table.missing(name)
    if missing[first].any():
        known = pd.Series(np.flatnonzero(~missing)).groupby(row[~missing]).min()
        found[known.index.to_numpy()] = cells[known.to_numpy()]
    return np.asarray(found)


def _converted(table: TextTable, layout: Layout, name: str, marker: Marker, rows: np.ndarray) -> list[str]:
    """The values of a marker in the rows of the file, multiplied by the factor of their unit."""
    cells = table.text[layout.value].to_numpy(dtype=object)[rows]
    if layout.unit is None:
        return list(cells)
    units = table.text[layout.unit].to_numpy(dtype=object)[rows]
    found = Counter(units).most_common()
    counts = ", ".join(f"{unit or 'no unit'} in {count} row{'s' if count > 1 else ''}" for unit, count in found)
    lacking = [unit for unit, _ in found if unit not in marker.units]
    if lacking and (marker.units or len(found) > 1):
        unit = lacking[-1]
        line = int(table.lines[rows[np.flatnonzero(units == unit)[0]]])
        place = f"{place_of(table, line)}, column {layout.unit}"
        way = f"name each unit with its factor in markers.{name}.units"
        raise InputError(f"{place}: {marker.column} has {counts}, and no factor for {unit or 'no unit'}; {way}")
    factors = [marker.units.get(unit, 1.0) for unit in units]
    return [scaled(cell, factor, table.decimal) for cell, factor in zip(cells, factors, strict=True)]


def scaled(cell: str, factor: float, decimal: str) -> str:
    """A number, or a limit of detection (<5), times a factor, as text; what is no number stays as it is."""
    below = BELOW.fullmatch(cell)
    number = below[1] if below else cell
    if factor == 1 or not NUMBER[decimal].fullmatch(number):
        return cell
    text = repr(float(number.replace(decimal, ".")) * factor).replace(".", decimal)
    return f"<{text}" if below else text
