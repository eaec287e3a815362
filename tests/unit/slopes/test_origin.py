"""Values are stated at a moment within the measurements, and a shift of time zero changes none of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.report.material.frames import Frames
from slopewise.report.sections.courses import fixed_table, random_table
from slopewise.report.words.courses import course_words, model_words, outside, where
from slopewise.report.words.naming import Naming
from slopewise.slopes.marker import all_markers, growth_model
from slopewise.slopes.origin import moment, origin
from slopewise.tables import files as tables
from tests.unit.report.report_tables import Invented

EXACT = [
    "estimate",
    "se",
    "df",
    "ci_low",
    "ci_high",
    "slope",
    "slope_low",
    "slope_high",
    "sd",
    "slope_sd",
    "correlation",
]
LATE = 80.0


def rows_of(shift: float, seed: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measurements over two years and the patients, the clock moved by `shift`; the arm changes the slope."""
    rng = np.random.default_rng(seed)
    names = [f"p{k:03d}" for k in range(60)]
    start, slope = rng.normal(27, 2, 60), rng.normal(-1, 0.8, 60)
    parts = []
    for name, one, two in zip(names, start, slope, strict=True):
        time = np.sort(rng.uniform(0, 2, 5))
        value = one + two * time + rng.normal(0, 0.7, 5)
        parts.append(pd.DataFrame({"patient": name, "time": time + shift, "alpha": value}))
    return pd.concat(parts, ignore_index=True), pd.DataFrame({"patient": names, "arm": rng.integers(0, 2, 60) * 1.0})


def study(shift: float, landmark: bool, fixed: str):
    keys = {"landmark": 2.0 + shift if landmark else "none", "growth": {"fixed": fixed}, "outcome": {"kind": "none"}}
    return Invented(markers=("alpha",), keys=keys)


def origin_row(shift: float, landmark: bool = True, fixed: str = "~ time") -> pd.DataFrame:
    content = study(shift, landmark, fixed).study()
    model = growth_model(content)
    rows, patients = rows_of(shift)
    (data,) = all_markers(model, content.markers, rows, patients, content.landmark_time, None)
    batch = fit_batch(data.trained_on, data.everybody())
    return origin(model, data, GrowthFit.from_batch(batch, 0))


@pytest.mark.parametrize("landmark", [True, False])
@pytest.mark.parametrize("fixed", ["~ time", "~ time * arm", "~ time + I(time**2)"])
def test_a_shift_of_time_zero_changes_nothing(landmark, fixed):
    one, other = (origin_row(shift, landmark, fixed).iloc[0] for shift in (LATE, -50.0))
    assert one["moment"] == other["moment"] == ("landmark" if landmark else "mean")
    assert one["at"] - LATE == pytest.approx(other["at"] + 50.0)
    np.testing.assert_allclose(one[EXACT].astype(float), other[EXACT].astype(float), rtol=2e-4, atol=1e-4)
    if fixed != "~ time + I(time**2)":
        ends = ["correlation_low", "correlation_high"]
        np.testing.assert_allclose(one[ends].astype(float), other[ends].astype(float), atol=2e-3)
        assert one["correlation_low"] < one["correlation"] < one["correlation_high"]


def test_within_the_measurements_time_zero_stays():
    near = origin_row(0.0, fixed="~ time").iloc[0]
    assert near["moment"] == "zero" and near["at"] == 0.0
    far = origin_row(LATE, landmark=False).iloc[0]
    # The same model at another moment: linear in beta, quadratic in Psi.
    assert far["estimate"] == pytest.approx(near["estimate"] + near["slope"] * (far["at"] - LATE), abs=1e-3)
    assert far["correlation"] != pytest.approx(near["correlation"], abs=0.05)


def test_where_values_are_stated():
    times = np.linspace(65, 95, 200)
    assert moment(times, np.inf) == ("mean", pytest.approx(80.0))
    assert moment(times, 90.0) == ("landmark", 90.0)
    assert moment(times, 120.0)[0] == "mean"
    assert moment(np.linspace(0, 9, 50), 5.0) == ("zero", 0.0)
    assert moment(np.linspace(-3, 1, 50), 5.0) == ("zero", 0.0)
    assert moment(np.linspace(0.1, 9, 50), 5.0) == ("zero", 0.0)  # a first visit some days after time zero


def test_the_text_is_that_of_the_moment(tmp_path):
    said = []
    for shift in (LATE, -50.0):
        invented = study(shift, True, "~ time")
        folder = invented.write(tmp_path / f"{shift}")
        found = origin_row(shift).assign(marker="alpha")[list(tables.TABLES["growth/origin"].columns)]
        tables.write(found, "growth/origin", folder / "growth/origin.csv")
        frames, naming = Frames.read(folder), Naming(invented.study())
        assert "at time zero" not in model_words(frames, naming, "alpha").lower()
        assert outside(frames, naming).startswith("Time zero lies outside the measurements: intercepts")
        random, fixed = random_table(frames, naming), fixed_table(frames, naming)
        row = dict(zip(random.columns, [cell.text for cell in random.cells[0]], strict=True))
        assert row["values are those at"] == "the landmark" and row["SD of values"] == f"{found['sd'].iloc[0]:.2f}"
        assert "SD at time zero" not in random.columns
        terms = [cells[1].text for cells in fixed.cells]
        assert terms[0] == "at time zero, outside the measurements" and terms[-1] == "average value at the landmark"
        said.append((model_words(frames, naming, "alpha"), [cell.text for cell in random.cells[0]]))
    assert said[0] == said[1]
    assert said[0][0].startswith("At the landmark alpha averages ")


def test_the_words_hold_for_the_numbers(tmp_path):
    invented = Invented(markers=("alpha",))
    frames, naming = Frames.read(invented.write(tmp_path)), Naming(invented.study())

    def words(**values: object) -> str:
        return model_words(replace(frames, origin=frames.origin.assign(**values)), naming, "alpha")

    assert "tend to rise faster" in words()
    assert "tend to" not in words(correlation_low=-0.5) and "its sign is uncertain" in words(correlation_low=-0.5)
    assert "no interval was computed" in words(correlation_low=np.nan, correlation_high=np.nan)
    assert "tend to rise more slowly" in words(correlation=-0.3, correlation_low=-0.5, correlation_high=-0.1)
    assert "of uncertain direction" in words(slope_low=-0.1) and "rises by" not in words(slope_low=-0.1)
    assert "falls by 0.0944 mg/l per year" in words(slope=-0.0944, slope_low=-0.2, slope_high=-0.01)
    far = frames.origin.assign(moment="mean", at=79.34).iloc[0]
    assert where(naming, far) == "at the mean time of measurement (79.3 years)"
    assert course_words(replace(frames, origin=frames.origin.iloc[:0]), naming, "alpha").endswith("are in the table.")
