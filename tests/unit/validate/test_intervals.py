"""Intervals of validated figures: they hold their estimate, do not collapse, and have the level that is printed."""

import numpy as np
import pytest

from slopewise.outcome.fit import fit_outcome
from slopewise.validate.intervals import interval_of, split_of
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.subgroups import subgroups
from tests.unit.outcome.ladder_tables import KINDS, STUDY, of_kind, simulate

POSSIBLE = {"c_harrell": (0, 1), "c_uno": (0, 1), "auc": (0, 1), "ici": (0, 1), "brier": (0, 2), "ipa": (-99, 1)}


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_every_interval_holds_its_estimate(kind: str, seed: int):
    made = of_kind(kind, seed=seed, n=90, effect=0.4 * seed)
    predictions = nested(*made.validation).predictions
    found = performance(made.study, made.patients, predictions, fit_outcome(*made.outcome).apparent)
    for table in (found.performance, subgroups(made.study, made.patients, predictions)):
        known = table[table["ci_low"].notna()]
        assert len(known)
        assert ((known["ci_low"] <= known["validated"]) & (known["validated"] <= known["ci_high"])).all()
        gained = known[known["difference_low"].notna()]
        assert (gained["difference_low"] <= gained["difference"]).all()
        assert (gained["difference"] <= gained["difference_high"]).all()
        for metric, (low, high) in POSSIBLE.items():
            assert known.loc[known["metric"] == metric, ["ci_low", "ci_high"]].stack().between(low, high).all()
    for curve in (found.calibration, found.decision_curve):
        known = curve[curve["ci_low"].notna()]
        assert ((known["ci_low"] <= known["y"] + 1e-12) & (known["y"] <= known["ci_high"] + 1e-12)).all()


def test_the_ends_are_those_of_the_formula():
    rng = np.random.default_rng(1)
    draws = [np.concatenate([[value], np.exp(rng.normal(size=4000))]) for value in (1.0, 2.0, 6.0)]
    found = interval_of([split_of(own[:, None]) for own in draws])
    quantiles = np.array([np.quantile(own[1:], [0.025, 0.5, 0.975]) for own in draws])
    between = 1.959964**2 * np.var([1.0, 2.0, 6.0], ddof=1)
    assert found.value[0] == pytest.approx(3.0)
    assert found.low[0] == pytest.approx(3 - np.sqrt(np.mean((quantiles[:, 1] - quantiles[:, 0]) ** 2) + between))
    assert found.high[0] == pytest.approx(3 + np.sqrt(np.mean((quantiles[:, 2] - quantiles[:, 1]) ** 2) + between))
    assert interval_of([split_of(draws[0][:, None])], (0.5, 2.0)).low[0] == 0.5


def test_repeats_that_disagree_do_not_cancel():
    """Patients read once upwards and once downwards: errors cancel in the mean, not in the figures."""
    rng = np.random.default_rng(2)
    error = rng.normal(0, 0.05, 1000)
    up, down = np.concatenate([[0.5], 0.5 + error]), np.concatenate([[0.5], 0.5 - error])
    found = interval_of([split_of(up[:, None]), split_of(down[:, None])])
    assert found.high[0] - found.low[0] == pytest.approx(4 * 0.05, rel=0.1)


def test_missing_draws_are_left_out_but_not_most_of_them():
    draws = np.concatenate([np.zeros((1, 3)), np.random.default_rng(3).normal(size=(100, 3))])
    draws[1:40, 1], draws[1:52, 2] = np.nan, np.nan
    found = interval_of([split_of(draws)])
    assert found.missing.tolist() == [0, 39, 51]
    assert np.isfinite(found.low[:2]).all() and np.isnan(found.low[2])
    assert found.low[1] == pytest.approx(-np.subtract(*np.quantile(draws[40:, 1], [0.5, 0.025])))


def test_two_covariates_without_effect_have_intervals_that_hold_a_half():
    text = STUDY.replace("bootstrap: 50", "bootstrap: 60").replace("repeats: 2, boot", "repeats: 5, boot")
    inside, width, sets = 0, [], 8
    for seed in range(sets):
        made = simulate(seed, n=56, effect=0.0, text=text)
        shipped = fit_outcome(*made.outcome).apparent
        table = performance(made.study, made.patients, nested(*made.validation).predictions, shipped).performance
        row = table[(table["metric"] == "c_harrell") & (table["predictors"] == "clinical")].iloc[0]
        inside += row["ci_low"] <= 0.5 <= row["ci_high"]
        width.append(row["ci_high"] - row["ci_low"])
    assert inside >= 7
    assert np.mean(width) > 0.22  # C varies between such data sets with an SD of 0.055; 0.18 with the models fixed


def test_one_repeat_says_that_its_intervals_hold_the_models_fixed():
    made = simulate(text=STUDY.replace("repeats: 2, boot", "repeats: 1, boot"))
    shipped = fit_outcome(*made.outcome).apparent
    found = performance(made.study, made.patients, nested(*made.validation).predictions, shipped)
    assert found.ledger["message"].str.contains("hold the models fixed").sum() == 1
    assert found.performance["ci_low"].notna().all()
