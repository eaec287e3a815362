"""Resamples of patients as counts, percentile intervals, and how many threads the compiled loops use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Floats = NDArray[np.float64]


def resample_counts(rng: np.random.Generator, patients: int, resamples: int) -> NDArray[np.int64]:
    """How often each patient enters: row 0 everybody once, then `resamples` draws with replacement, (1 + B, n)."""
    counts = np.ones((1 + resamples, patients), dtype=np.int64)
    for b in range(1, resamples + 1):
        counts[b] = np.bincount(rng.integers(patients, size=patients), minlength=patients)
    return counts


def percentile_interval(draws: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """2.5th and 97.5th percentile over the first axis of `draws` (B, ...), and how many draws are missing.

    Missing draws are left out; where at least half are missing, or there are none, the interval is missing too.
    """
    missing = np.isnan(draws).sum(axis=0)
    low, high = np.full((2, *draws.shape[1:]), np.nan)
    enough = 2 * missing < len(draws)
    if len(draws) and enough.any():
        bounds = np.nanpercentile(draws[:, enough], [2.5, 97.5], axis=0)
        low[enough], high[enough] = bounds
    return low, high, missing


def bca_interval(draws: Floats, estimate: Floats, jackknife: Floats) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """95% BCa interval over the first axis of `draws` (B, k): bias-corrected and accelerated (Efron 1987).

    z₀ = Φ⁻¹ of the share of draws below `estimate` (k,), ties by half; acceleration a = Σd³ / 6(Σd²)^1.5 with d the
    mean of `jackknife` (J, k) less each; the ends are the quantiles Φ(z₀ + (z₀ + z)/(1 − a(z₀ + z))). Missing draws are
    left out. Returns low, high and where (k,) it could be had: not where half the draws or more are missing, all lie on
    one side of the estimate, or no value of `jackknife` is known.
    """
    low, high = np.full((2, draws.shape[1]), np.nan)
    for column in range(draws.shape[1]):
        own = draws[~np.isnan(draws[:, column]), column]
        left = jackknife[~np.isnan(jackknife[:, column]), column]
        if 2 * len(own) <= len(draws) or not len(left) or not np.isfinite(estimate[column]):
            continue
        share = ((own < estimate[column]).sum() + 0.5 * (own == estimate[column]).sum()) / len(own)
        if not 0.0 < share < 1.0:
            continue
        bias, gap = ndtri(share), left.mean() - left
        spread = float((gap**2).sum())
        bend = float((gap**3).sum()) / (6.0 * spread**1.5) if spread > 0 else 0.0
        z = bias + np.array([ndtri(0.025), ndtri(0.975)])
        if (1.0 - bend * z <= 0).any():
            continue
        low[column], high[column] = np.quantile(own, ndtr(bias + z / (1.0 - bend * z)))
    return low, high, np.isfinite(low)


def _most_threads() -> int:
    """How many threads numba was started with (the environment variable NUMBA_NUM_THREADS)."""
    return int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009 - numba makes this name when it is imported


@contextmanager
def compiled_threads(threads: int) -> Iterator[None]:
    """Let compiled loops over resamples use `threads` threads (at most what numba was started with)."""
    before = numba.get_num_threads()
    numba.set_num_threads(max(1, min(threads, _most_threads())))
    try:
        yield
    finally:
        numba.set_num_threads(before)
