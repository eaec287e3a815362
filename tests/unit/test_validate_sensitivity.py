"""Other ways to make the slopes beside the nested one, and a permutation test that finds an effect and no noise."""

import numpy as np
import pandas as pd
import pytest

from slopewise import tables
from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import ladder_data
from slopewise.validate import sensitivity as module
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.sensitivity import WAYS, harrell, permutation_test, sensitivity
from tests.unit.ladder_tables import Tables, simulate


@pytest.fixture(scope="module")
def made() -> Tables:
    return simulate()


def splits(made: Tables, way: str) -> list[module.Split]:
    data = ladder_data(made.study, made.patients, made.slopes)
    return list(module._splits(way, data, made.folds, made.crossfit, made.fits))


def test_the_nested_rows_are_those_of_the_performance_table(made: Tables):
    found = tables.check(sensitivity(*made.validation).sensitivity, "outcome/sensitivity")
    apparent = fit_outcome(*made.outcome).apparent
    table = performance(made.study, made.patients, nested(*made.validation).predictions, apparent).performance
    c = table[table["metric"] == "c_harrell"].set_index("predictors")["validated"]
    own = found.set_index(["slopes", "predictors"])
    for step in ("level", "slope"):
        assert own.loc[("nested", step), "validated"] == pytest.approx(c[step], abs=1e-12)
        assert own.loc[("nested", step), "difference"] == 0
        for way in WAYS[1:]:
            row = own.loc[(way, step)]
            assert row["difference"] == pytest.approx(row["validated"] - c[step])
            assert 0 < abs(row["difference"]) < 0.05


def test_each_way_takes_its_own_slopes(made: Tables):
    names = sorted(made.patients["patient"])
    whole = made.crossfit.query("scheme == 'crossfit' and repeat == 0 and marker == 'beta'").set_index("patient")
    for split in splits(made, "in_sample"):
        np.testing.assert_array_equal(split.slope[:, 1], whole["slope"].reindex(names))
    once = made.crossfit.query("scheme == 'crossfit' and repeat == 2 and marker == 'alpha'").set_index("patient")
    reused = [split for split in splits(made, "reused_folds") if split.repeat == 2]
    assert len(reused) == 3
    for k, split in enumerate(reused, start=1):
        np.testing.assert_array_equal(split.level[:, 0], once["level"].reindex(names))
        np.testing.assert_array_equal(split.tested, (once["fold"].reindex(names) == k).to_numpy())
    for way in WAYS:
        tested = pd.Series([np.flatnonzero(split.tested).tolist() for split in splits(made, way)]).explode()
        assert sorted(tested) == sorted([*range(len(names))] * 2)  # everybody once a repeat


def test_a_slope_with_an_effect_is_found(made: Tables):
    table = tables.check(sensitivity(*made.validation).permutation, "outcome/permutation")
    row = table.iloc[0]
    assert (row["predictors"], row["versus"], row["permutations"]) == ("slope", "level", 200)
    assert row["gain"] > row["null_high"] > row["null_mean"]
    assert row["p_value"] < 0.02


def test_noise_is_found_at_its_rate():
    """Slopes that correlate with levels and have no effect of their own: p-values spread over (0, 1)."""
    p_values = []
    for seed in range(30):
        noise = simulate(seed=seed, n=60, effect=0.0)
        data = ladder_data(noise.study, noise.patients, noise.slopes)
        own = [split for split in splits(noise, "nested") if split.repeat == 1]
        linked = [module.replace(split, slope=split.slope + split.level) for split in own]
        p_values.append(permutation_test(data, linked, 19, seed)["p_value"].iloc[0])
    assert np.mean(np.array(p_values) <= 0.1) < 0.3
    assert 0.3 < np.mean(p_values) < 0.7


def test_no_slope_in_the_model_leaves_nothing_to_test(made: Tables):
    data = ladder_data(made.study, made.patients, made.slopes)
    own = [module.replace(split, singular=np.ones(2, dtype=bool)) for split in splits(made, "nested")]
    row = permutation_test(data, own, 3, 1).iloc[0]
    assert row["gain"] == 0 and np.isnan(row["p_value"])


def test_c_counts_pairs_inside_a_fold_alone(made: Tables):
    data = ladder_data(made.study, made.patients, made.slopes)
    own = [split for split in splits(made, "nested") if split.repeat == 1]
    rng = np.random.default_rng(3)
    score = rng.normal(size=len(data.patients))
    shifted = score.copy()
    for k, split in enumerate(own):
        shifted[split.tested] += 100.0 * k
    same = harrell(data, own, [{1: score}, {1: shifted}])
    assert same[0] == same[1]
