"""Several lesions of a patient at a visit: each rule on known numbers, and one sentence for each mistake."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slopewise.run.errors import InputError
from slopewise.sources.study_tables import measurements_of
from slopewise.study.model import Study
from slopewise.study.rules import broken_rules

ROWS = [
    "id,day,lesion,volume,texture,scanner",
    "1,0,a,2,10,A",
    "1,0,b,6,30,B",
    "1,7,a,8,12,A",
    "1,7.0,b,2,,A",
    "2,0,a,5,<4,B",
    "1,14,b,3,7,A",
]
LESION = {"column": "lesion", "rule": "volume_weighted", "volume": "volume"}


def study_of(**lesion: Any) -> Study:
    data = {"measurements": "m.csv", "patient": "id", "time": "day", "time_unit": "days", "analysis_unit": "days"}
    return Study.model_validate(
        {
            "study": "s",
            "seed": 1,
            "data": {**data, "lesion": {key: value for key, value in (LESION | lesion).items() if value}},
            "markers": {"volume": {"column": "volume"}, "texture": {"column": "texture", "below": "half"}},
            "landmark": "none",
            "outcome": {"kind": "none"},
        }
    )


def read(folder: Path, rows: list[str] = ROWS, **lesion: Any):
    (folder / "m.csv").write_text("\n".join(rows) + "\n")
    return measurements_of(study_of(**lesion), folder)


@pytest.mark.parametrize(
    ("lesion", "volume", "texture"),
    [
        ({}, ["5.0", "6.8", "5", "3"], ["25.0", "12.0", "<4", "7"]),
        ({"rule": "mean", "volume": None}, ["4.0", "5.0", "5", "3"], ["20.0", "12.0", "<4", "7"]),
        ({"rule": "sum", "volume": None}, ["8.0", "10.0", "5", "3"], ["40.0", "12.0", "<4", "7"]),
        ({"rule": "largest"}, ["6", "8", "5", "3"], ["30", "12", "<4", "7"]),
    ],
)
def test_each_rule_on_known_numbers(tmp_path: Path, lesion: dict[str, Any], volume: list[str], texture: list[str]):
    table = read(tmp_path, **lesion)
    assert table.text["id"].tolist() == ["1", "1", "2", "1"]
    assert table.text["volume"].tolist() == volume and table.text["texture"].tolist() == texture
    is_largest = lesion.get("rule") == "largest"
    assert table.lines.tolist() == ([3, 4, 6, 7] if is_largest else [2, 4, 6, 7])
    assert table.text["scanner"].iloc[0] == ("B" if is_largest else "A")
    assert "2 visits have several lesions" in table.notes[-1][1]


def test_the_order_of_the_lesions_does_not_matter(tmp_path: Path):
    turned = [ROWS[0], *reversed(ROWS[1:])]
    for rule in ("volume_weighted", "largest"):
        first, second = (read(tmp_path, rows, rule=rule).text for rows in (ROWS, turned))
        own = [frame.assign(day=frame["day"].astype(float)).sort_values(["id", "day"]) for frame in (first, second)]
        columns = ["id", "day", "volume", "texture"]
        assert own[0][columns].to_numpy().tolist() == own[1][columns].to_numpy().tolist()


@pytest.mark.parametrize(
    ("row", "cells", "message"),
    [
        (1, "1,0,,2,10,A", "line 2, column lesion: the lesion is missing"),
        (2, "1,0,a,6,30,B", "line 3, column lesion: lesion 'a' stands twice at one time of the patient"),
        (2, "1,0,b,0,30,B", "line 3, column volume: '0' is no positive volume"),
        (2, "1,0,b,,30,B", "line 3, column volume: '' is no positive volume"),
        (2, "1,0,b,big,30,B", "line 3, column volume: 'big' is not a number"),
        (2, "1,0,b,6,<3,B", "line 3, column texture: '<3' is not a number"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_place(tmp_path: Path, row: int, cells: str, message: str):
    rows = [*ROWS]
    rows[row] = cells
    with pytest.raises(InputError) as told:
        read(tmp_path, rows)
    assert message in str(told.value), told.value


def test_a_column_that_is_not_there_is_named_with_its_key(tmp_path: Path):
    with pytest.raises(InputError, match=r"column lesions: there is no such column \(data\.lesion\.column\)"):
        read(tmp_path, column="lesions")


@pytest.mark.parametrize(
    ("lesion", "message"),
    [
        ({"rule": "largest", "volume": None}, "largest needs the column of volumes"),
        ({"rule": "mean"}, "is not used by mean"),
    ],
)
def test_keys_must_agree(lesion: dict[str, Any], message: str):
    assert any(message in finding.message for finding in broken_rules(study_of(**lesion)))


def test_the_mean_weighted_by_equal_volumes_is_the_mean(tmp_path: Path):
    rng = np.random.default_rng(1)
    rows = [ROWS[0], *(f"{k // 4},0,l{k % 4},2,{rng.normal():.6f},A" for k in range(20))]
    weighted = read(tmp_path, rows).text["texture"].astype(float)
    plain = read(tmp_path, rows, rule="mean", volume=None).text["texture"].astype(float)
    assert weighted.to_numpy() == pytest.approx(plain.to_numpy())
