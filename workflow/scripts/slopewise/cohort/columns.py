"""Which file each column of the study is read from, and what is said when it is in none."""

from __future__ import annotations

from dataclasses import dataclass

from slopewise.cohort.findings import ERROR, NOTE, Findings
from slopewise.sources.table import TextTable
from slopewise.study.errors import close_to
from slopewise.study.keys import ColumnReference
from slopewise.study.model import Study


@dataclass(frozen=True)
class Columns:
    """Where the study's covariates stand.

    `of_patients`: read from the patients' file, one value a patient. `growth_rows`: read from the measurements, one
    value a row, for the growth formulas. `last_values`: outcome covariates read from the measurements, which enter
    with the last value up to the landmark. `constant`: those of them that must not vary within a patient, because
    no patients' file is given.
    """

    of_patients: tuple[str, ...]
    growth_rows: tuple[str, ...]
    last_values: tuple[str, ...]
    constant: tuple[str, ...]


def patient_level(study: Study) -> dict[str, str]:
    """Columns that have one value a patient, and the key that names each: follow-up, event, outcome, time zero."""
    named = {getattr(study.outcome, key): f"outcome.{key}" for key in ("time", "event", "column", "entry")}
    found = {column: key for column, key in named.items() if column is not None}
    if isinstance(study.data.time_zero, ColumnReference):
        found[study.data.time_zero.column] = "data.time_zero"
    if study.effects.moment_column is not None:
        found[study.effects.moment_column] = "effects.interruption.at"
    return found


def find_columns(study: Study, measurements: TextTable, patients: TextTable | None, findings: Findings) -> Columns:
    """Find each column that the study names; a column that is nowhere is an error that lists those there are."""
    data = study.data
    wanted = {data.patient: "data.patient", data.time: "data.time"}
    wanted |= {marker.column: f"markers.{name}.column" for name, marker in study.markers.items()}
    for column, key in wanted.items():
        _need(column, key, [measurements], findings)
    for column, key in {data.patient: "data.patient", **patient_level(study)}.items():
        _need(column, key, [patients or measurements], findings)
    both = [table for table in (patients, measurements) if table is not None]
    here: dict[str, TextTable] = {}
    covariates = dict.fromkeys(study.outcome.covariates, "outcome.covariates")
    covariates |= dict.fromkeys(study.outcome.strata, "outcome.strata")
    batch = None if study.data.batch is None else study.data.batch.column
    covariates |= {
        column: "data.batch" if column == batch else "growth"
        for column in study.growth_columns
        if column not in covariates
    }
    covariates |= {
        column: key for column, key in study.effect_columns.items() if column not in (*covariates, data.time)
    }
    covariates |= {name: "data.centre" if name == data.centre else "validation.subgroups" for name in study.grouping}
    for column, key in covariates.items():
        varies = column == study.growth.slope_of  # within a patient, or it has no slope
        tables = [measurements] if varies else both[::-1] if key.startswith("effects.") else both
        table = _need(column, "growth.slope_of" if varies else key, tables, findings)
        if table is not None:
            here[column] = table
            _tell_twins(column, key, table, both, findings)
    of_patients = tuple(column for column in covariates if patients is not None and here.get(column) is patients)
    in_rows = [column for column in here if column not in of_patients]
    asked = (*study.outcome.covariates, *study.outcome.strata, *study.grouping)
    last_values = tuple(column for column in asked if column in in_rows)
    return Columns(
        of_patients=of_patients,
        growth_rows=tuple(column for column in study.model_columns if column in in_rows),
        last_values=last_values,
        constant=last_values if patients is None else (),
    )


def _need(column: str, key: str, tables: list[TextTable], findings: Findings) -> TextTable | None:
    """The first of the tables that has the column; else an error."""
    for table in tables:
        if column in table.text.columns:
            return table
    names = [str(name) for table in tables for name in table.text.columns]
    if key == "growth":
        names.append("time")  # the clock's own name in formulas
    close = close_to(column, names, cutoff=0.8)
    meant = f"; did you mean {close!r}?" if close else ""
    there = "; ".join(f"{table.name} has {_listed(list(table.text.columns))}" for table in tables[1:])
    message = f"there is no such column ({key}){meant}"
    action = f"the columns are: {_listed(list(tables[0].text.columns))}" + (f"; {there}" if there else "")
    findings.add(ERROR, tables[0].name, message, action, column=column)
    return None


def _listed(names: list[str]) -> str:
    """Up to 40 names: a radiomics file may have thousands."""
    return ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")


def _tell_twins(column: str, key: str, taken: TextTable, tables: list[TextTable], findings: Findings) -> None:
    for table in tables:
        if table is not taken and column in table.text.columns:
            message = f"the column is in {taken.name} too ({key})"
            findings.add(NOTE, table.name, message, f"that of {taken.name} is used", column=column)
