"""The Brier score under censoring and the index of prediction accuracy (IPA), for many resamples at once.

Brier(t) = 1/n Σ [ case weight (1 − risk)² + control weight risk² ] with IPC weights (Graf et al. 1999).
IPA(t) = 1 − Brier(t) / Brier of the model without predictors (Kattan & Gerds 2018), whose risk is the Kaplan–Meier
risk of the training patients: what one could have said without looking at the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.metrics import kernels
from slopewise.metrics.ipcw import Weights

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """`brier` and `ipa`, each (B, S, H)."""

    brier: Floats
    ipa: Floats


def accuracy(risk: Floats, null_risk: Floats, weights: Weights, counts: NDArray[np.int64]) -> Accuracy:
    """Brier score and IPA of `risk` (n, S, H) against `null_risk` (n, H) in the resamples `counts` (B, n)."""
    n, kinds, horizons = risk.shape
    everything = np.concatenate([risk, null_risk[:, None, :]], axis=1)
    case, control = weights.case[:, None, :], weights.control[:, None, :]
    loss = case * (1.0 - everything) ** 2 + control * everything**2
    sums = np.zeros((len(counts), (kinds + 1) * horizons))
    kernels.weighted_sums(counts, np.ascontiguousarray(loss.reshape(n, -1)), sums)
    brier = (sums / counts.sum(axis=1)[:, None]).reshape(len(counts), kinds + 1, horizons)
    null = brier[:, -1:, :]
    ratio = np.divide(brier[:, :-1], null, out=np.full(brier[:, :-1].shape, np.nan), where=null > 0)
    return Accuracy(np.ascontiguousarray(brier[:, :-1]), 1.0 - ratio)
