"""Decision curves: the net benefit of treating everyone whose predicted risk reaches a threshold.

Vickers & Elkin 2006: net benefit(p) = true positives/n − false positives/n · p/(1 − p). With censoring both rates
are estimated with IPC weights, as for the Brier score.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.kernels import pairs as kernels
from slopewise.metrics.ipcw import Weights

Floats = NDArray[np.float64]


def net_benefit(risk: Floats, thresholds: ArrayLike, weights: Weights, counts: NDArray[np.int64]) -> Floats:
    """Net benefit (B, S, H, T) of `risk` (n, S, H) at `thresholds` (T,) in the resamples `counts` (B, n).

    Thresholds ascend between 0 and 1. A patient is treated when risk >= threshold: "treat all" is a risk of 1 for
    everybody, "treat none" a risk of 0.
    """
    levels = np.asarray(thresholds, dtype=float)
    if ((levels <= 0) | (levels >= 1)).any() or (np.diff(levels) <= 0).any():
        raise ValueError("thresholds must ascend and lie between 0 and 1")
    reached = np.searchsorted(levels, risk, side="right").transpose(1, 2, 0)
    benefit = np.zeros((len(counts), risk.shape[1], risk.shape[2], len(levels)))
    kernels.benefit_sums(
        counts, np.ascontiguousarray(reached, dtype=np.int64), np.ascontiguousarray(weights.case.T),
        np.ascontiguousarray(weights.control.T), levels / (1.0 - levels), benefit,
    )  # fmt: skip
    return benefit
