"""`slopewise init` proposes `data.layout` for a table with the visits in columns, and leaves other tables alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from slopewise.cli.init.wide import unfolded
from slopewise.sources.readers import read_table
from slopewise.study.keys import Data

HEAD = "crp_0,crp_3,crp_12,il6.0,il6.3,alb_3,alb_6"
DATA = Data.model_validate(
    {"measurements": "m.csv", "patient": "?", "time": "??", "time_unit": "days", "analysis_unit": "days"}
)


def unfold(folder: Path, text: str):
    (folder / "m.csv").write_text(text)
    return unfolded(read_table(folder, "m.csv", "MEASUREMENTS", DATA), DATA)


def test_markers_of_three_times_or_more_make_the_layout(tmp_path: Path) -> None:
    table, layout, time = unfold(tmp_path, f"sex,id,{HEAD}\nf,a,1,2,3,4,5,6,7\nm,b,,2,,4,5,6,7\nf,c,1,,,4,5,6,7\n")
    assert layout is not None and layout.wide == "{marker}_{time}" and time == "time"
    assert table.text["id"].to_list() == ["a", "a", "a", "b", "c"]
    assert table.text["time"].to_list() == ["0", "3", "12", "3", "0"]
    assert {"il6.0", "alb_3"} <= set(table.text.columns)  # two times are no course


def test_a_column_called_time_is_kept_as_it_is(tmp_path: Path) -> None:
    table, _, time = unfold(tmp_path, f"id,time,{HEAD}\na,9,1,2,3,4,5,6,7\nb,9,1,2,3,4,5,6,7\n")
    assert time == "visit_time" and set(table.text["time"]) == {"9"}


@pytest.mark.parametrize(
    "text",
    [
        f"id,{HEAD}\na,1,2,3,4,5,6,7\na,1,2,3,4,5,6,7\n",  # a row per visit: nobody stands once
        "id,crp_0,crp_3,alb_0\na,1,2,3\nb,1,2,3\n",
    ],
)
def test_other_tables_stay_as_they_are(tmp_path: Path, text: str) -> None:
    table, layout, time = unfold(tmp_path, text)
    assert layout is None and time == "" and len(table.text) == 2
