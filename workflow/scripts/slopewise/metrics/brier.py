"""The Brier score and the log score under censoring, and the index of prediction accuracy (IPA), for many resamples.

Brier(t) = 1/n Σ [ case weight (1 − risk)² + control weight risk² ] with IPC weights (Graf et al. 1999).
Log score(t) = 1/n Σ [ case weight log risk + control weight log(1 − risk) ], higher is better; both are proper scores.
IPA(t) = 1 − Brier(t) / Brier of the model without predictors (Kattan & Gerds 2018), whose risk is the Kaplan–Meier
risk of the training patients: what one could have said without looking at the patient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.kernels import pairs as kernels
from slopewise.metrics.ipcw import Weights

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Accuracy:
    """`brier`, `ipa` and `log_score`, each (B, S, H)."""

    brier: Floats
    ipa: Floats
    log_score: Floats


CERTAIN = 1e-6
"""A risk is taken as at least this and at most 1 less this, so that one certain mistake does not decide a log score."""


def accuracy(risk: Floats, null_risk: Floats, weights: Weights, counts: NDArray[np.int64]) -> Accuracy:
    """Brier score, IPA and log score of `risk` (n, S, H) in the resamples `counts` (B, n); `null_risk` (n, H)."""
    n, kinds, horizons = risk.shape
    everything = np.concatenate([risk, null_risk[:, None, :]], axis=1)
    case, control = weights.case[:, None, :], weights.control[:, None, :]
    loss = case * (1.0 - everything) ** 2 + control * everything**2
    kept = np.clip(risk, CERTAIN, 1.0 - CERTAIN)
    score = case * np.log(kept) + control * np.log1p(-kept)
    own = np.concatenate([loss.reshape(n, -1), score.reshape(n, -1)], axis=1)
    sums = np.zeros((len(counts), own.shape[1]))
    kernels.weighted_sums(counts, np.ascontiguousarray(own), sums)
    means = sums / counts.sum(axis=1)[:, None]
    brier = means[:, : (kinds + 1) * horizons].reshape(len(counts), kinds + 1, horizons)
    log_score = means[:, (kinds + 1) * horizons :].reshape(len(counts), kinds, horizons)
    null = brier[:, -1:, :]
    ratio = np.divide(brier[:, :-1], null, out=np.full(brier[:, :-1].shape, np.nan), where=null > 0)
    return Accuracy(np.ascontiguousarray(brier[:, :-1]), 1.0 - ratio, log_score)
