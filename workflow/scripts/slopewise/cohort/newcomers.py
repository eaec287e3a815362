"""New patients, read as the cohort was: the same clock, the same units, the same rules, but nobody's outcome.

What is wrong is an error with its place, as in the cohort. Rows after the landmark are among the errors: a prediction
made at the landmark must not know them, and leaving them out in silence would hide a wrong unit of time.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from slopewise.cohort.ages import with_age
from slopewise.cohort.columns import Columns, find_columns
from slopewise.cohort.findings import ERROR, CohortError, DataFinding, Findings
from slopewise.cohort.incomplete import match_ids, spelling
from slopewise.cohort.landmark import snap
from slopewise.cohort.levels import close_level
from slopewise.cohort.people import constant_values, patients_of_rows, read_people, set_clock
from slopewise.cohort.rows import (
    measured,
    read_rows,
    settle_twins,
    transformed,
)
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text
from slopewise.sources.readers import read_patients
from slopewise.sources.study_tables import measurements_of
from slopewise.sources.table import TextTable, shown
from slopewise.study.keys import MISSING
from slopewise.study.model import Study

UNKNOWN = {"kind": "none", **dict.fromkeys(("time", "time_unit", "event", "column", "entry"))}
"""The keys of an outcome that nobody has seen yet."""


@dataclass(frozen=True)
class Covariate:
    """What a model knows of a covariate: its levels (None for a number), and whether it may vary within a patient.

    `varies` None: unknown; a variation is told and the last value taken.
    """

    levels: tuple[str, ...] | None
    varies: bool | None


@dataclass(frozen=True, repr=False)
class Newcomers(ShortRepr):
    """New patients in the form of ``cohort/measurements`` and ``cohort/patients``, without outcome.

    `absent`: markers without a column in the file; their column in `measurements` is empty. `dropped`: rows that were
    left out because they hold no value of any marker or lack a covariate of the growth model, by patient. `varying`:
    covariates that vary within a patient although the model does not know them to, by patient. `refused`: patients of
    the files who are in neither frame, with what is wrong. `unmeasured`: how many patients of the patients' file have
    no row of measurements, as those of a master list.
    """

    measurements: pd.DataFrame
    patients: pd.DataFrame
    absent: tuple[str, ...]
    dropped: Mapping[str, int]
    varying: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str]
    unmeasured: int


@dataclass(frozen=True)
class _Files:
    """What is read: the model's study (`study`), the same with the markers that the file has (`known`), the tables."""

    study: Study
    known: Study
    rows: TextTable
    people: TextTable
    covariates: Mapping[str, Covariate]
    columns: Columns
    findings: Findings


def read_newcomers(study: Study, folder: Path, covariates: Mapping[str, Covariate], strict: bool = True) -> Newcomers:
    """Read the files that ``data.measurements`` and ``data.patients`` of `study` name (beside `folder`).

    `study` says how to read them; of its outcome only `covariates` and `strata` are used. Raises `InputError` (a
    `CohortError` with the frame `problems` when the data have errors). Unless `strict`, errors that each belong to a
    patient leave these patients out, as long as there are others.
    """
    data, outcome = study.data.model_copy(update={"incomplete": "error"}), study.outcome.model_copy(update=UNKNOWN)
    study = study.model_copy(update={"data": data, "outcome": outcome})
    table = measurements_of(study, folder, "--measurements", complete=False)
    own = read_patients(folder, study.data, "--patients")
    table, own, unmeasured = _of_measured(table, own, study.data.patient)
    refused: dict[str, str] = {}
    while True:
        try:
            found = _read(study, _without(table, study, refused), own and _without(own, study, refused), covariates)
        except CohortError as error:
            reasons = _reasons(error.problems)
            here = set(table.text[study.data.patient]) if study.data.patient in table.text.columns else set()
            if strict or not reasons or not here - MISSING - set(refused) - set(reasons):
                raise
            refused |= reasons
        else:
            return replace(found, refused=refused, unmeasured=unmeasured)


def _of_measured(table: TextTable, people: TextTable | None, column: str) -> tuple[TextTable, TextTable | None, int]:
    """The tables without those who are in the patients' file alone (and in no other spelling), and their number."""
    if people is None or column not in people.text.columns or column not in table.text.columns:
        return table, people, 0
    there = {spelling(patient) for patient in set(table.text[column]) - MISSING}
    names = people.text[column]
    kept = names.isin(MISSING) | names.map(spelling).isin(there)
    if not kept.any():
        return table, people, 0
    return table, people.chosen(kept.to_numpy()), int(names[~kept].nunique())


def _without(table: TextTable, study: Study, refused: Mapping[str, str]) -> TextTable:
    column = study.data.patient
    if not refused or column not in table.text.columns:
        return table
    return table.chosen(~table.text[column].isin(list(refused)).to_numpy())


def _reasons(problems: pd.DataFrame) -> dict[str, str]:
    """The first error of each patient, in words; nothing where an error belongs to no patient."""
    errors = problems[problems["severity"] == ERROR]
    if errors["patient"].isna().any():
        return {}
    found: dict[str, str] = {}
    for row in errors.itertuples():
        line = None if pd.isna(row.line) else int(float(str(row.line)))
        column = None if pd.isna(row.column) else str(row.column)
        one = DataFinding(ERROR, str(row.file), line, str(row.patient), column, str(row.message), str(row.action))
        found.setdefault(str(row.patient), str(one))
    return found


def _read(study: Study, table: TextTable, own: TextTable | None, covariates: Mapping[str, Covariate]) -> Newcomers:
    """The tables as they are; every error is raised."""
    findings = Findings(*(one for one in (table, own) if one is not None))
    table, own = with_age(study, table, own, findings, given=True)
    absent = _absent_markers(study, table, findings)
    known = study.model_copy(update={"markers": {n: m for n, m in study.markers.items() if n not in absent}})
    columns = _columns(known, table, own, covariates, findings)
    findings.stop_at_errors()
    files = _Files(study, known, table, own or table, covariates, columns, findings)
    rows = read_rows(known, table, columns, findings)
    for column in columns.constant:
        constant_values(table, column, "a covariate", study.data.patient, findings)
    people = read_people(known, patients_of_rows(known, table, findings) if own is None else own, columns, findings)
    match_ids(rows, people, known, (table.name, files.people.name), findings)
    findings.stop_at_errors()
    rows, people = set_clock(known, rows, people)
    return _at_landmark(files, rows.assign(time=snap(rows["time"], study.landmark_time)), people)


def _absent_markers(study: Study, table: TextTable, findings: Findings) -> tuple[str, ...]:
    """Markers without a column; one that is only spelt otherwise, or no marker at all, is an error."""
    names = [str(name) for name in table.text.columns]
    absent = tuple(name for name, marker in study.markers.items() if marker.column not in names)
    used = {marker.column for marker in study.markers.values()}
    for name in absent:
        column = study.markers[name].column
        close = [other for other in names if other.casefold() == column.casefold()]
        close = close or difflib.get_close_matches(column, [n for n in names if n not in used], 1, cutoff=0.8)
        if close:
            message = f"there is no such column (marker {name}); did you mean {close[0]!r}?"
            findings.add(ERROR, table.name, message, "rename it, or delete it if it is not that marker", column=column)
    if len(absent) == len(study.markers):
        wanted = ", ".join(dict.fromkeys(marker.column for marker in study.markers.values()))
        findings.add(ERROR, table.name, f"the file has none of the markers' columns ({wanted})", "add them")
    return absent


def _columns(
    study: Study, table: TextTable, own: TextTable | None, covariates: Mapping[str, Covariate], findings: Findings
) -> Columns:
    """Where the columns stand; covariates that the model knows not to vary must not vary here either."""
    found = find_columns(study, table, own, findings)
    in_rows = dict.fromkeys((*found.growth_rows, *found.last_values))
    return replace(found, constant=tuple(name for name in in_rows if covariates[name].varies is False))


def _at_landmark(files: _Files, rows: pd.DataFrame, people: pd.DataFrame) -> Newcomers:
    """Landmark, last values, levels and twins, as for the cohort."""
    study, columns, findings = files.study, files.columns, files.findings
    _refuse_late(files, rows)
    for column in columns.last_values:
        last = rows[rows[column].notna()].sort_values(["patient", "time", column]).groupby("patient")[column].last()
        people = people.assign(**{column: last.reindex(people["patient"]).to_numpy()})
    kept = measured(rows, list(files.known.markers)).dropna(subset=list(columns.growth_rows))
    lost = (rows.groupby("patient").size() - kept.groupby("patient").size().reindex(rows["patient"].unique())).dropna()
    _refuse_covariates(files, people)
    _refuse_levels(files, kept, columns.growth_rows, files.rows)
    kept = settle_twins(kept, study.data.duplicates, study.landmark_time, files.rows.name, study.data.time, findings)
    line = rows.index.to_series().groupby(rows["patient"]).min()
    for patient in sorted(set(people["patient"]) - set(kept["patient"])):
        message = "the patient has no value of any marker" + (" with its covariates" if columns.growth_rows else "")
        action = "add one, or delete the patient"
        findings.add(ERROR, files.rows.name, message, action, line=line[patient], patient=patient)
    findings.stop_at_errors()
    absent = [name for name in study.markers if name not in files.known.markers]
    frame = transformed(kept, files.known.markers).assign(**dict.fromkeys(absent, np.nan))
    names = ["patient", "time", *study.markers, *columns.growth_rows]
    whose = ["patient", *dict.fromkeys((*columns.of_patients, *columns.last_values))]
    return Newcomers(
        measurements=frame[names].sort_values(names[:2], kind="stable").reset_index(drop=True),
        patients=people[whose].sort_values("patient", kind="stable").reset_index(drop=True),
        absent=tuple(absent),
        dropped={str(patient): int(count) for patient, count in lost.items() if count > 0},
        varying=_varying(files, rows),
        refused={},
        unmeasured=0,
    )


def _varying(files: _Files, rows: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Covariates of unknown kind that vary within a patient, by patient."""
    found: dict[str, tuple[str, ...]] = {}
    for column in files.columns.last_values:
        if files.covariates[column].varies is None:
            several = rows[["patient", column]].dropna().drop_duplicates()
            for patient in several.loc[several["patient"].duplicated(), "patient"].unique():
                found[str(patient)] = (*found.get(str(patient), ()), column)
    return found


def _refuse_late(files: _Files, rows: pd.DataFrame) -> None:
    """A row after the landmark is an error; after a hundred of them the rest is not told."""
    s, data = files.study.landmark_time, files.study.data
    late = rows[rows["time"] > s].head(100)
    for line, patient, time in zip(late.index, late["patient"], late["time"], strict=True):
        unit = data.analysis_unit
        message = f"the row is at {time:.6g} {unit}, after the landmark ({s:g} {unit}) at which the model predicts"
        action = f"delete the row, or correct its time ({data.time_unit} in the file)"
        files.findings.add(ERROR, files.rows.name, message, action, line=line, patient=patient, column=data.time)


def _refuse_covariates(files: _Files, people: pd.DataFrame) -> None:
    """A missing covariate, a text where the model has a number, a level that it does not know."""
    held = [name for name in files.covariates if name in people.columns]
    imputed = files.study.imputable
    for column in (name for name in held if name not in imputed):
        empty = people[people[column].isna()]
        for line, patient in zip(empty.index, empty["patient"], strict=True):
            place = {"line": line, "patient": patient, "column": column}
            message, action = "the covariate is missing, and the model needs it", "fill it in, or delete the patient"
            files.findings.add(ERROR, files.people.name, message, action, **place)
    _refuse_levels(files, people, held, files.people)


def _refuse_levels(files: _Files, frame: pd.DataFrame, names: Iterable[str], table: TextTable) -> None:
    for column in names:
        levels = files.covariates[column].levels
        values = frame.loc[frame[column].notna(), ["patient", column]]
        if levels is None and (values.empty or pd.api.types.is_numeric_dtype(values[column].infer_objects())):
            continue
        for line, patient, value in zip(values.index, values["patient"], values[column], strict=True):
            place = {"line": line, "patient": patient, "column": column}
            if levels is None:
                message = f"{shown(str(value))} is text where the model has a number"
                files.findings.add(ERROR, table.name, message, "correct it", **place)
            elif str(value) not in levels:
                text = level_text(value)
                message = f"the model does not know the level {shown(text)}"
                close = close_level(text, levels)
                meant = f"did you mean {close!r}? " if close else ""
                action = f"{meant}it knows {', '.join(levels)}; correct it, or leave the patient out"
                files.findings.add(ERROR, table.name, message, action, **place)
