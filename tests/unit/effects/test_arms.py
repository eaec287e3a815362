"""Parallel arms: variances of level, slope and residual compared, against lme4 fitted to each arm."""

import numpy as np
import pytest

from slopewise.effects.arms import ratio_interval
from slopewise.effects.inputs import EffectRows
from slopewise.effects.treatment import estimate_treatment
from slopewise.growth import GrowthModel
from tests.unit.effects.effect_studies import numbers, rows_of, study, trial


def test_the_arms_are_those_of_lme4() -> None:
    r = numbers("btheb")
    found = estimate_treatment(rows_of("btheb"), "y", np.random.default_rng(1))
    assert found["design"].iloc[0]["design"] == "parallel" and "patients" not in found
    arms = found["arms"].set_index("component")
    for component in ("level", "slope", "residual"):
        for arm in ("reference", "versus"):
            assert arms.loc[component, arm] == pytest.approx(r[f"{component}_{arm}"], rel=1e-4)
        low, high, ratio = arms.loc[component, ["ci_low", "ci_high", "ratio"]]
        assert low <= ratio <= high
    assert arms.loc["all", "lrt"] == pytest.approx(r["lrt"], rel=1e-4)
    assert arms.loc["all", "df"] == 4


def test_the_mean_difference_of_arms_is_over_the_same_visits() -> None:
    found = estimate_treatment(rows_of("btheb"), "y", np.random.default_rng(1))["average"]
    assert found["term"].tolist() == ["BtheB", "BtheB: slope"]
    rows = rows_of("btheb").frame
    joint = GrowthModel("~ time * d", "~ time").fit(
        rows.assign(d=(rows["treatment"] == "BtheB").astype(float)), "y"
    )  # fmt: skip
    beta = joint.beta
    assert found["estimate"].iloc[0] == pytest.approx(beta["d"] + beta["time:d"] * rows["time"].mean(), rel=1e-6)
    assert found["estimate"].iloc[1] == pytest.approx(beta["time:d"], rel=1e-6)


def test_a_ratio_covers_the_truth_and_is_the_f_interval_nearly() -> None:
    from scipy.stats import chi2

    rng, n, inside = np.random.default_rng(8), 60, 0
    for _ in range(1000):
        ends = []
        for sd in (1.0, 1.5):
            s = sd * np.sqrt(rng.chisquare(n) / n)
            ends.append((s, s * np.sqrt(n / chi2.ppf(0.975, n)), s * np.sqrt(n / chi2.ppf(0.025, n))))
        low, high = ratio_interval(*ends)
        inside += low < 1.5 < high
    assert 930 <= inside <= 970


def test_an_arm_without_a_spread_has_a_ratio_that_is_open() -> None:
    assert ratio_interval((1.0, 0.8, 1.2), (0.0, 0.0, 0.5)) == (0.0, pytest.approx(np.nan, nan_ok=True))


def test_arms_alike_are_seldom_called_different() -> None:
    p = []
    for seed in range(30):
        frame, _ = trial(np.random.default_rng(seed), patients=60, each=2, sd=0.0)
        keep = (frame["treatment"] == "drug") == (frame["patient"].str[1:].astype(int) % 2 == 0)
        rows = EffectRows(study("placebo", "~ 1"), frame[keep].assign(time=frame["time"] % 2).reset_index(drop=True))
        arms = estimate_treatment(rows, "y", np.random.default_rng(1))["arms"].set_index("component")
        p.append(arms.loc["all", "p_value"])
    assert np.mean(np.array(p) < 0.05) <= 0.2 and np.median(p) > 0.2
