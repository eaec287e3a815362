"""Each mistake in the data is told in one line: file, line, patient, column, what is wrong and what to do."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.cohort.named_units import contradicted
from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from tests.unit.cohort.small_study import DATES, MEASUREMENTS, PATIENTS, WHOLE, dated, merged, prepare, study_of


def rows(old: str, new: str) -> dict[str, Any]:
    assert MEASUREMENTS.count(old) == 1, old
    return {"measurements": MEASUREMENTS.replace(old, new)}


def people(old: str, new: str) -> dict[str, Any]:
    assert PATIENTS.count(old) == 1, old
    return {"patients": PATIENTS.replace(old, new)}


def one_file(row: int, column: str, value: str) -> dict[str, Any]:
    frame = merged()
    frame.loc[row, column] = value
    return {"measurements": frame.to_csv(index=False), "patients": None, "data__patients": None}


STRICT = {"data__incomplete": "error"}

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "missing marker column": (
        {"markers__albumin__column": "albumine"},
        "m.csv: column albumine: there is no such column (markers.albumin.column); did you mean 'albumin'?; the "
        "columns are: id, day, bili, albumin, dose",
    ),
    "missing patient column": (
        {"data__patient": "case"},
        "m.csv: column case: there is no such column (data.patient); the columns are: id, day, bili, albumin, dose "
        "(and 1 more)",
    ),
    "missing time column": (
        {"data__time": "days"},
        "m.csv: column days: there is no such column (data.time); did you mean 'day'?; the columns are: id, day, "
        "bili, albumin, dose",
    ),
    "missing follow-up column": (
        {"outcome__time": "time_to_event"},
        "p.csv: column time_to_event: there is no such column (outcome.time); the columns are: id, futime, status, "
        "age, sex",
    ),
    "missing time zero column": (
        {"data__time_zero": {"column": "start"}},
        "p.csv: column start: there is no such column (data.time_zero); the columns are: id, futime, status, age, sex",
    ),
    "missing covariate column": (
        {"outcome__covariates": ["agee"]},
        "p.csv: column agee: there is no such column (outcome.covariates); did you mean 'age'?; the columns are: id, "
        "futime, status, age, sex; m.csv has id, day, bili, albumin, dose",
    ),
    "missing formula column": (
        {"growth__fixed": "~ time + stage"},
        "p.csv: column stage: there is no such column (growth); the columns are: id, futime, status, age, sex; m.csv "
        "has id, day, bili, albumin, dose",
    ),
    "text in a marker": (
        rows("A,365.25,2,", "A,365.25,high,"),
        "m.csv: line 3, patient A, column bili: 'high' is not a number; correct it, or leave the cell empty",
    ),
    "text in a marker after the landmark": (
        rows("A,1000,9,", "A,1000,?,"),
        "m.csv: line 4, patient A, column bili: '?' is not a number; correct it, or leave the cell empty",
    ),
    "text in the time": (
        rows("B,500,", "B,week 70,"),
        "m.csv: line 6, patient B, column day: 'week 70' is not a number; correct it",
    ),
    "text in the follow-up": (
        people("1461", "4 years"),
        "p.csv: line 3, patient B, column futime: '4 years' is not a number; correct it",
    ),
    "text in a covariate of numbers": (
        people(",60,", ",sixty,"),
        "p.csv: line 3, patient B, column age: 'sixty' is not a number; correct it; if the column holds categories, "
        "name it in data.categories",
    ),
    "a number in a covariate of text": (
        people(",60,m", ",60,1"),
        "p.csv: line 3, patient B, column sex: '1' is a number in a column of text; correct it; if the column holds "
        "categories, name it in data.categories",
    ),
    "text in a covariate of the growth model": (
        rows("A,0,1,3.5,10", "A,0,1,3.5,low") | {"growth__fixed": "~ time + dose"},
        "m.csv: line 2, patient A, column dose: 'low' is not a number; correct it; if the column holds categories, "
        "name it in data.categories",
    ),
    "decimal comma among points": (
        rows("B,0,1.5,", 'B,0,"1,5",'),
        "m.csv: line 5, patient B, column bili: '1,5' is not a number where the decimal mark is '.'; correct it, or "
        "leave the cell empty",
    ),
    "decimal commas throughout, told as points": (
        {
            "patients": PATIENTS.replace(",50,", ',"5,0",')
            .replace(",60,", ',"6,0",')
            .replace(",41.5,", ',"4,1",')
            .replace(",70,", ',"7,0",'),
            "data__decimal": ".",
        },
        "p.csv: line 2, patient A, column age: '5,0' is not a number where the decimal mark is '.'; correct it; if the "
        "column holds categories, name it in data.categories (and 3 more)",
    ),
    "infinite value": (
        rows("A,365.25,2,", "A,365.25,inf,"),
        "m.csv: line 3, patient A, column bili: 'inf' is not a finite number; correct it, or leave the cell empty",
    ),
    "infinite covariate": (
        people(",60,", ",-Inf,"),
        "p.csv: line 3, patient B, column age: '-Inf' is not a finite number; correct it; if the column holds "
        "categories, name it in data.categories",
    ),
    "log of 0": (
        rows("A,365.25,2,", "A,365.25,0.0,"),
        "m.csv: line 3, patient A, column bili: '0.0' has no log, which takes numbers greater than 0; correct it, "
        "leave the cell empty, or choose another transform",
    ),
    "logit of 1": (
        {"markers__log_bilirubin__transform": "logit"} | rows("A,365.25,2,", "A,365.25,.2,"),
        "m.csv: line 2, patient A, column bili: '1' has no logit, which takes numbers between 0 and 1; correct it, "
        "leave the cell empty, or choose another transform (and 3 more)",
    ),
    "log1p of -1": (
        {"markers__log_bilirubin__transform": "log1p"} | rows("A,365.25,2,", "A,365.25,-1,"),
        "m.csv: line 3, patient A, column bili: '-1' has no log1p, which takes numbers greater than -1; correct it, "
        "leave the cell empty, or choose another transform",
    ),
    "root of a negative": (
        {"markers__log_bilirubin__transform": "sqrt"} | rows("A,365.25,2,", "A,365.25,-2,"),
        "m.csv: line 3, patient A, column bili: '-2' has no sqrt, which takes numbers from 0; correct it, "
        "leave the cell empty, or choose another transform",
    ),
    "duplicate visit": (
        rows("A,365.25,", "A,0,"),
        "m.csv: line 3, patient A, column day: the patient has 2 rows at one time (lines 2, 3); correct them, or set "
        "data.duplicates to mean, first, last or keep",
    ),
    "different texts at one time": (
        {
            "measurements": MEASUREMENTS.replace("A,365.25,2,3.4,20", "A,0,2,3.4,20")
            .replace(",dose", ",site")
            # every dose as a text
            .replace(",10\n", ",x\n")
            .replace(",20\n", ",y\n")
            .replace(",90\n", ",x\n")
            .replace(",0\n", ",x\n")
            .replace(",5\n", ",x\n")
            .replace(",7\n", ",x\n")
            .replace(",1\n", ",x\n"),
            "data__duplicates": "mean",
            "growth__fixed": "~ time + site",
        },
        "m.csv: line 3, patient A, column site: the patient has different texts at one time (here 'y'); correct them; "
        "a text has no mean",
    ),
    "row without a patient": (
        rows("A,365.25,", ",365.25,") | STRICT,
        "m.csv: line 3, column id: the row has no patient (''); fill it in or delete the row",
    ),
    "row without a time": (
        rows("A,365.25,", "A,NA,") | STRICT,
        "m.csv: line 3, patient A, column day: the row has no time; fill it in or delete the row",
    ),
    "patient without an id": (
        people("B,1461", "NA,1461") | {"measurements": re.sub("B,.*\n", "", MEASUREMENTS)} | STRICT,
        "p.csv: line 3, column id: the row has no patient ('NA'); fill it in or delete the row",
    ),
    "patient without rows": (
        {"patients": PATIENTS + "E,2000,0,40,f\n"} | STRICT,
        "p.csv: line 6, patient E, column id: the patient has no rows in m.csv; add rows or delete the patient",
    ),
    "patient who is not in the patients' file": (
        {"measurements": MEASUREMENTS + "E,0,1,1,1\nE,9,1,1,1\n"} | STRICT,
        "m.csv: line 10, patient E, column id: the patient is not in p.csv (2 rows here); add the patient there or "
        "delete the rows",
    ),
    "lost zeros": (
        {"measurements": MEASUREMENTS.replace("A,", "1,"), "patients": PATIENTS.replace("A,", "001,")},
        "m.csv: line 2, patient 1, column id: the patient is not in p.csv (3 rows here); add the patient there or "
        "delete the rows (the other file has '001': ids are text) (and 1 more)",
    ),
    "patient twice": (
        {"patients": PATIENTS + "B,1461,0,60,m\n"},
        "p.csv: line 6, patient B, column id: the patient appears twice in the file (first on line 3); keep one row "
        "per patient",
    ),
    "negative follow-up": (
        people("1461", "-1461"),
        "p.csv: line 3, patient B, column futime: the follow-up ends 4 years before time zero; correct it, or "
        "data.time_zero",
    ),
    "follow-up before time zero": (
        {"data__time_zero": 500},
        "p.csv: line 5, patient D, column futime: the follow-up ends 0.5476 years before time zero; correct it, or "
        "data.time_zero",
    ),
    "missing follow-up": (
        people("1461", "") | STRICT,
        "p.csv: line 3, patient B, column futime: the patient has no follow-up time; fill it in, or delete the "
        "patient from the files",
    ),
    "missing time zero": (
        {
            "patients": "id,futime,status,age,sex,start\nA,3652.5,2,50,f,0\nB,1461,0,60,m,\nC,2922,1,41.5,f,0\n"
            "D,300,1,70,m,0\n",
            "data__time_zero": {"column": "start"},
            **STRICT,
        },
        "p.csv: line 3, patient B, column start: the patient has no time zero; fill it in, or delete the patient from "
        "the files",
    ),
    "unknown event code": (
        people(",0,60", ",3,60"),
        "p.csv: line 3, patient B, column status: unknown event code '3'; the study names 0, 1, 2; correct it, or name "
        "the code in outcome.events or outcome.censored",
    ),
    "missing event code": (
        people(",0,60", ",,60") | STRICT,
        "p.csv: line 3, patient B, column status: the patient has no event code; fill it in, or delete the patient "
        "from the files",
    ),
    "one patient": (
        {"measurements": MEASUREMENTS[: MEASUREMENTS.index("B,")], "patients": PATIENTS[: PATIENTS.index("B,")]},
        "m.csv: column id: the file has one patient only ('A'); a growth model needs several; is data.patient the "
        "right column?",
    ),
    "empty file": (
        {"measurements": ""},
        "m.csv: the file is empty; it needs a line with the columns' names and rows below it",
    ),
    "no rows": (
        {"patients": PATIENTS.splitlines()[0]},
        "p.csv: the file has no rows below the columns' names; export it again",
    ),
    "twin columns": (
        {"measurements": MEASUREMENTS.replace("dose", "bili")},
        "m.csv: the column name 'bili' appears twice (columns 3 and 5); rename one of them",
    ),
    "follow-up that varies": (
        one_file(2, "futime", "99"),
        "m.csv: line 4, patient A, column futime: outcome.time varies within the patient: '3652.5' on line 2, '99' "
        "here; correct it, or give a file with one row per patient as data.patients",
    ),
    "event that varies": (
        one_file(4, "status", "1"),
        "m.csv: line 6, patient B, column status: outcome.event varies within the patient: '0' on line 5, '1' here; "
        "correct it, or give a file with one row per patient as data.patients",
    ),
    "covariate that varies": (
        one_file(1, "sex", "m"),
        "m.csv: line 3, patient A, column sex: a covariate varies within the patient: 'f' on line 2, 'm' here; "
        "correct it, or give a file with one row per patient as data.patients",
    ),
    "nobody at risk": (
        {"landmark": 9},
        "m.csv: too few patients (1) are left at the landmark 9 years (follow-up ended at or before the landmark (9 "
        "years): 3); check landmark, data.analysis_unit and data.time_zero",
    ),
    "no event at risk": (
        {"patients": PATIENTS.replace(",2,50", ",0,50").replace(",1,41.5", ",0,41.5")},
        "p.csv: column status: none of the 3 patients at risk at the landmark 2 years has the event; check "
        "outcome.events and landmark",
    ),
    "several": (
        {
            "measurements": MEASUREMENTS.replace(",1,3.5", ",x,3.5")
            .replace(",2,3.4", ",y,3.4")
            .replace("2.5,2.9", "1,z")
        },
        "m.csv: line 2, patient A, column bili: 'x' is not a number; correct it, or leave the cell empty (and 2 more)",
    ),
    "no file": (
        {"data__measurements": "mm.csv"},
        "mm.csv: there is no such file (data.measurements; looked in {folder}); did you mean m.csv?",
    ),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_data_is_one_clear_line(name: str, tmp_path: Path) -> None:
    changes, message = MISTAKES[name]
    with pytest.raises(InputError) as caught:
        prepare(tmp_path, **changes)
    assert str(caught.value) == message.replace("{folder}", str(tmp_path))


DATE_MISTAKES = {
    "ambiguous": (
        "%d/%m/%Y",
        "m.csv: line 2, patient A, column day: the date '01/02/2001' is ambiguous: it may be \"%d/%m/%Y\" or "
        '"%m/%d/%Y"; correct it or set data.date_format',
    ),
    "day first": (
        "%d.%m.%Y",
        "m.csv: line 2, patient A, column day: the date '01.02.2001' is not ISO; the dates of this column fit "
        '"%d.%m.%Y"; correct it or set data.date_format',
    ),
    "month first": (
        "%m-%d-%y",
        "m.csv: line 2, patient A, column day: the date '02-01-01' is not ISO; the dates of this column fit "
        '"%m-%d-%y"; correct it or set data.date_format',
    ),
    "words": (
        "%d %b %Y",
        "m.csv: line 2, patient A, column day: '01 Feb 2001' is not an ISO date (2020-12-31); correct it or set "
        "data.date_format (and 4 more)",
    ),
}


@pytest.mark.parametrize("name", DATE_MISTAKES)
def test_dates_that_are_not_iso_need_a_format(name: str, tmp_path: Path) -> None:
    style, message = DATE_MISTAKES[name]
    days = ["2001-02-01", "2001-03-05", "2002-02-03"] + (["2001-02-04"] if name == "ambiguous" else ["2001-02-28"])
    written = pd.to_datetime(pd.Series(days)).dt.strftime(style)
    measurements = "id,day,bili,albumin\n" + "".join(
        f"{patient},{day},1,1\n" for patient, day in zip("AABC", written, strict=True)
    )
    if name == "words":
        measurements += "D,31 Dec 2001,1,1\n"
    people_text = "id,futime,status,age,sex\nA,2010-01-01,1,5,f\nB,2010-01-01,1,5,f\nC,2010-01-01,1,5,f\n"
    with pytest.raises(CohortError) as caught:
        prepare(
            tmp_path,
            measurements,
            people_text + ("D,2010-01-01,1,5,f\n" if name == "words" else ""),
            data__time_zero="first_visit",
            **DATES,
        )
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("2001-02-30", "'2001-02-30' is not a calendar date"),
        ("2001-13-01", "'2001-13-01' is not a calendar date"),
        ("20010201", "'20010201' is not an ISO date (2020-12-31)"),
        ("2001-02-01T10:00+02:00", "the date '2001-02-01T10:00+02:00' has a time zone; write local dates without one"),
        ("2001-02-01 10:00Z", "the date '2001-02-01 10:00Z' has a time zone; write local dates without one"),
        ("31/12/2001", "the date '31/12/2001' is not ISO; the dates of this column fit \"%d/%m/%Y\""),
    ],
)
def test_an_odd_date_is_told(cell: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CohortError) as caught:
        prepare(
            tmp_path,
            dated(WHOLE[0]).replace("2002-05-16", cell),
            dated(WHOLE[1]),
            data__time_zero="first_visit",
            **DATES,
        )
    place = "m.csv: line 6, patient B, column day: "
    assert str(caught.value) == f"{place}{message}; correct it or set data.date_format"


def test_a_date_that_does_not_fit_the_format_is_told(tmp_path: Path) -> None:
    texts = [dated(text, "%d.%m.%Y") for text in WHOLE]
    with pytest.raises(
        CohortError, match=r"line 6, patient B, column day: '16/05/2002' does not fit data\.date_format"
    ):
        prepare(
            tmp_path,
            texts[0].replace("16.05.2002", "16/05/2002"),
            texts[1],
            data__time_zero="first_visit",
            data__date_format="%d.%m.%Y",
            **DATES,
        )


def test_all_findings_come_with_the_error(tmp_path: Path) -> None:
    broken = MEASUREMENTS.replace(",1,3.5", ",x,3.5").replace("0.5,3.2", "inf,3.2")
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, broken, PATIENTS.replace(",0,60", ",7,60"))
    problems = tables.check(caught.value.problems, "cohort/problems")
    assert problems["file"].to_list() == ["m.csv", "m.csv", "p.csv"]
    assert problems["line"].to_list() == [2, 7, 3]
    assert problems["patient"].to_list() == ["A", "C", "B"]
    assert problems["column"].to_list() == ["bili", "bili", "status"]


def test_errors_come_before_warnings(tmp_path: Path) -> None:
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, patients=PATIENTS.replace("1461", "-1"))
    severities = caught.value.problems["severity"].to_list()
    assert severities[0] == "error" and len(severities) > 1 and set(severities[1:]) == {"warning"}
    assert caught.value.problems["file"].iloc[0] == "p.csv"


def test_a_column_that_is_wrong_throughout_is_told_once_too_often_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = "id,day,bili,albumin\n" + "".join(f"{patient},{day},x,1\n" for patient in "ABCD" for day in range(100))
    monkeypatch.setattr("slopewise.cohort.findings.MOST_CELLS", 100)
    with pytest.raises(CohortError, match=r"\(and 100 more\)$") as caught:
        prepare(tmp_path, broken)
    assert caught.value.problems["message"].iloc[-1] == "300 more cells of this column are like that"


def test_in_parquet_the_place_is_a_row(tmp_path: Path) -> None:
    for name, text in (("m", MEASUREMENTS.replace("A,365.25,2,", "A,365.25,0,")), ("p", PATIENTS)):
        pd.read_csv(io.StringIO(text), dtype={"id": str}).to_parquet(tmp_path / f"{name}.parquet")
    study = study_of(data__measurements="m.parquet", data__patients="p.parquet")
    with pytest.raises(CohortError, match=r"^m\.parquet: row 2, patient A, column bili: '0' has no log"):
        prepare_cohort(study, tmp_path)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ('~ time + __import__("os")', r"^growth\.fixed: formula .* is not allowed"),
        ("~ tme", r"did you mean 'time'\?"),
        ("~ time + spline(time)", r"^growth\.fixed: .*'spline' is no known function; use one of"),
    ],
)
def test_a_formula_is_screened_before_anything_is_fitted(tmp_path: Path, formula: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        prepare(tmp_path, growth={"fixed": formula, "random": "~ time"})


def test_an_event_code_that_the_study_does_not_name_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, patients=PATIENTS, outcome__censored=[9], outcome__events={2: "death"})
    told = caught.value.problems["message"].to_list()
    assert len(told) == len(set(told)) == 2
    assert "unknown event code '1' (2 patients have it)" in told


@pytest.mark.parametrize("code", ["DEATH", "Dea th", " death"])
def test_an_event_code_that_differs_in_case_or_blanks_only_is_named_beside_its_twin(tmp_path: Path, code: str) -> None:
    patients = PATIENTS.replace(",2,50", ",Death,50").replace(",0,60", f",{code},60")
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, patients=patients, outcome__events={"Death": "death"}, outcome__competing={})
    told = [
        text for text in caught.value.problems["message"] if text.startswith(f"unknown event code '{code.strip()}'")
    ]
    assert len(told) == 1
    assert told[0].endswith(
        "; it differs from 'Death' in case or blanks only: use one spelling in the file, or add this spelling to "
        "outcome.events"
    )


def test_a_twin_is_named_with_the_key_that_holds_it_and_another_code_has_none(tmp_path: Path) -> None:
    patients = PATIENTS.replace(",0,60", ",ALIVE,60").replace(",2,50", ",dead,50")
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, patients=patients, outcome__censored=[0, "alive"])
    told = caught.value.problems["message"].to_list()
    assert "unknown event code 'dead'" in told
    assert any("'alive' in case or blanks only" in text and text.endswith("outcome.censored") for text in told)


def test_days_that_were_called_years_are_a_warning(tmp_path: Path) -> None:
    problems = prepare(tmp_path, data__time_unit="years", outcome__time_unit="years", landmark=300).problems
    told = problems[problems["message"].str.contains("the times spread over")]
    assert told["action"].to_list() == ["check data.time_unit", "check outcome.time_unit"]
    assert (told["severity"] == "warning").all()


@pytest.mark.parametrize(
    ("column", "unit", "said"),
    [
        ("hours", "days", "hours"),
        ("followup_hours", "days", "hours"),
        ("fuyears", "months", "years"),
        ("visit_days", "days", ""),
        ("age", "days", ""),  # of infants
        ("d", "months", ""),
        ("hours", "none", ""),
        ("day", "date", ""),
    ],
)
def test_a_unit_that_the_name_of_a_column_contradicts(column: str, unit: str, said: str) -> None:
    assert contradicted(column, unit) == said


def test_hours_that_are_read_as_days_are_a_warning_for_each_column(tmp_path: Path) -> None:
    measurements, patients = (
        text.replace(f"{name},", f"{name}_hours,", 1).replace(f",{name}\n", f",{name}_hours\n", 1)
        for text, name in ((MEASUREMENTS, "day"), (PATIENTS, "futime"))
    )
    named = {"data__time": "day_hours", "outcome__time": "futime_hours"}
    problems = prepare(tmp_path, measurements, patients, **named).problems
    told = problems[problems["message"].str.contains("the name of the column says hours")]
    assert told["column"].to_list() == ["day_hours", "futime_hours"] and (told["severity"] == "warning").all()
    units = {"data__time_unit": "hours", "outcome__time_unit": "hours", "data__analysis_unit": "hours"}
    assert (
        not prepare(tmp_path, measurements, patients, **named, **units)
        .problems["message"]
        .str.contains("the name")
        .any()
    )


def test_a_marker_that_never_changes_or_was_never_measured_is_an_error(tmp_path: Path) -> None:
    for value, words in (
        ("3.5", "all 5 rows of the cohort up to the landmark have the same value, 3.5"),
        ("", "no row"),
    ):
        frame = pd.read_csv(io.StringIO(MEASUREMENTS), dtype=str)
        frame["albumin"] = value
        with pytest.raises(CohortError, match=rf"column albumin: {words}.*; leave the marker albumin out$"):
            prepare(tmp_path, frame.to_csv(index=False))


def test_a_marker_of_one_patient_is_an_error(tmp_path: Path) -> None:
    frame = pd.read_csv(io.StringIO(MEASUREMENTS), dtype=str)
    frame["albumin"] = frame["albumin"].where(frame["id"] == "A", "")
    frame.loc[frame["id"] == "A", "albumin"] = [f"3.{k}" for k in range((frame["id"] == "A").sum())]
    words = (
        "column albumin: in the cohort up to the landmark one patient alone has values; a growth model needs several"
    )
    with pytest.raises(CohortError, match=words):
        prepare(tmp_path, frame.to_csv(index=False))
