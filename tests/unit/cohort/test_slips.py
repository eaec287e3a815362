"""Slips that leave plausible values behind are named, each by a change of one clean study, which has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort.conversions import APART, jumps_of_units
from slopewise.cohort.findings import Findings
from slopewise.cohort.incomplete import spelling
from slopewise.cohort.levels import refuse_spellings
from slopewise.cohort.oddities import tell_odd_values
from slopewise.cohort.sentinels import sentinels
from slopewise.cohort.slips import tell_slips
from tests.unit.cohort.small_study import study_of

PATIENTS, VISITS = 40, 6
STUDY: dict[str, Any] = {
    "markers": {"x": {"column": "x", "transform": "log"}},
    "data__centre": "site",
    "outcome__covariates": ["age"],
}


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Visits of a marker that varies twentyfold between patients, and their patients; the index is the line."""
    random = np.random.default_rng(8)
    level = random.normal(1.0, 0.8, PATIENTS)
    names = np.array([f"P{place}" for place in range(PATIENTS)])
    who = np.repeat(np.arange(PATIENTS), VISITS)
    rows = pd.DataFrame({"patient": names[who], "time": np.tile(np.arange(VISITS) * 90.0, PATIENTS)})
    rows["x"] = np.exp(level[who] + random.normal(0, 0.25, len(rows)))
    people = pd.DataFrame({"patient": names, "age": random.normal(60, 8, PATIENTS).round()})
    people = people.assign(
        followup=random.uniform(600, 2000, PATIENTS), site=np.where(np.arange(PATIENTS) % 3, "a", "b")
    )
    return rows.set_index(rows.index + 2), people.set_index(people.index + 2)


def changed(column: str, change: Callable[[pd.Series], Any]) -> Callable[..., None]:
    def do(rows: pd.DataFrame, people: pd.DataFrame) -> None:
        frame = rows if column in ("x", "time") else people
        frame[column] = change(frame[column])

    return do


def set_at(line: int, value: Any) -> Callable[[pd.Series], pd.Series]:
    return lambda column: column.mask(column.index == line, value)


def west(rows: pd.DataFrame, people: pd.DataFrame) -> None:
    here = rows["patient"].isin(people["patient"][people["site"] == "b"])
    rows["x"] = rows["x"].where(~here, 17.104 * rows["x"])


SLIPS: dict[str, tuple[Callable[..., None], str, str]] = {
    "a time that is a code": (
        changed("time", set_at(9, -9999.0)), "time", "1 time lies far from all others (0 to 450), such as -9999",
    ),
    "a follow-up that is a code": (
        changed("followup", set_at(4, 99999.0)), "futime", "1 time lies far from all others (6",
    ),
    "values carried forward": (
        lambda rows, people: rows.update(rows.groupby("patient")["x"].transform("first")), "x",
        "100% of the values are the patient's previous one, as if they were carried forward",
    ),
    "a centre in another unit": (west, "x", "half of the values of site 'b' lie above"),
    "years of birth": (changed("age", lambda age: 2015 - age), "age", "half of the values are 195"),
    "a row of means": (changed("patient", set_at(7, "Mean")), "id", "the patient is called 'Mean', as a row of means"),
    "rows in another unit": (
        changed("x", lambda x: x.where(np.arange(len(x)) % 11 > 0, 17.104 * x)), "x",
        "values are the patient's previous value multiplied or divided by about 17.104, such as",
    ),
    "zero for a missing age": (
        changed("age", lambda age: age.mask(np.arange(PATIENTS) % 6 == 0, 0.0)), "age", "0 occurs 7 times and lies far",
    ),
}  # fmt: skip


def told(change: Callable[..., None] = lambda rows, people: None, **keys: Any) -> pd.DataFrame:
    rows, people = tables()
    change(rows, people)
    findings = Findings()
    study = study_of(**{**STUDY, "data__time": "time", **keys})
    for tell in (tell_odd_values, tell_slips):
        tell(study, rows, people, ("m.csv", "p.csv"), findings)
    return findings.frame()


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_named_with_its_column_and_a_line(name: str) -> None:
    change, column, message = SLIPS[name]
    found = told(change)
    (row,) = found[found["message"].str.contains(message, regex=False)].to_dict("records")
    assert (row["severity"], row["column"]) == ("warning", column) and row["line"] >= 2
    assert row["file"] == ("m.csv" if column in ("time", "x") else "p.csv")


def test_a_clean_study_has_none() -> None:
    assert told().empty
    dates = told(changed("time", lambda time: time + 18000), data__time_unit="date", data__time_zero="first_visit")
    assert dates.empty


def test_a_time_that_is_a_date_is_shown_as_one() -> None:
    found = told(
        changed("time", lambda time: set_at(9, 47000.0)(time + 18000)),
        data__time_unit="date", data__time_zero="first_visit",
    )  # fmt: skip
    assert "(2019-04-14 to 2020-07-07), such as 2098-09-06" in found["message"].iloc[0]


@pytest.mark.parametrize("sd", [0.1, 0.6, 1.0, 2.5])
@pytest.mark.parametrize("heavy", [False, True])
def test_values_of_one_unit_hardly_ever_jump(sd: float, heavy: bool) -> None:
    found = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        noise = random.standard_t(3, (60, 6)) if heavy else random.normal(size=(60, 6))
        values = np.exp(random.normal(1, 1, (60, 1)) + sd * noise)
        previous = np.c_[np.full(60, np.nan), values[:, :-1]]
        found += jumps_of_units(values.ravel(), previous.ravel()) is not None
    assert found <= 1


@pytest.mark.parametrize("one", [one for one in APART if abs(np.log(one.factor)) > np.log(15)])
def test_a_twentieth_of_rows_in_another_unit_jump_by_its_factor(one: Any) -> None:
    random = np.random.default_rng(3)
    values = np.exp(random.normal(1, 1.2, (80, 1)) + random.normal(0, 0.2, (80, 5)))
    values = np.where(random.random((80, 5)) < 0.05, one.factor * values, values)
    found = jumps_of_units(values.ravel(), np.c_[np.full(80, np.nan), values[:, :-1]].ravel())
    assert found is not None and abs(abs(np.log(found.conversion.factor)) - abs(np.log(one.factor))) < 0.3


def test_zero_is_a_code_only_where_it_stands_apart_from_many_values() -> None:
    ages = np.arange(40.0, 70.0)
    assert sentinels(np.append(ages, [0.0] * 3)) == {0.0: 3}
    assert sentinels(np.append(ages, 0.0)) == {0.0: 1}
    assert sentinels(np.append(ages + 20 * (ages > 60), 0.0)) == sentinels(np.array([0.0] * 9 + [1.0] * 30)) == {}
    assert sentinels(np.append(np.arange(1.0, 40.0), [0.0] * 9)) == {}


@pytest.mark.parametrize(
    ("levels", "refused"),
    [
        (["f", "female", "m"], 1),
        (["w", "weiblich", "m", "männlich"], 2),
        (["A", "AB", "B", "f", "m"], 0),
        (["n", "yes"], 0),
    ],
)
def test_an_abbreviated_level_is_another_spelling(levels: list[str], refused: int) -> None:
    findings = Findings()
    refuse_spellings(pd.Series(levels * 2, name="sex"), "p.csv", findings)
    assert len(findings.frame()) == refused


def test_characters_that_nobody_sees_are_no_part_of_an_id() -> None:
    assert spelling("P01\u200b") == spelling("\ufeffp01") == spelling("P01")
