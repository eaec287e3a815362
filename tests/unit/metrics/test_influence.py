"""Concordances and their variances are those of R's survival, rows of a patient together, and intervals cover."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slopewise.metrics.concordance import concordance_single
from slopewise.metrics.influence import area, harrell, interval


@pytest.fixture(scope="module")
def expected(golden: Path) -> pd.DataFrame:
    return pd.read_csv(golden / "influence.csv").set_index("what")


def test_an_area_of_rows_in_patients_is_that_of_survival(golden: Path, expected: pd.DataFrame):
    rows = pd.read_csv(golden / "influence_rows.csv")
    owner = rows["patient"].to_numpy() - 1
    found = area(rows["score"].to_numpy(), rows["positive"].to_numpy() == 1, owner, 30)
    assert found.value == pytest.approx(expected.loc["area", "value"], abs=1e-12)
    assert (found.influence**2).sum() == pytest.approx(expected.loc["area", "variance"], abs=1e-12)


def test_a_concordance_with_survival_times_is_that_of_survival(golden: Path, expected: pd.DataFrame):
    cohort = pd.read_csv(golden / "outcome_cohort.csv")
    followup, event = cohort["followup"].to_numpy(), cohort["event"].to_numpy() == 1
    found = harrell(followup, event, cohort["risk_5"].round(1).to_numpy())
    assert found.value == pytest.approx(expected.loc["harrell", "value"], abs=1e-12)
    assert (found.influence**2).sum() == pytest.approx(expected.loc["harrell", "variance"], abs=1e-12)


def test_ties_of_time_are_as_in_the_validated_concordance():
    rng = np.random.default_rng(2)
    time, event, score = (
        rng.integers(0, 6, 60).astype(float),
        rng.random(60) < 0.6,
        rng.integers(0, 5, 60).astype(float),
    )
    assert harrell(time, event, score).value == pytest.approx(concordance_single(time, event, score)[0], abs=1e-12)


def test_without_a_pair_there_is_no_figure():
    nobody = np.zeros(3, dtype=bool)
    assert np.isnan(area(np.arange(3.0), nobody, np.arange(3), 3).value)
    assert np.isnan(harrell(np.arange(3.0), nobody, np.arange(3.0)).value)
    assert np.isnan(interval(1.0, 0.0)).all() and np.isnan(interval(np.nan, np.nan)).all()
    assert area(np.array([1.0, 2, 2, 3]), np.array([False, False, True, True]), np.arange(4), 4).value == 0.875


@pytest.mark.parametrize("shift", [0.0, 1.2])
def test_intervals_cover_the_area_though_rows_of_a_patient_resemble_each_other(shift: float):
    """60 patients with 4 rows each, of two kinds; the true area is that of normal scores of variance 2."""
    from scipy.special import ndtr

    rng, owner, truth = np.random.default_rng(5), np.repeat(np.arange(60), 4), ndtr(shift / 2.0)
    hit, naive = 0, 0
    for _ in range(400):
        kind = (rng.random(60) < 0.5)[owner] if shift == 0.0 else rng.random(240) < 0.4
        score = shift * kind + rng.normal(size=60)[owner] + rng.normal(size=240)
        found = area(score, kind, owner, 60)
        low, high = interval(found.value, float((found.influence**2).sum()))
        hit += low <= truth <= high
        apart = area(score, kind, np.arange(240), 240)
        low, high = interval(apart.value, float((apart.influence**2).sum()))
        naive += low <= truth <= high
    assert 0.92 <= hit / 400 <= 0.98
    assert shift > 0.0 or naive / 400 < 0.88, "as if rows were independent"
