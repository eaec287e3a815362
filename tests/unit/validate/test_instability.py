"""Instability of predictions: the definitions of Riley and Collins on predictions whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from slopewise.validate.instability import summary


def test_models_that_agree_are_stable() -> None:
    known = np.linspace(0.1, 0.9, 60)
    found = summary(known, np.tile(known, (40, 1)))
    whole = found[found["part"] == 0].iloc[0]
    assert whole["difference"] == 0 and whole["changed"] == 0
    np.testing.assert_allclose(found["low"], found["predicted"])
    np.testing.assert_allclose(found["high"], found["predicted"])


def test_differences_and_intervals_are_those_of_each_patient() -> None:
    rng = np.random.default_rng(4)
    known = rng.uniform(0.2, 0.8, 50)
    shift = np.linspace(-0.1, 0.1, 4001)  # the same for every patient: quantiles ± 0.095, mean absolute value 0.05
    whole = summary(known, known + shift[:, None]).iloc[0]
    assert whole["difference"] == pytest.approx(0.05, abs=1e-4)
    assert (whole["low"] - whole["predicted"], whole["high"] - whole["predicted"]) == pytest.approx((-0.095, 0.095))
    assert (whole["patients"], whole["resamples"]) == (50, 4001)


def test_a_patient_who_is_in_another_third_half_of_the_time_counts_half() -> None:
    known = np.repeat([0.1, 0.5, 0.9], 20)
    found = np.tile(known, (10, 1))
    found[:5, 0] = 0.95  # one of 60 patients, in half of the models
    assert summary(known, found).iloc[0]["changed"] == pytest.approx(0.5 / 60)


@pytest.mark.parametrize(("patients", "parts"), [(9, 1), (34, 3), (105, 10), (1000, 10)])
def test_parts_hold_all_patients_and_at_least_ten_where_there_are_so_many(patients: int, parts: int) -> None:
    known = np.random.default_rng(1).uniform(size=patients)
    found = summary(known, known[None] + np.zeros((2, 1)))
    own = found[found["part"] > 0]
    assert len(own) == parts and own["patients"].sum() == patients
    assert own["patients"].min() >= min(10, patients)
    assert own["predicted"].is_monotonic_increasing


def test_patients_of_equal_predictions_have_one_third() -> None:
    found = summary(np.full(30, 0.4), np.full((5, 30), 0.4))
    assert isinstance(found, pd.DataFrame) and found.iloc[0]["changed"] == 0
