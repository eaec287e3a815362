"""Codes of missing values are known where they stand apart, and values that only look like them are left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.cohort.sentinels import as_code, sentinels

AGES = np.random.default_rng(1).normal(60, 10, 50).round(1)


@pytest.mark.parametrize("code", [-9.0, -99.0, -999.0, 999.0, 9999.0, -1.0, 888.0, 1e30])
def test_a_code_that_stands_apart_is_counted(code):
    assert sentinels(np.append(AGES, [code, np.nan, code])) == {code: 2}


@pytest.mark.parametrize(("count", "found"), [(2, {}), (3, {99.0: 3})])
def test_a_code_that_occurs_often_may_lie_nearer(count, found):
    assert sentinels(np.append(np.linspace(40, 73, 40), [99.0] * count)) == found


@pytest.mark.parametrize(
    "values",
    [
        np.append(AGES, 99.0),  # an age
        np.append(AGES, [88.0, 88.0, 88.0]),  # ages
        np.append(np.linspace(50, 900, 40), 999.0),  # platelets
        np.random.default_rng(2).normal(0, 3, 60).round(0),  # z scores, some of them -1
        np.array([9.0, 99.0, 999.0]),  # nothing else to compare with
        AGES,
    ],
)
def test_values_that_only_look_like_codes_are_not(values):
    assert sentinels(values) == {}


@settings(max_examples=50)
@given(st.lists(st.floats(-50, 50), min_size=5, max_size=60))
def test_ordinary_values_are_no_codes_unless_they_lie_apart(values):
    found = sentinels(np.array(values))
    others = [value for value in values if value not in found]
    assert all(code < min(others) or code > max(others) for code in found)


def test_codes_are_written_as_in_files():
    assert [as_code(code) for code in (-999.0, 999.0, 1e30)] == ["-999", "999", "1e+30"]
