"""Two units in one column are told from one that varies, has outliers, or a pile of one value."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.cohort.conversions import APART, mixed_units

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
