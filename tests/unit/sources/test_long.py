"""Long tables: a row per patient, time and parameter, units, limits of detection, rows that the study selects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slopewise.cohort.columns import Columns
from slopewise.cohort.findings import Findings
from slopewise.cohort.newcomers import read_newcomers
from slopewise.cohort.rows import read_rows
from slopewise.run.errors import InputError
from slopewise.shipped.writing import reading
from slopewise.sources.long import scaled
from slopewise.sources.study_tables import measurements_of, patients_of
from slopewise.sources.table import TextTable
from slopewise.study.model import Study
from slopewise.study.rules import broken_rules

HEAD = "id,day,visit,code,value,unit\n"
LONG = HEAD + (
    "1,7,late,CRP,2,mg/L\n"
    "1,0,first,CRP,1,mg/L\n"
    "1,0,,ALB,40,g/L\n"
    "1,7.0,,ALB,,g/L\n"
    "2,0,first,ALB,3.5,g/dL\n"
    "2,5,only,OTHER,9,?\n"
)
LAYOUT = {"parameter": "code", "value": "value", "unit": "unit"}
ALB = {"column": "ALB", "units": {"g/L": 1, "g/dL": 10}}


def study_of(data: dict[str, Any] | None = None, **markers: dict[str, Any]) -> Study:
    known = {"measurements": "m.csv", "patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "days"}
    return Study.model_validate(
        {
            "study": "s",
            "seed": 1,
            "data": {**known, "layout": LAYOUT, **(data or {})},
            "markers": markers or {"crp": {"column": "CRP"}, "alb": ALB},
            "landmark": "none",
            "outcome": {"kind": "none"},
        }
    )


def read(folder: Path, text: str = LONG, data: dict[str, Any] | None = None, **markers: dict[str, Any]) -> TextTable:
    (folder / "m.csv").write_text(text)
    return measurements_of(study_of(data, **markers), folder)


def test_a_row_for_each_patient_and_time(tmp_path: Path) -> None:
    table = read(tmp_path)
    assert table.text.to_dict("list") == {
        "id": ["1", "1", "2", "2"],
        "day": ["7", "0", "0", "5"],
        "visit": ["late", "first", "first", "only"],
        "CRP": ["2", "1", "", ""],
        "ALB": ["", "40", "35.0", ""],
    }
    assert table.lines.tolist() == [2, 3, 6, 7]  # the first of each
    assert [table.line(row, "ALB") for row in range(4)] == [2, 4, 6, 7]
    assert [table.line(row, "id") for row in range(4)] == [2, 3, 6, 7]


@pytest.mark.parametrize(
    "rule, rows",
    [("first", ["140", "3"]), ("mean", ["140", "3"]), ("last", ["1", "340"])],
    ids=["first", "mean", "last"],
)
def test_a_second_value_at_one_time_makes_a_row_that_the_rule_of_duplicates_settles(
    rule: str, rows: list[str], tmp_path: Path
) -> None:
    """The other parameters stand in the row that is kept; parameters that the study does not use make no row."""
    text = HEAD + "1,0,,ALB,40,g/L\n1,0,,CRP,1,mg/L\n1,0,,CRP,3,mg/L\n1,0,,OTHER,3,\n1,0,,OTHER,3,\n"
    table = read(tmp_path, text, {"duplicates": rule})
    assert (table.text["CRP"] + table.text["ALB"]).to_list() == rows


REFUSED: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "unknown parameter": (
        LONG,
        {},
        {"crp": {"column": "CPR"}},
        "m.csv: column code: no row has the parameter 'CPR' (markers.crp.column); did you mean 'CRP'?; there are ALB, ",
    ),
    "units without factors": (
        LONG,
        {},
        {"alb": {"column": "ALB"}},
        "m.csv: line 6, column unit: ALB has g/L in 1 row, g/dL in 1 row, and no factor for g/dL; name each unit with "
        "its factor in markers.alb.units",
    ),
    "a unit without a factor": (LONG, {}, {"alb": {"column": "ALB", "units": {"g/L": 1}}}, "and no factor for g/dL; "),
    "no unit": (
        LONG.replace("3.5,g/dL", "3.5,"),
        {},
        {},
        "m.csv: line 6, column unit: ALB has g/L in 1 row, no unit in",
    ),
    "no column of values": (
        LONG,
        {"layout": {**LAYOUT, "value": "valeu"}},
        {},
        "m.csv: column valeu: there is no such column (data.layout.value); did you mean 'value'?; the columns there ",
    ),
    "no column of units": (LONG, {"layout": {**LAYOUT, "unit": "u"}}, {}, "no such column (data.layout.unit); the "),
    "no time": (LONG, {"time": "week"}, {}, "m.csv: column week: there is no such column (data.time)"),
    "where: no column": (LONG, {"where": {"flag": "Y"}}, {}, "m.csv: column flag: there is no such column (data.where"),
    "where: no code": (
        LONG,
        {"where": {"visit": ["fist"]}},
        {},
        "m.csv: column visit: no cell holds 'fist' (data.where); did you mean 'first'?; the column holds",
    ),
    "where: no row": (
        LONG,
        {"where": {"visit": ["only"], "code": ["CRP"]}},
        {},
        "m.csv: no row has the codes that data.where names (visit, code); correct them",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_long_table_that_cannot_be_read_is_refused(what: str, tmp_path: Path) -> None:
    text, data, markers, message = REFUSED[what]
    with pytest.raises(InputError) as caught:
        read(tmp_path, text, data, **markers)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_rows_are_selected_by_their_codes(tmp_path: Path) -> None:
    table = read(tmp_path, LONG, {"where": {"visit": ["first"]}}, crp={"column": "CRP"})
    assert table.text["id"].to_list() == ["1", "2"] and table.lines.tolist() == [3, 6]
    assert table.notes == (("", "2 of 6 rows were selected by visit", "as given in data.where"),)
    (tmp_path / "p.csv").write_text("id,PARAMCD,n\n1,OS,1.0\n1,PFS,2\n2,OS,1\n")
    study = study_of({"patients": "p.csv"})
    outcome = study.outcome.model_copy(update={"where": {"PARAMCD": ("OS",), "n": ("1",)}})
    people = patients_of(study.model_copy(update={"outcome": outcome}), tmp_path)
    assert people is not None and people.lines.tolist() == [2, 4]


NO_COLUMNS = Columns((), (), (), ())


@pytest.mark.parametrize("below, expected", [("half", [2.5, 0.5]), ("limit", [5.0, 1.0])])
def test_values_below_a_limit_of_detection(below: str, expected: list[float], tmp_path: Path) -> None:
    text = HEAD + "1,0,,CRP,<5,mg/L\n1,7,,CRP,< 0.1,mg/dL\n"
    crp = {"column": "CRP", "units": {"mg/L": 1, "mg/dL": 10}}
    table = read(tmp_path, text, crp={**crp, "below": below})
    findings = Findings()
    rows = read_rows(study_of(crp={**crp, "below": below}), table, NO_COLUMNS, findings)
    assert np.allclose(rows["crp"], expected)
    told = findings.frame()
    assert told["severity"].to_list() == ["note"] and told["action"][0] == "as given in markers.crp.below"
    findings = Findings()
    read_rows(study_of(crp=crp), table, NO_COLUMNS, findings)
    refused = findings.frame()
    assert refused["line"].to_list() == [2, 3] and set(refused["severity"]) == {"error"}
    assert refused["action"][0] == "correct it, leave the cell empty, or set markers.crp.below (half or limit)"


def test_an_error_names_the_line_of_the_value(tmp_path: Path) -> None:
    table = read(tmp_path, LONG.replace(",40,", ",high,"))
    findings = Findings()
    read_rows(study_of(), table, NO_COLUMNS, findings)
    found = findings.frame()
    assert (found["line"][0], found["patient"][0], found["column"][0]) == (4, "1", "ALB")
    assert found["message"][0] == "'high' is not a number"


def test_a_value_is_scaled_as_it_is_written() -> None:
    assert scaled("3,5", 10, ",") == "35,0" and scaled("3.50", 1, ".") == "3.50"
    assert scaled("<2", 0.5, ".") == "<1.0" and scaled("high", 10, ".") == "high" and scaled("< x", 10, ".") == "< x"


def test_keys_that_do_not_agree_are_refused() -> None:
    study = study_of({"layout": None}, alb=ALB, same={"column": "ALB", "below": "half"})
    outcome = study.outcome.model_copy(update={"where": {"PARAMCD": ("OS",)}})
    found = {".".join(map(str, one.path)) for one in broken_rules(study.model_copy(update={"outcome": outcome}))}
    assert found >= {"markers.alb.units", "markers.same.units", "markers.same.below", "outcome.where"}


def test_new_patients_have_long_tables_too(tmp_path: Path) -> None:
    """A marker that the new patients lack is absent, and the model says how their table is read."""
    (tmp_path / "m.csv").write_text(LONG)
    study = study_of({"where": {"code": ["ALB", "never"]}}, alb=ALB, ldh={"column": "LDH"})
    found = read_newcomers(study, tmp_path, {})
    assert found.absent == ("ldh",) and found.measurements["alb"].to_list() == [40, 35]
    said = reading(study)
    assert said["data"]["layout"] == LAYOUT and said["data"]["where"] == {"code": ["ALB", "never"]}
    assert said["markers"]["alb"]["units"] == {"g/L": 1, "g/dL": 10}
    wide = reading(study_of({"layout": None}, crp={"column": "CRP"}))
    assert not {"layout", "where"} & set(wide["data"]) and not {"units", "below"} & set(wide["markers"]["crp"])


def test_labels_of_visits_have_times(tmp_path: Path) -> None:
    text = HEAD + "1,Baseline,,CRP,1,mg/L\n1,Week 12,,CRP,2,mg/L\n1,13,,CRP,3,mg/L\n1,12,,ALB,4,g/L\n1,,,CRP,9,mg/L\n"
    labels = {"time_labels": {"Baseline": 0, "Week 12": 12}}
    table = read(tmp_path, text, labels)
    assert table.text["day"].to_list() == ["0.0", "12.0", "13", ""]
    assert table.text["ALB"].to_list() == ["", "4", "", ""]  # a label and its number are one time
    with pytest.raises(InputError) as caught:
        read(tmp_path, text.replace("Week 12", "week 12"), labels)
    assert str(caught.value) == (
        "m.csv: line 3, column day: 'week 12' is neither a number nor one of data.time_labels; did you mean 'Week 12'?"
        "; add it there, or leave its rows out by data.where"
    )
    dated = study_of({**labels, "time_unit": "date"})
    assert ("data", "time_labels") in {tuple(one.path) for one in broken_rules(dated)}
    assert reading(study_of(labels))["data"]["time_labels"] == {"Baseline": 0.0, "Week 12": 12.0}
