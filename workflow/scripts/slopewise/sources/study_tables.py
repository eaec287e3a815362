"""The tables of a study: its files as `readers` reads them, the rows it asks for, long tables as wide ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from slopewise.run.errors import InputError
from slopewise.sources.conditions import with_conditions
from slopewise.sources.lesions import combined
from slopewise.sources.long import pivoted
from slopewise.sources.numbers import NUMBER
from slopewise.sources.readers import place_of, read_patients, read_table
from slopewise.sources.selected import need_column, selected
from slopewise.sources.subjects import with_subjects
from slopewise.sources.table import TextTable, shown
from slopewise.sources.wide import stacked
from slopewise.study.errors import close_to
from slopewise.study.keys import MISSING, Data
from slopewise.study.model import Study


def measurements_of(study: Study, folder: Path, key: str = "data.measurements", complete: bool = True) -> TextTable:
    """The table of measurements with a row per patient and visit; paths beside `folder`, `key` for messages.

    complete: whether each code of `data.where` and each parameter of a long table must be there; those of new
    patients need not. Raises `InputError`.
    """
    table = read_table(folder, study.data.files["data.measurements"], key, study.data)
    table = selected(table, study.data.where, "data.where", complete)
    layout = study.data.layout
    if layout is not None and layout.wide is not None:
        return stacked(table, study.data, study.markers, complete)
    table = with_times(table, study.data) if study.data.time_labels else table
    if study.data.lesion is not None:
        return combined(table, study.data, {marker.column for marker in study.markers.values()})
    return table if layout is None else pivoted(table, study.data, study.markers, complete)


def patients_of(study: Study, folder: Path) -> TextTable | None:
    """The table of patients, if the study has one: the rows that `outcome.where` names, with the columns of the table
    `data.subjects` or the dates of `data.conditions`. Raises `InputError`.
    """
    table = read_patients(folder, study.data)
    if table is None:
        return None
    table = selected(table, study.outcome.where, "outcome.where")
    file = study.data.files.get("data.subjects")
    if file is None:
        return table
    own = study.data.model_copy(update={"sheet": study.data.subjects_sheet})
    subjects = read_table(folder, file, "data.subjects", own)
    if study.data.conditions is not None:
        return with_conditions(table, subjects, study)
    return with_subjects(table, subjects, study.data)


def with_times(table: TextTable, data: Data) -> TextTable:
    """The table with the time of `data.time_labels` in place of each label in the column of time.

    Raises `InputError` for the first cell that is neither a label nor a number.
    """
    need_column(table, data.time, "data.time")
    pattern = NUMBER[table.decimal]
    times = {label: repr(time).replace(".", table.decimal) for label, time in data.time_labels.items()}
    for row, cell in enumerate(table.text[data.time]):
        if cell not in times and cell not in MISSING and not pattern.fullmatch(cell):
            close = close_to(cell, list(times), 0.8)
            meant = f"; did you mean {close!r}?" if close else ""
            place = f"{place_of(table, int(table.lines[row]))}, column {data.time}"
            way = "add it there, or leave its rows out by data.where"
            raise InputError(f"{place}: {shown(cell)} is neither a number nor one of data.time_labels{meant}; {way}")
    cells = table.text[data.time].map(lambda cell: times.get(cell, cell))
    return replace(table, text=table.text.assign(**{data.time: cells}))
