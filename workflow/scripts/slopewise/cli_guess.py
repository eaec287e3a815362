"""Which columns of unknown tables are the patient, the time and its unit: a proposal with its reasons.

Names are looked at first, in a few languages, and values decide: a patient's column repeats, a time goes up within a
patient. Nothing is guessed in silence; what cannot be told is an error that names the option to say it with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from slopewise.cli_columns import Column, Within, describe, listed, named, readable, scalar, vocabulary, within, words
from slopewise.cohort.clock import DAYS, read_times
from slopewise.run import InputError
from slopewise.sources import Table
from slopewise.study_errors import close_to

PATIENT = vocabulary(
    "id patient patientid patid pat pid ptid rid subject subjectid subjid usubjid person participant case caseid mrn "
    "recordid patnr patientnr patientennummer fallnummer fall proband kennung sujet paciente school animal"
)
TIME = vocabulary(
    "time times day days date visitdate week weeks month months year years yr yrs obstime obs t visittime examdate "
    "tag tage datum woche wochen monat monate jahr jahre zeit jour jours mois annee annees fecha dia dias data age "
    "alter visitdatum untersuchungsdatum sampledate"
)
COUNTS = vocabulary("visit wave no nr number")
UNITS = {
    "days": vocabulary("day days d tag tage jour jours dia dias"),
    "weeks": vocabulary("week weeks wk wks woche wochen semaine semaines"),
    "months": vocabulary("month months mo mos mth monat monate mois mes meses"),
    "years": vocabulary("year years yr yrs y age alter jahr jahre annee annees ano anos"),
}
START = vocabulary(
    "baseline start startdate enrolled enrolment enrollment inclusion randomised randomized randomisation "
    "randomization surgery operation diagnosis index treatment beginn einschluss diagnose therapiebeginn debut inicio"
)


@dataclass(frozen=True)
class Proposal:
    """A value for a key of the study file, and why."""

    value: str
    reason: str


@dataclass(frozen=True)
class Named:
    """What the user said on the command line; empty where nothing was said."""

    patient: str = ""
    time: str = ""
    time_unit: str = ""
    date_format: str = ""
    followup: str = ""
    event: str = ""
    events: tuple[str, ...] = ()
    competing: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    landmark: float | None = None
    outcome: bool = True


@dataclass(frozen=True)
class Look:
    """The tables and what each of their columns is like."""

    measurements: Table
    patients: Table | None
    columns: Mapping[str, Column]
    people: Mapping[str, Column]


def look(measurements: Table, patients: Table | None) -> Look:
    """Describe every column of both tables."""
    return Look(
        measurements,
        patients,
        {str(name): describe(measurements, str(name)) for name in measurements.text.columns},
        {} if patients is None else {str(name): describe(patients, str(name)) for name in patients.text.columns},
    )


def told(table: Table, column: str, option: str) -> str:
    """A column that the user named; `InputError` that lists the columns there are when it is not one."""
    names = [str(name) for name in table.text.columns]
    if column in names:
        return column
    close = close_to(column, names)
    meant = f"; did you mean {close!r}?" if close else ""
    raise InputError(
        f"{table.name}: there is no column {column!r} ({option}){meant}; the columns there are: {listed(names)}"
    )


def guess_patient(seen: Look, asked: str) -> Proposal:
    """The column of the patient; in both tables, where there are two."""
    table = seen.measurements
    if asked:
        for each in filter(None, (table, seen.patients)):
            told(each, asked, "--patient")
        return Proposal(asked, "as told")
    names = [str(name) for name in table.text.columns]
    if seen.patients is not None:
        shared = [name for name in names if name in seen.people]
        if not shared:
            raise InputError(
                f"{seen.patients.name}: has no column in common with {table.name}, so nothing tells which patient a "
                f"row belongs to; give the patient's column one name in both ({table.name} has {listed(names)}; "
                f"{seen.patients.name} has {listed(list(seen.people))})"
            )
        names = [name for name in shared if seen.people[name].distinct == len(seen.patients.text)]
    scored = [(_patient_score(seen, name, place), -place, name) for place, name in enumerate(names)]
    best = max(scored, default=(0.0, 0, ""))
    if best[0] < 3:
        raise InputError(
            f"{table.name}: no column looks like the patient (a name such as id, and values that repeat"
            f"{', each once in ' + seen.patients.name if seen.patients else ''}); say it with --patient COLUMN; "
            f"the columns there are: {listed([str(name) for name in table.text.columns])}"
        )
    column = seen.columns[best[2]]
    found = f"{column.distinct} different values in {column.present} rows"
    return Proposal(best[2], f"{found}, each once in {seen.patients.name}" if seen.patients else found)


def _patient_score(seen: Look, name: str, place: int) -> float:
    """0 for a column that cannot be the patient, 3 or more for one that is worth proposing."""
    column, rows = seen.columns[name], len(seen.measurements.text)
    if not 2 <= column.distinct <= 0.9 * rows or column.present < rows or column.is_date:
        return 0.0
    if column.is_number and not np.equal(np.mod(column.values, 1), 0).all():
        return 0.0
    cells = seen.measurements.text[name]
    blocks = int((cells != cells.shift()).sum())
    together = blocks == column.distinct
    # Three values in two hundred rows are a sex or a stage, not patients.
    repeats = rows / column.distinct
    score = named(name, PATIENT, ("patient", "subj")) + 1.0 * together + 0.5 * (place == 0)
    score += 1.0 if repeats <= 50 and column.distinct >= 5 else -1.0
    return score + (2.0 if seen.patients is not None else 0.0)


def guess_time(seen: Look, patient: str, asked: str) -> Proposal:
    """The column of time: numbers or dates that go up within a patient."""
    table = seen.measurements
    if asked:
        return Proposal(told(table, asked, "--time"), "as told")
    best: tuple[float, int, str, str] = (0.0, 0, "", "")
    for place, (name, column) in enumerate(seen.columns.items()):
        if name == patient or not (column.is_number or column.is_date) or column.present < 0.95 * len(table.text):
            continue
        moves = movement(table, patient, column)
        if moves.tied > 0.2:
            continue
        score = 1.5 * named(name, TIME, ("date", "datum", "time", "visit")) + 2.0 * column.is_date
        score += 2.0 * (moves.rising >= 0.95) + 0.5 * (np.median(moves.first) <= 0)
        score -= 2.0 * (named(name, COUNTS) > 0 and not column.is_date)
        reason = "dates" if column.is_date else "numbers"
        rising = f", which go up in {moves.rising:.0%} of steps from row to row of a patient"
        best = max(best, (float(score), -place, name, reason + rising))
    if best[0] < 2.0:
        raise InputError(
            f"{table.name}: no column looks like the time of a row (numbers or dates that go up within a patient); say "
            f"it with --time COLUMN; the columns there are: {listed(list(seen.columns))}"
        )
    return Proposal(best[2], best[3])


def movement(table: Table, patient: str, column: Column) -> Within:
    """How a column of numbers or dates (in days) moves within patients."""
    values = column.values
    if column.is_date:
        values, _ = read_times(table, column.name, "date", column.formats[0])
    return within(table.text[patient], values)


def guess_format(table: Table, columns: list[Column], asked: str) -> str:
    """One date format for all columns of dates: `data.date_format` is one for the study."""
    if asked:
        return asked
    fitting = [fmt for fmt in columns[0].formats if all(fmt in column.formats for column in columns)]
    first = table.text[columns[0].name][~table.missing(columns[0].name)].iloc[0]
    if not fitting:
        names = ", ".join(readable(column.name) for column in columns)
        raise InputError(f"{table.name}: no one format fits the dates of {names}; say it with --date-format")
    if len(fitting) > 1 and "auto" not in fitting and "." not in fitting[0]:
        either = " or ".join(f'"{fmt}"' for fmt in fitting)
        raise InputError(
            f"{table.name}: column {readable(columns[0].name)}: the dates, such as {first!r}, may be day first or "
            f"month first; say it with --date-format {either}"
        )
    return fitting[0]


def guess_unit(table: Table, patient: str, column: Column, asked: str) -> Proposal:
    """The unit of a column of times: told by its name, else guessed from the steps between visits."""
    if asked:
        return Proposal(asked, "as told")
    if column.is_date:
        return Proposal("date", "calendar dates")
    own = set(words(column.name))
    for unit, known in UNITS.items():
        if own & known:
            return Proposal(unit, f"by its name {readable(column.name)!r}")
    gap = movement(table, patient, column).gap
    unit = "days" if gap >= 25 else "months" if gap >= 2.5 else "years"
    return Proposal(unit, f"A GUESS: a typical step between visits is {gap:g}, and the name does not tell the unit")


def guess_analysis_unit(unit: str, span: float) -> Proposal:
    """The unit of results, from the median of the patients' last visits `span` (in `unit`)."""
    days = span * DAYS[unit]
    chosen = "years" if days >= 500 else "months" if days >= 120 else "weeks" if days >= 28 else "days"
    if unit == "years":
        chosen = "years"
    own = "days" if unit == "date" else unit
    return Proposal(chosen, f"half of the patients are seen for {span:.4g} {own} or more")


def guess_time_zero(seen: Look, patient: str, column: Column) -> Proposal:
    """Time zero: a date of start among the patients' columns, zero of a clock that starts there, else the first row."""
    moves = movement(seen.measurements, patient, column)
    if column.is_date:
        for name, other in seen.people.items():
            if other.is_date and other.present == len(other.values) and named(name, START) >= 2:
                return Proposal(f"{{column: {scalar(name)}}}", "a date of the patients' table whose name says start")
        return Proposal("first_visit", "with dates the clock starts at each patient's first row")
    if np.median(moves.first) > max(3.0 * moves.gap, 0.0) or (moves.first < 0).mean() > 0.5:
        where = f"half of the patients start at {np.median(moves.first):g} or later"
        return Proposal("first_visit", f"{where}, so the numbers have no common 0")
    return Proposal("0", "the numbers start near 0")
