"""Values that mean something else: codes of missing values, what is not plausible, what cannot be computed with."""

from __future__ import annotations

from pathlib import Path

import pytest

from slopewise.cohort import CohortError
from slopewise.run.errors import InputError
from slopewise.shipped.writing import reading
from tests.unit.cohort.small_study import MEASUREMENTS, PATIENTS, prepare, study_of

CODED = MEASUREMENTS.replace("B,500,,4.0,0", "B,500,-999,4.0,0").replace("A,365.25,2,3.4", "A,365.25,2,-999")


def told(cohort, severity: str) -> list[str]:
    rows = cohort.problems[cohort.problems["severity"] == severity]
    return [f"{row.column}: {row.message}" for row in rows.itertuples()]


def test_codes_of_missing_values_are_counted(tmp_path: Path) -> None:
    cohort = prepare(tmp_path, CODED, data__missing=[-999, -5])
    assert told(cohort, "note") == [
        "None: no cell holds '-5', a code of data.missing",
        "albumin: 1 cell with '-999' read as missing",
        "bili: 1 cell with '-999' read as missing",
    ]
    empty = prepare(tmp_path, CODED.replace("-999", ""))
    assert cohort.measurements.equals(empty.measurements)


def test_a_code_among_the_values_is_a_warning(tmp_path: Path) -> None:
    cohort = prepare(tmp_path, data__missing=[3.4])
    assert told(cohort, "warning")[0] == (
        "albumin: 1 cell with '3.4' read as missing, although other values of the column lie on both sides of it"
    )


def test_a_code_is_not_missing_and_of_the_outcome_at_once() -> None:
    with pytest.raises(InputError, match=r"data\.missing: the code 2 is in outcome\.events too: it cannot be missing"):
        study_of(data__missing=[2])


def test_what_is_not_plausible_is_an_error_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(CohortError) as caught:
        prepare(tmp_path, markers__albumin__plausible=[3.0, 6])
    assert str(caught.value) == (
        "m.csv: line 9, patient D, column albumin: '2.9' is outside the plausible range, 3 to 6; correct it, leave "
        "the cell empty, or widen markers.albumin.plausible"
    )
    assert len(prepare(tmp_path, markers__albumin__plausible=[2.9, 4.0]).patients) == 3
    with pytest.raises(InputError, match="plausible: the lowest possible value comes first"):
        study_of(markers__albumin__plausible=[6, 3])


@pytest.mark.parametrize("cell", ["1e308", "-1e51"])
@pytest.mark.parametrize("place", ["marker", "covariate", "visit", "follow-up"])
def test_what_is_too_large_to_compute_with_is_an_error(tmp_path: Path, cell: str, place: str) -> None:
    files = {
        "marker": (MEASUREMENTS.replace("A,0,1,3.5", f"A,0,1,{cell}"), PATIENTS),
        "covariate": (MEASUREMENTS, PATIENTS.replace("A,3652.5,2,50", f"A,3652.5,2,{cell}")),
        "visit": (MEASUREMENTS.replace("A,0,1,3.5", f"A,{cell},1,3.5"), PATIENTS),
        "follow-up": (MEASUREMENTS, PATIENTS.replace("A,3652.5", f"A,{cell}")),
    }
    with pytest.raises(
        CohortError, match=f"line 2, patient A, column .*: '{cell}' is not a possible value .*; correct it"
    ):
        prepare(tmp_path, *files[place])


def test_a_shipped_model_reads_new_patients_by_the_same_rules() -> None:
    kept = reading(study_of(data__missing=[-999], markers__albumin__plausible=[1, 7]))
    assert kept["data"]["missing"] == ["-999"]
    assert kept["markers"]["albumin"]["plausible"] == [1.0, 7.0]
