"""Other ways to make the slopes beside the nested one, and a permutation test that finds an effect and no noise."""

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.fit import fit_outcome
from slopewise.outcome.ladder import ladder_data
from slopewise.tables import files as tables
from slopewise.validate import sensitivity as module
from slopewise.validate.nested import nested
from slopewise.validate.performance import performance
from slopewise.validate.question import cohorts
from slopewise.validate.sensitivity import WAYS, judged, permutation_test, sensitivity
from tests.unit.outcome.ladder_tables import KINDS, STUDY, Tables, of_kind, simulate


@pytest.fixture(scope="module")
def made() -> Tables:
    return simulate()


def splits(made: Tables, way: str) -> list[module.Split]:
    data = ladder_data(made.study, made.patients, made.slopes)
    return list(module._splits(way, data, made.folds, made.crossfit, made.fits))


@pytest.mark.parametrize("kind", KINDS)
def test_nested_and_apparent_rows_are_those_of_the_performance_table(kind: str):
    made = of_kind(kind)
    both = sensitivity(*made.validation, fit_outcome(*made.outcome).apparent)
    found = tables.check(both.sensitivity, "outcome/sensitivity")
    apparent = fit_outcome(*made.outcome).apparent
    table = performance(made.study, made.patients, nested(*made.validation).predictions, apparent).performance
    metric = made.study.kind.metric
    assert set(found["metric"]) == {metric}
    measured = table[(table["metric"] == metric) & (table["cause"] == found["cause"].iloc[0])].set_index("predictors")
    own = found.set_index(["slopes", "predictors"])
    for step in ("level", "slope"):
        validated = measured.loc[step, "validated"]
        assert own.loc[("nested", step), "validated"] == pytest.approx(validated, abs=1e-12)
        assert own.loc[("nested", step), "difference"] == 0
        assert own.loc[("apparent", step), "validated"] == pytest.approx(measured.loc[step, "apparent"], abs=1e-12)
        for way in WAYS[1:]:
            row = own.loc[(way, step)]
            assert row["difference"] == pytest.approx(row["validated"] - validated)
            assert abs(row["difference"]) < 0.05
    assert found["difference"].ne(0).sum() >= 4  # the ways do differ
    row = tables.check(both.permutation, "outcome/permutation").iloc[0]
    gain = own.loc[("nested", "slope"), "validated"] - own.loc[("nested", "level"), "validated"]
    assert row["metric"] == metric and row["gain"] == pytest.approx(gain, abs=1e-12)
    assert row["p_value"] < (0.5 if kind == "competing" else 0.05)  # fewer events, less power


def test_a_penalty_is_chosen_anew_in_every_training_set(monkeypatch: pytest.MonkeyPatch):
    made = simulate(n=90, text=STUDY.replace("penalty: none", "penalty: elastic_net"))
    monkeypatch.setattr(module, "PENALISED_PERMUTATIONS", 3)
    both = sensitivity(*made.validation, fit_outcome(*made.outcome).apparent)
    apparent = fit_outcome(*made.outcome).apparent
    table = performance(made.study, made.patients, nested(*made.validation).predictions, apparent).performance
    own = table[table["metric"] == "c_harrell"].set_index("predictors")
    found = both.sensitivity.set_index(["slopes", "predictors"])["validated"]
    for way, column in (("nested", "validated"), ("apparent", "apparent")):
        assert found[way].to_dict() == pytest.approx(own.loc[["level", "slope"], column].to_dict(), abs=1e-12)
    assert both.permutation["permutations"].tolist() == [3]


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
    table = tables.check(
        sensitivity(*made.validation, fit_outcome(*made.outcome).apparent).permutation, "outcome/permutation"
    )
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
        p_values.append(
            permutation_test(data, cohorts(noise.study, noise.patients)[0], linked, 19, seed)["p_value"].iloc[0]
        )
    assert np.mean(np.array(p_values) <= 0.1) < 0.3
    assert 0.3 < np.mean(p_values) < 0.7


def test_no_slope_in_the_model_leaves_nothing_to_test(made: Tables):
    data = ladder_data(made.study, made.patients, made.slopes)
    own = [module.replace(split, singular=np.ones(2, dtype=bool)) for split in splits(made, "nested")]
    row = permutation_test(data, cohorts(made.study, made.patients)[0], own, 3, 1).iloc[0]
    assert row["gain"] == 0 and np.isnan(row["p_value"])


def test_c_counts_pairs_inside_a_fold_alone(made: Tables):
    data = ladder_data(made.study, made.patients, made.slopes)
    own = [split for split in splits(made, "nested") if split.repeat == 1]
    rng = np.random.default_rng(3)
    score = rng.normal(size=len(data.patients))
    shifted = score.copy()
    for k, split in enumerate(own):
        shifted[split.tested] += 100.0 * k
    same = judged(cohorts(made.study, made.patients)[0], own, [{1: score}, {1: shifted}])
    assert same[0] == same[1]


def test_the_observed_gain_counts_as_one_of_the_permutations(made: Tables, monkeypatch: pytest.MonkeyPatch):
    """p = (1 + larger) / (1 + permutations), and the null's printed ends are its mean and its 95th percentile."""
    drawn = np.arange(1.0, 40.0)  # gains of 39 permutations

    def gains_of(own: float) -> pd.Series:
        def judged(cohort: object, splits: object, scored: list[object]) -> np.ndarray:
            return np.array([0.0]) if len(scored) == 1 else np.array([own, *drawn])  # level alone; with slopes

        monkeypatch.setattr(module, "judged", judged)
        monkeypatch.setattr(module, "_scored", lambda data, splits, step: {})
        data = ladder_data(made.study, made.patients, made.slopes)
        return permutation_test(data, cohorts(made.study, made.patients)[0], splits(made, "nested"), 39, 1).iloc[0]

    assert gains_of(50.0)["p_value"] == pytest.approx(1 / 40)  # never 0
    row = gains_of(38.0)
    assert row["p_value"] == pytest.approx(3 / 40)  # a tie is as large
    assert (row["gain"], row["null_mean"]) == (38.0, 20.0)
    assert row["null_high"] == pytest.approx(np.quantile(drawn, 0.95))
    assert gains_of(0.0)["p_value"] == 1


@pytest.mark.parametrize("what", ["level", "slope"])
def test_what_levels_explain_of_slopes_is_learned_from_training_patients_alone(made: Tables, what: str):
    """Whatever tested patients have, what is expected and left over of the others is the same."""
    data = ladder_data(made.study, made.patients, made.slopes)
    split = splits(made, "nested")[0]
    fitted, rest = module._explained(data, split)
    own = getattr(split, what).copy()
    own[split.tested] = 100.0 - 3.0 * own[split.tested]
    other_fitted, other_rest = module._explained(data, module.replace(split, **{what: own}))
    training = ~split.tested
    np.testing.assert_array_equal(other_fitted[training], fitted[training])
    np.testing.assert_array_equal(other_rest[training], rest[training])
    np.testing.assert_allclose(fitted + rest, split.slope)
    assert np.abs(rest[training].mean(axis=0)).max() < 1e-9 < np.abs(rest[split.tested].mean(axis=0)).max()
    if what == "slope":  # expected by levels and covariates, hence not moved by the tested patients' own slopes
        np.testing.assert_array_equal(other_fitted, fitted)
