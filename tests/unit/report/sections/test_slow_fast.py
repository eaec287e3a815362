"""Slow and fast change in patients of 100: every number of the sentence and of its table is a cell of a CSV file."""

import re
from pathlib import Path

import pandas as pd
import pytest

from slopewise.tables import files as tables
from tests.unit.report.report_page import Page, page_of
from tests.unit.report.report_tables import CAUSE, HORIZONS, Invented

LOGARITHM = {"markers.alpha.transform": "log", "markers.alpha.unit": "log mg/l"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results with risks of two markers; the second changes them most at the horizon of the counts."""
    folder = Invented(keys=LOGARITHM).write(tmp_path_factory.mktemp("results"))
    rows = [
        (marker, CAUSE, horizon, 60, level, slow, fast, risk, risk + gain, gain, gain - 0.043, gain + 0.051, 100)
        for marker, level, slow, fast, far in (
            ("alpha", 0.4055, -0.031, 0.2546, 0.021),
            ("beta", 3.27, -0.42, 0.19, 0.137),
        )
        for horizon, risk, gain in ((HORIZONS[0], 0.1124, 0.5 * far), (HORIZONS[1], 0.2537, far))
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(tables.TABLES["outcome/slow_fast"].columns))
    tables.write(frame, "outcome/slow_fast", folder / "outcome/slow_fast.csv")
    return folder


@pytest.fixture(scope="module")
def page(results: Path) -> Page:
    return page_of(Invented(keys=LOGARITHM).study(), results, "predicts")


def test_the_sentence_is_that_of_the_marker_that_changes_the_risk_most(page: Page) -> None:
    text = page.text("predicts")
    found = re.search(
        r"Of (\d+) patients with (.+?) \(the median\) and otherwise like those of the study, (.+?): "
        r"a difference of (.+?)\.(?= [A-Z]|$)",
        text,
    )
    assert found, text
    assert found[1] == "100" and found[2] == "beta at 3.27 mg/l"
    assert found[3] == (
        "11 have the event within 1 year at a slope of −0.420 mg/l per year (the 10th percentile) "
        "and 18 at +0.190 mg/l per year (the 90th)"
    )
    assert found[4] == "+6.9 (95% interval +2.5 to +11.9)"


def test_every_row_of_the_table_is_there_in_the_units_measured(page: Page, results: Path) -> None:
    text = page.text("predicts")
    table = tables.read("outcome/slow_fast", results / "outcome/slow_fast.csv")
    for row in table.itertuples():
        for risk in (row.risk_10, row.risk_90):
            assert f"{100 * risk:.1f}" in text, row
        assert f"+{100 * row.difference:.1f}" in text, row
    assert "at 1.50 mg/l" in text, "the median of the logarithm, back in the unit measured"
    assert "−3.1% per year" in text and "+29.0% per year" in text


def test_counts_and_their_difference_are_of_as_many_patients(tmp_path: Path) -> None:
    """One marker's small risks make all of them counts in 1,000, those of the other marker, too."""
    folder = Invented().write(tmp_path)
    rows = [
        ("alpha", CAUSE, HORIZONS[0], 60, 3.0, -0.1, 0.1, 0.0021, 0.0034, 0.0013, 0.0002, 0.0024, 100),
        ("beta", CAUSE, HORIZONS[0], 60, 3.27, -0.42, 0.19, 0.1124, 0.1811, 0.0687, 0.0251, 0.1192, 100),
    ]
    frame = pd.DataFrame(rows, columns=list(tables.TABLES["outcome/slow_fast"].columns))
    tables.write(frame, "outcome/slow_fast", folder / "outcome/slow_fast.csv")
    text = page_of(Invented().study(), folder, "predicts").text("predicts")
    assert re.search(r"Of 1,?000 patients with beta .* 112 have .* and 181 at", text), text
    assert "a difference of +68.7 (95% interval +25.1 to +119.2)" in text
    assert "112.4" in text and "181.1" in text and "+1.3" in text


def test_without_a_slope_in_the_model_there_is_neither(tmp_path: Path) -> None:
    page = page_of(Invented().study(), Invented().write(tmp_path), "predicts")
    assert "otherwise like" not in page.text("predicts") and "90th percentile" not in page.text("predicts")
