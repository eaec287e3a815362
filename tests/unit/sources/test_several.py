"""Several files of one pattern are one table, and every message names the file and its own line."""

from __future__ import annotations

from pathlib import Path

import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.run.errors import InputError
from slopewise.sources.readers import place_of, read_table
from slopewise.sources.table import TextTable
from slopewise.study.files import every_file_of
from slopewise.study.keys import Data
from tests.unit.cohort.small_study import MEASUREMENTS, assert_same, merged, prepare, study_of

PATTERN = "visits_*.csv"


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / f"visits_{name}.csv").write_text(content, encoding="utf-8")


def read(folder: Path, pattern: str = PATTERN, **keys: str) -> TextTable:
    data = Data(measurements=pattern, patient="id", time="day", time_unit="days", analysis_unit="days", **keys)
    return read_table(folder, pattern, "data.measurements", data)


def test_files_are_read_in_the_order_of_their_names_and_columns_may_stand_in_another(tmp_path: Path) -> None:
    write(tmp_path, b="day,x,id\n4,7.5,2\n5,8,2\n", a="id,day,x\n\n1,0,3\n")
    (tmp_path / "~$visits_c.csv").write_text("the lock file of another program")
    (tmp_path / "visits_d.csv").mkdir()
    table = read(tmp_path)
    assert table.name == PATTERN
    assert table.text.to_numpy().tolist() == [["1", "0", "3"], ["2", "4", "7.5"], ["2", "5", "8"]]
    assert [table.located(line) for line in table.lines] == [
        ("visits_a.csv", 3),
        ("visits_b.csv", 2),
        ("visits_b.csv", 3),
    ]
    assert place_of(table, int(table.lines[2])) == "visits_b.csv: line 3"


def test_a_file_whose_name_has_a_mark_of_patterns_is_itself(tmp_path: Path) -> None:
    write(tmp_path, **{"*": "id,day,x\n1,0,3\n", "b": "id,day\n1,0\n"})
    assert len(read(tmp_path).text) == 1 and read(tmp_path).parts == ()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "visits_*.csv: no file fits this pattern (data.measurements; looked in "),
        (
            {"a": "id,day,x\n1,0,3\n", "b": "id,day\n1,0\n"},
            "visits_b.csv: column x: there is no such column, and visits_a.csv has it; files of one pattern must have "
            "the same columns",
        ),
        (
            {"a": "id,day\n1,0\n", "b": "id,day,x,y,z,u,v,w\n1,0,3,4,5,6,7,8\n"},
            "visits_b.csv: column x: visits_a.csv has no such column (nor y, z, u and 2 more); files of one pattern "
            "must have the same columns",
        ),
        (
            {"a": "id;day;x\n1;0;3,5\n", "b": "id;day;x\n1;0;3\n", "c": "id;day;x\n1;0;3.5\n"},
            "visits_c.csv: column x: has decimal points, and visits_a.csv has decimal commas; write the numbers of all "
            "files alike",
        ),
        ({"a": "id,day\n1,0\n", "b": ""}, "visits_b.csv: the file is empty"),
    ],
)
def test_files_that_are_no_one_table_are_refused(files: dict[str, str], message: str, tmp_path: Path) -> None:
    write(tmp_path, **files)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(message)


def test_codes_of_missing_values_are_counted_over_all_files(tmp_path: Path) -> None:
    write(tmp_path, a="id,day,x\n1,0,-9\n1,1,2\n", b="id,day,x\n2,0,-9\n")
    assert read(tmp_path, missing=("-9",)).recoded == {("x", "-9"): 2}  # type: ignore[arg-type]


def test_the_cohort_is_that_of_one_file_and_each_finding_names_its_file(tmp_path: Path) -> None:
    head, *lines = MEASUREMENTS.splitlines(keepends=True)
    known = prepare(tmp_path)
    write(tmp_path, a="".join([head, *lines[:2]]), b="".join([head, *lines[2:]]))
    study = study_of(data__measurements=PATTERN)
    assert every_file_of(study, tmp_path) == ["visits_a.csv", "visits_b.csv", "p.csv"]
    found = prepare_cohort(study, tmp_path)
    assert_same(found, known)
    assert list(found.files) == ["visits_a.csv", "visits_b.csv", "p.csv"]
    assert set(found.problems["file"]) <= {"visits_a.csv", "visits_b.csv", "p.csv", PATTERN}

    write(tmp_path, b="".join([head, *lines[2:], lines[0]]))  # a row of the first file once more
    with pytest.raises(CohortError) as caught:
        prepare_cohort(study, tmp_path)
    start = "visits_b.csv: line 8, patient A, column day: the patient has 2 rows at one time "
    assert str(caught.value).startswith(start + "(line 2 of visits_a.csv, line 8 of visits_b.csv); ")

    write(tmp_path, b="".join([head, *lines[2:], "B,7,x,4.0,0\n"]))
    with pytest.raises(CohortError) as caught:
        prepare_cohort(study, tmp_path)
    assert str(caught.value).startswith("visits_b.csv: line 8, patient B, column bili: 'x' is not a number; ")


def test_a_covariate_that_differs_between_files_is_reported_with_both(tmp_path: Path) -> None:
    head, *lines = merged().to_csv(index=False).splitlines(keepends=True)
    write(tmp_path, a="".join([head, *lines[:2]]), b="".join([head, lines[2].replace(",f\n", ",m\n"), *lines[3:]]))
    with pytest.raises(CohortError) as caught:
        prepare_cohort(study_of(data__measurements=PATTERN, data__patients=None), tmp_path)
    message = "visits_b.csv: line 2, patient A, column sex: a covariate varies within the patient: 'f' on line 2 of "
    assert str(caught.value).startswith(f"{message}visits_a.csv, 'm' here; ")
