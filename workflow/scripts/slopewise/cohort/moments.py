"""The moment at which each unit's series is interrupted: read as times are, and compared with the unit's rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.clock import read_times
from slopewise.cohort.findings import ERROR, NOTE, WARNING, Findings
from slopewise.cohort.flow import State
from slopewise.sources.table import TextTable
from slopewise.study.model import Study

FEWEST = 3
"""Rows before and after the moment from which a unit's change of level and slope can be estimated."""
LISTED = 5

INTERRUPTION = "interruption"
"""Our column of the patients: the moment, since time zero in the analysis unit; missing for a control."""


def moments_of(study: Study, table: TextTable, findings: Findings) -> NDArray[np.float64]:
    """(patients,): the moment on the clock of `data.time`; NaN for a unit without one, which is a control."""
    data, asked = study.data, study.effects.interruption
    assert asked is not None
    if study.effects.moment_column is not None:
        key = "data.patients_date_format" if data.patients else "data.date_format"
        column = study.effects.moment_column
        values, bad = read_times(table, column, data.time_unit, data.format_of_patients, key)
        findings.add_cells(table, column, bad, "correct it, or leave it empty for a control", data.patient)
        return values
    at = asked.at
    moment = float(at) if isinstance(at, int | float) else _date(str(at))
    return np.full(len(table.text), moment)


def _date(text: str) -> float:
    """An ISO date as days since 1970-01-01; the rules of the study have seen that it is one."""
    return float((np.datetime64(text) - np.datetime64("1970-01-01")) / np.timedelta64(1, "D"))


def examine_interruption(study: Study, cohort: State, file: str, findings: Findings) -> None:
    """Add errors for moments outside a unit's rows, and warnings where a unit has few rows before or after.

    `cohort`: rows and patients on the clock of the analysis.
    """
    moment = cohort.people.set_index("patient")[INTERRUPTION]
    column = study.effects.moment_column
    if not moment.notna().any():
        message = "no unit has an interruption: every moment is empty (effects.interruption.at)"
        findings.add(ERROR, file, message, "name the column of the moments", column=column)
        return
    rows = cohort.rows[cohort.rows[list(study.markers)].notna().any(axis=1)]
    own = rows["patient"].map(moment)
    later = rows["time"] >= own
    counts = pd.DataFrame({"before": (~later & own.notna()), "after": later}).groupby(rows["patient"]).sum()
    counts = counts[moment.reindex(counts.index).notna().to_numpy()]
    before, after = counts["before"], counts["after"]
    if not ((before > 0) & (after > 0)).any():
        first, last = rows["time"].min(), rows["time"].max()
        message = (
            f"the interruption lies outside every series: rows lie between {first:g} and {last:g}, the moments between "
            f"{moment.min():g} and {moment.max():g} ({study.data.analysis_unit} since time zero)"
        )
        findings.add(ERROR, file, message, "give a moment with rows before and after it", column=column)
        return
    for side, missing in (("after", after == 0), ("before", before == 0)):
        names = [str(name) for name in counts.index[missing]]
        if names:
            message = f"{_units(names)} no row {side} the interruption: {_listed(names)}"
            action = "leave the moment empty, so that the unit is a control, or leave the unit out"
            findings.add(ERROR, file, message, action, patient=names[0], column=column)
    if not ((before >= FEWEST) & (after >= FEWEST)).any():
        message = f"no unit has {FEWEST} rows before and {FEWEST} after its interruption"
        findings.add(ERROR, file, message, "a change of level and slope needs them", column=column)
        return
    few = [str(name) for name in counts.index[((before < FEWEST) | (after < FEWEST)) & (before > 0) & (after > 0)]]
    if few:
        message = f"{_units(few)} fewer than {FEWEST} rows before or after the interruption"
        action = "nothing to do; their effects rest mostly on the other units"
        findings.add(WARNING, file, message, action, patient=few[0], column=column)
    _tell_varying(study, cohort, file, findings)
    without = int(moment.isna().sum())
    if without:
        findings.add(
            NOTE, file, f"{without} of {len(moment)} units have no interruption", "they are controls", column=column
        )


def _tell_varying(study: Study, cohort: State, file: str, findings: Findings) -> None:
    """A characteristic has one value a unit."""
    assert study.effects.interruption is not None
    for name in study.effects.interruption.characteristics:
        if name not in cohort.rows:
            continue
        several = cohort.rows.groupby("patient")[name].nunique()
        if (several > 1).any():
            unit = str(several.index[several > 1][0])
            message = "a characteristic varies within the unit (effects.interruption.characteristics)"
            action = "give a column with one value a unit, or name it in growth.fixed"
            findings.add(ERROR, file, message, action, patient=unit, column=name)


def _units(names: list[str]) -> str:
    return "one unit has" if len(names) == 1 else f"{len(names)} units have"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:LISTED]) + (f" and {len(names) - LISTED} more" if len(names) > LISTED else "")
