"""Tables of another shape than a row for each patient and visit: long, wide, and REDCap's exports.

Without `data.layout` they would be misread: a long table averages its parameters into one marker. They are refused in
one sentence that says what the table looks like and what to make of it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

import pandas as pd

from slopewise.sources.numbers import numbers
from slopewise.sources.table import TextTable

REDCAP = ("redcap_event_name", "redcap_repeat_instrument", "event name", "repeat instrument")
PARAMETERS = (
    *("paramcd", "param", "parameter", "lbtestcd", "lbtest", "vstestcd", "vstest", "testcd", "test_code", "test_name"),
    *("analyte", "variable_name", "measurement_concept_id", "loinc", "loinc_code", "observation_code"),
)
"""Names of columns that say which parameter the row's value is of."""

MOST_PARAMETERS = 2000
APART, COMMON, FEWEST = 0.4, 6, 10
"""The largest distance between the distributions of two readings of one thing, by Kolmogorov and Smirnov; of so many of
the commonest levels, those with so many values."""

SHARED = 0.5
"""Share of rows that have another row of the patient at the same time, from which a table may be long."""

WIDE = 3
"""So many columns of one name with a running number or time make a table wide."""
NUMBERED = re.compile(r"(?P<stem>.*?[A-Za-z].*?)[_.\- ]?(?P<number>[0-9]+)")


def foreign_shape(table: TextTable, patient: str, time: str | None, values: Iterable[str], used: Iterable[str]) -> str:
    """Why the table is refused, in one sentence; empty where it has a row for each patient and visit.

    `values`: columns of the markers, `used`: all columns that the study names. `time` is None where no column of
    the table was found to be one.
    """
    columns = [str(name) for name in table.text.columns]
    lower = {name.lower(): name for name in columns}
    redcap = next((lower[name] for name in REDCAP if name in lower), "")
    if redcap and not {lower[name] for name in REDCAP if name in lower} & set(used):
        return (
            f"{table.name} looks like a REDCap export (column {redcap}): each event has a row, and fields are filled "
            f"only in the rows of their event. List in the study file the events that are needed (data.where: "
            f"{{{redcap}: [...]}}) and leave data.patients out: a patient's characteristics are then taken from the "
            "row that holds them, and rows without a time are left out and counted. Or save one table with the visits "
            "and one with a row for each patient"
        )
    ids = table.text[patient]
    parameter = _parameter(table, ids, time, list(values), set(used)) if time is not None else None
    parameter = parameter or next((lower[name] for name in PARAMETERS if name in lower and time is None), None)
    if parameter:
        levels = table.text[parameter]
        some = ", ".join(sorted(set(levels[~table.missing(parameter)]))[:4])
        return (
            f"{table.name} looks like a long table: column {parameter} holds the parameter of each row ({some}), and "
            f"the values of {levels.nunique()} parameters are in one column. Give each parameter a separate column, "
            f"one row for each patient and time (in pandas: pivot on {parameter}), or name the columns in data.layout"
        )
    return wide_shape(table, patient, set(used) - set(values)) if time is None or NUMBERED.fullmatch(time) else ""


def wide_shape(table: TextTable, patient: str, kept: set[str]) -> str:
    """Why a table with the visits in columns is refused; empty where it has not a row for each patient, or no such
    columns beside those that are `kept`."""
    visits = _numbered([str(name) for name in table.text.columns], kept | {patient})
    if not visits or not table.text[patient].is_unique:
        return ""
    return (
        f"{table.name} looks like a wide table: one row for each patient, and the visits in columns "
        f'({", ".join(visits)}). Name their pattern in data.layout, for example {{wide: "{{marker}}_{{time}}"}}, or '
        "make it one row for each patient and visit with a column for the time (in pandas: wide_to_long)"
    )


def _parameter(table: TextTable, ids: pd.Series, time: str | None, values: list[str], used: set[str]) -> str | None:
    """The column that tells apart rows of one patient and time whose values are of different parameters, if any."""
    assert time is not None
    key = pd.DataFrame({"patient": ids, "time": table.text[time]})
    if key.duplicated(keep=False).mean() < SHARED:
        return None
    for name in (str(column) for column in table.text.columns):
        if name in used or name in (time, str(ids.name)):
            continue
        levels = table.text[name]
        if not 2 <= levels.nunique() <= MOST_PARAMETERS or key.assign(level=levels).duplicated().mean() > 0.05:
            continue
        if name.lower() in PARAMETERS or any(apart(table, value, levels) for value in values):
            return name
    return None


def apart(table: TextTable, value: str, levels: pd.Series) -> bool:
    """Whether the values of a column have another distribution in one level than in another (of the commonest ones)."""
    from scipy.stats import ks_2samp  # half a second that most tables do not need

    known = pd.DataFrame({"value": numbers(table, value)[0], "level": levels.to_numpy()}).dropna()
    common = known["level"].value_counts().head(COMMON)
    groups = [known.loc[known["level"] == level, "value"] for level, count in common.items() if count >= FEWEST]
    return any(ks_2samp(one, other).statistic > APART for one, other in combinations(groups, 2))


def _numbered(columns: list[str], kept: set[str]) -> list[str]:
    """The columns of the name that most columns share but for a number at its end, where there are `WIDE` or more."""
    stems: defaultdict[str, list[str]] = defaultdict(list)
    for name in columns:
        if name not in kept and (found := NUMBERED.fullmatch(name)):
            stems[found["stem"].lower()].append(name)
    most = max(stems.values(), key=len, default=[])
    return [*most[:3], "..."] if len(most) > WIDE else most if len(most) == WIDE else []
