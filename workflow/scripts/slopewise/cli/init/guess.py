"""Which columns of unknown tables are the patient, the time and its unit: a proposal with its reasons.

Names are looked at first, in a few languages, and values decide: a patient's column repeats, a time goes up within a
patient. Nothing is guessed in silence; what cannot be told is an error that names the option to say it with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from slopewise.cli.columns import Column, Within, describe, listed, named, readable, scalar, within
from slopewise.cli.init.clock import best_match, extent, known_ids, only_format
from slopewise.cli.init.units import unit_of_steps
from slopewise.cohort.clock import DAYS, read_times
from slopewise.cohort.named_units import named_unit, vocabulary
from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable
from slopewise.study.errors import close_to

PATIENT = vocabulary(
    "id patient patientid patid pat pid ptid rid subject subjectid subjid usubjid person participant case caseid mrn "
    "recordid patnr patientnr patientennummer fallnummer fall proband kennung sujet paciente school animal"
)
UNIT = vocabulary(
    "unit ward hospital clinic practice site centre center state county region district country city town store "
    "station stadt land kreis ville region ciudad"
)
"""Units that are no patients; a column called so is one of them only where no column is called a patient."""
TIME = vocabulary(
    "hour hours minute minutes stunde stunden heure heures hora horas "
    "time times day days date visitdate week weeks month months year years yr yrs obstime obs t visittime examdate "
    "tag tage datum woche wochen monat monate jahr jahre zeit jour jours mois annee annees fecha dia dias data age "
    "alter visitdatum untersuchungsdatum sampledate"
)
COUNTS = vocabulary("visit wave no nr number")
START = vocabulary(
    "baseline start startdate enrolled enrolment enrollment inclusion randomised randomized randomisation "
    "randomization surgery operation diagnosis index treatment beginn einschluss diagnose therapiebeginn debut inicio"
)


COVARIATES = vocabulary("age sex gender alter geschlecht sexe edad sexo geslacht leeftijd eta sesso trt01p arm")


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
    patients_date_format: str = ""
    followup: str = ""
    followup_unit: str = ""
    event: str = ""
    events: tuple[str, ...] = ()
    competing: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    landmark: float | None = None
    outcome: bool = True
    kind: str = ""


@dataclass(frozen=True)
class Look:
    """The tables and what each of their columns is like."""

    measurements: TextTable
    patients: TextTable | None
    columns: Mapping[str, Column]
    people: Mapping[str, Column]


def look(measurements: TextTable, patients: TextTable | None) -> Look:
    """Describe every column of both tables."""
    return Look(
        measurements,
        patients,
        {str(name): describe(measurements, str(name)) for name in measurements.text.columns},
        {} if patients is None else {str(name): describe(patients, str(name)) for name in patients.text.columns},
    )


def told(table: TextTable, column: str, option: str) -> str:
    """A column that the user named; `InputError` that lists the columns there are when it is not one."""
    names = [str(name) for name in table.text.columns]
    if column in names:
        return column
    close = close_to(column, names)
    meant = f"; did you mean {close!r}?" if close else ""
    raise InputError(f"{table.name}: there is no column {column!r} ({option}){meant}; the columns are: {listed(names)}")


def guess_patient(seen: Look, asked: str) -> tuple[Proposal, str]:
    """The column of the patient in the measurements, and its name in the file of patients (the same without one)."""
    table = seen.measurements
    names = [str(name) for name in table.text.columns]
    if asked:
        told(table, asked, "--patient")
        other = _same_patients(seen, asked)
        if not other and seen.patients is not None:
            told(seen.patients, asked, "--patient")
        return Proposal(asked, "as given" + _other_name(seen, asked, other)), other or asked
    pairs = {name: _same_patients(seen, name) for name in names}
    scored = [(_patient_score(seen, name, pairs[name], place), -place, name) for place, name in enumerate(names)]
    best = max(scored, default=(0.0, 0, ""))
    if best[0] < 3:
        if seen.patients is not None and not any(pairs.values()):
            raise InputError(
                f"{seen.patients.name}: has no column in common with {table.name}, neither by name nor by values, so "
                f"nothing shows which patient a row belongs to; give the patient's column the same ids in both "
                f"({table.name} has {listed(names)}; {seen.patients.name} has {listed(list(seen.people))})"
            )
        raise InputError(
            f"{table.name}: no column looks like the patient (a name such as id, and values that "
            f"repeat{', each once in ' + seen.patients.name if seen.patients else ''}); name it with --patient "
            f"COLUMN; the columns are: {listed(names)}"
        )
    column = seen.columns[best[2]]
    found = f"{column.distinct} different values in {column.present} rows"
    found += f", each once in {seen.patients.name}" if seen.patients and column.distinct else ""
    return Proposal(best[2], found + _other_name(seen, best[2], pairs[best[2]])), pairs[best[2]] or best[2]


def _other_name(seen: Look, name: str, other: str) -> str:
    if not other or other == name or seen.patients is None:
        return ""
    return f", where it is called {readable(other)}: the ids are the same"


def _same_patients(seen: Look, name: str) -> str:
    """The column of the patients' file that holds the patients of a column of the measurements; empty where none does.

    One of the same name, unless its values are others and those of a second column are the same.
    """
    if seen.patients is None:
        return ""
    once = [other for other, column in seen.people.items() if column.distinct >= 0.9 * len(seen.patients.text)]
    other, share = best_match(known_ids(seen.measurements, name), seen.patients, once)
    if name in seen.people:
        own = best_match(known_ids(seen.measurements, name), seen.patients, [name])[1]
        return other if share >= 0.8 and own < 0.5 else name
    return other if share >= 0.8 else ""


def _patient_score(seen: Look, name: str, other: str, place: int) -> float:
    """0 for a column that cannot be the patient, 3 or more for one that is worth proposing."""
    column, rows = seen.columns[name], len(seen.measurements.text)
    if not 2 <= column.distinct <= 0.9 * rows or column.present < 0.95 * rows or column.is_date:
        return 0.0
    values = column.values[np.isfinite(column.values)]
    if column.is_number and not np.equal(np.mod(values, 1), 0).all():
        return 0.0
    if seen.patients is not None and (not other or seen.people[other].distinct < 0.9 * len(seen.patients.text)):
        return 0.0
    cells = seen.measurements.text[name]
    blocks = int((cells != cells.shift()).sum())
    together = blocks == column.distinct
    # Three values in two hundred rows are a sex or a stage, not patients.
    repeats = rows / column.distinct
    called = named(name, PATIENT, ("patient", "subj")) or min(named(name, UNIT), 1)
    score = called + 1.0 * together + 0.5 * (place == 0)
    score += 1.0 if repeats <= 50 and column.distinct >= 5 else -1.0
    return score + (2.0 if seen.patients is not None else 0.0)


def guess_time(seen: Look, patient: str, asked: str) -> Proposal:
    """The column of time: numbers or dates that go up within a patient."""
    table = seen.measurements
    if asked:
        column = seen.columns[told(table, asked, "--time")]
        if not column.is_date and not np.isfinite(column.values).any():
            what = "neither a number nor a date in one of the usual ways"
            raise InputError(f"{table.name}: column {asked}: no cell can be read as a time: {what} (--time)")
        return Proposal(asked, "as given")
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
            f"{table.name}: no column looks like the time of a row (numbers or dates that increase within a patient); "
            f"give it with --time COLUMN; the columns are: {listed(list(seen.columns))}"
        )
    return Proposal(best[2], best[3])


def movement(table: TextTable, patient: str, column: Column) -> Within:
    """How a column of numbers or dates (in days) moves within patients."""
    values = column.values
    if column.is_date:
        values, _ = read_times(table, column.name, "date", column.formats[0])
    return within(table.text[patient], values)


def guess_format(table: TextTable, columns: list[Column], asked: str) -> str:
    """One date format for all these columns of dates, the first of which are the visits."""
    if asked:
        return asked
    fitting = [fmt for fmt in columns[0].formats if all(fmt in column.formats for column in columns)]
    return only_format(table, columns[0], fitting or list(columns[0].formats), "--date-format")


def guess_unit(table: TextTable, patient: str, column: Column, asked: str) -> Proposal:
    """The unit of a column of times: told by its name, else guessed from the steps between visits."""
    if asked:
        return Proposal(asked, "as given")
    if column.is_date:
        return Proposal("date", "calendar dates")
    if own := named_unit(column.name):
        return Proposal(own, f"by its name {readable(column.name)!r}")
    moves = movement(table, patient, column)
    unit, consequence = unit_of_steps(moves.gap, extent(column.values))
    step = f"a typical step between visits is {moves.gap:g}, and the name does not give the unit"
    return Proposal(unit, f"A GUESS: {step}; {consequence}; another unit is given with --time-unit")


def guess_analysis_unit(unit: str, span: float) -> Proposal:
    """The unit of results, from the median of the patients' last visits `span` (in `unit`)."""
    days = span * DAYS[unit]
    limits = (("years", 500.0), ("months", 120.0), ("weeks", 28.0), ("days", 2.0), ("hours", 0.125))
    chosen = next((name for name, least in limits if days >= least), "minutes")
    if unit == "years":
        chosen = "years"
    own = "days" if unit == "date" else unit
    return Proposal(chosen, f"half of the patients are seen for {span:.4g} {own} or more")


def guess_time_zero(seen: Look, patient: str, column: Column) -> Proposal:
    """Time zero: a date of start among the patients' columns, zero of a clock that starts there, else the first row."""
    moves = movement(seen.measurements, patient, column)
    if column.is_date:
        if name := start_column(seen):
            return Proposal(f"{{column: {scalar(name)}}}", "a date of the patients' table whose name says start")
        return Proposal("first_visit", "with dates the clock starts at each patient's first row")
    first = float(np.median(moves.first))
    if np.nanmedian(column.values) < 0 and first < -moves.gap:
        where = "most rows lie before 0, so the numbers count back from an end"
        return Proposal("first_visit", f"{where}; {first:g} is the median of the first ones")
    if first > max(3.0 * moves.gap, 0.0):
        return Proposal(
            "first_visit", f"half of the patients start at {first:g} or later, so the numbers have no common 0"
        )
    if first < 0:
        return Proposal("0", "the numbers start before 0: a baseline before time zero is a visit like any other")
    return Proposal("0", "the numbers start near 0")


def start_column(seen: Look) -> str:
    """A column of dates of the patients' table whose name says that something starts; empty where there is none."""
    for name, other in seen.people.items():
        if other.is_date and other.present >= 0.8 * len(other.values) and named(name, START) >= 2:
            return name
    return ""
