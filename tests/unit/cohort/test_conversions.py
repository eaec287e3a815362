"""Two units in one column are told from one that varies, has outliers, or a pile of one value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.cohort.conversions import APART, APART_OR_TIME, OF_TIME, jumps_of_units, mixed_units

VALUES = np.random.default_rng(4).uniform(30, 45, 120)


@settings(max_examples=60, deadline=None)
@given(one=st.sampled_from(APART), count=st.integers(1, 59), seed=st.integers(0, 10_000))
def test_rows_in_another_unit_are_found_with_a_factor_that_explains_them(one, count, seed):
    rows = np.random.default_rng(seed).permutation(120)[:count]
    values = VALUES.copy()
    values[rows] *= one.factor
    found = mixed_units(values)
    assert found is not None and set(np.flatnonzero(found.other)) == set(rows)
    back = values[rows] / found.conversion.factor
    assert back.min() > 25 and back.max() < 55


@pytest.mark.parametrize(
    "values",
    [
        VALUES,
        np.append(VALUES, 60.0),  # an extreme patient
        np.append(VALUES, [80.0, 82.0, 85.0]),  # extreme patients, twice the others, and no pounds
        np.append(VALUES, [3.7] * 20),  # a pile
        np.append(VALUES, 0.0),
        np.append(VALUES, -370.0),
        np.append(VALUES[:18], 370.0),  # too few to tell
        np.append(np.repeat([1.0, 2.0, 3.0], 30), 20.0),  # a scale of few values
        np.exp(np.random.default_rng(5).normal(1, 1, 300)),
        np.append(np.exp(np.random.default_rng(5).normal(1, 1, 300)), 400.0),
        np.append(np.random.default_rng(5).normal(100, 25, 300), [4.0, 4.5, 5.0, 5.5]),  # a lower tail near 0
        np.full(30, np.nan),
    ],
)
def test_other_columns_are_left_alone(values):
    assert mixed_units(values) is None


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 100_000), sd=st.floats(0.02, 1.5), n=st.integers(20, 200))
def test_values_from_one_distribution_hardly_ever_are(seed, sd, n):
    assert mixed_units(np.exp(np.random.default_rng(seed).normal(0, sd, n))) is None


def test_missing_values_belong_to_neither_group():
    found = mixed_units(np.concatenate([VALUES, VALUES[:9] / 10, [np.nan]]))
    assert found is not None and found.other.sum() == 9 and not found.other[-1]


def course(seed: int, patients: int, sd: float, modes: float = 0.0) -> np.ndarray:
    """Logarithms (patients, 5) of a feature's values: between and within patients, with slopes; `modes`: a second mode
    of the patients, so far up."""
    random = np.random.default_rng([seed, patients])
    level, slope = random.normal(0, 0.8 * sd, (patients, 1)), random.normal(0, 0.4 * sd, (patients, 1))
    second = modes * (random.random((patients, 1)) < 0.3)
    return level + second + slope * np.linspace(0, 1, 5) + random.normal(0, 0.5 * sd, (patients, 5))


@pytest.mark.parametrize("patients", [30, 300])
def test_skewed_features_and_those_of_several_modes_have_one_unit(patients: int):
    found = 0
    for seed in range(20):
        for sd in (0.2, 0.5, 1.0, 1.5):
            own = course(seed, patients, sd)
            skewed, linear = np.exp(own), np.maximum(100 + 20 * own / sd, 0.1)
            for values in (skewed, linear):
                previous = np.c_[np.full(patients, np.nan), values[:, :-1]]
                found += mixed_units(values.ravel()) is not None
                found += jumps_of_units(values.ravel(), previous.ravel()) is not None
            for modes in (2.5, 4.0):
                found += mixed_units(np.exp(course(seed, patients, sd, modes)).ravel(), few=0.05) is not None
    assert found <= 3  # of 480


def test_a_row_of_a_computed_feature_in_another_unit_is_found():
    values = np.exp(course(1, 60, 0.5)).ravel()
    values[17] *= 1000
    found = mixed_units(values, few=0.05)
    assert found is not None and np.flatnonzero(found.other).tolist() == [17] and found.conversion.factor == 1000


def test_factors_of_time_are_those_of_durations_alone():
    durations = np.random.default_rng(4).uniform(2, 9, 120)
    durations[:30] *= 12
    found = mixed_units(durations, APART_OR_TIME)
    assert found is not None and found.conversion.factor == 12 and found.other.sum() == 30
    assert not {one.factor for one in APART} & {one.factor for one in OF_TIME}
    assert "months" not in str(mixed_units(durations))
