"""Observed over expected events at a horizon (O:E), calibration in the large, for many resamples at once.

O:E(t) = Σ case weight / Σ risk, with IPC weights (Riley et al. 2024, 10.1136/bmj-2023-074820): 1 is right, above 1
risks are too low on average. With weights from the tested patients themselves, the sum of the case weights over n is
one minus the Kaplan–Meier curve, or the Aalen–Johansen incidence where events compete.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slopewise.kernels import pairs as kernels
from slopewise.metrics.ipcw import Weights

Floats = NDArray[np.float64]


def observed_over_expected(risk: Floats, weights: Weights, counts: NDArray[np.int64]) -> Floats:
    """O:E (B, S, H) of `risk` (n, S, H) in the resamples `counts` (B, n); missing where nothing was expected."""
    n, kinds, horizons = risk.shape
    own = np.concatenate([weights.case, risk.reshape(n, -1)], axis=1)
    sums = np.zeros((len(counts), own.shape[1]))
    kernels.weighted_sums(counts, np.ascontiguousarray(own), sums)
    expected = sums[:, horizons:].reshape(len(counts), kinds, horizons)
    observed = np.broadcast_to(sums[:, None, :horizons], expected.shape)
    return np.divide(observed, expected, out=np.full(expected.shape, np.nan), where=expected > 0)
