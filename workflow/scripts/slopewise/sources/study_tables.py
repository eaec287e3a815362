"""The tables of a study: its files as `readers` reads them, the rows it asks for, long tables as wide ones."""

from __future__ import annotations

from pathlib import Path

from slopewise.sources.long import pivoted
from slopewise.sources.readers import read_patients, read_table
from slopewise.sources.selected import selected
from slopewise.sources.table import Table
from slopewise.study.model import Study


def measurements_of(study: Study, folder: Path, key: str = "data.measurements", complete: bool = True) -> Table:
    """The table of measurements with a row per patient and visit; paths beside `folder`, `key` for messages.

    complete: whether each code of `data.where` and each parameter of a long table must be there; those of new
    patients need not. Raises `InputError`.
    """
    table = read_table(folder, study.data.measurements, key, study.data)
    table = selected(table, study.data.where, "data.where", complete)
    return table if study.data.layout is None else pivoted(table, study.data, study.markers, complete)


def patients_of(study: Study, folder: Path) -> Table | None:
    """The table of patients, if the study has one: the rows that `outcome.where` names. Raises `InputError`."""
    table = read_patients(folder, study.data)
    return None if table is None else selected(table, study.outcome.where, "outcome.where")
