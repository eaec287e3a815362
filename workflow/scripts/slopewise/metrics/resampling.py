"""Resamples of patients as counts, percentile intervals, and how many threads the compiled loops use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numba
import numpy as np
from numpy.typing import NDArray

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
