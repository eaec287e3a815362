"""Thirds of the validated prediction: every patient in one, and in each what was predicted and what was observed."""

import numpy as np
import pandas as pd
import pytest

from slopewise.tables import files as tables
from slopewise.validate.risk_groups import GROUPS, risk_groups_table, thirds
from tests.unit.report.report_tables import HORIZONS, Invented


def test_equal_predictions_stay_together():
    assert thirds(pd.Series([3.0, 1.0, 2.0])).tolist() == ["high", "low", "middle"]
    assert set(thirds(pd.Series([0.5] * 7))) == {"middle"}
    assert thirds(pd.Series([1.0, 1.0, 1.0, 1.0, 2.0, 3.0])).tolist() == ["middle"] * 4 + ["high"] * 2


@pytest.fixture(scope="module")
def followed(tmp_path_factory) -> tuple[Invented, pd.DataFrame, pd.DataFrame]:
    """A study with its patients and predictions."""
    invented = Invented()
    folder = invented.write(tmp_path_factory.mktemp("thirds"))
    read = (tables.read(f"{name}", folder / f"{name}.parquet") for name in ("cohort/patients", "outcome/predictions"))
    return invented, *read


def test_each_third_at_each_horizon(followed):
    invented, patients, predictions = followed
    found = tables.check(risk_groups_table(invented.study(), patients, predictions), "outcome/risk_groups")
    assert set(found["predictors"]) == {"clinical", "level", "slope"} and set(found["horizon"]) == set(HORIZONS)
    for _, rows in found.groupby(["predictors", "horizon"]):
        assert set(rows["third"]) == set(GROUPS)
        assert (rows["patients"].sum(), rows["events"].sum()) == (len(patients), (patients["event"] == 1).sum())
        ordered = rows.set_index("third").loc[list(GROUPS), "predicted"]
        assert ordered.is_monotonic_increasing
    assert (found["ci_low"] <= found["observed"]).all() and (found["observed"] <= found["ci_high"]).all()


def test_without_censoring_what_was_observed_is_a_proportion(followed):
    invented, patients, predictions = followed
    horizon = max(HORIZONS)
    whole = patients.assign(event=1, followup=np.linspace(0.1, 2 * horizon, len(patients)))
    found = risk_groups_table(invented.study(), whole, predictions)
    rows = found[(found["predictors"] == "slope") & (found["horizon"] == horizon)].set_index("third")
    risk = predictions[(predictions["predictors"] == "slope") & (predictions["horizon"] == horizon)]
    risk = risk.groupby("patient")["risk"].mean()
    happened = (whole.set_index("patient")["followup"] <= horizon).groupby(thirds(risk)).mean()
    assert rows["observed"].to_dict() == pytest.approx(happened.to_dict())


def untimed(kind: dict[str, str | float], outcome: np.ndarray) -> pd.DataFrame:
    """The thirds of 60 patients whose predictions rise, at level and slope, with this outcome."""
    keys = {"outcome": {"kind": "binary", "column": "ill", "covariates": [], "after_measurements": True} | kind}
    names = [f"p{number:02d}" for number in range(60)]
    predictions = pd.DataFrame(
        {"patient": names, "predictors": "slope", "cause": "ill", "horizon": np.nan, "risk": np.linspace(0, 1, 60)}
    )
    study = Invented(keys=keys).study()
    predictions = predictions.assign(cause=next(iter(study.causes)))
    return risk_groups_table(study, pd.DataFrame({"patient": names, "outcome": outcome}), predictions)


def test_a_binary_outcome_has_wilson_s_interval():
    # R: prop.test(5, 20, correct = FALSE)$conf.int
    found = untimed({"positive": 1}, np.tile([1.0, 0.0, 0.0, 0.0], 15)).set_index("third")
    assert found["observed"].tolist() == [0.25] * 3 and found["events"].tolist() == [5.0] * 3
    assert found.loc["low", ["ci_low", "ci_high"]].tolist() == pytest.approx([0.11186170, 0.46870088], abs=1e-6)
    assert found["horizon"].isna().all()


def test_a_continuous_outcome_has_its_mean_and_student_s_interval():
    # R: t.test(1:20)$conf.int
    found = untimed({"kind": "continuous"}, np.arange(1.0, 61.0)).set_index("third")
    assert found["observed"].to_dict() == {"low": 10.5, "middle": 30.5, "high": 50.5}
    assert found.loc["low", ["ci_low", "ci_high"]].tolist() == pytest.approx([7.7311894, 13.2688106], abs=1e-5)
    assert found["events"].isna().all()
