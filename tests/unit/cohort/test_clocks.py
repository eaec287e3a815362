"""Clocks of a study: every unit, dates beside durations, a format of dates for each file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import prepare_cohort
from slopewise.cohort.clock import _days
from slopewise.run.errors import InputError
from tests.unit.cohort.small_study import DATES, MEASUREMENTS, PATIENTS, WHOLE, dated, in_memory, prepare, study_of

ZERO = {"data__time_zero": {"column": "start"}}
STARTS = {"A": "2001-01-01", "B": "2003-05-17", "C": "1999-12-31", "D": "2004-02-29"}


def since_each_start(text: str, column: str, style: str = "%Y-%m-%d") -> str:
    """Days of `column` as dates since each patient's own start."""
    frame = in_memory(text)
    days = pd.to_timedelta(frame[column].astype(float).astype(int), unit="D")
    frame[column] = (pd.to_datetime(frame["id"].map(STARTS)) + days).dt.strftime(style)
    return frame.to_csv(index=False)


def with_start(text: str, style: str = "%Y-%m-%d") -> str:
    frame = in_memory(text)
    frame["start"] = pd.to_datetime(frame["id"].map(STARTS)).dt.strftime(style)
    return frame.to_csv(index=False)


def assert_alike(one: Any, other: Any) -> None:
    for name in ("measurements", "later", "patients"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(other, name), rtol=1e-12)


def test_dated_visits_with_follow_up_as_a_duration(tmp_path: Path) -> None:
    rows, people = WHOLE
    plain = prepare(tmp_path, rows, people)
    months = in_memory(people)
    months["futime"] = (months["futime"].astype(float) * 12 / 365.25).map(repr)
    mixed = prepare(
        tmp_path, since_each_start(rows, "day"), with_start(months.to_csv(index=False)), **ZERO,
        data__time_unit="date", outcome__time_unit="months",
    )  # fmt: skip
    assert_alike(mixed, plain)


def test_visits_as_durations_with_dated_follow_up(tmp_path: Path) -> None:
    rows, people = WHOLE
    plain = prepare(tmp_path, rows, people)
    mixed = prepare(
        tmp_path, rows, with_start(since_each_start(people, "futime")), **ZERO, outcome__time_unit="date"
    )  # fmt: skip
    assert_alike(mixed, plain)


def test_follow_up_as_a_duration_counts_from_the_first_visit_where_that_is_time_zero(tmp_path: Path) -> None:
    rows, people = WHOLE
    plain = prepare(tmp_path, rows, people)
    mixed = prepare(
        tmp_path, since_each_start(rows, "day"), people, data__time_zero="first_visit", data__time_unit="date"
    )
    assert_alike(mixed, plain)


def test_the_two_files_have_a_format_of_dates_each(tmp_path: Path) -> None:
    rows, people = WHOLE
    plain = prepare(tmp_path, dated(rows), dated(people), data__time_zero="first_visit", **DATES)
    own = {"data__date_format": "%d/%m/%Y", "data__patients_date_format": "%m/%d/%Y"}
    mixed = prepare(
        tmp_path, dated(rows, "%d/%m/%Y"), dated(people, "%m/%d/%Y"), data__time_zero="first_visit", **DATES, **own
    )
    assert_alike(mixed, plain)
    with pytest.raises(InputError, match=r"p\.csv.*does not fit data\.patients_date_format '%d/%m/%Y'"):
        own["data__patients_date_format"] = "%d/%m/%Y"
        prepare(
            tmp_path, dated(rows, "%d/%m/%Y"), dated(people, "%m/%d/%Y"), data__time_zero="first_visit", **DATES, **own
        )


@pytest.mark.parametrize(("unit", "a_day"), [("hours", 24.0), ("minutes", 1440.0)])
def test_hours_and_minutes_are_units(unit: str, a_day: float, tmp_path: Path) -> None:
    plain = prepare(tmp_path, data__analysis_unit="days", landmark=730.5, outcome__horizons=[365])
    rows, people = in_memory(MEASUREMENTS), in_memory(PATIENTS)
    rows["day"] = (rows["day"].astype(float) * a_day).map(repr)
    people["futime"] = (people["futime"].astype(float) * a_day).map(repr)
    changes = {"data__time_unit": unit, "outcome__time_unit": unit, "outcome__horizons": [365]}
    texts = rows.to_csv(index=False), people.to_csv(index=False)
    assert_alike(prepare(tmp_path, *texts, **changes, data__analysis_unit="days", landmark=730.5), plain)
    own = prepare(tmp_path, *texts, **changes, data__analysis_unit=unit, landmark=730.5 * a_day)
    np.testing.assert_allclose(own.measurements["time"], plain.measurements["time"] * a_day, rtol=1e-12)
    np.testing.assert_allclose(own.patients["followup"], plain.patients["followup"] * a_day, rtol=1e-12)


MIXED = {
    "dated follow-up without the date of time zero": (
        {"outcome__time_unit": "date"},
        r"line \d+: outcome\.time_unit: dates beside visits in days need the date of time zero.*\{column: NAME\}",
    ),
    "a number beside a duration": (
        {"outcome__time_unit": "none"},
        r"outcome\.time_unit: data\.time_unit and outcome\.time_unit must both be none or neither",
    ),
    "a format of the patients' dates without dates": (
        {"data__patients_date_format": "%d/%m/%Y"},
        r"data\.patients_date_format: is only used for dates in data\.patients",
    ),
    "a format of the patients' dates without their file": (
        {"data__patients_date_format": "%d/%m/%Y", "data__patients": None, **DATES, "data__time_zero": "first_visit"},
        r"data\.patients_date_format: is only used for dates in data\.patients",
    ),
    "a format of half a date": (
        {"data__patients_date_format": "%d/%m", **DATES, "data__time_zero": "first_visit"},
        r"data\.patients_date_format: '%d/%m' is no strptime format of a whole date",
    ),
}


@pytest.mark.parametrize("name", MIXED)
def test_keys_of_the_clocks_must_agree(name: str) -> None:
    changes, message = MIXED[name]
    with pytest.raises(InputError, match=message):
        study_of(**changes)


def test_nobody_was_censored(tmp_path: Path) -> None:
    people = PATIENTS.replace(",0,60", ",3,60")
    codes = {"outcome__competing": {3: "discharge"}}
    cohort = prepare(tmp_path, patients=people, **codes, outcome__censored=[])
    assert dict(zip(cohort.patients["patient"], cohort.patients["event"], strict=True)) == {"A": 1, "B": 2, "C": 1}
    with pytest.raises(InputError, match=r"unknown event code '0'"):
        prepare(tmp_path, **codes, outcome__censored=[])
    with pytest.raises(InputError, match=r"outcome\.competing: the code 0 .*write `censored: \[\]` where nobody was"):
        study_of(outcome__competing={0: "discharge"})
    assert prepare_cohort(study_of(outcome__competing={0: "discharge"}, outcome__censored=[]), tmp_path) is not None


@pytest.mark.parametrize(("cell", "counted"), [("45798", True), ("45798.5", True), ("458", False), ("4.2.2024", False)])
def test_a_spreadsheets_number_of_a_day_is_named(cell: str, counted: bool) -> None:
    with pytest.raises(ValueError, match="is not") as caught:
        _days(cell, "auto", "data.date_format")
    assert ("the number of a day as Excel counts them: save it as a date" in str(caught.value)) == counted
