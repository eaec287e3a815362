"""METRICS and CLEAR: every item is there, and what the run does not know is left to the authors."""

from dataclasses import replace

import pytest

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.radiomics import clear_answers, has_images, metrics_answers, radiomics_section
from slopewise.report.words.radiomics_items import CLEAR, METRICS
from slopewise.report.words.tripod import AUTHORS
from tests.unit.report.report_tables import Invented

IMAGED = Invented(
    markers=("original_glcm_Id", "wavelet-HHL_shape_Flatness"), gain=(0.025, 0.010, 0.041),
    keys={"filters": {"redundant": 0.8, "q_value": 0.1}, "outcome.strata": ["site"]},
)  # fmt: skip


@pytest.fixture(scope="module")
def imaged(tmp_path_factory) -> tuple[Frames, Naming]:
    return Frames.read(IMAGED.write(tmp_path_factory.mktemp("imaged"))), Naming(IMAGED.study())


def test_the_items_are_numbered_and_answered_from_the_run_where_it_can(imaged):
    assert [key for key, _ in METRICS] == [str(number) for number in range(1, 31)]
    assert [key for key, _ in CLEAR] == [str(number) for number in range(1, 59)]
    metrics, clear = metrics_answers(*imaged), clear_answers(*imaged)
    assert 12 <= len(metrics) <= 18 and 34 <= len(clear) <= 40
    tables = radiomics_section(*imaged).context["tables"]
    for table, known in zip(tables, (metrics, clear), strict=True):
        rows = {row[0]: row[2] for row in table.rows}
        assert all(rows.values()) and {key for key, text in rows.items() if text != AUTHORS} == set(known)
    assert {"2", "3", "8", "28"}.isdisjoint(metrics) and {"8", "16", "19", "50", "53"}.isdisjoint(clear)


def test_an_answer_has_its_number_or_its_file(imaged):
    metrics, clear = metrics_answers(*imaged), clear_answers(*imaged)
    assert "0.541" in metrics["24"] and "+0.025 (95% interval +0.010 to +0.041)" in metrics["24"]
    assert metrics["15"] == (
        "Clusters of |Spearman| 0.8 or above are represented by one feature and slopes with a q-value of the random "
        "slope above 0.1 are left out, estimated in each training set."
    )
    assert clear["24"] == "original and wavelet-HHL." and clear["26"] == "glcm and shape."
    assert clear["27"].startswith("2 features") and "model.json" in clear["57"]
    assert "site" in metrics["19"] and "14" not in metrics
    leak = imaged[0].audit.copy()
    leak.loc[0, "verdict"] = "leak"
    assert "1 saw a patient" in metrics_answers(replace(imaged[0], audit=leak), imaged[1])["18"]


def test_repeated_scans_answer_the_items_on_reproducibility(imaged):
    study = imaged[1].study
    filters = study.filters.model_copy(update={"icc": 0.75, "icc_table": "icc.csv"})
    naming = Naming(study.model_copy(update={"filters": filters}))
    found = metrics_answers(imaged[0], naming)["14"]
    assert found == "Features are left out whose ICC(2,1) in repeated scans has a lower 95% limit below 0.75."
    assert clear_answers(imaged[0], naming)["31"] == found


def test_other_markers_have_no_such_section(imaged, frames, naming):
    assert has_images(*imaged) and not has_images(frames, naming)


def test_a_checklist_is_whole_where_other_tables_are_cut():
    table = Table("a", "a", ["x"], [["1"], ["2"]])
    cut = Section("a", "a", "t", {"tables": [table, replace(table, whole=True)]}).top_rows(1)
    assert [one.most for one in cut.context["tables"]] == [1, 400]
