"""Predictors that are the outcome, repeat each other, do not vary or are codes are named before anything is fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.cohort.aliases import aliases
from slopewise.study.model import Study

N = 60
RNG = np.random.default_rng(11)
EVENT = np.arange(N) % 2
FOLLOWUP = np.round(3 + RNG.exponential(4, N), 3)
AGE = np.round(RNG.normal(60, 8, N), 1)


def prepared(tmp_path, covariate, *, kind="survival", marker=None, extra=None, categories=()):
    """The cohort of 60 patients with three visits each, `covariate` (60,) beside age; `marker` (180,) a second one."""
    rows = np.repeat(np.arange(N), 3)
    visits = pd.DataFrame({"id": rows, "time": np.tile([0, 1, 2], N), "crp": np.round(RNG.normal(10, 2, 3 * N), 2)})
    people = pd.DataFrame({"id": np.arange(N), "fu": FOLLOWUP, "dead": EVENT, "age": AGE, "x": covariate})
    if extra is not None:
        people = people.assign(**extra)
    markers = {"crp": {"column": "crp"}}
    if marker is not None:
        visits["second"] = marker
        markers["second"] = {"column": "second"}
    visits.to_csv(tmp_path / "v.csv", index=False)
    people.to_csv(tmp_path / "p.csv", index=False)
    outcome = {"kind": "survival", "time": "fu", "time_unit": "years", "event": "dead", "events": {1: "death"},
               "horizons": [2]}  # fmt: skip
    if kind == "binary":
        outcome = {"kind": "binary", "column": "dead", "positive": 1, "after_measurements": True}
    if kind == "continuous":
        outcome = {"kind": "continuous", "column": "fu", "after_measurements": True}
    study = Study.model_validate(
        {
            "study": "one", "seed": 1, "landmark": 2, "markers": markers,
            "data": {"measurements": "v.csv", "patients": "p.csv", "patient": "id", "time": "time",
                     "time_unit": "years", "analysis_unit": "years", "categories": list(categories)},
            "growth": {"fixed": "~ time", "random": "~ time"},
            "outcome": {**outcome, "covariates": ["age", "x", *(extra or {})]},
        }
    )  # fmt: skip
    return prepare_cohort(study, tmp_path)


def findings(cohort, severity="warning"):
    chosen = cohort.problems[cohort.problems["severity"] == severity]
    return [f"{row.column}: {row.message}" for row in chosen.itertuples()]


COPIES = {
    "the event": EVENT,
    "its complement": 1 - EVENT,
    "another coding": np.where(EVENT == 1, 8, 7),
    "texts": np.where(EVENT == 1, "gone", "here"),
    "causes": np.where(EVENT == 1, np.where(AGE > 60, "heart", "cancer"), "alive"),
    "follow-up in days": FOLLOWUP * 365.25,
}


@pytest.mark.parametrize("case", COPIES)
def test_a_copy_of_the_outcome_is_refused_with_its_column(tmp_path, case):
    with pytest.raises(CohortError, match=r"p\.csv: column x: .*repeats the outcome.*leave it out of outcome\.covaria"):
        prepared(tmp_path, COPIES[case])


@pytest.mark.parametrize(("kind", "copy"), [("binary", 1 - EVENT), ("continuous", 3 - 2 * FOLLOWUP)])
def test_a_copy_of_an_outcome_that_is_no_event_is_refused(tmp_path, kind, copy):
    with pytest.raises(CohortError, match="column x: the column repeats the outcome"):
        prepared(tmp_path, copy, kind=kind)


SOFTER = {
    "a copy with a slip": (np.where(np.arange(N) == 7, 1 - EVENT, EVENT), "levels that give the event"),
    "a number that separates": (np.where(EVENT == 1, 90 + AGE, AGE), "separates patients with the event"),
}


@pytest.mark.parametrize("case", SOFTER)
def test_a_column_that_describes_the_outcome_is_warned_of(tmp_path, case):
    column, said = SOFTER[case]
    (found,) = [text for text in findings(prepared(tmp_path, column)) if text.startswith("x: ")]
    assert said in found


def test_a_column_filled_only_for_events_is_the_reason_not_that_nobody_is_left(tmp_path):
    column = np.where(EVENT == 1, np.where(AGE > 60, "b", "c"), "")
    with pytest.raises(CohortError, match="column x: the column is filled only for patients with the event"):
        prepared(tmp_path, column)


def test_a_marker_whose_last_value_or_change_tells_the_outcome_is_named(tmp_path):
    rows, visit = np.repeat(np.arange(N), 3), np.tile([0, 1, 2], N)
    noise = np.round(RNG.normal(0, 0.5, 3 * N), 2)
    with pytest.raises(CohortError, match="the last value of the marker second up to the landmark repeats the outcome"):
        prepared(tmp_path, RNG.normal(size=N), marker=EVENT[rows] * (visit == 2) + (visit < 2) * (noise > 0))
    last = prepared(tmp_path, RNG.normal(size=N), marker=noise + 20 * EVENT[rows])
    assert "second: the last value of the marker second up to the landmark separates" in str(findings(last))
    change = prepared(tmp_path, RNG.normal(size=N), marker=50 * AGE[rows] + noise + 10 * EVENT[rows] * visit)
    assert "second: the change of the marker second up to the landmark separates" in str(findings(change))


def test_honest_predictors_are_passed_over(tmp_path):
    sex = np.where(RNG.random(N) < 0.5, "m", "f")
    rows = np.repeat(np.arange(N), 3)
    cohort = prepared(tmp_path, sex, marker=np.round(RNG.normal(5, 1, 3 * N) + 0.5 * EVENT[rows], 2))
    assert findings(cohort) == []


def test_a_constant_covariate_is_named(tmp_path):
    assert findings(prepared(tmp_path, np.full(N, "f"))) == [
        "x: all 60 patients of the cohort have the same value, 'f': it carries no information"
    ]
    assert "the same value, 3" in str(findings(prepared(tmp_path, np.full(N, 3))))


@pytest.mark.parametrize("own", [60, 31])
def test_a_text_of_nearly_as_many_levels_as_patients_is_refused(tmp_path, own):
    names = np.array([f"p{row}" if row < own else "rest" for row in range(N)])
    with pytest.raises(CohortError, match=f"column x: text with {len(set(names))} levels in 60 patients"):
        prepared(tmp_path, names)


def test_more_levels_than_a_fifth_of_the_patients_are_refused_and_ten_are_not(tmp_path):
    with pytest.raises(CohortError, match="text with 13 levels in 60 patients"):
        prepared(tmp_path, [f"c{row % 13}" for row in range(N)])
    assert not findings(prepared(tmp_path, [f"c{row // 2 % 10}" for row in range(N)]))


@pytest.mark.parametrize(("one", "other"), [("f", "F"), ("new york", "New  York"), ("Zürich", "Zu\u0308rich")])
def test_two_spellings_of_a_level_are_refused_at_the_rarer_one(tmp_path, one, other):
    cells = np.array([other if row == 40 else (one if row % 3 else "x") for row in range(N)])
    with pytest.raises(CohortError, match=r"line 42, patient|line 42, column x: the level .* in another spelling"):
        prepared(tmp_path, cells)


def test_predictors_that_repeat_each_other_are_named(tmp_path):
    cohort = prepared(tmp_path, 2 * AGE + 3)
    assert findings(cohort) == ["x: it repeats the covariate age (2 × age + 3)"]
    marker = np.round(RNG.normal(5, 1, 3 * N), 2)
    cohort = prepared(tmp_path, marker[2::3], marker=marker)
    assert findings(cohort) == ["x: the covariate x repeats the last value of the marker second up to the landmark"]


def test_aliases_of_numbers_and_texts():
    base = RNG.normal(size=400)
    gap = np.where(np.arange(400) % 7 == 0, np.nan, base)
    text = np.array(["m", "f"], dtype=object)[(base > 0).astype(int)]
    columns = {
        "a": base, "b": np.round(10 - 2.5 * base, 6), "c": RNG.normal(size=400), "d": gap, "e": gap * 1000,
        "sex": text, "gender": np.where(text == "m", "male", "female").astype(object), "zero": np.zeros(400),
        "near": base + 0.01 * RNG.normal(size=400),
    }  # fmt: skip
    found = {(name, other): how for name, other, how in aliases(columns)}
    assert set(found) == {("b", "a"), ("e", "d"), ("gender", "sex")}
    assert found["b", "a"] == "-2.5 × a + 10"
    assert found["e", "d"] == "1000 × d"


@pytest.mark.parametrize(
    ("name", "values", "warned"),
    [("x", np.arange(N) // 2 % 5 + 101, True), ("site", np.arange(N) // 2 % 4 + 1, True),
     ("x", np.arange(N) // 2 % 4 + 1, False), ("x", 10 * (np.arange(N) // 2 % 4) + 100, False),
     ("x", np.arange(N) // 2 % 5 + 2001, False)],
)  # fmt: skip
def test_a_number_of_few_values_that_may_be_a_code_is_asked_about(tmp_path, name, values, warned):
    cohort = prepared(tmp_path, RNG.normal(size=N), extra={f"{name}2" if name == "x" else name: values})
    warnings, notes = (str(findings(cohort, severity)) for severity in ("warning", "note"))
    column = "x2" if name == "x" else name
    assert (f"{column}: " in warnings) == warned
    assert ("are treated as a number" in notes) == (not warned)
    assert f"write C({column})" in str(cohort.problems["action"].tolist())


def test_a_technical_column_named_as_a_covariate_is_warned_of(tmp_path):
    found = findings(prepared(tmp_path, RNG.normal(size=N), extra={"visit_complete": np.arange(N) // 3 % 2}))
    assert found == ["visit_complete: the covariate does not look like a measurement: a flag that a form was filled "
        "in"]  # fmt: skip
