"""Wide tables: the times in the columns' names become rows, and errors name the column of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slopewise.cohort.columns import Columns
from slopewise.cohort.findings import Findings
from slopewise.cohort.newcomers import read_newcomers
from slopewise.cohort.rows import read_rows
from slopewise.run.errors import InputError
from slopewise.shipped.writing import reading
from slopewise.sources.study_tables import measurements_of
from slopewise.sources.table import TextTable
from slopewise.study.model import Study
from slopewise.study.rules import broken_rules

WIDE = (
    "id,sex,crp_base,crp_3,crp_12,crp_hs_3,alb_3,alb_12\n"
    "1,f,1,2,,0.5,40,41\n"
    "2,m,,,,,,\n"
    "3,f,,,7,,,39\n"
)  # fmt: skip
NO_COLUMNS = Columns((), (), (), ())
MARKERS = {"crp": {"column": "crp"}, "alb": {"column": "alb"}, "hs": {"column": "crp_hs"}}


def study_of(layout: dict[str, Any] | None = None, **data: Any) -> Study:
    known = {"measurements": "m.csv", "patient": "id", "time": "month", "time_unit": "months"}
    layout = {"wide": "{marker}_{time}"} if layout is None else layout
    return Study.model_validate(
        {
            "study": "s",
            "seed": 1,
            "data": {**known, "analysis_unit": "months", "layout": layout, "time_labels": {"base": 0}, **data},
            "markers": MARKERS,
            "landmark": "none",
            "outcome": {"kind": "none"},
        }
    )


def read(folder: Path, text: str = WIDE, **data: Any) -> TextTable:
    (folder / "m.csv").write_text(text)
    return measurements_of(study_of(**data), folder)


def test_a_row_for_each_time_at_which_something_was_measured(tmp_path: Path) -> None:
    table = read(tmp_path)
    assert table.text.to_dict("list") == {
        "id": ["1", "1", "1", "2", "3"],
        "sex": ["f", "f", "f", "m", "f"],
        "month": ["0", "3", "12", "0", "12"],
        "crp": ["1", "2", "", "", "7"],
        "alb": ["", "40", "41", "", "39"],
        "crp_hs": ["", "0.5", "", "", ""],
    }
    assert list(table.lines) == [2, 2, 2, 3, 4]


def test_a_long_table_of_the_same_values_gives_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "long.csv").write_text(
        "id,month,code,value\n1,0,crp,1\n1,3,crp,2\n1,3,crp_hs,0.5\n1,3,alb,40\n1,12,alb,41\n3,12,crp,7\n3,12,alb,39\n"
    )
    own = study_of({"parameter": "code", "value": "value"}, measurements="long.csv", time_labels={})
    long = measurements_of(own, tmp_path).text
    wide = read(tmp_path).text
    wide = wide[wide["id"] != "2"].reset_index(drop=True)
    for column in ("id", "month", "crp", "alb", "crp_hs"):
        assert list(long[column]) == list(wide[column]), column


def test_an_error_names_the_column_of_the_file(tmp_path: Path) -> None:
    table = read(tmp_path, WIDE.replace(",7,", ",high,"))
    findings = Findings()
    read_rows(study_of(), table, NO_COLUMNS, findings)
    found = [one for one in findings.sorted() if one.severity == "error"]
    assert [(one.column, one.line, one.patient) for one in found] == [("crp_12", 4, "3")]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (WIDE.replace("crp_base", "crp_bse"), ["column crp_bse", "'bse'", "did you mean 'base'?", "data.time_labels"]),
        (WIDE.replace("alb_", "albumin-"), ["no column of alb fits", "markers.alb.column", "there are: id, sex"]),
        (WIDE.replace("crp_base", "crp_0").replace("crp_3", "crp_0.0"), ["columns crp_0 and crp_0.0", "at time 0"]),
        (WIDE.replace("sex", "month"), ["a column month as well", "data.time"]),
        (WIDE.replace("id", "name"), ["column id", "data.patient"]),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as found:
        read(tmp_path, text)
    assert str(found.value).startswith("m.csv: ") and all(word in str(found.value) for word in words), found.value


@pytest.mark.parametrize(
    ("layout", "path"),
    [
        ({}, "data.layout.parameter"),
        ({"parameter": "code"}, "data.layout.value"),
        ({"wide": "{marker}_{time}", "unit": "u"}, "data.layout.unit"),
        ({"wide": "{marker}"}, "data.layout.wide"),
        ({"wide": "{time}{marker}{time}"}, "data.layout.wide"),
    ],
)
def test_a_layout_is_long_or_wide(layout: dict[str, Any], path: str) -> None:
    assert [".".join(map(str, one.path)) for one in broken_rules(study_of(layout))].count(path) == 1


def test_new_patients_may_have_other_times_and_lack_a_marker(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("id,crp_3,crp_6\n9,2,4\n")
    study = study_of()
    found = read_newcomers(study, tmp_path, {})
    assert set(found.absent) == {"alb", "hs"}
    assert found.measurements["time"].to_list() == [3, 6] and found.measurements["crp"].to_list() == [2, 4]
    assert reading(study)["data"]["layout"]["wide"] == "{marker}_{time}"
