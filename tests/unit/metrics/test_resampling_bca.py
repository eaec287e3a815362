"""BCa intervals: against SciPy's, where they cannot be had, and through both stages."""

import numpy as np
import pytest
from scipy import stats

from slopewise.metrics.resampling import bca_interval, percentile_interval


def test_the_interval_is_scipys():
    rng = np.random.default_rng(1)
    sample = rng.lognormal(size=60)
    reference = stats.bootstrap((sample,), np.mean, n_resamples=1999, method="BCa", random_state=2)
    draws = reference.bootstrap_distribution[:, None]
    jackknife = np.array([np.delete(sample, i).mean() for i in range(60)])[:, None]
    low, high, had = bca_interval(draws, np.array([sample.mean()]), jackknife)
    assert had[0]
    assert low[0] == pytest.approx(reference.confidence_interval.low, rel=1e-10)
    assert high[0] == pytest.approx(reference.confidence_interval.high, rel=1e-10)
    plain = percentile_interval(draws)
    assert low[0] > plain[0][0] and high[0] > plain[1][0]  # a skewed statistic: both ends move to the right


def test_an_unbiased_estimate_without_skewness_has_the_percentile_interval():
    draws = np.linspace(-1, 1, 1001)[:, None]
    jackknife = np.array([-1.0, 0.0, 1.0])[:, None]
    low, high, _ = bca_interval(draws, np.array([0.0]), jackknife)
    assert (low[0], high[0]) == pytest.approx((-0.95, 0.95))


def test_where_it_cannot_be_had():
    draws = np.column_stack([np.linspace(1, 2, 11), np.full(11, np.nan), np.linspace(-1, 1, 11)])
    draws[:3, 2] = np.nan
    low, high, had = bca_interval(draws, np.array([0.5, 0.0, 0.2]), np.zeros((5, 3)))
    assert had.tolist() == [False, False, True] and np.isnan(low[:2]).all() and low[2] < 0.2 < high[2]
    low, _, had = bca_interval(draws[:, 2:], np.array([0.2]), np.full((5, 1), np.nan))
    assert not had[0] and np.isnan(low[0]), "without a jackknife the acceleration is not known"
