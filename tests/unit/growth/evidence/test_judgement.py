"""A trend is claimed only where every test agrees; scatter that grows is not taken for slopes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.growth import GrowthModel
from slopewise.growth.evidence.compare import boundary_p, fit_side_by_side, likelihood_ratio
from slopewise.growth.evidence.heteroscedastic import compare_scatter
from slopewise.growth.evidence.judgement import verdicts

GOLDEN = Path(__file__).resolve().parents[3] / "golden"
AGREED = {"p_f": 0.01, "p_serial": 0.01, "p_time": 0.01, "p_fitted": np.nan, "singular": False}


def judged(changes: dict[str, object], p: float = 0.002, bootstrap: float = 0.003, q: float = 0.004) -> pd.Series:
    rows = pd.DataFrame([{"marker": marker, **AGREED, **changes} for marker in ("a", "b")])
    comparison = pd.DataFrame({"marker": ["a", "b"], "model": "random_slope", "p_value": p, "q_value": q})
    return verdicts(rows, comparison.assign(p_value_bootstrap=bootstrap)).iloc[0]


@pytest.mark.parametrize(
    ("changes", "verdict", "against"),
    [
        ({}, "trend", ""),
        ({"p_f": 0.8}, "unclear", "f_test"),
        ({"p_serial": 0.2, "p_time": 0.3}, "unclear", "serial time"),
        ({"p_fitted": 0.06}, "unclear", "fitted"),
        ({"singular": True}, "unclear", "singular"),
        ({"p_f": np.nan, "p_serial": np.nan, "p_time": np.nan}, "trend", ""),
    ],
)
def test_whatever_speaks_against_a_trend_is_named(changes: dict[str, object], verdict: str, against: str) -> None:
    row = judged(changes)
    assert (row["verdict"], row["against"], row["arbiter"]) == (verdict, against, "bootstrap")


def test_the_bootstrap_decides_and_of_several_markers_q_too() -> None:
    assert judged({}, p=0.01, bootstrap=0.08)["verdict"] == "none"
    assert judged({}, p=0.06, bootstrap=0.03, q=0.04)["verdict"] == "trend"
    assert judged({}, q=0.2)["verdict"] == "none"
    mixture = judged({}, bootstrap=np.nan)
    assert (mixture["arbiter"], mixture["verdict"], mixture["p_value"]) == ("mixture", "trend", 0.002)


def test_models_whose_residual_variance_changes_are_those_of_nlme() -> None:
    """`tests/golden/heteroscedastic.R`: lme with varExp, of time and its square and of the expected value."""
    rows = pd.read_csv(GOLDEN / "heteroscedastic_rows.csv", dtype={"patient": str})
    table = pd.read_csv(GOLDEN / "heteroscedastic.csv")
    golden = {(row.by, row.name): row.value for row in table.itertuples(index=False, name="Row")}
    models = fit_side_by_side(GrowthModel().data(rows, "y"))
    for name, model in (("deviance_intercept", "random_intercept"), ("deviance_slope", "random_slope")):
        assert models.reml[model].deviance == pytest.approx(golden["none", name], abs=1e-6)
    found = compare_scatter(models).set_index("by")
    assert found.index.tolist() == ["time", "fitted"]
    for by, row in found.iterrows():
        for name in ("deviance_intercept", "deviance_slope", "lrt", "lrt_scatter"):
            assert row[name] == pytest.approx(golden[by, name], abs=2e-3), name
        assert row["p_value"] == pytest.approx(golden[by, "p_value"], rel=2e-3)
        assert row["p_scatter"] == pytest.approx(golden[by, "p_scatter"], rel=2e-3)


def simulated(seed: int, slope_sd: float, growth: float, n: int = 100) -> pd.DataFrame:
    """Six visits of n patients; the residual SD grows from 0.5 by `growth` a visit."""
    rng = np.random.default_rng(seed)
    who, time = np.repeat(np.arange(n), 6), np.tile(np.arange(6.0), n)
    level, slope = rng.normal(size=n), slope_sd * rng.normal(size=n)
    y = 2 + level[who] + (0.1 + slope[who]) * time + 0.5 * (1 + growth * time) * rng.normal(size=len(who))
    return pd.DataFrame({"patient": [f"{i:03d}" for i in who], "time": time, "y": y})


def survives(frame: pd.DataFrame) -> tuple[bool, bool]:
    """Whether the likelihood ratio finds slopes, and whether they survive beside a variance that changes."""
    models = fit_side_by_side(GrowthModel().data(frame, "y"))
    plain = boundary_p(likelihood_ratio(models.reml["random_intercept"], models.reml["random_slope"]), 2)
    found = compare_scatter(models).set_index("by")
    assert (found["deviance_slope"] <= found["deviance_intercept"] + 1e-6).all()
    assert (found["deviance_intercept"] <= models.reml["random_intercept"].deviance + 1e-6).all()
    return plain < 0.05, bool((found["p_value"] < 0.05).all())


def test_scatter_that_grows_is_not_taken_for_slopes() -> None:
    """Short form of a simulation: the likelihood ratio alone finds slopes in about half of such data sets."""
    cried, kept = np.array([survives(simulated(seed, 0.0, 0.4)) for seed in range(60)]).T
    assert cried.mean() > 0.3 and kept.mean() <= 0.1


def test_slopes_survive_beside_it() -> None:
    assert np.mean([survives(simulated(seed, 0.2, 0.0))[1] for seed in range(20)]) >= 0.9
