"""Slopes and courses by the time of the last visit: who is in which part, and what the report says of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise import tables
from slopewise.report import render
from slopewise.report.frames import Frames
from slopewise.report.naming import Naming
from slopewise.report.section_dropout import dropout_sentence, dropout_table
from slopewise.slopes_dropout import dropout
from tests.unit.report_page import Page
from tests.unit.report_tables import Invented

N = 90


@pytest.fixture(scope="module")
def leavers() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Slopes and rows: thirds of the patients leave after visits 1, 3 and 5; who leaves early falls by 1 a visit."""
    rng = np.random.default_rng(3)
    names, last = [f"p{place:02d}" for place in range(N)], np.repeat([1, 3, 5], N // 3)
    slope = np.repeat([-1.0, 0.0, 0.0], N // 3) + 0.1 * rng.normal(size=N)
    rows = [(names[i], float(t), 10 + slope[i] * t, 1.0) for i in range(N) for t in range(last[i] + 1)]
    measurements = pd.DataFrame(rows, columns=["patient", "time", "alpha", "beta"])
    slopes = pd.DataFrame({"patient": names, "marker": "alpha", "slope": slope, "reliability": last / 10})
    return slopes, measurements


def test_parts_hold_everybody_and_ties_stay_together(leavers: tuple[pd.DataFrame, pd.DataFrame]):
    found, pattern = dropout(*leavers, ["alpha"])
    found = tables.check(found, "slopes/dropout")
    assert found[["last_from", "last_to", "patients"]].to_numpy().tolist() == [[1, 1, 30], [3, 3, 30], [5, 5, 30]]
    means = leavers[0]["slope"].to_numpy().reshape(3, 30)
    assert found["slope"].to_list() == pytest.approx(means.mean(axis=1))
    half = 1.959964 * means.std(axis=1, ddof=1) / np.sqrt(30)
    assert (found["slope_high"] - found["slope"]).to_list() == pytest.approx(half)
    assert found["reliability"].to_list() == pytest.approx([0.1, 0.3, 0.5])
    pattern = tables.check(pattern, "slopes/dropout_pattern")
    first = leavers[1][leavers[1]["patient"] < "p30"]
    own = pattern[pattern["part"] == 1]
    assert own["time"].to_list() == [0.0, 1.0] and own["patients"].to_list() == [30, 30]
    assert own["mean"].to_list() == pytest.approx([10.0, first.loc[first["time"] == 1, "alpha"].mean()])


def test_the_order_of_rows_does_not_matter_and_one_length_is_one_part(leavers: tuple[pd.DataFrame, pd.DataFrame]):
    slopes, rows = leavers
    mixed = dropout(slopes.sample(frac=1, random_state=1), rows.sample(frac=1, random_state=2), ["alpha"])
    for one, other in zip(dropout(slopes, rows, ["alpha"]), mixed, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-12)
    found, _ = dropout(slopes, rows[rows["time"] <= 1], ["alpha"])
    assert found["patients"].to_list() == [N]


def with_dropout(tmp_path: Path) -> tuple[Path, Frames, Naming]:
    """An invented study's results, with the drop-out of its own tables."""
    invented = Invented()
    folder = invented.write(tmp_path)
    slopes = tables.read("slopes/slopes", folder / "slopes/slopes.parquet")
    rows = tables.read("cohort/measurements", folder / "cohort/measurements.parquet")
    for name, frame in zip(("dropout", "dropout_pattern"), dropout(slopes, rows, list(invented.markers)), strict=True):
        tables.write(frame, f"slopes/{name}", folder / f"slopes/{name}.csv")
    return folder, Frames.read(folder), Naming(invented.study())


def test_the_report_compares_the_shortest_with_the_longest(tmp_path: Path):
    folder, frames, naming = with_dropout(tmp_path)
    own = frames.dropout[frames.dropout["marker"] == "alpha"]
    said = dropout_sentence(frames, naming, "alpha")
    assert said.startswith("Alpha: patients last seen at ") and "95% interval" in said
    assert len(dropout_table(frames, naming).rows) == len(frames.dropout) >= 2 * len(own)
    page = Page(render(naming.study, folder))
    assert said in " ".join(page.text("dropout").split())
    assert "missing at random" in page.text("dropout")
    one = frames.dropout[frames.dropout["part"] == 1]
    assert "nothing to compare" in dropout_sentence(replace(frames, dropout=one), naming, "alpha")


def test_a_part_of_few_patients_keeps_its_mean_to_itself(tmp_path: Path):
    _, frames, naming = with_dropout(tmp_path)
    last = frames.dropout["part"] == frames.dropout["part"].max()
    lone = frames.dropout.assign(patients=frames.dropout["patients"].mask(last, 1)).assign(
        slope=frames.dropout["slope"].mask(last, -7.654)
    )
    frames = replace(frames, dropout=lone)
    said = dropout_sentence(frames, naming, "alpha")
    assert "too few patients" in said and "7.65" not in said
    shown = str(dropout_table(frames, naming).rows)
    assert "<5" in shown and "7.65" not in shown
