"""The age at time zero from a date of birth: by hand, for every kind of time zero, and what is refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.cohort.newcomers import Covariate, read_newcomers
from slopewise.run.errors import InputError
from tests.unit.cohort.small_study import DATES, WHOLE, dated, in_memory, study_of

BORN = {"A": "1950-06-30", "B": "1941-01-01", "C": "1960-02-29", "D": "1931-12-31"}
ASKED: dict[str, Any] = {**DATES, "data__birth_date": "dob", "data__time_zero": "first_visit"}


def write(folder: Path, **born: str) -> None:
    """Visits and follow-up as dates from 2001-01-01, a date of birth in place of the age."""
    measurements, patients = (in_memory(dated(text)) for text in WHOLE)
    patients = patients.drop(columns="age").assign(dob=patients["id"].map(BORN | born))
    measurements.to_csv(folder / "m.csv", index=False)
    patients.to_csv(folder / "p.csv", index=False)


def by_hand(born: str, zero: date = date(2001, 1, 1)) -> float:
    return round((zero - date.fromisoformat(born)).days / 365.25, 4)


def ages(folder: Path, **changes: Any) -> dict[str, float]:
    patients = prepare_cohort(study_of(**ASKED | changes), folder).patients
    return dict(zip(patients["patient"], patients["age"].astype(float), strict=True))


def test_the_age_is_that_at_the_first_visit(tmp_path: Path) -> None:
    write(tmp_path)
    assert ages(tmp_path) == {name: by_hand(BORN[name]) for name in "ABC"}


def test_the_age_is_that_at_the_date_of_a_column(tmp_path: Path) -> None:
    write(tmp_path)
    patients = in_memory((tmp_path / "p.csv").read_text()).assign(start="2000-07-01", dob=[*BORN.values()])
    patients["dob"] = pd.to_datetime(patients["dob"]).dt.strftime("%d.%m.%Y")
    patients["start"] = "01.07.2000"
    patients["futime"] = pd.to_datetime(patients["futime"]).dt.strftime("%d.%m.%Y")
    patients.to_csv(tmp_path / "p.csv", index=False)
    found = ages(tmp_path, data__time_zero={"column": "start"}, data__patients_date_format="%d.%m.%Y")
    assert found == {name: by_hand(BORN[name], date(2000, 7, 1)) for name in "ABC"}


def test_a_patient_without_a_date_of_birth_lacks_the_covariate(tmp_path: Path) -> None:
    write(tmp_path, B="")
    cohort = prepare_cohort(study_of(**ASKED), tmp_path)
    assert "B" not in set(cohort.patients["patient"])


@pytest.mark.parametrize(
    ("born", "message"),
    [
        ("2001-01-02", "the date of birth '2001-01-02' is after time zero (2001-01-01); correct it, time zero, or "),
        ("1850-01-01", "the date of birth '1850-01-01' makes the patient 151 years old at time zero (2001-01-01); "),
        ("1950", "'1950' is not an ISO date (2020-12-31); correct it, time zero, or data.patients_date_format"),
    ],
)
def test_a_date_of_birth_that_cannot_be_is_refused_with_its_line(born: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, B=born)
    with pytest.raises(CohortError) as caught:
        prepare_cohort(study_of(**ASKED), tmp_path)
    assert str(caught.value).startswith(f"p.csv: line 3, patient B, column dob: {message}")


def test_a_column_that_is_not_there_and_an_age_that_is_there_already(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(
        InputError, match=r"p\.csv: column born: there is no such column \(data\.birth_date\); the colu"
    ):
        prepare_cohort(study_of(**ASKED | {"data__birth_date": "born"}), tmp_path)
    in_memory((tmp_path / "p.csv").read_text()).assign(age="50").to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match=r"p\.csv: column age: data\.birth_date makes a column age, and there is one"):
        prepare_cohort(study_of(**ASKED), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data__birth_date": "dob"}, "data.birth_date: gives the age at time zero, which needs time zero as a date "),
        (ASKED | {"outcome__covariates": ["sex"]}, "data.birth_date: makes the column `age`, which nothing uses; add"),
    ],
)
def test_a_study_file_that_cannot_use_it_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        study_of(**changes)
    assert message in str(caught.value)


def test_new_patients_bring_a_date_of_birth_or_their_age(tmp_path: Path) -> None:
    write(tmp_path)
    study = study_of(**ASKED)
    rows = in_memory((tmp_path / "m.csv").read_text())
    rows[rows["day"] < "2002-06"].to_csv(tmp_path / "m.csv", index=False)
    known = {"age": Covariate(None, False), "sex": Covariate(("f", "m"), False)}
    born = read_newcomers(study, tmp_path, known).patients.set_index("patient")["age"]
    assert born.to_dict() == {name: by_hand(BORN[name]) for name in "ABCD"}
    people = in_memory((tmp_path / "p.csv").read_text()).drop(columns="dob").assign(age="47.5")
    people.to_csv(tmp_path / "p.csv", index=False)
    assert set(read_newcomers(study, tmp_path, known).patients["age"]) == {47.5}
