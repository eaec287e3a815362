"""From the user's files to the cohort at the landmark: who is analysed, on which rows, and why the others are not.

The order is fixed: read both files, find everything that is wrong with them, set the clock, apply the landmark.
Nothing is mended silently: an error stops with file, line, patient and column; a removal is counted in the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from slopewise.cohort.ages import with_age
from slopewise.cohort.agreement import agreement
from slopewise.cohort.batches import examine_batches
from slopewise.cohort.columns import Columns, find_columns
from slopewise.cohort.effects import examine_effects
from slopewise.cohort.excluded import characteristics_by_group
from slopewise.cohort.findings import NOTE, CohortError, Findings
from slopewise.cohort.flow import Flow, State
from slopewise.cohort.history import with_history
from slopewise.cohort.incomplete import leave_incomplete, match_ids
from slopewise.cohort.landmark import OUTCOME, apply_landmark, refuse_empty
from slopewise.cohort.misplaced import tell_misplaced
from slopewise.cohort.mistimed import tell_mistimed, tell_mistimed_since_zero
from slopewise.cohort.oddities import tell_odd_values
from slopewise.cohort.people import (
    constant_values,
    event_labels,
    patients_of_rows,
    read_people,
    refuse_single,
    set_clock,
)
from slopewise.cohort.plausible import check_followup, refuse_constant, warn_of_units
from slopewise.cohort.predictors import examine_predictors, refuse_levels
from slopewise.cohort.pyradiomics import check_diagnostics
from slopewise.cohort.recoded import tell_recoded
from slopewise.cohort.rows import read_rows, transformed
from slopewise.cohort.shapes import foreign_shape
from slopewise.cohort.slips import tell_slips
from slopewise.design.screen import screen
from slopewise.run.errors import InputError
from slopewise.run.files import file_digest
from slopewise.run.short_repr import ShortRepr
from slopewise.sources.study_tables import measurements_of, patients_of
from slopewise.sources.table import TextTable
from slopewise.study.files import every_file_of
from slopewise.study.model import Study
from slopewise.tables.order import ordered

LEFT_OUT = "nothing to do, or correct the column"

__all__ = ["Cohort", "CohortError", "event_labels", "prepare_cohort"]


@dataclass(frozen=True, repr=False)
class Cohort(ShortRepr):
    """The tables of ``cohort/`` as `tables` has them, and what provenance needs.

    measurements, later: patient, time (analysis unit since time zero), a column a marker (transformed, NaN where
    missing), time-varying covariates; up to the landmark and after it. patients: patient, covariates, entry,
    followup (since the landmark), event. `event_labels`: what the numbers of `event` mean. `files`: SHA-256 of each
    input file by its name in the study.
    """

    measurements: pd.DataFrame
    later: pd.DataFrame
    patients: pd.DataFrame
    flow: pd.DataFrame
    excluded: pd.DataFrame
    problems: pd.DataFrame
    agreement: pd.DataFrame
    event_labels: dict[int, str]
    files: dict[str, str]


def prepare_cohort(study: Study, folder: Path, runs: Callable[[float], bool] | None = None) -> Cohort:
    """Read the study's files (paths beside `folder`) and make its cohort.

    `runs`: whether the study could run at another landmark, asked before one is proposed.
    Raises `InputError` for a file that cannot be read; `CohortError`, an `InputError` with the frame `problems`, when
    the data have errors.
    """
    _screen_formulas(study)
    measurements = measurements_of(study, folder)
    patients = patients_of(study, folder)
    tables = [table for table in (measurements, patients) if table is not None]
    findings = Findings(*tables)
    measurements, patients = with_age(study, measurements, patients, findings)
    patients = with_history(study, measurements, patients, findings)
    for table in tables:
        _tell_encoding(table, findings)
    tell_recoded(tables, study.data.missing, findings)
    for column, reason in study.data.left_out.items():
        findings.add(NOTE, measurements.name, f"the feature is left out: {reason}", LEFT_OUT, column=column)
    columns = find_columns(study, measurements, patients, findings)
    findings.stop_at_errors()
    check_diagnostics(study, measurements, findings)
    _refuse_shape(study, measurements)
    files = (measurements.name, (patients or measurements).name)
    flow = _read(study, measurements, patients, columns, findings)
    tell_odd_values(study, flow.state.rows, flow.state.people, files, findings)
    tell_slips(study, flow.state.rows, flow.state.people, files, findings)
    tell_misplaced(study, flow.state.rows, flow.state.people, files, findings)
    tell_mistimed(study, flow.state.rows, files[0], findings)
    rows, people = set_clock(study, flow.state.rows, flow.state.people)
    flow.state = State(people, rows)
    warn_of_units(study, rows, people, files, findings)
    tell_mistimed_since_zero(study, rows, files[0], findings)
    check_followup(study, rows, people, files, findings)
    before = flow.state
    cohort, later, counted = apply_landmark(study, columns, flow, measurements.name, findings, runs)
    if len(cohort.rows):
        refuse_constant(study, cohort.rows, measurements.name, findings)
        examine_batches(study, cohort.rows, cohort.people, measurements.name, findings)
        examine_predictors(study, before, cohort, columns, files, findings)
        examine_effects(study, cohort, measurements.name, findings)
    seen = before.rows[before.rows["patient"].isin(cohort.people["patient"])]  # up to the landmark and after it
    reproduced = agreement(study, folder, findings, seen)
    findings.stop_at_errors()
    refuse_empty(study, cohort, counted, files)
    return Cohort(
        measurements=_visits(study, columns, cohort.rows),
        later=_visits(study, columns, later),
        patients=_patients(cohort.people),
        flow=counted,
        excluded=characteristics_by_group(study, before, cohort),
        problems=findings.frame(),
        agreement=reproduced,
        event_labels=event_labels(study.outcome),
        files={name: file_digest(folder / name) for name in every_file_of(study, folder)},
    )


def _refuse_shape(study: Study, measurements: TextTable) -> None:
    """Refuse a table of measurements that has not a row for each patient and visit."""
    values = [marker.column for marker in study.markers.values()]
    used = {study.data.patient, study.data.time, *values, *study.model_columns, *study.outcome.covariates}
    used |= set(study.data.where)
    if reason := foreign_shape(measurements, study.data.patient, study.data.time, values, used):
        raise InputError(f"data.measurements: {reason}.")


def _screen_formulas(study: Study) -> None:
    """Refuse a formula that no growth model would take, before anything is read."""
    for key in ("fixed", "random"):
        try:
            screen(getattr(study.growth, key))
        except InputError as error:
            raise InputError(f"growth.{key}: {error}") from None


def _tell_encoding(table: TextTable, findings: Findings) -> None:
    for file in table.files:
        if file.encoding == "latin-1":
            message = "the file is not UTF-8 and was read as Latin-1"
            findings.add(NOTE, file.name, message, "set data.encoding if letters look wrong")


def _read(
    study: Study, measurements: TextTable, patients: TextTable | None, columns: Columns, findings: Findings
) -> Flow:
    """Rows and patients of the files that are complete, on the files' own clocks; stops when anything is an error."""
    rows = read_rows(study, measurements, columns, findings)
    for column in columns.constant:
        constant_values(measurements, column, "a covariate", study.data.patient, findings)
    of_patients = patients if patients is not None else patients_of_rows(study, measurements, findings)
    people = read_people(study, of_patients, columns, findings)
    match_ids(rows, people, study, (measurements.name, of_patients.name), findings)
    refuse_levels(State(people, rows), columns, (measurements.name, of_patients.name), findings)
    refuse_single(rows, measurements.name, study.data.patient, findings)
    findings.stop_at_errors()
    flow = leave_incomplete(study, State(people, rows), (measurements.name, of_patients.name), findings)
    findings.stop_at_errors()
    return flow


def _visits(study: Study, columns: Columns, rows: pd.DataFrame) -> pd.DataFrame:
    """The table of rows, sorted by patient and time, twins by all else, so that the file's order cannot matter."""
    names = ["patient", "time", *study.markers, *columns.growth_rows]
    frame = transformed(rows, study.markers)[names]
    keys = names if frame.duplicated(names[:2]).any() else names[:2]
    return ordered(frame, keys).reset_index(drop=True)


def _patients(people: pd.DataFrame) -> pd.DataFrame:
    """The table of patients: patient, covariates; entry (none is delayed), followup, event, or outcome, if any."""
    covariates = [name for name in people.columns if name not in OUTCOME]
    last: list[str] = []
    if "outcome" in people.columns:
        last = ["outcome"]
    elif "event" in people.columns:
        last = ["entry", "followup", "event"]
        people = people if "entry" in people else people.assign(entry=float("nan"))
    frame = people[["patient", *covariates, *last]]
    return ordered(frame, ["patient"]).reset_index(drop=True)
