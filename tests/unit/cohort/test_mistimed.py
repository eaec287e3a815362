"""Times that cannot be as they stand are named; irregular visits, files in any order and run-ins are left alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort.findings import Findings
from slopewise.cohort.mistimed import tell_mistimed, tell_mistimed_since_zero
from tests.unit.cohort.small_study import study_of

PATIENTS, VISITS = 40, 7
DATED = {"data__time_unit": "date", "data__time_zero": "first_visit", "outcome__time_unit": "date"}


def visits(seed: int = 3, spread: float = 0.2, first: float = 0.0) -> pd.DataFrame:
    """Rows of visits about 90 days apart, distances varying by `spread` on the logarithmic scale."""
    random = np.random.default_rng(seed)
    gaps = np.round(90 * np.exp(spread * random.normal(size=(PATIENTS, VISITS)))).clip(1)
    gaps[:, 0] = np.round(first * random.random(PATIENTS))
    rows = pd.DataFrame(
        {"patient": np.repeat([f"P{k:02d}" for k in range(PATIENTS)], VISITS), "time": np.cumsum(gaps, axis=1).ravel()}
    )
    return rows.set_index(rows.index + 2).assign(log_bilirubin=np.nan, albumin=np.nan)


def patients_in(rows: pd.DataFrame, factor: float, number: int) -> pd.DataFrame:
    return rows.assign(time=rows["time"].mask(rows["patient"] < f"P{number:02d}", rows["time"] * factor))


def told(rows: pd.DataFrame, **keys: object) -> list[str]:
    findings = Findings()
    tell_mistimed(study_of(**keys), rows, "m.csv", findings)
    return [] if findings.frame().empty else findings.frame()["message"].tolist()


@pytest.mark.parametrize("number", [1, 15])
@pytest.mark.parametrize(
    ("factor", "unit"), [(1 / 30.4375, "months instead of days"), (1 / 7, "weeks instead of days"), (12, "months")]
)
def test_visits_of_some_patients_in_another_unit_are_named(number: int, factor: float, unit: str):
    (message,) = told(patients_in(visits(), factor, number))
    assert unit in message and (f"of {number} patients" if number > 1 else "of patient 'P00'") in message


@pytest.mark.parametrize("spread", [0.0, 0.3, 1.0])
def test_visits_in_one_unit_are_not(spread: float):
    assert not [message for seed in range(10) for message in told(visits(seed, spread))]
    sparse = visits().drop(index=range(3, 8))  # one patient without the visits in between
    assert told(sparse) == [] and told(patients_in(visits(), 3.0, 10)) == []


def as_dates(rows: pd.DataFrame, change: Callable[[pd.Timestamp], pd.Timestamp], every: int) -> pd.DataFrame:
    days = pd.to_datetime("2019-03-01") + pd.to_timedelta(rows["time"], unit="D")
    moved = [change(day) if k % every == 3 else day for k, day in enumerate(days)]
    return rows.assign(time=[(day - pd.Timestamp(0)).days for day in moved])


def turned(day: pd.Timestamp) -> pd.Timestamp:
    return day.replace(day=day.month, month=day.day) if day.day <= 12 else day


def test_days_and_months_that_are_exchanged_are_named_in_a_file_in_order():
    rows = as_dates(visits(), turned, 11)
    (message,) = told(rows, **DATED)
    assert "with day and month exchanged, such as" in message
    assert told(as_dates(visits(), lambda day: day, 11), **DATED) == []
    shuffled = rows.sample(frac=1, random_state=1)
    shuffled.index = rows.index
    assert told(shuffled, **DATED) == []


def test_a_date_that_no_exchange_explains_is_none_of_these():
    assert told(as_dates(visits(), lambda day: day - pd.Timedelta(days=400), 11), **DATED) == []


@pytest.mark.parametrize(("digits", "noise", "named"), [(3, 0.0, True), (1, 0.0, True), (3, 0.2, False)])
def test_a_marker_that_is_an_age_is_named(digits: int, noise: float, named: bool):
    rows, random = visits(), np.random.default_rng(5)
    age = random.uniform(40, 70, PATIENTS)[pd.factorize(rows["patient"])[0]] + rows["time"] / 365.25
    age = (age + noise * random.normal(size=len(rows))).round(digits)
    messages = told(rows.assign(log_bilirubin=age, albumin=random.random(len(rows))))
    assert ["it changes by 0.0027" in message for message in messages] == [True] * named


def since_zero(rows: pd.DataFrame, **keys: object) -> list[str]:
    findings = Findings()
    tell_mistimed_since_zero(study_of(**keys), rows, "m.csv", findings)
    return [] if findings.frame().empty else findings.frame()["message"].tolist()


def test_a_time_zero_far_from_the_visits_and_numbers_for_times_are_named():
    years = visits().assign(time=lambda rows: rows["time"] / 365.25)
    assert since_zero(years) == since_zero(visits(first=300).assign(time=lambda rows: rows["time"] / 365.25)) == []
    late = years.assign(time=years["time"] - 5.0 * (years["patient"] == "P07"))
    assert since_zero(late) == [
        "the first visit of patient 'P07' is at -5 years since time zero, and those of the others are at 0"
    ]
    numbers = years.assign(time=years.groupby("patient").cumcount() / 365.25)
    (message,) = since_zero(numbers)
    assert message == "all visits lie within 0.016 years of time zero, and the landmark is at 2 years"
    assert since_zero(numbers, landmark=0.2) == []
