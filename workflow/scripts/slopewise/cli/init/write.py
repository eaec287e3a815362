"""`slopewise init`: from unknown tables to a commented study file that `slopewise check` accepts."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from slopewise.cli.columns import Column, is_key, listed, readable, refuse_second_header, scalar
from slopewise.cli.dialect import check_dialect
from slopewise.cli.init.adam import by_visit, of_one_endpoint, of_subjects
from slopewise.cli.init.births import guess_birth
from slopewise.cli.init.clock import Clock, Ids, fitting_format, make_clock, meet
from slopewise.cli.init.draft import Dialect, Draft, study_text
from slopewise.cli.init.effects import GUESSES, ProposedEffect
from slopewise.cli.init.features import feature_groups
from slopewise.cli.init.guess import (
    Look,
    Named,
    Proposal,
    guess_analysis_unit,
    guess_format,
    guess_patient,
    guess_time,
    guess_time_zero,
    guess_unit,
    look,
    movement,
    start_column,
)
from slopewise.cli.init.landmark import Moments, propose
from slopewise.cli.init.long import by_rows
from slopewise.cli.init.markers import LeftOut, guess_markers, told_codes, told_factors
from slopewise.cli.init.outcome import ProposedOutcome, guess_outcome
from slopewise.cli.init.redcap import by_event
from slopewise.cli.init.wide import unfolded
from slopewise.cohort import CohortError
from slopewise.cohort.clock import in_unit, read_times
from slopewise.cohort.findings import ERROR
from slopewise.cohort.kinds import kinds, problems_of
from slopewise.cohort.sentinels import sentinels
from slopewise.cohort.shapes import foreign_shape, wide_shape
from slopewise.run.errors import InputError
from slopewise.run.files import write_text
from slopewise.sources.readers import read_table
from slopewise.sources.sheets import KEYS, OPTIONS
from slopewise.sources.subjects import with_subjects
from slopewise.sources.table import TextTable, called_alike
from slopewise.study.formulas import AGE
from slopewise.study.keys import Data
from slopewise.study.reading import parse_study

MOST_TOLD = 12
"""Lines about columns that are left out; the study file has all."""
MOST_TROUBLES = 5
MARKERS_TRIED = 3
"""Markers of the draft on which landmarks are tried: a table of thousands would be read anew for each landmark."""


def draft_study(
    measurements: str, patients: str | None, name: str, dialect: Dialect, said: Named, subjects: str = ""
) -> Draft:
    """Look at the tables (paths as they shall stand in the study file) and propose a study.

    Raises `InputError` where a file cannot be read, or where patient, time or markers cannot be told.
    """
    files = {"measurements": measurements} | ({"patients": patients} if patients else {})
    known = {"patient": "?", "time": "??", "time_unit": "days", "analysis_unit": "days"}
    check_dialect(dialect.delimiter, dialect.decimal, dialect.encoding)
    data = Data.model_validate({**files, **known, **dialect.keys})
    table, layout, made = _read(measurements, "MEASUREMENTS", data), None, ""
    refuse_second_header(table)
    long = by_visit(table, data) if not said.time else None
    redcap = by_event(table, said.patient, said.time)
    of_patients = data.model_copy(update={"sheet": data.patients_sheet})
    people = _read(patients, "--patients", of_patients) if patients else None
    where: Mapping[str, str] = {}
    endpoints = ""
    if people is not None:
        people, where, endpoints = of_one_endpoint(people)
        if subjects:
            own = data.model_copy(update={"sheet": data.subjects_sheet})
            people = _with_subjects(people, of_subjects(_read(subjects, "--subjects", own)), data)
    if long is None and redcap is None:
        long = by_rows(table, data, people, said)
    if long is not None:
        table, layout = long.table, long.layout
    elif redcap is not None:
        table = redcap.table
    elif not said.time:
        table, layout, made = unfolded(table, data)
    seen = look(table, people)
    patient, in_people = _patient(seen, redcap.patient.value if redcap else said.patient)
    patient = redcap.patient if redcap else patient
    seen = renamed(seen, patient.value, in_people)
    ids = meet(table, seen.patients, patient.value) if seen.patients is not None else Ids()
    _refuse_shape(seen, patient.value, None)
    why = "made from the columns' names"
    known_time = long.time if long else redcap.time if redcap else Proposal(made, why) if made else None
    time = known_time or guess_time(seen, patient.value, said.time)
    _refuse_shape(seen, patient.value, time.value)
    column = seen.columns[time.value]
    unit = long.unit if long and long.unit else guess_unit(table, patient.value, column, said.time_unit)
    date_format = guess_format(table, _dates(seen, column), said.date_format) if unit.value == "date" else "auto"
    zero = long.zero if long and long.zero else guess_time_zero(seen, patient.value, column)
    clock = _clock(seen, patient.value, column, unit.value, date_format, ids, said)
    outcome = guess_outcome(seen, patient.value, time.value, clock, said)
    if endpoints:
        outcome = replace(outcome, remarks=(*outcome.remarks, endpoints))
    if outcome.found and not clock.dates and clock.last.median() <= 0:
        why = f"{readable(time.value)} counts back from an end, which is known only when it has come"
        outcome = replace(outcome, reason=why, events={})
    if outcome.found and outcome.unit == "date" and not clock.dates:
        zero = Proposal(
            f"{{column: {scalar(start_column(seen))}}}", "the date from which visits count, since follow-up has dates"
        )
    guess = GUESSES.get(said.kind)
    effect = guess(seen, patient.value, time.value, date_format) if guess else ProposedEffect()
    taken = {patient.value, time.value, *((outcome.followup, outcome.event) if said.outcome else ())} - {""}
    taken |= effect.columns
    known_roles = taken | set(outcome.covariates) | (set(outcome.described) if said.outcome else set())
    markers, left_out = guess_markers(seen, patient.value, time.value, known_roles, said.markers)
    if redcap:
        left_out = [*redcap.checkboxes, *left_out]
    if long:
        markers = [
            marker.in_unit(long.units.get(marker.column, ""), long.factors.get(marker.column, {})) for marker in markers
        ]
        left_out = [*long.left_out, *left_out]
    formats = _formats(clock, outcome, zero.value.startswith("{"), date_format, effect.date_format)
    is_dated = clock.dates or zero.value.startswith("{")
    written = formats[1] or (date_format if outcome.unit == "date" or zero.value.startswith("{") else "")
    birth, of_birth = guess_birth(seen, patient.value, clock, is_dated, (column, date_format), written)
    if of_birth and people is not None and of_birth != formats[0]:
        formats = (formats[0], of_birth)
    times = _times(seen, time.value, unit.value, date_format, zero.value, clock)
    analysis = guess_analysis_unit(unit.value, float(times.groupby("patient")["time"].max().median()))
    times = times.assign(time=in_unit(times["time"].to_numpy(), unit.value, analysis.value))
    kinds = (readable(table.encoding), {",": "decimal comma", ".": "decimal point"}[table.decimal])
    draft = Draft(
        name=name, files=(measurements, patients), rows=(len(table.text), 0 if people is None else len(people.text)),
        written=", ".join(kinds), dialect=dialect, patient=patient, patients_patient=in_people, time=time, unit=unit,
        date_format=formats[0], patients_date_format=formats[1],
        analysis_unit=analysis, time_zero=zero, twins=int(times.duplicated().sum()), markers=markers, left_out=left_out,
        outcome=outcome, moments=Moments(0.0, (), 5, ""), trouble=ids.trouble,
        codes=_codes(seen, [marker.column for marker in markers], outcome.covariates),
        effect=effect.with_markers([marker.name for marker in markers]),
        features=() if said.markers else feature_groups(markers, seen.columns, left_out), layout=layout,
        where=where, subjects=subjects, rows_where=long.where if long else redcap.where if redcap else {},
        where_why=redcap.why if redcap else long.where_why if long else "", layout_why=long.why if long else "",
        birth_date=birth,
    )  # fmt: skip
    return _with_moments(draft, times, said)


def _with_subjects(people: TextTable, subjects: TextTable, data: Data) -> TextTable:
    """The patients with the columns of a third table, by the first column of both that has each patient once there."""
    names = [str(name) for name in people.text.columns if name in subjects.text.columns]
    patient = next((name for name in names if is_key(subjects, name)), "")
    if not patient:
        message = f"has no column in common with {people.name} that holds each patient once (--subjects)"
        raise InputError(f"{subjects.name}: {message}; give the patient's column the same name in both files")
    return with_subjects(people, subjects, data.model_copy(update={"patient": patient}))


def _patient(seen: Look, asked: str) -> tuple[Proposal, str]:
    """The patient's column; where none repeats, a table with the visits in columns is refused as that."""
    try:
        return guess_patient(seen, asked)
    except InputError:
        for name in seen.columns:
            if reason := wide_shape(seen.measurements, name, set()):
                raise InputError(f"{reason}.") from None
        raise


def _refuse_shape(seen: Look, patient: str, time: str | None) -> None:
    """Refuse a table that has not a row for each patient and visit; `time` None: before a time is looked for."""
    numeric = [name for name, column in seen.columns.items() if column.is_number and name not in (patient, time)]
    if reason := foreign_shape(seen.measurements, patient, time, numeric, {patient, *([time] if time else [])}):
        raise InputError(f"{reason}.")


def _codes(seen: Look, markers: Sequence[str], covariates: Sequence[str]) -> dict[str, dict[float, int]]:
    """Markers and covariates with numbers that look like codes of a missing value."""
    columns = [seen.columns[name] for name in markers]
    columns += [seen.people.get(name) or seen.columns[name] for name in covariates]
    return {column.name: found for column in columns if column.is_number and (found := sentinels(column.values))}


def renamed(seen: Look, patient: str, in_people: str) -> Look:
    """The tables with the patient's column called alike in both; a column of that name for something else goes."""
    if seen.patients is None or patient == in_people:
        return seen
    patients = called_alike(seen.patients, in_people, patient)
    people = {name: column for name, column in seen.people.items() if name not in (patient, in_people)}
    people[patient] = replace(seen.people[in_people], name=patient)
    return Look(seen.measurements, patients, seen.columns, people)


def _dates(seen: Look, column: Column) -> list[Column]:
    """The visits and all other columns of dates that are written in a way in which the visits may be, too."""
    every = (*seen.columns.values(), *seen.people.values())
    return [column, *(other for other in every if other is not column and set(other.formats) & set(column.formats))]


def _clock(seen: Look, patient: str, column: Column, unit: str, date_format: str, ids: Ids, said: Named) -> Clock:
    """The visits as a clock, with the dates of time zero where the patients' table has some."""
    preferred = said.patients_date_format or date_format
    zero = None
    if (start := start_column(seen)) and seen.patients is not None:
        zero = (seen.patients, start, fitting_format(seen.patients, seen.people[start], preferred))
    gap = movement(seen.measurements, patient, column).gap
    clock = make_clock(seen.measurements, patient, column, unit, date_format, gap, ids, zero)
    return replace(clock, date_format=preferred)


def _formats(clock: Clock, outcome: ProposedOutcome, zero: bool, date_format: str, of_effect: str) -> tuple[str, str]:
    """`data.date_format` and `data.patients_date_format` (empty where the former serves); `zero`: its dates are used.

    Raises `InputError` where the dates of the patients' table are written in two ways.
    """
    asked = [outcome.date_format] if outcome.followup and outcome.unit == "date" else []
    asked += [clock.zero_format] if zero else []
    asked += [of_effect] if of_effect else []
    if len(set(asked)) > 1:
        raise InputError(
            "the patients' dates (time zero, follow-up, moment of an interruption) are written differently "
            f"({', '.join(asked)}); write them in the same way"
        )
    if not clock.dates:
        return (asked[0] if asked else "auto"), ""
    return date_format, (asked[0] if asked and asked[0] != date_format else "")


def _read(name: str, option: str, data: Data) -> TextTable:
    """Read a table; what a message says of a key of the study file is said of the option that writes it."""
    try:
        return read_table(Path(), name, option, data)
    except InputError as error:
        words = re.sub(r"set data\.(decimal|delimiter|encoding)", r"give it with --\1", str(error))
        raise InputError(words.replace(KEYS, OPTIONS)) from error


def _times(seen: Look, time: str, unit: str, date_format: str, zero: str, clock: Clock) -> pd.DataFrame:
    """patient and time of each row since time zero, in `unit`; a row whose time cannot be read is left out."""
    values, _ = read_times(seen.measurements, time, unit, date_format)
    frame = pd.DataFrame({"patient": clock.ids(seen.measurements), "time": values}).dropna()
    if zero == "first_visit":
        frame["time"] -= frame.groupby("patient")["time"].transform("min")
    elif clock.dates and clock.zero is not None:
        frame["time"] -= frame["patient"].map(clock.zero)
    if frame["time"].dropna().empty:
        raise InputError(
            f"{seen.measurements.name}: column {time}: no cell can be read as a time in {unit}; name another unit, "
            "column or format of dates (--time-unit, --time, --date-format)"
        )
    return frame.dropna()


def _with_moments(draft: Draft, times: pd.DataFrame, said: Named) -> Draft:
    """Add landmark, horizons and folds; where no landmark allows a validation, the outcome is left to the user."""
    if draft.outcome.found:
        middle = said.landmark or float(f"{times['time'].quantile(0.5):.1g}") or 1.0
        guess = Moments(middle, (float(f"{middle:.1g}"),), 5, "A GUESS, because of the errors in the files")
        trial = replace(draft, markers=draft.markers[:MARKERS_TRIED], features=(), moments=guess)
        try:
            study = parse_study(study_text(trial).encode(), draft.name)
            found = propose(study, Path(), times, said.landmark)
        except CohortError as error:  # no fault of the outcome: check will tell it, and a landmark is written
            found_wrong = "; ".join(map(str, kinds(problems_of(error.problems, ERROR))[:MOST_TROUBLES]))
            return replace(draft, moments=guess, trouble=draft.trouble or found_wrong)
        except InputError as error:
            return replace(draft, moments=guess, trouble=draft.trouble or str(error))
        if found is not None:
            return replace(draft, moments=found)
        why = "no landmark leaves patients, events and follow-up enough to validate a prediction"
        draft = replace(draft, outcome=replace(draft.outcome, reason=f"{draft.outcome.reason}, but {why}", events={}))
    if said.landmark is not None:
        return replace(draft, moments=Moments(said.landmark, (), 5, "as given"))
    why = "nothing is predicted, so that all rows are used, and levels are those of each patient's last visit"
    return replace(draft, moments=Moments(math.inf, (), 5, why))


def write_study(
    measurements: str, patients: str | None, out: Path, name: str, dialect: Dialect, said: Named, force: bool,
    subjects: str = "",
) -> Draft:  # fmt: skip
    """Propose a study and write its file; `InputError` where one is there already or where nothing can be proposed."""
    if out.exists() and not force:
        raise InputError(f"{out}: the file exists already; overwrite it with --force, or choose another --out")
    if out.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"{out}: a study file ends in .yaml")
    if subjects and not patients:
        raise InputError("--subjects is joined to the table of patients; name that with --patients, too")
    draft = draft_study(measurements, patients, study_name(name, out), dialect, said, subjects)
    write_text(out, study_text(draft))
    return draft


def study_name(asked: str, out: Path) -> str:
    """The study's name as told, else made from the name of its file."""
    if asked:
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", asked):
            raise InputError(f"--name {asked!r}: letters, digits, `_` and `-`, 1 to 64 of them")
        return asked
    return re.sub(r"[^A-Za-z0-9_-]+", "_", out.stem).strip("_")[:64] or "study"


def told_lines(draft: Draft, out: Path) -> list[str]:
    """What was proposed, in a few lines for the terminal: what is a guess, and every column that was left out."""
    lines = [
        f"patient: {readable(draft.patient.value)} ({draft.patient.reason})",
        f"time:    {readable(draft.time.value)} in {draft.unit.value} ({draft.time.reason})",
    ]
    if draft.unit.reason.startswith("A GUESS"):
        lines.append(f"         {draft.unit.reason}")
    if draft.layout is not None and draft.layout.value is not None:
        lines.append(
            f"layout:  {readable(draft.layout.value)} by {readable(str(draft.layout.parameter))} ({draft.layout_why})"
        )
    if draft.rows_where:
        chosen = ", ".join(f"{readable(name)} {listed(codes)}" for name, codes in draft.rows_where.items())
        lines.append(f"rows:    {chosen}: {draft.where_why}")
    by_pattern = {column for group in draft.features for column in group.columns}
    single = [marker for marker in draft.markers if marker.column not in by_pattern]
    if single:
        markers = [marker.name + (" (log)" if marker.transform == "log" else "") for marker in single]
        lines.append(f"markers: {listed(markers)}")
    lines += [f"         {marker.name}: {told_factors(marker)}" for marker in single if marker.factors]
    for group in draft.features:
        how = " (log)" if group.transform == "log" else ""
        lines.append(f"features: {len(group.columns)} by {len(group.patterns)} patterns{how}: {listed(group.patterns)}")
    lines += [f"         {readable(column)}: {told_codes(codes)}" for column, codes in draft.codes.items()]
    if draft.codes:
        lines.append(f"         if they are: data.missing: [{', '.join(draft.missing)}]")
    lines += _left_out(draft.left_out)
    if draft.effect.said:
        lines.append(f"effect:  {draft.effect.said}")
    outcome = draft.outcome
    if outcome.found:
        lines.append(f"outcome: {readable(outcome.event)} at {readable(outcome.followup)}: {outcome.event_reason}")
        horizons = ", ".join(f"{horizon:g}" for horizon in draft.moments.horizons)
        lines.append(f"         from {draft.moments.landmark:g} {draft.analysis_unit.value} on, to {horizons} later")
    else:
        lines.append(f"outcome: none: {outcome.reason}")
    lines += [f"         {remark}" for remark in outcome.remarks]
    if outcome.found and draft.covariates:
        aged = f" ({AGE} from {readable(draft.birth_date.value)})" if draft.birth_date.value else ""
        lines.append(f"covariates: {listed(draft.covariates)}{aged}")
    lines += [
        f"         no covariate: {readable(name)} {why}" for name, why in list(outcome.described.items())[:MOST_TOLD]
    ]
    if draft.trouble:
        lines.append(f"The files have errors: {draft.trouble}")
    written = shlex.quote(str(out))
    return [*lines, f"Written: {out}. Read it, then: slopewise check {written}"]


def _left_out(left_out: list[LeftOut]) -> list[str]:
    """The columns that are no markers, those with one reason on one line, the rarer reasons first."""
    reasons: dict[str, list[str]] = {}
    for left in left_out:
        reasons.setdefault(left.reason, []).append(left.column)
    ranked = sorted(reasons.items(), key=lambda item: len(item[1]))
    lines = [f"         left out: {listed(names)}: {reason}" for reason, names in ranked[:MOST_TOLD]]
    rest = sum(len(names) for _, names in ranked[MOST_TOLD:])
    return [*lines, f"         left out: {rest} more columns (the reasons are in the file)"] if rest else lines
