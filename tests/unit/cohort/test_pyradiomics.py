"""Diagnostics that PyRadiomics writes are compared between the visits of a patient."""

from pathlib import Path

import pandas as pd
import pytest

from slopewise.cohort import CohortError, prepare_cohort
from slopewise.cohort.pyradiomics import MASK, SETTINGS, SPACING, VERSION, VOLUMES
from slopewise.study.model import Study
from slopewise.study.reading import parse_study

STUDY = """
study: scans
seed: 1
data: {measurements: m.csv, patient: id, time: t, time_unit: days, analysis_unit: days}
markers:
  original_glcm_Idm: {column: original_glcm_Idm, family: original_glcm}
landmark: none
outcome: {kind: none}
"""


def study(text: str = STUDY) -> Study:
    return parse_study(text.encode(), "study.yaml")


def table(**changes: object) -> pd.DataFrame:
    """Three scans of four patients; a change is {row: value}."""
    rows = pd.DataFrame(
        {
            "id": [f"p{i // 3}" for i in range(12)],
            "t": [i % 3 for i in range(12)],
            "original_glcm_Idm": [float(7 * i % 11) for i in range(12)],
            VERSION: "v3.0.1",
            SETTINGS: "{'binWidth': 25}",
            SPACING: "(1.0, 1.0, 1.0)",
            MASK: [f"hash{i}" for i in range(12)],
            VOLUMES: 1,
        }
    )
    for column, values in changes.items():
        rows = rows.astype({column: object})
        for row, value in values.items():
            rows.loc[row, column] = value
    return rows


def problems(folder: Path, rows: pd.DataFrame, own: Study | None = None) -> pd.DataFrame:
    rows.to_csv(folder / "m.csv", index=False)
    found = prepare_cohort(own or study(), folder).problems
    return found[found["column"].str.startswith("diagnostics_", na=False)]


@pytest.mark.parametrize(("column", "what"), [(VERSION, "versions"), (SETTINGS, "settings")])
def test_one_patient_s_features_computed_in_two_ways_are_refused(tmp_path: Path, column: str, what: str):
    with pytest.raises(CohortError, match=rf"line 6, patient p1, .*different {what} of PyRadiomics .*; 1 patient\)"):
        problems(tmp_path, table(**{column: {4: "other"}}))


def test_ways_that_differ_between_patients_are_a_warning(tmp_path: Path):
    (found,) = problems(tmp_path, table(**{VERSION: dict.fromkeys((3, 4, 5), "v3.1.0")})).itertuples()
    assert (found.severity, found.column) == ("warning", VERSION)
    assert "features of different patients were computed with different versions" in found.message


@pytest.mark.parametrize(
    ("changes", "message", "line"),
    [
        ({SPACING: {1: "(1.0, 1.0, 3.0)", 8: "(2.0, 1.0, 1.0)"}}, "different voxel spacing at their visits (2 pat", 3),
        ({MASK: {5: "hash4"}}, "the same mask at two visits (1 patient)", 7),
        ({VOLUMES: {0: 2, 1: 3}}, "several separate volumes (1 patient)", 2),
    ],
)
def test_what_makes_features_doubtful_is_one_warning(tmp_path: Path, changes: dict, message: str, line: int):
    (found,) = problems(tmp_path, table(**changes)).itertuples()
    assert (found.severity, found.line) == ("warning", line) and message in found.message


def test_equal_hashes_of_two_patients_and_missing_ones_are_no_copies(tmp_path: Path):
    assert problems(tmp_path, table(**{MASK: {3: "hash0", 6: None, 7: None}})).empty


def test_markers_that_are_no_features_are_not_examined(tmp_path: Path):
    plain = study(STUDY.replace(", family: original_glcm", ""))
    assert problems(tmp_path, table(**{VERSION: {4: "v3.1.0"}}), plain).empty
