"""A numeric code as a category: read as text, coded by levels, in groups, formulas and the shipped model's reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.design.recipe import learn_levels, level_order
from slopewise.design.screen import screen
from slopewise.outcome.predictors import CovariateCoding
from slopewise.run.errors import InputError
from slopewise.shipped.writing import reading
from slopewise.study.model import Study
from slopewise.validate.subgroups import groups
from tests.unit.cohort.small_study import MEASUREMENTS, prepare, study_of

PEOPLE = """id,futime,status,age,site
A,3652.5,2,50,10
B,1461,0,60,2
C,2922,1,41.5,2.0
D,300,1,70,101
"""
CODED = {"outcome__covariates": ["age", "C(site)"]}


def test_c_among_the_covariates_names_a_category() -> None:
    study = study_of(**CODED, validation={"subgroups": ["C( stage )"]})
    assert study.outcome.covariates == ("age", "site")
    assert study.validation.subgroups == ("stage",)
    assert study.data.categories == ("site", "stage")
    assert study == study_of(
        outcome__covariates=["age", "site"], data__categories=["site", "stage"], validation={"subgroups": ["stage"]}
    )


def test_codes_are_read_as_text(tmp_path: Path) -> None:
    cohort = prepare(tmp_path, patients=PEOPLE, **CODED)
    assert cohort.patients["site"].tolist() == ["10", "2", "2"]
    plain = prepare(tmp_path, patients=PEOPLE, outcome__covariates=["age", "site"])
    assert plain.patients["site"].tolist() == [10.0, 2.0, 2.0]


def test_a_category_becomes_a_column_for_each_level_but_the_first() -> None:
    people = pd.DataFrame({"patient": list("abc"), "site": ["10", "2", "101"]})
    coding = CovariateCoding.learn(people, ["site"])
    assert coding.terms == ("site[10]", "site[101]")
    np.testing.assert_array_equal(coding.matrix(people), [[1, 0], [0, 0], [0, 1]])


def test_levels_stand_in_the_order_of_their_numbers() -> None:
    assert level_order(["10", "2", "2", "101"]) == ["2", "10", "101"]
    assert level_order(["b", "10", "a"]) == ["10", "a", "b"]
    frame = pd.DataFrame({"time": 1.0, "site": ["10", "2", "9"], "dose": [10.0, 2.0, 9.0]})
    levels = learn_levels([screen("~ time + site + C(dose)")], frame)
    assert levels == {"site": ("2", "9", "10"), "dose": (2.0, 9.0, 10.0)}


def test_the_groups_of_a_category_are_its_levels(tmp_path: Path) -> None:
    study = study_of(validation={"subgroups": ["C(site)"]}, outcome__covariates=["age"])
    people = pd.DataFrame({"patient": list("abcdefgh"), "age": 50.0, "site": [*"123456", "7", "10"]})
    names = [group.name for group in groups(study, people) if group.column == "site"]
    assert names == ["1", "2", "3", "4", "5", "6", "7", "10"]


def test_a_growth_formula_takes_it_as_a_category_too(tmp_path: Path) -> None:
    study = {"growth": {"fixed": "~ time + dose", "random": "~ time"}, "data__categories": ["dose"]}
    cohort = prepare(tmp_path, MEASUREMENTS, **study)
    assert set(cohort.measurements["dose"]) == {"10", "20", "0", "5"}


def test_a_shipped_model_knows_its_categories() -> None:
    content = reading(study_of(**CODED))
    assert content["data"]["categories"] == ["site"]
    again = Study.model_validate({**content, "study": "s", "seed": 1, "landmark": 2.0, "data": {
        **content["data"], "measurements": "m.csv"}}, strict=False)  # fmt: skip
    assert again.data.categories == ("site",) and again.outcome.covariates == ("age", "site")


UNUSED = {
    "no column of the study": ({"data__categories": ["sit"]}, "`sit` is not a covariate, stratum, subgroup or column"),
    "a weight": (
        {"data__categories": ["n"], "growth": {"weights": "n"}}, "`n` is growth.weights, which is a number and not a "
            "code"
    ),
    "a covariate twice": ({"outcome__covariates": ["site", "C(site)"]}, "`site` appears twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSED)
def test_a_category_that_the_study_does_not_use_so_is_refused(name: str) -> None:
    changes, message = UNUSED[name]
    with pytest.raises(InputError, match=message):
        study_of(**changes)
