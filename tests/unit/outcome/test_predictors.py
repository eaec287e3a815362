"""Predictors: coding of covariates, what is learned from training patients, what is left out and told."""

import json

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.predictors import CovariateCoding, PredictorRecipe, slopes_left_out
from slopewise.run.errors import InputError

NONE = CovariateCoding(())


def learn(raw, terms=None, counts=None, left_out=None, coding=NONE):
    terms = terms or [f"m{i}.first" for i in range(raw.shape[1])]
    counts = np.ones(len(raw), dtype=np.int64) if counts is None else counts
    return PredictorRecipe.learn("baseline", terms, raw, counts, left_out or {}, coding)


def test_text_covariates_become_indicators_of_the_whole_cohort_without_the_first_level():
    cohort = pd.DataFrame({"patient": list("abcd"), "age": [1, 2, 3, 4], "stage": ["II", "I", "III", "II"]})
    coding = CovariateCoding.learn(cohort, ["age", "stage"])
    assert coding.terms == ("age", "stage[II]", "stage[III]")
    assert coding.matrix(cohort).tolist() == [[1, 1, 0], [2, 0, 0], [3, 0, 1], [4, 1, 0]]
    assert coding.matrix(cohort.iloc[[2]]).tolist() == [[3, 0, 1]]
    assert CovariateCoding.learn(cohort, []).matrix(cohort).shape == (4, 0)


def test_an_unknown_level_or_a_missing_value_names_the_patient_and_the_column():
    cohort = pd.DataFrame({"patient": ["a", "b"], "sex": ["f", "m"]})
    coding = CovariateCoding.learn(cohort, ["sex"])
    with pytest.raises(InputError, match=r"patient c: covariate sex .* known are f, m"):
        coding.matrix(pd.DataFrame({"patient": ["a", "c"], "sex": ["f", "x"]}))
    with pytest.raises(InputError, match=r"patient b: covariate sex is missing"):
        coding.matrix(pd.DataFrame({"patient": ["a", "b"], "sex": ["f", None]}))


def test_missing_values_get_the_training_mean_and_columns_the_training_sd():
    raw = np.array([[1.0, 5.0], [2.0, np.nan], [6.0, 8.0], [3.0, 2.0]])
    recipe, reasons = learn(raw)
    assert reasons == {}
    assert recipe.fill.tolist() == [3.0, 5.0]
    x = recipe.standardise(raw)
    assert x.mean(axis=0) == pytest.approx([0, 0], abs=1e-15) and x.std(axis=0, ddof=1) == pytest.approx([1, 1])
    assert x[1, 1] == 0.0
    # A new patient is measured with the training patients' rule.
    assert recipe.standardise(np.array([[np.nan, 11.0]])) == pytest.approx(np.array([[0.0, 6.0 / recipe.scale[1]]]))


def test_counts_weigh_means_and_sds_like_repeated_rows():
    rng = np.random.default_rng(1)
    raw, counts = rng.normal(size=(20, 3)), rng.integers(1, 4, size=20)
    raw[3, 1] = np.nan
    a, _ = learn(raw, counts=counts)
    b, _ = learn(np.repeat(raw, counts, axis=0))
    assert a.fill == pytest.approx(b.fill) and a.scale == pytest.approx(b.scale)


def test_what_does_not_vary_is_missing_or_is_a_combination_is_left_out_with_a_reason():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 30))
    raw = np.column_stack([a, np.full(30, 1e6 + 0.1), b, np.full(30, np.nan), 2 * a - b + 7])
    recipe, reasons = learn(raw, terms=["a.first", "c.first", "b.first", "n.first", "s.first"])
    assert recipe.terms == ("a.first", "b.first") and recipe.columns.tolist() == [0, 2]
    assert list(reasons) == ["c.first", "n.first", "s.first"]
    assert "does not vary" in reasons["c.first"] and "no training patient" in reasons["n.first"]
    assert "linear combination" in reasons["s.first"]
    assert recipe.standardise(raw).shape == (30, 2)


def test_all_predictors_may_be_left_out():
    recipe, reasons = learn(np.ones((5, 1)))
    assert recipe.terms == () and len(reasons) == 1 and recipe.standardise(np.ones((5, 1))).shape == (5, 0)


def gate(step, level, slope, singular=(False,), flat=(False,), markers=("m",)):
    counts = np.ones(len(level), dtype=np.int64)
    return slopes_left_out(step, markers, level, slope, counts, np.array(singular), np.array(flat))


def test_the_slope_is_left_out_beside_a_level_that_it_repeats():
    rng = np.random.default_rng(3)
    level = rng.normal(size=(200, 1))
    near, far = level + 0.1 * rng.normal(size=(200, 1)), level + 0.2 * rng.normal(size=(200, 1))
    assert np.corrcoef(level[:, 0], near[:, 0])[0, 1] > 0.99 > np.corrcoef(level[:, 0], far[:, 0])[0, 1]
    assert "correlate above 0.99" in gate("slope", level, near)["m.slope"]
    assert "correlate above 0.99" in gate("slope", level, -near)["m.slope"]
    assert gate("slope", level, far) == {}
    assert "rank one" in gate("slope", level, far, singular=(True,))["m.slope"]
    # Alone it stays, and no other step has both.
    assert gate("slope_only", level, near, singular=(True,)) == {}
    assert gate("level", level, near, singular=(True,)) == {}


def test_a_slope_without_random_part_enters_nowhere():
    level, slope = np.random.default_rng(4).normal(size=(2, 50, 1))
    assert "no random slope" in gate("slope_only", level, slope, flat=(True,))["m.slope"]
    assert "no random slope" in gate("slope", level, slope, flat=(True,))["m.slope"]


def test_each_marker_passes_the_gate_by_itself():
    level, slope = np.random.default_rng(5).normal(size=(2, 50, 3))
    found = gate("slope", level, slope, (False, True, False), (False,) * 3, ("a", "b", "c"))
    assert list(found) == ["b.slope"]


def test_apply_on_frames_is_standardise_on_arrays_and_json_brings_it_back():
    patients = pd.DataFrame({"patient": ["b", "a", "c", "d"], "sex": list("mfmf"), "age": [3.0, 1, 7, 7]})
    coding = CovariateCoding.learn(patients, ["age", "sex"])
    values = pd.DataFrame({"k.first": [1.0, np.nan, 2.0, 5.0], "k.delta": [0.0, 4.0, 5.0, 1.0]}, index=list("abcd"))
    raw = np.column_stack([coding.matrix(patients), values.loc[list("bacd")].to_numpy()])
    terms = [*coding.terms, "k.first", "k.delta"]
    recipe, _ = learn(raw, terms=terms, left_out={"k.delta": "not today"}, coding=coding)
    assert recipe.terms == ("age", "sex[m]", "k.first")
    again = PredictorRecipe.from_dict(json.loads(json.dumps(recipe.to_dict(), allow_nan=False)))
    for one in (recipe, again):
        assert np.array_equal(one.apply(patients, values), recipe.standardise(raw))
