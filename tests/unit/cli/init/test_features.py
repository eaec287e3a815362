"""Many features are proposed by pattern, on a table as PyRadiomics writes it."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from slopewise.cli.app import app
from slopewise.cli.init.features import is_spread, shortest
from slopewise.simulate.radiomics import simulate
from slopewise.sources.features import expanded, matches
from slopewise.study.reading import load_study


def test_the_proposal_for_a_simulated_study_names_every_feature_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    made = simulate(60, 80, seed=1)
    made.measurements.assign(original_glcm_Id=1.0).to_csv("visits.csv", index=False)
    made.patients.to_csv("people.csv", index=False)
    ended = CliRunner().invoke(app, ["init", "visits.csv", "--patients", "people.csv", "--event-code", "1=event"])
    assert ended.exit_code == 0, ended.output
    text = Path("study.yaml").read_text()
    assert "features: " in ended.output and "diagnostic" in text
    study = expanded(load_study("study.yaml"), tmp_path)
    names = set(made.features["feature"]) - {"original_glcm_Id"}
    assert {marker.column for marker in study.markers.values()} == names
    values = made.measurements
    spread = {name for name in names if is_spread(values[name].to_numpy(dtype=float))}
    assert {m.column for m in study.markers.values() if m.transform == "log"} == spread and spread
    assert "# - original_glcm_Id: one value only" in text
    checked = CliRunner().invoke(app, ["check", "study.yaml"])
    assert checked.exit_code == 0, checked.output


def test_few_features_are_markers_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    simulate(40, 12, seed=1).measurements.to_csv("visits.csv", index=False)
    assert CliRunner().invoke(app, ["init", "visits.csv"]).exit_code == 0
    study = load_study("study.yaml")
    assert not study.features and len(study.markers) == 12


def test_patterns_are_as_short_as_the_other_columns_allow():
    own = [
        "original_glcm_Id",
        "wavelet-H_glcm_Id",
        "original_glcm_Idm",
        "original_ngtdm_Busyness",
        "square_ngtdm_Busyness",
    ]
    assert shortest(own, ["age"]) == ["*_glcm_*", "*_ngtdm_*"]
    others = ["wavelet-H_glcm_Idm", "square_ngtdm_Contrast"]
    found = shortest(own, others)
    assert found == ["*_glcm_Id", "original_glcm_Idm", "*_ngtdm_Busyness"]
    assert all(matches(name, found) for name in own) and not any(matches(name, found) for name in others)


def test_the_logarithm_is_for_positive_values_over_more_than_a_decade():
    assert is_spread(np.array([1.0, 21.0, np.nan])) and not is_spread(np.array([1.0, 20.0]))
    assert not is_spread(np.array([0.0, 50.0])) and not is_spread(np.array([np.nan]))
