"""Slopes and courses by the time of the last visit: who is in which part, and what the report says of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from slopewise.growth import GrowthModel
from slopewise.report.material.frames import Frames
from slopewise.report.sections.dropout import dropout_sentence, dropout_table
from slopewise.report.words.naming import Naming
from slopewise.slopes.dropout import dropout, parts
from slopewise.slopes.marker import all_markers, marker_data
from slopewise.tables import files as tables
from tests.unit.report.report_page import page_of
from tests.unit.report.report_tables import Invented

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
N = 90
MODEL = GrowthModel()


def courses(seed: int, last: np.ndarray, shift: np.ndarray, noise: float = 0.5) -> pd.DataFrame:
    """Rows at times 0, 1, .. up to `last` (n,); slopes are 0.1 + `shift` (n,), SD 0.2; a second marker is constant."""
    rng = np.random.default_rng(seed)
    level, slope = rng.normal(size=len(last)), 0.1 + shift + 0.2 * rng.normal(size=len(last))
    rows = [
        (f"p{i:03d}", float(t), 10 + level[i] + slope[i] * t + noise * rng.normal())
        for i in range(len(last))
        for t in range(last[i] + 1)
    ]
    return pd.DataFrame(rows, columns=["patient", "time", "alpha"])


def found_in(
    rows: pd.DataFrame, model: GrowthModel = MODEL, people: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The two tables, checked against their schemas; each patient's reliability is a tenth of the visits."""
    visits = rows.groupby("patient", as_index=False).size()
    cohort = visits[["patient"]] if people is None else people
    slopes = pd.DataFrame({"patient": visits["patient"], "marker": "alpha", "reliability": visits["size"] / 10})
    made = dropout(model, [marker_data(model, "alpha", rows, cohort, np.inf)], rows, slopes)
    return tables.check(made[0], "slopes/dropout"), tables.check(made[1], "slopes/dropout_pattern")


THIRDS = np.repeat([1, 3, 5], N // 3)


def test_parts_hold_everybody_and_ties_stay_together():
    rows = courses(3, THIRDS, np.where(THIRDS == 1, -1.0, 0.0), noise=0.05)
    found, pattern = found_in(rows)
    assert found[["last_from", "last_to", "patients"]].to_numpy().tolist() == [[1, 1, 30], [3, 3, 30], [5, 5, 30]]
    assert found["slope"].to_list() == pytest.approx([-0.9, 0.1, 0.1], abs=0.15)
    assert found["difference"].iloc[0] == pytest.approx(found["slope"].iloc[0] - found["slope"].iloc[2])
    assert found["reliability"].to_list() == pytest.approx([0.2, 0.4, 0.6])
    assert found.iloc[2][["difference", "difference_low", "difference_high", "p_value"]].isna().all()
    first = rows[rows["patient"] < "p030"]
    own = pattern[pattern["part"] == 1]
    assert own["time"].to_list() == [0.0, 1.0] and own["patients"].to_list() == [30, 30]
    start = first.loc[first["time"] == 0, "alpha"]
    assert own["mean"].iloc[0] == pytest.approx(start.mean())
    half = t.ppf(0.975, 29) * start.std() / np.sqrt(30)
    assert own["mean_high"].iloc[0] - own["mean"].iloc[0] == pytest.approx(half)


def test_slopes_and_their_difference_are_those_of_lmer(golden_dropout: dict[tuple[str, str], float]):
    """`tests/golden/dropout.R`: lmerTest's contest1D of the same model on the same rows."""
    found, _ = found_in(pd.read_csv(GOLDEN / "dropout_rows.csv", dtype={"patient": str}))
    for row in found.itertuples():
        for name in ("slope", "df", "slope_low", "slope_high"):
            assert getattr(row, name) == pytest.approx(golden_dropout[f"part {row.part}", name], rel=2e-4)
    for row in found.iloc[:2].itertuples():
        for name in ("difference", "difference_low", "difference_high", "p_value"):
            assert getattr(row, name) == pytest.approx(golden_dropout[f"part {row.part}", name], rel=1e-3)


@pytest.fixture(scope="module")
def golden_dropout() -> dict[tuple[str, str], float]:
    table = pd.read_csv(GOLDEN / "dropout.csv")
    return {(row.part, row.name): row.value for row in table.itertuples(index=False, name="Row")}


def test_the_interval_of_the_difference_covers_the_truth():
    """Short form of the simulation in docs/validity.md; means of predicted slopes cover 0.3 in none of 60."""
    last = np.repeat([1, 3, 5], 20)
    shift = np.where(last == 1, 0.3, 0.0)
    inside, estimates, sets = 0, [], 40
    for seed in range(sets):
        row = found_in(courses(seed, last, shift))[0].iloc[0]
        inside += row["difference_low"] <= 0.3 <= row["difference_high"]
        estimates.append(row["difference"])
    assert inside >= 34  # of 40 at 0.95: fewer in one of 500
    assert np.mean(estimates) == pytest.approx(0.3, abs=0.08)


def test_the_order_of_rows_does_not_matter():
    rows = courses(4, THIRDS, 0.1 * THIRDS)
    for one, other in zip(found_in(rows), found_in(rows.sample(frac=1, random_state=2)), strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=False, rtol=1e-9)


@pytest.mark.parametrize(
    ("last", "ranges"),
    [
        ([5] * 112 + [1, 2, 3, 3, 4, 4, 4, 2, 2, 1, 4], [(1, 4, 11), (5, 5, 112)]),
        ([2] * 100 + [5] * 9, [(2, 2, 100), (5, 5, 9)]),
        ([1] * 7 + [3] * 90 + [4, 5, 5], [(1, 1, 7), (3, 3, 90), (4, 5, 3)]),
        ([2] * 50, [(2, 2, 50)]),
        ([1] * 20 + [2] * 20, [(1, 1, 20), (2, 2, 20)]),
    ],
)
def test_those_who_left_before_the_others_are_a_part_of_their_own(last: list[int], ranges: list[tuple[int, int, int]]):
    values = np.array(last, dtype=float)
    part = parts(values)
    seen = [(values[part == k].min(), values[part == k].max(), int((part == k).sum())) for k in np.unique(part)]
    assert seen == ranges and part.min() == 1


def test_no_slope_is_made_up_for_those_who_were_seen_once():
    last = np.repeat([0, 3, 5], 20)
    found, _ = found_in(courses(5, last, np.zeros(60)))
    assert found["slope"].isna().to_list() == [True, False, False]
    assert found["difference"].isna().to_list() == [True, False, True]
    assert found["slope"].iloc[2] == pytest.approx(0.1, abs=0.2)


@pytest.mark.parametrize(
    "model",
    [
        GrowthModel(fixed="~ 1"),
        GrowthModel(fixed="~ time * arm"),
        GrowthModel(fixed="~ cr(time, df=3)"),
        GrowthModel(fixed="~ time + arm", structure="diagonal", residual_by="arm"),
    ],
    ids=["no time", "arm", "spline", "strata"],
)
def test_every_growth_model_has_slopes_by_part(model: GrowthModel):
    rows = courses(6, THIRDS, np.where(THIRDS == 1, -1.0, 0.0))
    people = pd.DataFrame({"patient": sorted(rows["patient"].unique())}).assign(arm=["a", "b"] * (N // 2))
    found, _ = found_in(rows, model, people)
    assert found["difference"].iloc[0] == pytest.approx(-1.0, abs=0.4)
    assert found["slope_low"].notna().all()


def with_dropout(tmp_path: Path) -> tuple[Path, Frames, Naming]:
    """An invented study's results, with the drop-out of its own tables."""
    invented = Invented()
    folder = invented.write(tmp_path)
    study = invented.study()
    slopes = tables.read("slopes/slopes", folder / "slopes/slopes.parquet")
    rows = tables.read("cohort/measurements", folder / "cohort/measurements.parquet")
    people = tables.read("cohort/patients", folder / "cohort/patients.parquet")
    prepared = all_markers(MODEL, study.markers, rows, people, study.landmark_time)
    for name, frame in zip(("dropout", "dropout_pattern"), dropout(MODEL, prepared, rows, slopes), strict=True):
        tables.write(frame, f"slopes/{name}", folder / f"slopes/{name}.csv")
    return folder, Frames.read(folder), Naming(study)


def test_the_report_compares_the_shortest_with_the_longest(tmp_path: Path):
    folder, frames, naming = with_dropout(tmp_path)
    own = frames.dropout[frames.dropout["marker"] == "alpha"]
    said = dropout_sentence(frames, naming, "alpha")
    assert said.startswith("Alpha: patients last seen at ") and "95% interval" in said
    assert len(dropout_table(frames, naming).rows) == len(frames.dropout) >= 2 * len(own)
    page = page_of(naming.study, folder, "dropout")
    assert said in " ".join(page.text("dropout").split())
    assert "missing at random" in page.text("dropout")
    one = frames.dropout[frames.dropout["part"] == 1]
    assert "nothing to compare" in dropout_sentence(replace(frames, dropout=one), naming, "alpha")


def test_a_part_of_few_patients_keeps_its_mean_to_itself(tmp_path: Path):
    _, frames, naming = with_dropout(tmp_path)
    last = frames.dropout["part"] == frames.dropout["part"].max()
    lone = frames.dropout.assign(patients=frames.dropout["patients"].mask(last, 1)).assign(
        slope=frames.dropout["slope"].mask(last, -7.654),
        difference=frames.dropout["difference"].mask(~last, 7.654),
    )
    frames = replace(frames, dropout=lone)
    said = dropout_sentence(frames, naming, "alpha")
    assert "there are too few patients" in said and "7.65" not in said
    shown = str(dropout_table(frames, naming).rows)
    assert "<5" in shown and "−7.65" not in shown and "-7.65" not in shown
