"""`slopewise init`: from unknown tables to a commented study file that `slopewise check` accepts."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd

from slopewise.cli_columns import listed, readable
from slopewise.cli_draft import Dialect, Draft, study_text
from slopewise.cli_guess import (
    Look,
    Named,
    guess_analysis_unit,
    guess_format,
    guess_patient,
    guess_time,
    guess_time_zero,
    guess_unit,
    look,
)
from slopewise.cli_landmark import Moments, propose
from slopewise.cli_markers import guess_markers
from slopewise.cli_outcome import guess_outcome
from slopewise.cohort.clock import in_unit, read_times
from slopewise.run import InputError, write_text
from slopewise.sources import Table, read_table
from slopewise.study import parse_study
from slopewise.study_keys import Data

MARKERS_TRIED = 3
"""Markers of the draft on which landmarks are tried: a table of thousands would be read anew for each landmark."""


def draft_study(measurements: str, patients: str | None, name: str, dialect: Dialect, said: Named) -> Draft:
    """Look at the tables (paths as they shall stand in the study file) and propose a study.

    Raises `InputError` where a file cannot be read, or where patient, time or markers cannot be told.
    """
    files = {"measurements": measurements} | ({"patients": patients} if patients else {})
    known = {"patient": "?", "time": "??", "time_unit": "days", "analysis_unit": "days"}
    data = Data.model_validate({**files, **known, **dialect.keys})
    table = _read(measurements, "MEASUREMENTS", data)
    people = _read(patients, "--patients", data) if patients else None
    seen = look(table, people)
    patient = guess_patient(seen, said.patient)
    time = guess_time(seen, patient.value, said.time)
    clock = seen.columns[time.value]
    unit = guess_unit(table, patient.value, clock, said.time_unit)
    dates = [column for column in (*seen.columns.values(), *seen.people.values()) if column.is_date]
    relevant = [
        clock,
        *(column for column in dates if column is not clock and set(column.formats) & set(clock.formats)),
    ]
    date_format = guess_format(table, relevant, said.date_format) if clock.is_date or unit.value == "date" else "auto"
    zero = guess_time_zero(seen, patient.value, clock)
    outcome = guess_outcome(seen, patient.value, time.value, unit, date_format, said)
    taken = {patient.value, time.value, *((outcome.followup, outcome.event) if said.outcome else ())} - {""}
    markers, left_out = guess_markers(seen, patient.value, time.value, taken | set(outcome.covariates), said.markers)
    times = _times(seen, patient.value, time.value, unit.value, date_format, zero.value)
    analysis = guess_analysis_unit(unit.value, float(times.groupby("patient")["time"].max().median()))
    times = times.assign(time=in_unit(times["time"].to_numpy(), unit.value, analysis.value))
    kinds = (readable(table.encoding), {",": "decimal comma", ".": "decimal point"}[table.decimal])
    draft = Draft(
        name=name, files=(measurements, patients), rows=(len(table.text), 0 if people is None else len(people.text)),
        written=", ".join(kinds), dialect=dialect, patient=patient, time=time, unit=unit, date_format=date_format,
        analysis_unit=analysis, time_zero=zero, twins=int(times.duplicated().sum()), markers=markers, left_out=left_out,
        outcome=outcome, moments=Moments(0.0, (), 5, ""), trouble="",
    )  # fmt: skip
    return _with_moments(draft, times, said)


def _read(name: str, option: str, data: Data) -> Table:
    """Read a table; what a message says of a key of the study file is said of the option that writes it."""
    try:
        return read_table(Path(), name, option, data)
    except InputError as error:
        raise InputError(re.sub(r"set data\.(decimal|delimiter|encoding)", r"say it with --\1", str(error))) from error


def _times(seen: Look, patient: str, time: str, unit: str, date_format: str, zero: str) -> pd.DataFrame:
    """patient and time of each row since time zero, in `unit`; a row whose time cannot be read is left out."""
    values, _ = read_times(seen.measurements, time, unit, date_format)
    frame = pd.DataFrame({"patient": seen.measurements.text[patient].to_numpy(), "time": values}).dropna()
    if zero == "first_visit":
        frame["time"] -= frame.groupby("patient")["time"].transform("min")
    elif zero.startswith("{"):
        import yaml

        assert seen.patients is not None  # such a column is only looked for in a file of patients
        starts, _ = read_times(seen.patients, yaml.safe_load(zero)["column"], unit, date_format)
        frame["time"] -= frame["patient"].map(dict(zip(seen.patients.text[patient], starts, strict=True)))
    if frame["time"].dropna().empty:
        raise InputError(f"{seen.measurements.name}: column {time}: no cell can be read as a time in {unit}")
    return frame.dropna()


def _with_moments(draft: Draft, times: pd.DataFrame, said: Named) -> Draft:
    """Add landmark, horizons and folds; where no landmark allows a validation, the outcome is left to the user."""
    if draft.outcome.found:
        middle = said.landmark or float(f"{times['time'].quantile(0.5):.1g}") or 1.0
        guess = Moments(middle, (float(f"{middle:.1g}"),), 5, "A GUESS, because of the errors in the files")
        trial = replace(draft, markers=draft.markers[:MARKERS_TRIED], moments=guess)
        try:
            study = parse_study(study_text(trial).encode(), draft.name)
            found = propose(study, Path(), times, said.landmark)
        except InputError as error:  # no fault of the outcome: check will tell it, and a landmark is written
            return replace(draft, moments=guess, trouble=str(error))
        if found is not None:
            return replace(draft, moments=found)
        why = "no landmark leaves patients, events and follow-up enough to validate a prediction"
        draft = replace(draft, outcome=replace(draft.outcome, reason=f"{draft.outcome.reason}, but {why}", events={}))
    if said.landmark is not None:
        return replace(draft, moments=Moments(said.landmark, (), 5, "as told"))
    why = "nothing is predicted, so that all rows are used, and levels are those of each patient's last visit"
    return replace(draft, moments=Moments(math.inf, (), 5, why))


def write_study(
    measurements: str, patients: str | None, out: Path, name: str, dialect: Dialect, said: Named, force: bool
) -> Draft:
    """Propose a study and write its file; `InputError` where one is there already or where nothing can be proposed."""
    if out.exists() and not force:
        raise InputError(f"{out}: the file is there already; write it over with --force, or choose another --out")
    if out.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"{out}: a study file ends in .yaml")
    draft = draft_study(measurements, patients, study_name(name, out), dialect, said)
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
    """What was proposed, in a few lines for the terminal."""
    lines = [
        f"patient: {readable(draft.patient.value)} ({draft.patient.reason})",
        f"time:    {readable(draft.time.value)} in {draft.unit.value} ({draft.time.reason})",
    ]
    if draft.unit.reason.startswith("A GUESS"):
        lines.append(f"         {draft.unit.reason}")
    markers = [marker.name + (" (log)" if marker.transform == "log" else "") for marker in draft.markers]
    lines.append(f"markers: {listed(markers)}")
    if draft.outcome.found:
        outcome = draft.outcome
        lines.append(f"outcome: {readable(outcome.event)} at {readable(outcome.followup)}: {outcome.event_reason}")
        horizons = ", ".join(f"{horizon:g}" for horizon in draft.moments.horizons)
        lines.append(f"         from {draft.moments.landmark:g} {draft.analysis_unit.value} on, to {horizons} later")
    else:
        lines.append(f"outcome: none: {draft.outcome.reason}")
    if draft.trouble:
        lines.append(f"The files have errors: {draft.trouble}")
    return [*lines, f"Written: {out}. Read it, then: slopewise check {out}"]
