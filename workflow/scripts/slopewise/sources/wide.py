"""Wide tables: the times of visits stand in the columns' names (``crp_0``, ``crp_12``) and become rows.

Every cell keeps the name of the file's column that it was read from, so that an error names that column.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from slopewise.run.errors import InputError
from slopewise.sources.numbers import NUMBER
from slopewise.sources.selected import listed, need_column
from slopewise.sources.table import TextTable
from slopewise.study.errors import close_to
from slopewise.study.keys import MISSING, Data, Marker


def stacked(table: TextTable, data: Data, markers: Mapping[str, Marker], complete: bool = True) -> TextTable:
    """A row per patient and time of the wide `table`, its times in the column `data.time`.

    A patient has a row for each time at which one of the markers has a value, and one (of the first time) if there is
    none; other columns are repeated. complete: whether each marker must have columns. Raises `InputError` for a marker
    without columns, for a name without a time, and for a second column of a marker at one time.
    """
    assert data.layout is not None and data.layout.wide is not None
    need_column(table, data.patient, "data.patient")
    names = [str(name) for name in table.text.columns]
    if data.time in names:
        message = f"the times stand in the columns' names (data.layout.wide), and there is a column {data.time} as well"
        raise InputError(f"{table.name}: {message}; give data.time another name, or leave data.layout out")
    found = _columns(table.name, names, data, {marker.column: name for name, marker in markers.items()}, complete)
    times = sorted({time for own in found.values() for time in own})
    cells = {code: _cells(table, own, times) for code, own in found.items()}
    rows, place = _rows(table, list(cells.values()), len(times))
    others = [name for name in names if not any(name in own.values() for own in found.values())]
    text = table.text.loc[rows, others].reset_index(drop=True)
    written = np.array([_written(time, table.decimal) for time in times], dtype=object)
    text = text.assign(**{data.time: written[place]}, **{code: own[rows, place] for code, own in cells.items()})
    named = {code: np.array([own.get(time, code) for time in times], dtype=object) for code, own in found.items()}
    return replace(
        table, text=text, lines=table.lines[rows], cell_columns={code: own[place] for code, own in named.items()}
    )


def _columns(
    file: str, names: list[str], data: Data, wanted: Mapping[str, str], complete: bool
) -> dict[str, dict[float, str]]:
    """By the markers' columns: the file's column of each time."""
    assert data.layout is not None and data.layout.wide is not None
    shapes = {code: _shape(data.layout.wide, code) for code in wanted}
    matches = {code: {n: m["time"] for n in names if (m := shape.fullmatch(n))} for code, shape in shapes.items()}
    times = {code: {n: _time(text, data) for n, text in own.items()} for code, own in matches.items()}
    claimed = {n for own in times.values() for n, time in own.items() if time is not None}
    found: dict[str, dict[float, str]] = {}
    for code, own in times.items():
        key = f"markers.{wanted[code]}.column"
        for name, time in own.items():
            if time is None and name not in claimed:
                text = matches[code][name]
                close = close_to(text, list(data.time_labels), 0.8)
                meant = f"; did you mean {close!r}?" if close else ""
                way = f"name {text!r} there with its time, or rename the column if it is no value of {code}"
                message = f"{text!r} is neither a number nor one of data.time_labels{meant}; {way}"
                raise InputError(f"{file}: column {name}: {message}")
            if time is not None and (twin := found.setdefault(code, {}).setdefault(time, name)) != name:
                raise InputError(f"{file}: columns {twin} and {name}: both are {code} at time {time:g}; leave one out")
        if code not in found and complete:
            message = f"no column of {code} fits data.layout.wide {data.layout.wide!r} ({key})"
            raise InputError(f"{file}: {message}; the columns there are: {listed(names)}")
    return found


def _shape(pattern: str, code: str) -> re.Pattern[str]:
    """What the names of a marker's columns look like."""
    fixed = re.escape(pattern).replace(re.escape("{marker}"), re.escape(code))
    return re.compile(fixed.replace(re.escape("{time}"), "(?P<time>.+)"))


def _time(text: str, data: Data) -> float | None:
    if text in data.time_labels:
        return data.time_labels[text]
    return float(text) if NUMBER["."].fullmatch(text) else None


def _written(time: float, decimal: str) -> str:
    return f"{time:.15g}".replace(".", decimal)


def _cells(table: TextTable, own: Mapping[float, str], times: list[float]) -> np.ndarray:
    """The marker's cells (rows of the file, times), empty where the file has no column."""
    nothing = np.full(len(table.text), "", dtype=object)
    found = [table.text[own[time]].to_numpy(dtype=object) if time in own else nothing for time in times]
    return np.column_stack(found)


def _rows(table: TextTable, cells: list[np.ndarray], times: int) -> tuple[np.ndarray, np.ndarray]:
    """The row of the file and the place of the time of each row that is made."""
    known = np.zeros((len(table.text), times), dtype=bool)
    for own in cells:
        known |= ~np.isin(own, list(MISSING))
    if times:
        known[~known.any(axis=1), 0] = True
    row, place = np.nonzero(known)
    return row, place
