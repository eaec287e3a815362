"""The sandwich of a Cox model whose rows come in clusters: several rows of one patient are not independent."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def robust_covariance(
    x: Floats, followup: ArrayLike, event: ArrayLike, beta: Floats, covariance: Floats, cluster: Integers,
    strata: Integers | None = None,
) -> Floats:  # fmt: skip
    """Covariance (k, k) of `beta` by patient: V (Σ_c u_c u_c') V, u_c the sum of a cluster's score residuals.

    Lin & Wei (1989, 10.1080/01621459.1989.10478874), `covariance` V the inverse information; Efron's ties, as R's
    `coxph(..., cluster = )`. `cluster` (n,) numbers from 0.
    """
    residual = score_residuals(x, followup, event, beta, strata)
    sums = np.zeros((int(cluster.max()) + 1, x.shape[1]))
    np.add.at(sums, cluster, residual)
    effect = sums @ covariance
    return np.asarray(effect.T @ effect)


def score_residuals(
    x: Floats, followup: ArrayLike, event: ArrayLike, beta: Floats, strata: Integers | None = None
) -> Floats:
    """Each row's part (n, k) of the score of the partial likelihood, which it has at its end and loses before."""
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    stratum = np.zeros(len(time), dtype=np.int64) if strata is None else strata
    eta = x @ beta
    risk = np.exp(eta - eta.max())
    found = np.zeros(x.shape)
    for own in np.unique(stratum):
        for at in np.unique(time[happened & (stratum == own)]):
            members = np.flatnonzero((stratum == own) & (time >= at))
            dying = happened[members] & (time[members] == at)
            deaths = int(dying.sum())
            for number in range(deaths):
                share = np.where(dying, 1.0 - number / deaths, 1.0)
                weight = risk[members] * share
                total = weight.sum()
                mean = weight @ x[members] / total
                gap = x[members] - mean
                found[members] -= gap * (weight / total)[:, None]
                found[members[dying]] += gap[dying] / deaths
    return found
