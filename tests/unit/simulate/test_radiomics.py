"""Simulated studies have the truth that is written beside them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from slopewise.cli.app import app
from slopewise.run.errors import InputError
from slopewise.simulate.names import feature_names
from slopewise.simulate.radiomics import END, LANDMARK, LOG_HR, NOISE_SD, SCANS, SLOPE_SD, Radiomics, simulate
from slopewise.sources.features import expanded
from slopewise.study.reading import load_study


@pytest.fixture(scope="module")
def made() -> Radiomics:
    return simulate(800, 60, seed=3)


def test_names_are_unique_and_have_three_parts():
    names = feature_names(20_000)
    assert len(set(names)) == 20_000
    assert all(len(name.split("_")) == 3 for name in names)


def test_equal_arguments_give_equal_tables_and_another_seed_others(made: Radiomics):
    again, other = simulate(800, 60, seed=3), simulate(800, 60, seed=4)
    pd.testing.assert_frame_equal(made.measurements, again.measurements)
    pd.testing.assert_frame_equal(made.people, again.people)
    assert not made.patients["years"].equals(other.patients["years"])


def test_scans_are_ragged_and_made_before_landmark_and_end(made: Radiomics):
    rows = made.measurements.merge(made.patients, on="patient")
    assert rows["year"].between(0, LANDMARK).all() and (rows["year"] <= rows["years"]).all()
    assert made.patients["years"].max() <= END
    visits = rows[rows["years"] > LANDMARK].groupby("patient").size()
    assert (visits.min(), visits.max()) == SCANS
    assert rows["year"].nunique() > len(rows) / 2


def of_scanner(made: Radiomics, scanner: str = "A") -> pd.DataFrame:
    """The scans of a scanner with the features on the scale of their growth model."""
    rows = made.measurements[made.measurements["scanner"] == scanner].copy()
    for row in made.features.itertuples():
        values = rows[row.feature]
        rows[row.feature] = np.log(values) - 2.0 if row.transform == "log" else (values - 100.0) / 20.0
    return rows


def test_features_correlate_within_blocks_alone(made: Radiomics):
    first = of_scanner(made).groupby("patient").first()
    block = made.features["block"].to_numpy()
    correlation = np.corrcoef(first[made.features["feature"]].to_numpy(dtype=float).T)
    same = (block[:, None] == block) & ~np.eye(len(block), dtype=bool)
    assert correlation[same].mean() == pytest.approx(0.7, abs=0.08)
    assert abs(correlation[block[:, None] != block].mean()) < 0.03


def test_slopes_drive_the_hazard_as_the_truth_says(made: Radiomics):
    drives = made.features[made.features["log_hr"] > 0]
    assert len(drives) == 3 and drives["block"].is_unique and (drives["slope_sd"] == SLOPE_SD).all()
    slopes = made.people[[f"slope_{name}" for name in drives["feature"]]].to_numpy()
    assert slopes.std(axis=0) == pytest.approx(np.full(3, SLOPE_SD), rel=0.1)
    assert made.people["linear_predictor"].to_numpy() == pytest.approx(LOG_HR * (slopes / SLOPE_SD).sum(axis=1))
    # Patients at risk at the landmark: events per year at risk in the upper and lower half of the linear predictor.
    table = made.patients.merge(made.people, on="patient")
    later = table[table["years"] > LANDMARK]
    high = later["linear_predictor"] > later["linear_predictor"].median()
    rate = [later[half]["status"].sum() / (later[half]["years"] - LANDMARK).sum() for half in (~high, high)]
    assert 1.5 < rate[1] / rate[0] < 5


def test_a_feature_has_the_slope_variance_that_the_truth_says(made: Radiomics):
    rows = of_scanner(made)
    for name, sd in made.features.set_index("feature")["slope_sd"].iloc[[0, 1]].items():
        squares, expected = [], []
        for _, own in rows.groupby("patient"):
            time = own["year"].to_numpy() - own["year"].mean()
            if len(own) > 2 and (time**2).sum() > 0.5:
                slope = (time * own[name].to_numpy()).sum() / (time**2).sum()
                squares.append(slope**2)
                expected.append(sd**2 + NOISE_SD**2 / (time**2).sum())
        assert np.mean(squares) == pytest.approx(np.mean(expected), rel=0.2)


def test_scanners_shift_some_features_and_leave_others():
    made = simulate(2000, 40, seed=5)
    a, b = of_scanner(made, "A"), of_scanner(made, "B")
    names = made.features["feature"]
    shift = np.abs((b[names].mean() - a[names].mean()).to_numpy())
    assert (shift < 0.1).sum() >= 10 and (shift > 0.2).sum() >= 5


def test_drop_out_ends_the_scans_of_patients_at_risk_early():
    full, ended = simulate(600, 30, seed=6), simulate(600, 30, seed=6, dropout=True)
    assert len(ended.measurements) < 0.9 * len(full.measurements)
    last = ended.measurements.groupby("patient")["year"].max()
    table = ended.people.set_index("patient").join(ended.patients.set_index("patient")["years"]).join(last)
    table = table[table["years"] > LANDMARK]
    assert np.corrcoef(table["linear_predictor"], table["year"])[0, 1] < -0.1


def test_a_null_study_has_no_feature_that_matters():
    made = simulate(50, 30, seed=1, driving=0)
    assert (made.features["log_hr"] == 0).all() and (made.people["linear_predictor"] == 0).all()


@pytest.mark.parametrize(("patients", "features"), [(19, 10), (100, 0), (100, 20_001)])
def test_numbers_that_cannot_be_meant_are_refused(patients: int, features: int):
    with pytest.raises(InputError, match=r"--(patients|features) \d+: between"):
        simulate(patients, features, seed=1)


def test_the_command_writes_a_study_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    command = ["simulate", "radiomics", "--patients", "40", "--features", "120", "--seed", "2", "--to", "made"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    study = expanded(load_study("made/study.yaml"), Path())
    truth = pd.read_csv("made/truth_features.csv")
    assert {m.column: m.transform for m in study.markers.values()} == dict(
        zip(truth["feature"], truth["transform"], strict=True)
    )
    before = {file.name: file.read_bytes() for file in Path("made").iterdir()}
    again = CliRunner().invoke(app, command)
    assert again.exit_code != 0 and "--force" in again.output
    assert CliRunner().invoke(app, [*command, "--force"]).exit_code == 0
    assert before == {file.name: file.read_bytes() for file in Path("made").iterdir()}


def test_the_shipped_study_is_the_simulation_that_its_page_names(root: Path):
    data = root / "data" / "radiomics"
    made = simulate(120, 200, seed=1)
    tables = {
        "measurements.csv.gz": made.measurements,
        "patients.csv": made.patients,
        "truth_features.csv": made.features,
        "truth_patients.csv": made.people,
    }
    for name, expected in tables.items():
        pd.testing.assert_frame_equal(pd.read_csv(data / name), expected, check_dtype=False, rtol=1e-9)
    study = expanded(load_study(root / "config/studies/radiomics.yaml"), root)
    transforms = made.features.set_index("feature")["transform"].to_dict()
    assert {marker.column: marker.transform for marker in study.markers.values()} == transforms
    assert sum(path.stat().st_size for path in data.iterdir()) < 1_000_000


@pytest.mark.parametrize("driving", [-1, 4])
def test_more_driving_features_than_blocks_with_slopes_are_refused(driving: int):
    with pytest.raises(InputError, match="60 features have 0 to 3"):
        simulate(50, 60, seed=1, driving=driving)
    assert (simulate(50, 60, seed=1, driving=2).features["log_hr"] > 0).sum() == 2
