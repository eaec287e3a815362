"""Binary and continuous outcomes in the study file and in the cohort."""

import numpy as np
import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.run.errors import InputError
from slopewise.study.reading import load_study
from slopewise.tables import files as tables
from tests.unit.cohort.small_study import MEASUREMENTS, prepare, study_of
from tests.workflow.running import of_kind

PEOPLE = """id,seen,better,score,age,sex
A,3652.5,yes,1.5,50,f
B,1461,no,2.5,60,m
C,700,yes,0.5,41.5,f
D,2000,,,70,m
"""
NONE = dict.fromkeys(f"outcome__{key}" for key in ("time", "time_unit", "event", "events", "horizons"))
BINARY = {
    **NONE, "outcome__kind": "binary", "outcome__column": "better", "outcome__positive": "yes",
    "outcome__after_measurements": True,
}  # fmt: skip
CONTINUOUS = {
    **NONE, "outcome__kind": "continuous", "outcome__column": "score", "outcome__after_measurements": True,
}  # fmt: skip
TIMED = {"outcome__after_measurements": None, "outcome__time": "seen", "outcome__time_unit": "days"}


def test_a_binary_outcome_stands_in_place_of_follow_up(tmp_path):
    cohort = prepare(tmp_path, patients=PEOPLE, **BINARY)
    patients = tables.check(cohort.patients, "cohort/patients")
    assert list(patients.columns) == ["patient", "outcome", "age", "sex"]
    assert patients["outcome"].tolist() == [1.0, 0.0, 1.0]
    assert cohort.event_labels == {0: "better: not yes", 1: "better: yes"}
    flow = cohort.flow.set_index("step")
    assert flow.loc["no_outcome", "patients_removed"] == 1 and flow.loc["final", "events_left"] == 2


def test_a_continuous_outcome_keeps_its_values(tmp_path):
    cohort = prepare(tmp_path, patients=PEOPLE, **CONTINUOUS)
    assert cohort.patients["outcome"].tolist() == [1.5, 2.5, 0.5]
    assert cohort.event_labels == {} and (cohort.flow["events_left"] == 0).all()


def test_an_outcome_that_was_seen_by_the_landmark_leaves(tmp_path):
    cohort = prepare(tmp_path, patients=PEOPLE, **{**CONTINUOUS, **TIMED})
    assert cohort.patients["patient"].tolist() == ["A", "B"]
    assert cohort.flow.set_index("step").loc["followup_ended", "reason"].startswith("the outcome was seen at or before")


def test_rows_after_the_landmark_change_nothing(tmp_path):
    one = prepare(tmp_path, patients=PEOPLE, **CONTINUOUS)
    rows = MEASUREMENTS.replace("A,1000,9,3.1,90", "A,1000,1,9.9,1")
    other = prepare(tmp_path, rows, PEOPLE, **CONTINUOUS)
    assert one.patients.equals(other.patients) and one.measurements.equals(other.measurements)


@pytest.mark.parametrize(
    ("people", "changes", "message"),
    [
        (PEOPLE.replace("no,", "maybe,"), {**BINARY, "outcome__positive": "no"}, "no patient has the level 'no'"),
        (PEOPLE.replace("1.5", "x"), CONTINUOUS, "not a number"),
        (PEOPLE.replace("D,2000,", "D,2000,maybe"), BINARY, "a binary outcome has two levels, this column 3"),
    ],
)
def test_mistakes_in_the_outcome_are_told(tmp_path, people, changes, message):
    with pytest.raises(CohortError) as error:
        prepare(tmp_path, patients=people, **changes)
    assert message in str(error.value)


def test_an_outcome_that_does_not_vary_is_refused(tmp_path):
    with pytest.raises(InputError, match="the same for all 2 patients"):
        prepare(tmp_path, patients=PEOPLE.replace("2.5", "1.5"), **{**CONTINUOUS, **TIMED})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({**BINARY, "outcome__positive": None}, "outcome.positive: is missing; `kind: binary` needs it"),
        ({**CONTINUOUS, "outcome__positive": "yes"}, "outcome.positive: is for binary outcomes"),
        ({**CONTINUOUS, "outcome__column": None}, "outcome.column: is missing"),
        (
            {**CONTINUOUS, "outcome__after_measurements": None},
            "it is not known whether the outcome lies after its predictors",
        ),
        ({**CONTINUOUS, **TIMED, "outcome__after_measurements": True}, "outcome.time gives the time"),
        ({**CONTINUOUS, "outcome__horizons": [1]}, "outcome.horizons: is for survival"),
        ({**CONTINUOUS, "outcome__competing": {1: "x"}}, "outcome.competing: is for survival"),
        ({"outcome__after_measurements": True}, "is for other kinds than survival"),
        ({**CONTINUOUS, "outcome__covariates": ["score"]}, "`score` is outcome.column"),
        ({**CONTINUOUS, "growth__fixed": "~ time + score"}, "the outcome cannot explain a marker"),
    ],
)
def test_keys_that_do_not_agree_are_refused(changes, message):
    with pytest.raises(InputError) as error:
        study_of(**changes)
    assert message in str(error.value)


def test_patients_files_are_not_needed(tmp_path):
    rows = [line + ",1.5" if i else line + ",score" for i, line in enumerate(MEASUREMENTS.strip().split("\n"))]
    text = "\n".join(rows).replace("B,0,1.5,3.9,0,1.5", "B,0,1.5,3.9,0,9").replace("B,500,,4.0,0,1.5", "B,500,,4.0,0,9")
    cohort = prepare(tmp_path, text + "\n", None, **{**CONTINUOUS, "data__patients": None, "outcome__covariates": []})
    assert sorted(set(cohort.patients["outcome"])) == [1.5, 9.0] and not np.isnan(cohort.patients["outcome"]).any()


def test_the_flow_counts_the_event_and_no_competing_one(tmp_path):
    raw = of_kind("competing")
    raw.write(tmp_path)
    cohort = prepare_cohort(load_study(tmp_path / "study.yaml"), tmp_path)
    events = cohort.patients["event"].value_counts()
    assert events[1] > 0 and events[2] > 0
    assert cohort.flow["events_left"].iloc[-1] == events[1]
    assert cohort.flow["events_left"].iloc[0] == (raw.patients["status"] == 2).sum()
