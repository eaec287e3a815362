"""Several lesions of a patient at one visit become one row (`data.lesion`)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.run.errors import InputError
from slopewise.sources.long import moments
from slopewise.sources.numbers import numbers
from slopewise.sources.readers import place_word
from slopewise.sources.selected import need_column
from slopewise.sources.table import TextTable, shown
from slopewise.study.keys import Data
from slopewise.study.keys_of_many import Lesions

Floats = NDArray[np.float64]


def combined(table: TextTable, data: Data, columns: Collection[str]) -> TextTable:
    """A row per patient and time of a table with a row per lesion; `columns` are those of the markers.

    ``largest``: the row of the lesion with the largest volume, the first of several. The other rules keep the row of
    the first lesion and give each marker the sum, the mean or the mean weighted by the volumes of the lesions that have
    a value, before its transform. A cell keeps the line of the row that is kept. Rows without a patient or a time stay
    as they are. Raises `InputError` for a missing column, an empty lesion, one lesion twice at a visit, a volume that
    is no positive number where it is needed, and a marker's cell that is no number where numbers are combined.
    """
    lesion = data.lesion
    assert lesion is not None
    for key, column in (("column", lesion.column), ("volume", lesion.volume)):
        if column is not None:
            need_column(table, column, f"data.lesion.{key}")
    need_column(table, data.patient, "data.patient")
    need_column(table, data.time, "data.time")
    visit = moments(table, data)
    _check_lesions(table, lesion, visit)
    volume = None if lesion.volume is None else _volumes(table, lesion.volume)
    if lesion.rule == "largest":
        assert volume is not None
        order = np.lexsort((np.arange(len(visit)), -volume, visit))
        keep = np.zeros(len(visit), dtype=bool)
        keep[order[np.unique(visit[order], return_index=True)[1]]] = True
        made = table
    else:
        keep = np.zeros(len(visit), dtype=bool)
        keep[np.unique(visit, return_index=True)[1]] = True
        weights = volume if lesion.rule == "volume_weighted" and volume is not None else np.ones(len(visit))
        text = table.text.copy()
        for column in columns:
            if column in text.columns:
                text[column] = _one_each(table, column, visit, weights, lesion.rule == "sum")
        made = replace(table, text=text)
    several = int((np.bincount(visit) > 1).sum())
    words = {"largest": "the largest of each", "volume_weighted": "their mean weighted by volume"}
    said = words.get(lesion.rule, f"their {lesion.rule}")
    note = (lesion.column, f"{several} visits have several lesions: {said} was taken", "as given in data.lesion")
    found = made.chosen(keep)
    return replace(found, notes=(*found.notes, note)) if several else found


def _place(table: TextTable, row: int, column: str) -> str:
    name, line = table.located(table.line(row, column))
    return f"{name}: {place_word(name)} {line}, column {column}"


def _check_lesions(table: TextTable, lesion: Lesions, visit: NDArray[np.int64]) -> None:
    cells = table.text[lesion.column]
    empty = np.flatnonzero(table.missing(lesion.column))
    if len(empty):
        message = "the lesion is missing; name it, or leave the row out by data.where"
        raise InputError(f"{_place(table, int(empty[0]), lesion.column)}: {message}")
    again = np.flatnonzero(pd.DataFrame({"visit": visit, "lesion": cells}).duplicated().to_numpy())
    if len(again):
        message = f"lesion {shown(cells.iloc[again[0]])} stands twice at one time of the patient; correct the row"
        raise InputError(f"{_place(table, int(again[0]), lesion.column)}: {message}")


def _volumes(table: TextTable, column: str) -> Floats:
    values, bad = numbers(table, column)
    if bad:
        raise InputError(f"{_place(table, bad[0].row, column)}: {bad[0].message} (data.lesion.volume)")
    wrong = np.flatnonzero(~(values > 0))
    if len(wrong):
        cell = shown(table.text[column].iloc[wrong[0]])
        message = f"{cell} is no positive volume (data.lesion.volume); correct it, or leave the row out by data.where"
        raise InputError(f"{_place(table, int(wrong[0]), column)}: {message}")
    return values


def _one_each(
    table: TextTable, column: str, visit: NDArray[np.int64], weights: Floats, is_sum: bool
) -> NDArray[np.object_]:
    """The cells of a column with the value of its visit in place of each lesion's; empty where no lesion has one.

    A visit with one lesion keeps its cell as it is.
    """
    cells = table.text[column].to_numpy(dtype=object).copy()
    alone = np.bincount(visit)[visit] == 1
    values, bad = numbers(table, column)
    wrong = [cell for cell in bad if not alone[cell.row]]
    if wrong:
        raise InputError(f"{_place(table, wrong[0].row, column)}: {wrong[0].message}; lesions cannot be combined")
    known = ~np.isnan(values)
    total = np.bincount(visit, np.where(known, weights * np.where(known, values, 0.0), 0.0))
    weight = np.bincount(visit, np.where(known, weights, 0.0))
    each = np.divide(total, 1.0 if is_sum else weight, out=np.full(len(total), np.nan), where=weight > 0)
    for row in np.flatnonzero(~alone):
        value = each[visit[row]]
        cells[row] = "" if np.isnan(value) else repr(float(value)).replace(".", table.decimal)
    return cells
