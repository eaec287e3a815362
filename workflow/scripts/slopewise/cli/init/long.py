"""`slopewise init` on long tables without a standard's names: a row per patient, time and parameter.

The patient and the time are known by names and values. A column is the parameter where it tells apart the rows that a
patient has at one time; the value is a column of numbers that varies within a parameter, unlike its limits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.cli.columns import Column, describe, listed, named, readable
from slopewise.cli.init.adam import LongTable, by_parameter
from slopewise.cli.init.guess import COUNTS, TIME, Look, Named, Proposal, guess_patient, told
from slopewise.cohort.named_units import vocabulary
from slopewise.cohort.shapes import MOST_PARAMETERS, PARAMETERS, SHARED, apart
from slopewise.run.errors import InputError
from slopewise.sources.selected import selected
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data
from slopewise.study.keys_of_layout import Layout

NAMES = vocabulary(
    "parameter param paramcd test testcode testname lab labtest analyte item variable measure measurement marker "
    "biomarker component loinc code observation kennwert messgrosse untersuchung bezeichnung kurzel analyt parametre "
    "prueba analito bepaling"
)
VALUES = vocabulary(
    "value values result results aval number numeric measured reading amount concentration wert werte ergebnis "
    "messwert valeur resultat valor resultado waarde uitslag valore"
)
LIMITS = vocabulary(
    "low high lower upper min max limit limits ref reference range lln uln norm normal grenze untere obere"
)
UNITS = vocabulary("unit units uom einheit einheiten unite unites unidad unidades eenheid unita")
TWINS = 0.05
"""The largest share of rows that may have another one of the same patient, time and parameter."""
NUMERIC = 0.5
"""The least share of the cells of a value that are numbers; others may lie below a limit of detection."""
FEW, MOST_LEVELS = 4, 6
"""A limit has hardly more different values of one parameter; a column that selects rows has few levels."""


@dataclass(frozen=True)
class _Rows:
    """The rows of the table: their patient and time, and what each column is like."""

    table: TextTable
    key: pd.DataFrame
    columns: Mapping[str, Column]

    def twins(self, parameter: str, keep: np.ndarray | None = None) -> float:
        """The share of rows that repeat the patient, time and parameter of an earlier one."""
        key = self.key.assign(parameter=self.table.text[parameter].to_numpy())
        return float((key if keep is None else key[keep]).duplicated().mean())


def by_rows(table: TextTable, data: Data, people: TextTable | None, said: Named) -> LongTable | None:
    """The table with a column for each parameter; None for a table that is not long."""
    columns = {str(name): describe(table, str(name)) for name in table.text.columns}
    known = {} if people is None else {str(name): describe(people, str(name)) for name in people.text.columns}
    try:
        patient = guess_patient(Look(table, people, columns, known), said.patient)[0].value
    except InputError:
        return None
    time = told(table, said.time, "--time") if said.time else _time(table, columns, patient)
    if not time:
        return None
    rows = _Rows(table, pd.DataFrame({"patient": table.text[patient], "time": table.text[time]}), columns)
    if rows.key.duplicated(keep=False).mean() < SHARED:
        return None
    values = [
        name for name, column in columns.items()
        if name not in (patient, time) and not column.is_date and np.isfinite(column.values).mean() >= NUMERIC
    ]  # fmt: skip
    others = [name for name, column in columns.items() if name not in (patient, time) and _may_name(table, column)]
    for parameter, where, why in _parameters(rows, others):
        value = _value(rows, parameter, [name for name in values if name != parameter])
        if value and (_says_parameter(parameter) or apart(table, value, table.text[parameter])):
            unit = next((name for name in others if name != parameter and named(name, UNITS) >= 2), None)
            layout = Layout(parameter=parameter, value=value, unit=unit)
            count = table.text[parameter].nunique()
            reason = f"{readable(parameter)} has {count} codes, which tell apart the rows of a patient at one time"
            return by_parameter(
                selected(table, where, "data.where"), data, (patient, Proposal(time, _why(columns[time]))), layout,
                where, reason, why,
            )  # fmt: skip
    return None


def _why(column: Column) -> str:
    return f"{'dates' if column.is_date else 'numbers'} that rows of several parameters have in common"


def _time(table: TextTable, columns: Mapping[str, Column], patient: str) -> str:
    """The column of times: dates, or numbers whose name says time, that differ within patients."""
    best: tuple[float, int, str] = (0.0, 0, "")
    for place, (name, column) in enumerate(columns.items()):
        if name == patient or not (column.is_date or column.is_number) or column.present < 0.95 * len(table.text):
            continue
        if table.text[name].groupby(table.text[patient]).nunique().median() < 2:
            continue
        score = 1.5 * named(name, TIME, ("date", "datum", "time", "visit")) + 2.0 * column.is_date
        best = max(best, (score - 2.0 * (named(name, COUNTS) > 0 and not column.is_date), -place, name))
    return best[2] if best[0] >= 2.0 else ""


def _may_name(table: TextTable, column: Column) -> bool:
    """Whether a column has few enough levels for parameters, their units or a choice of rows."""
    return not column.is_date and 2 <= column.distinct <= min(MOST_PARAMETERS, len(table.text) // 4)


def _parameters(rows: _Rows, others: list[str]) -> list[tuple[str, dict[str, tuple[str, ...]], str]]:
    """Columns that may be the parameter, likely ones first, each with rows to select and why (empty: all rows)."""
    found: list[tuple[float, int, str, dict[str, tuple[str, ...]], str]] = []
    for place, name in enumerate(others):
        if _is_limit_or_unit(name) or not rows.columns[name].present >= 0.95 * len(rows.table.text):
            continue
        score = 2.0 * _says_parameter(name) + (rows.columns[name].odd == "text")
        if not score:
            continue
        if rows.twins(name) <= TWINS:
            found.append((score, -place, name, {}, ""))
            continue
        for other in others:
            if other == name or rows.columns[other].distinct > MOST_LEVELS or _is_limit_or_unit(other):
                continue
            levels = rows.table.text[other].value_counts()
            keep = (rows.table.text[other] == levels.index[0]).to_numpy()
            if len(set(rows.table.text[name][keep])) > 1 and rows.twins(name, keep) <= TWINS:
                left = listed(f"{str(level) or 'no value'} in {count} rows" for level, count in levels.iloc[1:].items())
                why = f"with this level of {readable(other)} a patient has one row for each time and parameter; {left}"
                found.append((score - 1.0, -place, name, {other: (str(levels.index[0]),)}, f"A GUESS: {why}"))
                break
    return [(name, where, why) for _, _, name, where, why in sorted(found, key=lambda one: one[:2], reverse=True)]


def _says_parameter(name: str) -> int:
    """How well a column's name says that it is the parameter; others must have values that lie apart."""
    return 3 if name.lower() in PARAMETERS else named(name, NAMES)


def _is_limit_or_unit(name: str) -> bool:
    return named(name, UNITS) >= 2 or named(name, LIMITS) >= 2


def _value(rows: _Rows, parameter: str, values: list[str]) -> str:
    """The column of the values of a parameter: by its name, else the one with most different values."""
    levels = rows.table.text[parameter].to_numpy()
    scored = []
    for name in values:
        cells = rows.columns[name]
        within = pd.Series(cells.values).groupby(levels).nunique()
        if within.median() > FEW and named(name, LIMITS) < 2:
            scored.append((named(name, VALUES), cells.distinct, name))
    return max(scored, default=(0, 0, ""))[2]
