"""Keys of the study file that must agree about time: units, dates and their formats, time zero, the landmark."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from slopewise.study.errors import Finding
from slopewise.study.formulas import AGE
from slopewise.study.keys import ColumnReference

if TYPE_CHECKING:
    from slopewise.study.model import Study


def clock_rules(study: Study) -> Iterator[Finding]:
    """How the files are read and what the clock of the visits is."""
    data = study.data
    if data.encoding != "auto":
        try:
            codecs.lookup(data.encoding)
        except LookupError:
            yield Finding(
                ("data", "encoding"), f"unknown encoding {data.encoding!r}; for example utf-8, latin-1, cp1252"
            )
    if data.time_labels and data.time_unit == "date":
        yield Finding(("data", "time_labels"), "gives labels a time as a number, but data.time_unit is `date`")
    if data.delimiter == data.decimal == ",":
        yield Finding(("data", "decimal"), "the comma cannot be both data.delimiter and data.decimal")
    if data.patient == data.time:
        yield Finding(("data", "time"), f"column {data.time!r} is data.patient already")
    if data.patients_patient is not None and data.patients is None:
        yield Finding(
            ("data", "patients_patient"), "is only used with a table of patients (data.patients); leave it out"
        )
    if data.subjects is not None and data.patients is None:
        yield Finding(("data", "subjects"), "is joined to data.patients, which is missing; name it data.patients")
    if data.time_unit == "date" and isinstance(data.time_zero, float):
        message = "with data.time_unit: date the time zero must be {column: NAME} (a date a patient) or first_visit"
        yield Finding(("data", "time_zero"), message)
    if (data.time_unit == "none") != (data.analysis_unit == "none"):
        message = "data.time_unit and data.analysis_unit must both be none or neither: a plain number has no unit"
        yield Finding(("data", "analysis_unit"), message)
    yield from _birth_rules(study)
    yield from _condition_rules(study)
    yield from _format_rules(study)


def _birth_rules(study: Study) -> Iterator[Finding]:
    """An age at time zero needs a date of both, and somebody who asks for it."""
    if study.data.birth_date is None:
        return
    path = ("data", "birth_date")
    if study.data.time_unit != "date" and not study.visits_from_zero:
        message = (
            "gives the age at time zero, which needs time zero as a date (data.time_unit: date, or dates of the "
            "outcome with data.time_zero: {column: NAME}); leave it out, and name a column of ages among the covariates"
        )
        yield Finding(path, message)
    used = {*study.outcome.covariates, *study.outcome.strata, *study.model_columns, *study.grouping}
    if AGE not in used:
        yield Finding(path, f"makes the column `{AGE}`, which nothing uses; add it to outcome.covariates")


def _condition_rules(study: Study) -> Iterator[Finding]:
    """Conditions need their table, dates to compare theirs with, and somebody who asks for each."""
    data, outcome = study.data, study.outcome
    if data.conditions is None:
        return
    path = ("data", "conditions")
    if data.subjects is None:
        yield Finding(path, "are columns of data.subjects, which is missing; name the table of diagnoses there")
    if not data.conditions.names:
        yield Finding((*path, "names"), "is empty; give each condition a name with its codes")
    if data.format_of_patients != "auto":
        message = "has ISO dates, and those of data.patients have a format; write those as ISO dates, too (2020-12-31)"
        yield Finding(path, message)
    used = {*outcome.covariates, *outcome.strata, *study.model_columns, *study.grouping}
    for name in data.condition_names:
        ends = name in (*outcome.events, *outcome.competing, *outcome.censored)
        own = (*path, "names", name)
        if ends and outcome.time_unit != "date":
            yield Finding(own, "ends the follow-up at a date, which needs dates in outcome.time (time_unit: date)")
        elif ends and name in used:
            message = "is a code of the outcome, so that it is no covariate; leave one of them out"
            yield Finding(own, message)
        elif not ends and name not in used:
            yield Finding(
                own, "is not used; add it to outcome.events, outcome.competing, outcome.censored or outcome.covariates"
            )
        elif not ends and data.time_unit != "date" and not study.visits_from_zero:
            message = (
                "is a column of patients who had the condition at time zero, which must be a date then "
                "(data.time_unit: date, or dates of the outcome with data.time_zero: {column: NAME}); leave it out"
            )
            yield Finding(own, message)


def _format_rules(study: Study) -> Iterator[Finding]:
    """Formats of dates: only where there are dates to read, and of a whole date."""
    data = study.data
    in_patients = (
        data.birth_date is not None
        or study.outcome.time_unit == "date"
        or (data.time_unit == "date" and isinstance(data.time_zero, ColumnReference))
    )
    if data.date_format != "auto" and not (data.time_unit == "date" or in_patients):
        yield Finding(("data", "date_format"), "is only used with data.time_unit: date; leave it out")
    if data.patients_date_format is not None and not (data.patients and in_patients):
        message = "is only used for dates in data.patients (outcome.time, data.time_zero); leave it out"
        yield Finding(("data", "patients_date_format"), message)
    for key in ("date_format", "patients_date_format"):
        written = getattr(data, key)
        if written not in ("auto", None) and not _keeps_a_date(written):
            message = f'{written!r} is no strptime format of a whole date; for example "%d/%m/%Y"'
            yield Finding(("data", key), message)


def _keeps_a_date(date_format: str) -> bool:
    """Whether a date written by the format and read again is the same day, so that nothing is missing in it."""
    if not re.search("%[YyGcx]", date_format):
        return False
    day = datetime(2001, 12, 31)
    try:
        return datetime.strptime(day.strftime(date_format), date_format).date() == day.date()
    except (ValueError, re.error):
        return False


def outcome_clock_rules(study: Study) -> Iterator[Finding]:
    """The clock of the outcome beside that of the visits, and what of both an outcome can have."""
    data, unit = study.data, study.outcome.time_unit
    if unit is not None and (unit == "none") != (data.time_unit == "none"):
        message = "data.time_unit and outcome.time_unit must both be none or neither: a plain number has no unit"
        yield Finding(("outcome", "time_unit"), message)
    elif unit == "date" and data.time_unit != "date" and not isinstance(data.time_zero, ColumnReference):
        message = (
            f"dates beside visits in {data.time_unit} need the date of time zero, from which the visits count: "
            "data.time_zero: {column: NAME}"
        )
        yield Finding(("outcome", "time_unit"), message)
    if study.landmark == "none" and study.kind.timed:
        message = (
            "`none` (each patient's last visit) is not available with survival: which visit is the last is known only "
            "when the follow-up has ended, so the landmark would depend on the event; give a time"
        )
        yield Finding(("landmark",), message)
