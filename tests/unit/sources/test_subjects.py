"""A third table of patients: its columns are joined by the patient, and every cell keeps its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.run.errors import InputError
from slopewise.sources.study_tables import patients_of
from tests.unit.cohort.small_study import MEASUREMENTS, PATIENTS, assert_same, prepare, study_of

SUBJECTS = "id,age,sex\nD,70,m\nC,41.5,f\nX,99,f\nB,60,m\nA,50,f\n"
OUTCOME = "\n".join(",".join(line.split(",")[:3]) for line in PATIENTS.splitlines()) + "\n"
ASKED = {"data__subjects": "s.csv"}


def write(folder: Path, subjects: str = SUBJECTS, patients: str = OUTCOME) -> None:
    files = {"m.csv": MEASUREMENTS, "p.csv": patients, "s.csv": subjects}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


def test_the_cohort_is_that_of_one_table(tmp_path: Path) -> None:
    known = prepare(tmp_path)
    write(tmp_path)
    found = prepare_cohort(study_of(**ASKED), tmp_path)
    assert_same(found, known)
    notes = found.problems.set_index("message")["action"].to_dict()
    assert notes["s.csv has 4 of 4 patients: age, sex"] == "as given in data.subjects"


def test_a_column_of_both_is_that_of_the_patients_and_decimal_commas_become_points(tmp_path: Path) -> None:
    write(tmp_path, "id;age;dose\nA;1;0,5\nB;1;0,25\n", PATIENTS)
    table = patients_of(study_of(**ASKED), tmp_path)
    assert table is not None
    assert table.text["age"].to_list() == ["50", "60", "41.5", "70"]
    assert table.text["dose"].to_list() == ["0.5", "0.25", "", ""]


def test_a_bad_cell_is_reported_with_its_own_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, SUBJECTS.replace("B,60", "B,1e60"))
    with pytest.raises(CohortError) as caught:
        prepare_cohort(study_of(**ASKED), tmp_path)
    assert str(caught.value).startswith("s.csv: line 5, patient B, column age: ")
    write(tmp_path, patients=OUTCOME.replace("B,1461", "B,x"))
    with pytest.raises(CohortError) as caught:
        prepare_cohort(study_of(**ASKED), tmp_path)
    assert str(caught.value).startswith("p.csv: line 3, patient B, column futime: ")


@pytest.mark.parametrize(
    ("subjects", "message"),
    [
        (
            "id,age,sex\nA,50,f\nB,60,m\nA,51,f\n",
            "s.csv: line 4, patient A, column id: the patient appears twice in the file (first at 2; data.subjects); "
            "keep one row per patient",
        ),
        (
            "id,age,sex\na,50,f\n",
            "s.csv: column id: none of the patients of p.csv is there (data.subjects); its ids are such as 'a'; write "
            "the ids alike in both files",
        ),
        (
            "subject,age\nA,50\n",
            "s.csv: column id: there is no such column (data.subjects); the columns there are: subject, age",
        ),
    ],
)
def test_a_table_that_cannot_be_joined_is_refused(subjects: str, message: str, tmp_path: Path) -> None:
    write(tmp_path, subjects)
    with pytest.raises(InputError) as caught:
        prepare_cohort(study_of(**ASKED), tmp_path)
    assert str(caught.value) == message


@pytest.mark.parametrize("changes", [{"data__patients": None}])
def test_it_needs_a_table_of_patients(changes: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"data\.subjects: is joined to data\.patients, which is missing; name it"):
        study_of(**ASKED | changes)
