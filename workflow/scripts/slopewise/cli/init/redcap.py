"""`slopewise init` on REDCap's exports of longitudinal projects: a row per event, or per instance of an instrument.

Each form fills its own rows only. The rows with a time are the visits; what a patient has one value of anywhere is the
patient's. Headers are the variables' names (raw export) or their labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from slopewise.cli.columns import describe, listed, named
from slopewise.cli.init.guess import TIME, Proposal
from slopewise.cli.init.markers import LeftOut
from slopewise.cohort.technical import technical
from slopewise.sources.table import TextTable

EVENTS, INSTRUMENTS = ("redcap_event_name", "event name"), ("redcap_repeat_instrument", "repeat instrument")
INSTANCES = ("redcap_repeat_instance", "repeat instance", "redcap_data_access_group", "data access group")
CHECKBOX = re.compile(r".+___[A-Za-z0-9_]+|.+ \(choice=.+\)")
"""One option of a field with boxes to tick: ``symptoms___1`` (0 or 1), or ``Symptoms (choice=Fever)``."""
REPEATED = 1.5
"""Cells for each patient from which a column of times is that of the visits."""


@dataclass(frozen=True)
class Redcap:
    """The visits with each patient's own values in every row, and how the study file selects the rows.

    where: codes by column, for `data.where`; why: the reason. checkboxes: columns that are no markers.
    """

    table: TextTable
    patient: Proposal
    time: Proposal
    where: Mapping[str, tuple[str, ...]]
    why: str
    checkboxes: list[LeftOut]


def by_event(table: TextTable, patient: str = "", time: str = "") -> Redcap | None:
    """What `Redcap` holds; None for a table that is no export of events or instruments, and where no column is a time.

    patient, time: columns that the user named; else the record's, which REDCap writes first, and the column of dates
    (or of numbers whose name says time) with most values.
    """
    names = [str(name) for name in table.text.columns]
    event, instrument = (_called(names, known) for known in (EVENTS, INSTRUMENTS))
    if not (event or instrument) or len(names) < 3:
        return None
    patient = patient if patient in names else names[0]
    own = [name for name in names if name != patient and name.lower() not in (*EVENTS, *INSTRUMENTS, *INSTANCES)]
    time = time if time in names else _time(table, patient, own)
    if not time:
        return None
    visits = ~table.missing(time)
    ids = table.text[patient]
    of_patients = [name for name in own if name != time and _one_value(table, ids, name)]
    useful = [name for name in of_patients if not technical(name, np.array([]))]
    needed = visits | np.logical_or.reduce([~table.missing(name) for name in useful] or [visits])
    column = event or instrument
    codes = tuple(dict.fromkeys(table.text[column][needed]))
    held = tuple(dict.fromkeys(table.text[column][visits]))
    what = "events" if event else "instruments"
    why = f"{what} of REDCap that hold visits ({listed(code or 'no name' for code in held)})"
    if len(codes) > len(held):
        why += " or what a patient has one value of"
    filled = _filled(table, ids, of_patients)
    boxes = [name for name in own if CHECKBOX.fullmatch(name) and name not in of_patients]
    chosen = replace(table, text=filled[[patient, *(name for name in own if name not in boxes)]]).chosen(visits)
    return Redcap(
        chosen,
        Proposal(patient, "the first column, which REDCap gives to the record" if patient == names[0] else "as given"),
        Proposal(time, f"filled in {int(visits.sum())} of {len(visits)} rows of REDCap's export"),
        {column: codes},
        why,
        [LeftOut(name, "an option of a field with boxes to tick") for name in boxes],
    )


def _called(names: list[str], known: tuple[str, ...]) -> str:
    return next((name for name in names if name.lower() in known), "")


def _time(table: TextTable, patient: str, names: list[str]) -> str:
    """The column of visits' times: dates before numbers, then the one with most values."""
    patients = table.text[patient].nunique()
    found: list[tuple[bool, int, int, str]] = []
    for place, name in enumerate(names):
        if (~table.missing(name)).sum() < REPEATED * patients:
            continue
        column = describe(table, name)
        if column.is_date or (column.is_number and named(name, TIME)):
            found.append((column.is_date, column.present, -place, name))
    return max(found, default=(False, 0, 0, ""))[3]


def _one_value(table: TextTable, ids: pd.Series, name: str) -> bool:
    known = ~table.missing(name)
    return bool(known.any()) and int(table.text[name][known].groupby(ids[known]).nunique().max()) == 1


def _filled(table: TextTable, ids: pd.Series, names: list[str]) -> pd.DataFrame:
    """The cells, with each patient's one value of the columns `names` in all rows."""
    cells = {}
    for name in names:
        known = ~table.missing(name)
        values = table.text[name][known].groupby(ids[known]).first()
        cells[name] = ids.map(values).fillna("").astype(object)
    return table.text.assign(**cells)
