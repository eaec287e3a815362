"""`slopewise check`: everything about a study that can be known before it runs, as plain facts.

`cli_page` prints them. The study is read, its tables are checked and its cohort is made by the functions that the
workflow itself uses, so that what is said here is what will be analysed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from slopewise.cli.check.priors import refuse_priors
from slopewise.cli.columns import Column, describe, readable
from slopewise.cli.init.landmark import unsupported
from slopewise.cohort import Cohort
from slopewise.cohort.findings import NOTE, WARNING
from slopewise.cohort.kinds import Kind, kinds, problems_of
from slopewise.outcome.sample_size import SampleSize, counted_events, judge, ladder_sizes, shortfalls
from slopewise.run.words import amount
from slopewise.sources.features import expanded
from slopewise.sources.snapshot import SNAPSHOTS, frozen
from slopewise.sources.study_tables import measurements_of, patients_of
from slopewise.sources.table import TextTable
from slopewise.study.formulas import formula_names
from slopewise.study.keys import ColumnReference
from slopewise.study.model import Study
from slopewise.study.reading import load_study
from slopewise.study.runtime import Estimate, estimate
from slopewise.validate.feasible import feasibility, prepare_checked

MANY_VISITS = 3
FEW_PATIENTS = 10
FEW_SHARE = 0.2
GRAVE_SHARE = 0.2
NAMED = 3
"""So many markers are named as examples."""


@dataclass(frozen=True)
class ColumnLine:
    """One column that the study uses: the key that names it, its file, and what is in it."""

    key: str
    column: str
    file: str
    content: str


@dataclass(frozen=True)
class MarkerVisits:
    """One marker up to the landmark: patients by number of distinct times, rows, and how far the times lie apart.

    `spread` is the root mean square deviation of a patient's times from their mean, over patients with two or more.
    """

    marker: str
    none: int
    one: int
    two: int
    more: int
    rows: int
    spread: float


@dataclass(frozen=True)
class StepLine:
    """One step of the ladder: its coefficients and the events for each (patients, of a continuous outcome)."""

    name: str
    coefficients: int
    events_each: float


@dataclass(frozen=True)
class HorizonLine:
    """One horizon: events up to it, patients followed past it, and why it cannot be evaluated (empty: it can)."""

    horizon: float
    events: int
    beyond: int
    reason: str


@dataclass(frozen=True)
class Examination:
    """All findings. `warnings` are worth thought, the gravest first; any of `stops` means that the study cannot run."""

    file: Path
    study: Study
    cohort: Cohort
    columns: list[ColumnLine]
    visits: pd.Series
    markers: list[MarkerVisits]
    ladder: list[StepLine]
    size: SampleSize | None
    horizons: list[HorizonLine]
    time: Estimate
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)


def examine(path: Path) -> Examination:
    """Examine a study file; paths in it are beside the working directory.

    Databases are read again, and a run takes what was read here. Raises `InputError` for a study file or data that
    cannot be used, with the first reason; `CohortError` carries all.
    """
    study = frozen(load_study(path), Path(), SNAPSHOTS, again=True)
    study = expanded(study, Path())
    cohort = prepare_checked(study, Path())
    refuse_priors(study, cohort)
    visits = cohort.measurements.groupby("patient")["time"].nunique()
    markers = [marker_visits(cohort, name) for name in study.markers]
    later = cohort.later if study.growth.rows == "all" else None
    can = feasibility(study, cohort.measurements, cohort.patients, later)
    size = _size(study, cohort.patients) if study.kind.predicts else Size()
    horizons = _horizons(study, cohort, can.folds) if study.kind.timed else []
    found = kinds(problems_of(cohort.problems, WARNING))
    patients = len(cohort.patients)
    without, few = _slope_warnings(study, markers, patients)
    warnings = [
        *without,
        *can.warnings,
        *(str(kind) for kind in found if is_grave(kind, patients)),
        *size.warning,
        *few,
        *(str(kind) for kind in found if not is_grave(kind, patients)),
    ]
    return Examination(
        file=path, study=study, cohort=cohort, columns=column_lines(study), visits=visits, markers=markers,
        ladder=size.ladder, size=size.largest, horizons=horizons, time=estimate(study, len(cohort.patients)),
        warnings=warnings, notes=[str(kind) for kind in kinds(problems_of(cohort.problems, NOTE))],
        stops=list(can.stops),
    )  # fmt: skip


def is_grave(kind: Kind, patients: int) -> bool:
    """Whether findings concern a file as a whole, or a share of `GRAVE_SHARE` of the patients or more."""
    return kind.first.is_whole or kind.concerned >= GRAVE_SHARE * patients


# -- columns ----------------------------------------------------------------------------------------------------------


def column_lines(study: Study) -> list[ColumnLine]:
    """Each column that the study names, with the file it is read from and what is in it."""
    data, outcome = study.data, study.outcome
    rows = measurements_of(study, Path())
    people = patients_of(study, Path()) or rows
    zero = data.time_zero.column if isinstance(data.time_zero, ColumnReference) else None
    wanted: list[tuple[str, str | None, TextTable]] = [
        ("data.patient", data.patient, rows),
        ("data.time", data.time, rows),
        ("data.time_zero", zero, people),
        *((f"markers.{name}", marker.column, rows) for name, marker in study.markers.items()),
        ("outcome.time", outcome.time, people),
        ("outcome.event", outcome.event, people),
        ("outcome.column", outcome.column, people),
        ("outcome.entry", outcome.entry, people),
        *(("outcome.covariates", column, people) for column in outcome.covariates),
        *(("outcome.strata", column, people) for column in outcome.strata),
        ("data.centre", data.centre, people),
        *(("validation.subgroups", column, people) for column in study.validation.subgroups),
        *(("growth", column, people) for column in study.growth_columns if column not in outcome.covariates),
        *((key, column, people) for column, key in study.effect_columns.items()),
    ]
    lines = []
    for key, column, preferred in wanted:
        table = preferred if column in preferred.text.columns else rows
        if column is not None and column in table.text.columns:
            code = column in data.coded
            lines.append(ColumnLine(key, column, table.name, content(describe(table, column), table, key, code)))
    return lines


def content(column: Column, table: TextTable, key: str, code: bool = False) -> str:
    """What a column holds in a few words; `code`: its numbers are categories."""
    missing = len(table.text) - column.present
    gaps = f", {missing} missing" if missing else ""
    if key == "data.patient":
        return f"{amount(column.distinct, 'patient')} in {amount(len(table.text), 'row')}{gaps}"
    cells = table.text[column.name][~table.missing(column.name)]
    if column.is_date:
        return f"dates, {cells.iloc[0]} in the first row{gaps}"
    if code or key == "outcome.event" or not column.is_number:
        counts = cells.value_counts().sort_index()
        listed = ", ".join(f"{readable(str(code))}: {count}" for code, count in counts.head(8).items())
        return listed + (f" and {len(counts) - 8} more" if len(counts) > 8 else "") + gaps
    values = column.values[np.isfinite(column.values)]
    return f"{values.min():.4g} to {values.max():.4g}, median {np.median(values):.4g}{gaps}"


# -- visits -----------------------------------------------------------------------------------------------------------


def marker_visits(cohort: Cohort, marker: str) -> MarkerVisits:
    """Count distinct times of a marker by patient, up to the landmark."""
    rows = cohort.measurements.loc[cohort.measurements[marker].notna(), ["patient", "time"]].drop_duplicates()
    counts = rows.groupby("patient").size().reindex(cohort.patients["patient"], fill_value=0)
    repeated = rows[rows["patient"].isin(counts.index[counts >= 2])]
    deviation = repeated["time"] - repeated.groupby("patient")["time"].transform("mean")
    return MarkerVisits(
        marker=marker,
        none=int((counts == 0).sum()),
        one=int((counts == 1).sum()),
        two=int((counts == 2).sum()),
        more=int((counts >= MANY_VISITS).sum()),
        rows=int(cohort.measurements[marker].notna().sum()),
        spread=float(np.sqrt((deviation**2).mean())) if len(deviation) else 0.0,
    )


def _slope_warnings(study: Study, markers: list[MarkerVisits], patients: int) -> tuple[list[str], list[str]]:
    """A line of markers without any slope to estimate, and one of those whose slopes hardly differ from scatter."""
    if "time" not in formula_names(study.growth.random):
        return [], []
    without = [visits.marker for visits in markers if visits.two + visits.more == 0]
    least = max(FEW_PATIENTS, FEW_SHARE * patients)
    few = [visits for visits in markers if visits.two + visits.more > 0 and visits.more < least]
    none, some = [], []
    if without:
        none.append(
            f"{_markers(without)}: nobody was measured twice up to the landmark, so there is no slope to estimate; "
            'choose a later landmark, or growth.random: "~ 1"'
        )
    if few:
        lowest, highest = min(visits.more for visits in few), max(visits.more for visits in few)
        number = f"only {lowest}" if lowest == highest else f"only {lowest} to {highest}"
        number = "none" if highest == 0 else number
        some.append(
            f"{_markers([visits.marker for visits in few])}: {number} of {patients} patients "
            f"{'was' if highest < 2 else 'were'} measured three times or more up to the landmark; with two visits a "
            "slope cannot be distinguished from scatter, so expect a singular fit or a low reliability; consider a "
            "later landmark"
        )
    return none, some


def _markers(names: list[str]) -> str:
    """``albumin, bilirubin``; ``40 markers (f1, f2, f3, ...)``."""
    listed = ", ".join(names[:NAMED])
    return listed if len(names) <= NAMED else f"{len(names)} markers ({listed}, ...)"


# -- outcome ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    """The ladder's steps, the sample size of the largest, and the warning of what is too small, if anything is."""

    ladder: list[StepLine] = field(default_factory=list)
    largest: SampleSize | None = None
    warning: list[str] = field(default_factory=list)


def _size(study: Study, patients: pd.DataFrame) -> Size:
    """The ladder and its sample size."""
    sizes, events = ladder_sizes(study, patients), counted_events(study, patients)
    size = judge(study, patients, sizes)
    few = shortfalls(study, sizes, events, size)
    return Size(ladder_lines(sizes, events), size, [f"sample size: {'; '.join(few)}"] if few else [])


def _horizons(study: Study, cohort: Cohort, folds: Sequence[np.ndarray]) -> list[HorizonLine]:
    """Each horizon of a survival outcome in these outer `folds`."""
    followup, event = cohort.patients["followup"].to_numpy(), cohort.patients["event"].to_numpy() == 1
    lines = []
    for horizon in study.outcome.horizons:
        reason = unsupported(horizon, cohort.patients, folds)
        by_then, beyond = int((event & (followup <= horizon)).sum()), int((followup > horizon).sum())
        lines.append(HorizonLine(horizon, by_then, beyond, reason))
    return lines


def ladder_lines(sizes: Mapping[str, int], events: int) -> list[StepLine]:
    """Each step of the ladder with its coefficients, and the events for each."""
    return [StepLine(name, count, events / count if count else float("inf")) for name, count in sizes.items()]
