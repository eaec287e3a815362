"""Columns that describe the outcome are told from those that only go with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slopewise.cohort.leaks import describes_outcome

RNG = np.random.default_rng(3)
N = 80
EVENT = (RNG.random(N) < 0.5).astype(int)
FOLLOWUP = RNG.exponential(5, N) + 1
TEXT = np.array([""] * N, dtype=object)


def reason(cells: object, event: np.ndarray = EVENT, followup: np.ndarray = FOLLOWUP) -> str:
    cells = np.array([str(cell) for cell in np.asarray(cells, dtype=object)], dtype=object)
    missing = cells == ""
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(cells):
        try:
            values[row] = float(cell)
        except ValueError:
            continue
    return describes_outcome(cells, values, missing, event, followup)


LEAKS = {
    "the event": (EVENT, "levels that give the event"),
    "its complement": (1 - EVENT, "levels that give the event"),
    "a copy with a slip": (np.where(np.arange(N) == 7, 1 - EVENT, EVENT), "levels that give the event"),
    "another coding": (np.where(EVENT == 1, 8, 7), "levels that give the event"),
    "text": (np.where(EVENT == 1, "DEATH", np.where(FOLLOWUP > 4, "WITHDRAWN", "STUDY END")), "says 'DEATH'"),
    "a cause": (np.where(EVENT == 1, np.where(FOLLOWUP > 4, "a", "b"), ""), "filled only for patients with"),
    "a number that separates": (np.where(EVENT == 1, 10 + FOLLOWUP, -FOLLOWUP), "separates"),
    "follow-up in days": (np.round(FOLLOWUP * 365.25, 2), "is associated with the follow-up time"),
    "follow-up in whole years": (np.ceil(FOLLOWUP), "is associated with the follow-up time"),
    "number of all visits": (np.floor(FOLLOWUP / 0.5) + 1, "is associated with the follow-up time"),
    "a wider endpoint": (np.where(np.arange(N) % 9 == 0, 1, EVENT), "level '0' only for patients without the event"),
    "its text": (np.where((np.arange(N) % 9 == 0) | (EVENT == 1), "relapse", "free"), "level 'free' only for patients"),
    "a part of the event": (np.where(np.arange(N) % 4 == 0, 0, EVENT), "level '1' only for patients with the event"),
    "another endpoint's time": (np.where(EVENT == 1, FOLLOWUP * 0.6, FOLLOWUP), "a time that ends with the follow-up"),
}  # fmt: skip


@pytest.mark.parametrize("case", LEAKS)
def test_a_column_that_describes_the_outcome_is_named(case):
    cells, said = LEAKS[case]
    assert said in reason(cells)


def test_a_coding_of_competing_events():
    event = np.where(EVENT == 1, 1 + (FOLLOWUP > 4), 0)
    assert "constant within each code" in reason((event == 2).astype(int), event)


HONEST = {
    "a weak predictor": np.where(RNG.random(N) < 0.3, 1 - EVENT, EVENT),
    "a sex": np.where(RNG.random(N) < 0.5, "m", "f"),
    "an age": np.round(60 + 5 * EVENT + 8 * RNG.normal(size=N), 1),
    "missing at random": np.where(RNG.random(N) < 0.4, "", "x"),
    "one value": np.full(N, 1),
    "few without the event": np.where(np.isin(np.arange(N), np.flatnonzero(EVENT == 0)[:7]), "low", "high"),
    "an age that goes with the follow-up": np.round(60 + FOLLOWUP + 2 * RNG.normal(size=N), 1),
    "nearly one value": np.where(np.arange(N) == np.flatnonzero(EVENT)[0], 1, 0),
    "family history": np.where(RNG.random(N) < 0.5, "father died young", "none"),
}


@pytest.mark.parametrize("case", HONEST)
def test_a_column_that_only_goes_with_the_outcome_is_not(case):
    assert reason(HONEST[case]) == ""


def test_of_few_patients_nothing_is_told():
    assert reason(EVENT[:9], np.array([1, 1, 1, 1, 0, 0, 0, 0, 0]), FOLLOWUP[:9]) == ""


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), levels=st.integers(2, 40))
def test_noise_is_never_taken_for_the_outcome(seed, levels):
    rng = np.random.default_rng(seed)
    assert reason(rng.integers(0, levels, N)) == ""
    assert reason(np.round(rng.normal(size=N), 2)) == ""
