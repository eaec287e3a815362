"""`predict`: a training patient scored as a new one gets the full fit's risk; what cannot be predicted is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from slopewise.cli.app import app
from slopewise.outcome.ladder import LADDER
from slopewise.run.errors import InputError
from slopewise.shipped.reading import read_model
from slopewise.shipped.risks import Request, Risks, predict, shapley_share
from slopewise.shipped.scores import drawn, marker_rows, scores
from slopewise.shipped.units import far_outside, likely_unit
from slopewise.shipped.writing import span
from slopewise.tables import files as tables
from tests.lengths import of_length
from tests.unit.shipped.shipped_pbc import Shipped, ship


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("shipped"))


def risks(
    made: Shipped, folder: Path, visits: pd.DataFrame | None = None, people: pd.DataFrame | None = None, **asked: Any
) -> Risks:
    """Risks of these rows and patients (the training ones where none are given)."""
    (made.visits if visits is None else visits).to_csv(folder / "new.csv", index=False)
    (made.people if people is None else people).to_csv(folder / "people.csv", index=False)
    request = Request(made.model, "new.csv", "people.csv", **{"draws": 40, **asked})
    return predict(request, folder)


def of(made: Shipped, *patients: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows and covariates of some training patients."""
    return made.visits[made.visits["id"].isin(patients)], made.people[made.people["id"].isin(patients)]


def several(made: Shipped, number: int = 1) -> list[int]:
    """Patients with three visits or more."""
    counts = made.visits["id"].value_counts().sort_index()
    return [int(patient) for patient in counts.index[counts >= 3][:number]]


@pytest.mark.parametrize("step", [step.name for step in LADDER])
def test_training_patients_get_the_risk_of_the_full_fit(shipped: Shipped, tmp_path: Path, step: str):
    found = risks(shipped, tmp_path, predictors=step, draws=0).table.set_index(["patient", "horizon"])
    apparent = shipped.outcome.apparent.query("predictors == @step").set_index(["patient", "horizon"])
    assert len(found) == len(apparent) == 2 * len(shipped.people)
    np.testing.assert_allclose(found["risk"], apparent["risk"].reindex(found.index), rtol=0, atol=1e-10)


OTHERS = (
    {"growth__fixed": "~ time * sex + age", "growth__structure": "diagonal"},
    {"growth__fixed": "~ bs(time, df=4)", "outcome__penalty": "elastic_net"},
    {"growth__residual_by": "sex", "growth__weights": "age", "data__time_zero": "first_visit"},
    {"growth__fixed": "~ time", "growth__random": "~ 1"},
    {"outcome__terms": ["nonlinear_level", "level_by_slope"], "outcome__penalty": "none"},
)
ALONE = (
    *({key: value} for changes in OTHERS[:2] for key, value in changes.items()),
    {"growth__residual_by": "sex", "growth__weights": "age"},
    {"data__time_zero": "first_visit"},
)
"""The same changes, each by itself."""


@pytest.mark.slow
@pytest.mark.parametrize("changes", of_length(OTHERS, (*OTHERS, *ALONE)))
def test_other_growth_models_give_the_risk_of_the_full_fit_too(tmp_path: Path, changes: dict[str, Any]):
    made = ship(tmp_path, **changes)
    found = risks(made, tmp_path, draws=20).table.set_index(["patient", "horizon"])
    apparent = made.outcome.apparent.query("predictors == 'slope'").set_index(["patient", "horizon"])
    np.testing.assert_allclose(found["risk"], apparent["risk"].reindex(found.index), rtol=0, atol=1e-10)
    assert (found["risk_low"] <= found["risk_high"]).all()


CODES = {"outcome__events": {2: "death"}, "outcome__competing": {1: "transplant"}}
AFTER = {"after_measurements": True, "covariates": ["age", "sex"], "bootstrap": 0}
KINDS: dict[str, dict[str, Any]] = {
    "competing": CODES,
    "strata": {"outcome__covariates": ["age"], "outcome__strata": ["sex"]},
    "competing in strata": {**CODES, "outcome__covariates": ["age"], "outcome__strata": ["sex"]},
    "entry": {"outcome__entry": "entry"},
    "binary": {"outcome": {"kind": "binary", "column": "died", "positive": "1", **AFTER}},
    "continuous": {"outcome": {"kind": "continuous", "column": "score", **AFTER}},
}


@pytest.fixture(scope="module", params=KINDS)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    return ship(tmp_path_factory.mktemp("kind"), **KINDS[request.param])


@pytest.mark.parametrize("step", ["clinical", "ols", "slope"])
def test_every_kind_of_outcome_gives_the_full_fits_prediction(other: Shipped, tmp_path: Path, step: str):
    keys = ["patient", "cause", "horizon"]
    found = risks(other, tmp_path, predictors=step, draws=20).table
    whole = other.outcome.apparent.query("predictors == @step")[[*keys, "risk"]].astype({"patient": "string"})
    both = found.merge(whole, on=keys, suffixes=("", "_of_fit"))
    assert len(both) == len(found) == len(whole)
    np.testing.assert_allclose(both["risk"], both["risk_of_fit"], rtol=0, atol=1e-10)
    assert list(dict.fromkeys(found["cause"])) == sorted(other.outcome.data.causes)
    if step == "slope":
        assert (found["risk_low"] < found["risk_high"]).mean() > 0.9  # no interval around a risk of 0
        assert found["slope_share"].between(0, 1).all()
        assert (found["risk_low"] <= found["risk"]).mean() > 0.9


def test_what_another_kind_predicts_is_told(tmp_path: Path):
    made = ship(tmp_path, **KINDS["continuous"])
    told = risks(made, tmp_path).told
    assert re.search(r"the column risk is the value of score, seen from the landmark, 2\.25 years after time", told[0])
    scatter = made.outcome.models["slope"]["glm"]["residual_sd"]
    assert told[-1] == f"intervals are of the expected value; single patients lie around it with an SD of {scatter:.4g}"


def test_a_stratum_that_the_model_does_not_know_is_refused(tmp_path: Path):
    made = ship(tmp_path, **KINDS["strata"])
    visits, people = of(made, *several(made, 2))
    with pytest.raises(InputError, match=r"line 2, patient \d+, column sex: the model does not know the level 'x'"):
        risks(made, tmp_path, visits, people.assign(sex="x"))
    with pytest.raises(InputError, match="column sex: there is no such column"):
        risks(made, tmp_path, visits, people.drop(columns="sex"))
    numbered = tmp_path / "numbered"
    numbered.mkdir()
    made = ship(numbered, outcome__strata=["died"])
    with pytest.raises(
        InputError, match=r"patient \d+: died 3 is a stratum that the model does not know; known are 0; 1"
    ):
        risks(made, numbered, visits, people.assign(died=[0, 3]), strict=True)
    beside = visits.merge(people.assign(died=1), on="id")
    beside.to_csv(numbered / "new.csv", index=False)
    assert len(predict(Request(made.model, "new.csv", draws=0), numbered).table) == 4


def test_ids_order_and_company_do_not_matter(shipped: Shipped, tmp_path: Path):
    first = several(shipped)[0]
    whole = risks(shipped, tmp_path).table.query("patient == @first.__str__()").reset_index(drop=True)
    visits, people = of(shipped, first)
    alone = risks(shipped, tmp_path, visits.sample(frac=1, random_state=1), people).table
    pd.testing.assert_frame_equal(alone, whole)
    renamed = risks(shipped, tmp_path, visits.assign(id="007"), people.assign(id="007")).table
    assert set(renamed["patient"]) == {"007"}
    np.testing.assert_array_equal(renamed["risk"], alone["risk"])


def test_a_missing_covariate_is_averaged_over_where_the_model_imputes(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    content = json.loads(shipped.model.read_text())
    content["reading"]["outcome"]["missing_covariate"] = "impute"
    for step in content["outcome"]["steps"].values():
        step["imputation"] = {
            "terms": ["age", "sex[m]"], "centre": [50.0, 0.1], "scale": [10.0, 0.3], "low": [30.0, 0.0],
            "high": [70.0, 1.0], "models": [{"beta": [[0.0, 0.0]], "sd": 1.0}, {"beta": [[0.0, 0.0]], "sd": 0.0}],
            "number": 8, "seed": 1,
        }  # fmt: skip
    made = tmp_path / "model.json"
    made.write_text(json.dumps(content))
    imputing = replace(shipped, model=made)
    whole = risks(imputing, tmp_path, visits, people).table
    pd.testing.assert_frame_equal(whole, risks(shipped, tmp_path, visits, people).table)
    holes = people.astype({"age": float})
    holes.loc[holes.index[0], "age"] = np.nan
    found = risks(imputing, tmp_path, visits, holes).table
    own = found["patient"] == str(people["id"].iloc[0])
    assert (found.loc[own, "notes"].str.contains("age is missing: the risk is a mean over 8 imputed values")).all()
    assert np.array_equal(found.loc[~own, "risk"], whole.loc[~own, "risk"])
    at = [risks(shipped, tmp_path, visits, holes.fillna({"age": age})).table.loc[own, "risk"] for age in (30.0, 70.0)]
    assert ((found.loc[own, "risk"] > np.minimum(*at)) & (found.loc[own, "risk"] < np.maximum(*at))).all()


def test_one_visit_and_a_missing_marker_are_predicted_and_told(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    first, second = people["id"]
    one = visits.groupby("id").head(1).copy()
    one.loc[one["id"] == second, "albumin"] = np.nan
    full = risks(shipped, tmp_path, visits, people).table.set_index("patient")
    found = risks(shipped, tmp_path, one, people).table.set_index("patient")
    row = found.loc[str(second)].iloc[0]
    assert row["albumin.visits"] == 0 and row["albumin.reliability"] == 0
    assert row["notes"].startswith("albumin was not measured") or "albumin was not measured" in row["notes"]
    assert "log_bilirubin at one visit" in found.loc[str(first), "notes"].iloc[0]
    better = full["log_bilirubin.reliability"] > found["log_bilirubin.reliability"]
    assert better.all()
    width = found["risk_high"] - found["risk_low"]
    assert (width > 0).all() and width.mean() > (full["risk_high"] - full["risk_low"]).mean()


def test_a_marker_without_a_column_is_told_and_a_misspelt_one_refused(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    found = risks(shipped, tmp_path, visits.drop(columns="albumin"), people)
    assert any("albumin: the file has no column 'albumin'" in line for line in found.told)
    assert found.table["notes"].str.contains("albumin was not measured").all()
    with pytest.raises(InputError, match="did you mean 'Albumin'"):
        risks(shipped, tmp_path, visits.rename(columns={"albumin": "Albumin"}), people)
    with pytest.raises(InputError, match="none of the markers' columns"):
        risks(shipped, tmp_path, visits[["id", "day"]], people)


def test_the_interval_and_the_share_of_the_slope_are_those_of_the_draws(shipped: Shipped, tmp_path: Path):
    found = risks(shipped, tmp_path, draws=400).table
    inside = (found["risk"] >= found["risk_low"]) & (found["risk"] <= found["risk_high"])
    assert inside.mean() > 0.97
    assert found["slope_share"].between(0, 1).all()
    level = risks(shipped, tmp_path, predictors="level").table
    assert level["risk_low"].notna().all() and level["slope_share"].isna().all()
    clinical = risks(shipped, tmp_path, predictors="clinical")
    assert clinical.table["risk_low"].isna().all()
    assert any("no interval" in line for line in clinical.told)


def test_draws_have_the_mean_and_spread_of_the_score(shipped: Shipped):
    model = read_model(shipped.model)
    marker = next(marker for marker in model.markers if marker.name == "log_bilirubin")
    visits = shipped.visits.assign(patient=shipped.visits["id"].astype(str), time=shipped.visits["day"] / 365.25)
    visits["log_bilirubin"] = np.log(visits["bili"])
    people = shipped.people.assign(patient=shipped.people["id"].astype(str))[["patient", "age", "sex"]]
    rows = marker_rows(marker, visits[["patient", "time", "log_bilirubin"]], people, model.landmark)
    found = scores(rows)
    place = int(found["visits"].argmax())
    level, slope = drawn(rows, place, 20_000, np.random.default_rng(1))
    assert level.mean() == pytest.approx(found["level"][place], abs=0.05)
    assert slope.mean() == pytest.approx(found["slope"][place], abs=0.05)
    # The spread of b_i given the parameters is slope_se; that of the parameters comes on top.
    assert found["slope_se"][place] * 0.9 < slope.std() < found["slope_se"][place] * 1.5


def test_the_share_of_independent_and_of_equal_parts():
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 200_000))
    assert shapley_share(2 * one, other) == pytest.approx(0.8, abs=0.01)
    assert shapley_share(one, one) == pytest.approx(0.5)
    assert shapley_share(np.zeros(5), np.arange(5.0)) == 0.0
    assert shapley_share(np.arange(5.0), np.zeros(5)) == 1.0
    assert np.isnan(shapley_share(np.zeros(5), np.zeros(5)))
    mixed = one + 0.7 * other
    assert shapley_share(mixed, other) + shapley_share(other, mixed) == pytest.approx(1.0)


def test_outside_the_training_range_is_told(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    first = people["id"].iloc[0]
    older = people.assign(age=people["age"].where(people["id"] != first, 99))
    found = risks(shipped, tmp_path, visits, older).table.set_index("patient")["outside"]
    assert found[str(first)].iloc[0].startswith("age 99 (training ")
    assert found[str(people["id"].iloc[1])].iloc[0] == ""
    low = visits.assign(albumin=visits["albumin"].where(visits["id"] != first, 0.7))
    told = risks(shipped, tmp_path, low, people)
    assert "albumin 0.7 (training " in told.table["outside"].iloc[0]
    assert any("outside the training range: 1 patient (" in line for line in told.told)


def test_a_range_tells_no_patients_value():
    low, high = span(np.array([1.2345, 7.6543, np.nan]))
    assert (low, high) == (1.2, 7.7)
    assert span(np.array([np.nan])) is None
    assert span(np.array([3.0, 3.0])) == [3.0, 3.0]


def late(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    visits.loc[visits.index[-1], "day"] = 900


def another_sex(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    people.loc[people.index[0], "sex"] = "x"


def no_age(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    people.loc[people.index[0], "age"] = np.nan


def text_age(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    people["age"] = "old"


def grams_per_litre(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    visits["albumin"] *= 10


def months_of_age(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    people["age"] *= 12


def zero(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    visits.loc[visits.index[0], "bili"] = 0


def twin_rows(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    visits.loc[visits.index[1], "day"] = visits["day"].iloc[0]


def twin_people(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    people.loc[people.index[-1] + 0.5] = people.iloc[0]


def stranger(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    people.loc[people.index[0], "id"] = 99_999


def nothing_measured(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    visits.loc[visits["id"] == people["id"].iloc[0], ["bili", "albumin"]] = np.nan


def no_day(visits: pd.DataFrame, people: pd.DataFrame) -> None:
    visits.columns = visits.columns.str.replace("day", "when")


BAD = [
    (late, r"new.csv: line \d+, patient \d+, column day: the row is at 2.464\d* years, after the landmark \(2.25"),
    (another_sex, r"people.csv: line 2, patient \d+, column sex: the model does not know the level 'x'; it knows f, m"),
    (no_age, r"people.csv: line 2, patient \d+, column age: the covariate is missing"),
    (text_age, r"people.csv: line 2, patient \d+, column age: 'old' is text where the model has a number"),
    (grams_per_litre, r"new.csv: marker albumin: .* where the model was made on .* another unit"),
    (months_of_age, r"new.csv: covariate age: .* another unit"),
    (zero, r"new.csv: line 2, patient \d+, column bili: '0.0' has no log"),
    (twin_rows, r"new.csv: line 3, patient \d+, column day: the patient has 2 rows at one time"),
    (
        twin_people,
        r"people.csv: line 5, patient \d+, column id: the patient appears twice in the file \(first on line 2\)",
    ),
    (stranger, r"the patient is not in people.csv"),
    (nothing_measured, r"new.csv: line 2, patient \d+: the patient has no value of any marker"),
    (no_day, r"new.csv: column day: there is no such column \(the model’s time\); the columns are: id, when"),
]


@pytest.mark.parametrize(("spoil", "message"), BAD, ids=[case[0].__name__ for case in BAD])
def test_a_bad_input_is_one_line_and_nothing_is_written(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, message: str
):
    visits, people = (frame.copy() for frame in of(shipped, *several(shipped, 3)))
    spoil(visits, people)
    visits.to_csv(tmp_path / "new.csv", index=False)
    people.to_csv(tmp_path / "people.csv", index=False)
    monkeypatch.chdir(tmp_path)
    files = ("--measurements", "new.csv", "--patients", "people.csv", "--out", "risks.csv")
    refused(shipped.model, message, *files, "--strict")
    assert not (tmp_path / "risks.csv").exists()


def refused(model: Path, message: str, *arguments: str) -> None:
    ended = CliRunner().invoke(app, ["predict", "--model", str(model), *arguments])
    assert ended.exit_code == 1, ended.output
    assert ended.stderr.count("\n") == 1 and ended.stdout == ""
    assert re.search(message, ended.stderr), ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--unit", "albumin=g/l"], "albumin is in g/l, but the model was made with g/dl; convert"),
        (["--unit", "time=years"], "time is in years, but the model was made with days"),
        (["--unit", "crp=mg/l"], "has no such marker or covariate"),
        (["--unit", "age=years"], "--unit age=model"),
        (["--unit", "albumin"], "write it as NAME=UNIT"),
        (["--predictors", "both"], "the model has baseline, clinical, delta"),
        (["--decimal", ";"], "--decimal ';'"),
        (["--out", "risks.xlsx"], "written as CSV"),
        (["--measurements", "none.csv"], "none.csv: there is no such file"),
    ],
)
def test_a_bad_option_is_one_line(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
):
    visits, people = of(shipped, *several(shipped, 2))
    visits.merge(people, on="id").to_csv(tmp_path / "new.csv", index=False)
    monkeypatch.chdir(tmp_path)
    refused(shipped.model, message, "--measurements", "new.csv", "--out", "risks.csv", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]


def test_the_command_writes_the_table_and_tells_units(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    visits, people = of(shipped, several(shipped)[0])
    visits.merge(people, on="id").to_csv(tmp_path / "new.csv", sep=";", decimal=",", index=False)
    monkeypatch.chdir(tmp_path)
    units = ["--unit", "bili=mg/dl", "--unit", "albumin=G/dL", "--unit", "day=days", "--draws", "50"]
    command = ["predict", "--model", str(shipped.model), "--measurements", "new.csv", "--out", "risks.csv", *units]
    ended = CliRunner().invoke(app, command)
    assert ended.exit_code == 0, ended.output
    assert "log_bilirubin (bili) in mg/dl" in ended.stdout
    written = tables.read("risks", tmp_path / "risks.csv")
    asked = risks(shipped, tmp_path, visits, people, draws=50).table
    np.testing.assert_allclose(written["risk_high"], asked["risk_high"], rtol=5e-6)
    assert all(len(str(risk).lstrip("0.").replace(".", "").split("e")[0]) <= 6 for risk in written["risk"])
    assert (written["landmark"] == 2.25).all() and "counted from the landmark, 2.25 years" in ended.stdout
    assert {"albumin.level", "albumin.slope", "albumin.reliability", "albumin.visits"} <= set(written.columns)


def test_a_covariate_that_varies_is_told(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, several(shipped)[0])
    beside = visits.merge(people, on="id")
    beside["age"] += np.arange(len(beside))
    beside.to_csv(tmp_path / "new.csv", index=False)
    found = predict(Request(shipped.model, "new.csv", draws=0), tmp_path).table
    assert "age varies: its last value was taken" in found["notes"].iloc[0]


def test_the_model_holds_no_patient(shipped: Shipped):
    content = json.loads(shipped.model.read_text())
    texts, numbers = set(), set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            texts.update(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)
        elif isinstance(node, str):
            texts.add(node)
        elif isinstance(node, float):
            numbers.add(node)

    walk(content)
    assert not texts & {str(patient) for patient in shipped.people["id"]}
    own = set(shipped.people["age"]) | set(np.log(shipped.visits["bili"]))
    assert not {value for value in own if value != round(value, 1)} & numbers


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda content: content.update(format=1), "format 1, this version of slopewise reads format 3"),
        (lambda content: content.pop("slopewise"), "this is not a model.json"),
        (lambda content: content.pop("covariates"), "the model is damaged"),
        (lambda content: content["markers"]["albumin"]["growth"].update(response="x"), "does not match its checksum"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused(shipped: Shipped, tmp_path: Path, spoil: Any, message: str):
    content = json.loads(shipped.model.read_text())
    spoil(content)
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_model(tmp_path / "model.json")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read"):
        read_model(tmp_path / "model.json")
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        read_model(tmp_path / "model.json")


ALONE = [case for case in BAD if case[0] in (late, another_sex, no_age, zero, twin_rows, stranger, nothing_measured)]


@pytest.mark.parametrize(("spoil", "message"), ALONE, ids=[case[0].__name__ for case in ALONE])
def test_one_bad_patient_does_not_stop_the_rest(
    shipped: Shipped, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, message: str
):
    visits, people = (frame.copy() for frame in of(shipped, *several(shipped, 3)))
    whole = risks(shipped, tmp_path, visits, people).table.set_index(["patient", "horizon"])["risk"]
    spoil(visits, people)
    found = risks(shipped, tmp_path, visits, people)
    bad = found.table[found.table["refused"] != ""]
    assert len(found.refused) == bad["patient"].nunique() == 1 and bad["risk"].isna().all()
    assert re.search(message.split(": ", 1)[-1], bad["refused"].iloc[0])
    rest = found.table[found.table["refused"] == ""].set_index(["patient", "horizon"])["risk"]
    assert len(rest) == 4 and np.array_equal(rest, whole.reindex(rest.index))
    monkeypatch.chdir(tmp_path)
    files = ["--measurements", "new.csv", "--patients", "people.csv", "--out", "risks.csv", "--draws", "0"]
    ended = CliRunner().invoke(app, ["predict", "--model", str(shipped.model), *files])
    assert ended.exit_code == 0 and (tmp_path / "risks.csv").exists()
    assert ended.stderr.startswith("slopewise: 1 of 3 patients has no risk") and ended.stderr.count("\n") == 1


def test_a_master_list_of_more_people_is_fine(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    alone = risks(shipped, tmp_path, visits, people).table
    others = shipped.people[~shipped.people["id"].isin(people["id"])].assign(sex="x", age=np.nan)
    found = risks(shipped, tmp_path, visits, pd.concat([people, others]))
    pd.testing.assert_frame_equal(found.table, alone)
    assert any(f"not used: {len(others)} patients of --patients" in line for line in found.told)


def test_one_patients_value_in_another_unit_is_refused_and_an_extreme_one_said(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    first, second = people["id"]
    tenfold = visits.assign(albumin=visits["albumin"].where(visits["id"] != first, 10 * visits["albumin"]))
    found = risks(shipped, tmp_path, tenfold, people)
    assert set(found.refused) == {str(first)}
    assert re.search(
        r"divided by 10 it would be .*\(g/l instead of g/dl\).*--unit albumin=model", found.refused[str(first)]
    )
    sure = risks(shipped, tmp_path, tenfold, people, units={"albumin": "model"})
    assert not sure.refused and "far outside" in sure.table.set_index("patient")["outside"][str(first)].iloc[0]
    extreme = visits.assign(albumin=visits["albumin"].where(visits["id"] != second, 3e9))
    found = risks(shipped, tmp_path, extreme, people)
    assert not found.refused and "far outside" in found.table.set_index("patient")["outside"][str(second)].iloc[0]


@pytest.mark.parametrize(
    ("value", "low", "high", "unit", "said"),
    [
        (35.0, 2.0, 5.0, "g/dl", "(g/l instead of g/dl)"),
        (3.5, 20.0, 50.0, "g/l", "(g/dl instead of g/l)"),
        (80.0, 0.4, 3.0, "mg/dl", "µmol/l of creatinine"),
        (2.0e5, 100.0, 500.0, "", "mg or g instead of g or kg"),
        (600.0, 26.0, 79.0, "", "months instead of years"),
        (6.0, 380.0, 420.0, "", "logarithm"),
        (1e9, 2.0, 5.0, "g/dl", None),
    ],
)
def test_a_value_that_a_unit_explains_is_named(value, low, high, unit, said):
    values = np.array([value])
    assert far_outside(values, low, high).all()
    found = likely_unit(values, low, high, unit)
    assert (found is None) if said is None else (found is not None and said in found), found


def test_values_near_the_range_are_not_suspected():
    assert not far_outside(np.array([1.2, 2.0, 5.0, 7.9, np.nan]), 2.0, 5.0).any()


def test_the_default_predictors_are_those_that_the_model_recommends(shipped: Shipped, tmp_path: Path):
    content = json.loads(shipped.model.read_text())
    for step in ("level", "slope"):
        content["recommended"] = {"predictors": step, "reason": "of what was found"}
        (tmp_path / "model.json").write_text(json.dumps(content))
        shipped.visits.to_csv(tmp_path / "new.csv", index=False)
        shipped.people.to_csv(tmp_path / "people.csv", index=False)
        found = predict(Request(tmp_path / "model.json", "new.csv", "people.csv", draws=0), tmp_path)
        assert set(found.table["predictors"]) == {step}
        assert f"predictors: {step} (recommended by the study's report: of what was found)" in found.told
    del content["recommended"]
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="name them, for example --predictors level"):
        predict(Request(tmp_path / "model.json", "new.csv", "people.csv", draws=0), tmp_path)


def test_no_message_names_a_key_of_the_study_file(shipped: Shipped, tmp_path: Path):
    visits, people = of(shipped, *several(shipped, 2))
    spoils = (zero, twin_rows, stranger, no_age, text_age, nothing_measured)
    for spoil in spoils:
        bad, who = visits.copy(), people.copy()
        spoil(bad, who)
        try:
            said = " ".join(risks(shipped, tmp_path, bad, who).refused.values())
        except InputError as error:
            said = str(error)
        assert said and not re.search(r"\b(data|outcome|growth|markers|validation)\.[a-z_]+", said), said
    (tmp_path / "new.csv").write_text("id;day;bili;albumin\n1;0;1,234;3\n")
    with pytest.raises(InputError) as raised:
        predict(Request(shipped.model, "new.csv", "people.csv"), tmp_path)
    assert "data." not in str(raised.value)


def put(line: int, column: str, cell: str) -> Callable[[str], str]:
    """Another text in one cell of a CSV file; the header is line 1."""

    def change(text: str) -> str:
        rows = [row.split(",") for row in text.splitlines()]
        rows[line - 1][rows[0].index(column)] = cell
        return "".join(",".join(row) + "\n" for row in rows)

    return change


def continental(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


def mixed_marks(text: str) -> str:
    rows = continental(text).splitlines()
    return "\n".join([*rows[:2], rows[2].replace(",", "."), *rows[3:]]) + "\n"


def noted(text: str) -> str:
    first, *rows = text.splitlines()
    return "\n".join([f"{first},note", *(f'{row},"seen, well"' for row in rows)]) + "\n"


def same(text: str) -> str:
    return text


MESSY: dict[str, tuple[Callable[[str], str], Callable[[str], str], str]] = {
    "decimal commas": (continental, continental, ""),
    "another column": (noted, same, ""),
    "a mark of Windows": (lambda text: "\ufeff" + text.replace("\n", "\r\n"), same, ""),
    "decimal marks of two kinds": (
        mixed_marks, continental,
        r"new.csv: line 3, patient \d+, column \w+: '[\d.]+' is not",
    ),
    "marks of thousands": (
        put(2, "bili", '"1,234.5"'), same,
        r"new.csv: line 2, patient \d+, column bili: '1,234.5' has marks of thousands",
    ),
    "a limit": (
        put(3, "bili", "<5"), same,
        r"line 3, patient \d+, column bili: '<5' is .*; correct it, or leave the cell",
    ),
    "a text": (
        put(3, "albumin", "haemolytic"), same,
        r"new.csv: line 3, patient \d+, column albumin: 'haemolytic' is not a",
    ),
    "a date for a day": (
        put(3, "day", "2020-01-31"), same,
        r"new.csv: line 3, patient \d+, column day: '2020-01-31' is not",
    ),
    "a word for a day": (
        put(3, "day", "baseline"), same,
        r"new.csv: line 3, patient \d+, column day: 'baseline' is not a",
    ),
    "no day": (put(3, "day", ""), same, r"new.csv: line 3, patient \d+, column day: the row has no time"),
    "no id": (put(3, "id", ""), same, r"new.csv: line 3, column id: the row has no patient"),
    "ids of another name": (
        lambda text: text.replace("id", "nr", 1), same,
        r"new.csv: column id: .* the columns are: nr, day",
    ),
    "a header twice": (lambda text: text + text.splitlines()[0] + "\n", same, r"new.csv: line 14, patient id, column"),
    "a footnote": (
        lambda text: text + "Source: laboratory\n", same,
        r"new.csv: line 14: 1 cell \('Source: laboratory'\) where all other lines have",
    ),
    "an empty file": (lambda text: "", same, r"new.csv: the file is empty"),
    "no patients": (same, lambda text: text.splitlines()[0] + "\n", r"people.csv: the file has no rows"),
    "an age in words": (
        same, put(2, "age", "54 years"),
        r"people.csv: line 2, patient \d+, column age: '54 years' is not a ",
    ),
    "a spreadsheet's error": (same, put(2, "sex", "#REF!"), r"people.csv: line 2, patient \d+, column sex: .* '#REF!'"),
    "a code": (put(3, "albumin", "-999"), same, r"marker albumin: -999, .* -999 is a usual code for a missing value; "),
    "a negative value": (
        put(3, "albumin", "-3.4"), same,
        r"marker albumin: -3.4, .* without the minus sign it would be 3.4",
    ),
    "a negative age": (same, put(2, "age", "-54"), r"covariate age: -54, .* without the minus sign it would be 54"),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSY)
def test_a_messy_file_is_read_as_in_a_study_or_refused_at_its_place(shipped: Shipped, tmp_path: Path, name: str):
    """The same risks where the file says the same; else its line and column, and no key of the study file."""
    change, of_people, message = MESSY[name]
    visits, people = of(shipped, *several(shipped, 3))
    expected = risks(shipped, tmp_path, visits, people, draws=0).table
    for file, edit in (("new.csv", change), ("people.csv", of_people)):
        (tmp_path / file).write_bytes(edit((tmp_path / file).read_text()).encode())
    request = Request(shipped.model, "new.csv", "people.csv", draws=0, strict=True)
    if not message:
        pd.testing.assert_frame_equal(predict(request, tmp_path).table, expected)
        return
    with pytest.raises(InputError, match=message) as raised:
        predict(request, tmp_path)
    assert not re.search(r"\b(data|outcome|growth|markers|validation)\.[a-z_]+", str(raised.value)), raised.value


def test_dates_beside_date_times_are_days_as_in_a_study(shipped: Shipped, tmp_path: Path):
    """An operation at half past ten is day 0 of a visit that has a date alone."""
    visits, people = of(shipped, *several(shipped, 2))
    plain = risks(shipped, tmp_path, visits, people, draws=0).table["risk"]
    content = json.loads(shipped.model.read_text(encoding="utf-8"))
    content["reading"]["data"] |= {"time_unit": "date", "time_zero": {"column": "operated"}}
    dated = tmp_path / "dated.json"
    dated.write_text(json.dumps(content), encoding="utf-8")
    start = pd.Timestamp("2001-03-04")
    dates = (start + pd.to_timedelta(visits["day"], unit="D")).dt.strftime("%Y-%m-%d")
    visits.assign(day=dates).to_csv(tmp_path / "new.csv", index=False)
    people.assign(operated="2001-03-04T10:30").to_csv(tmp_path / "people.csv", index=False)
    found = predict(Request(dated, "new.csv", "people.csv", draws=0), tmp_path).table["risk"]
    np.testing.assert_allclose(found, plain, rtol=1e-12)


def test_a_model_holds_what_the_filters_left_and_asks_for_no_more(tmp_path: Path):
    row = {"scheme": "crossfit", "repeat": 0, "held_out": 0, "step": "redundant", "withholds": "marker"}
    terms = ["nonlinear_level", "level_by_slope"]
    made = ship(tmp_path, pd.DataFrame([{**row, "marker": "log_bilirubin"}]), outcome__terms=terms)
    content = json.loads(made.model.read_text())
    assert list(content["markers"]) == list(content["reading"]["markers"]) == ["albumin"]
    recipe = content["outcome"]["steps"]["slope"]["recipe"]
    assert "bilirubin" not in json.dumps(recipe)
    assert {"albumin.level", "albumin.bend"} <= set(recipe["terms"])  # the bend is of a column that has moved
    for step in ("slope", "delta"):
        found = risks(made, tmp_path, made.visits.drop(columns="bili"), predictors=step, draws=0).table
        apparent = made.outcome.apparent.query("predictors == @step").set_index(["patient", "horizon"])
        found = found.set_index(["patient", "horizon"])
        np.testing.assert_allclose(found["risk"], apparent["risk"].reindex(found.index), rtol=0, atol=1e-10)
