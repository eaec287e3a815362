"""The compiled losses of penalised outcome models: Cox's partial likelihood (Breslow's ties), logistic and linear.

Rows lie by stratum, then time descending (`RiskSets`); without a time all rows are one stratum in any order. A row of
weight 0 is never read.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np

from slopewise.kernels.cache import inner
from slopewise.kernels.compiled import cached

COX, LOGISTIC, LINEAR = 0, 1, 2


@inner
def _largest(weight, eta):
    """The largest linear predictor of a row with a weight, which keeps exponentials in range."""
    top = -np.inf
    for i in range(eta.shape[0]):
        if weight[i] > 0:
            top = max(top, eta[i])
    return top


@inner
def _cox(time, y, stratum, weight, eta, gradient, curvature):
    """Breslow's negative log partial likelihood, minus its derivative by each row's eta, and the second one."""
    n, top = eta.shape[0], _largest(weight, eta)
    total, deaths = np.zeros(n), np.zeros(n)  # of the risk set at the row's time, where the ties end
    loss, sum_risk, died, current = 0.0, 0.0, 0.0, -1
    for i in range(n):
        if stratum[i] != current:
            current, sum_risk, died = stratum[i], 0.0, 0.0
        if weight[i] > 0:
            sum_risk += weight[i] * np.exp(eta[i] - top)
            if y[i] > 0:
                died += weight[i]
                loss -= weight[i] * (eta[i] - top)
        if i + 1 == n or stratum[i + 1] != current or time[i + 1] != time[i]:
            total[i], deaths[i] = sum_risk, died
            if died > 0:
                loss += died * np.log(sum_risk)
            died = 0.0
    hazard, square, current = 0.0, 0.0, -1
    for i in range(n - 1, -1, -1):
        if stratum[i] != current:
            current, hazard, square = stratum[i], 0.0, 0.0
        if deaths[i] > 0:
            hazard += deaths[i] / total[i]
            square += deaths[i] / total[i] ** 2
        gradient[i], curvature[i] = 0.0, 0.0
        if weight[i] > 0:
            risk = np.exp(eta[i] - top)
            gradient[i] = weight[i] * ((1.0 if y[i] > 0 else 0.0) - risk * hazard)
            curvature[i] = weight[i] * max(risk * hazard - risk * risk * square, 0.0)
    return loss


@cached
def loss_of(kind, time, y, stratum, weight, eta, gradient, curvature):
    """The loss at `eta` (n,), minus its derivative and its second derivative by each row's eta."""
    if kind == COX:
        return _cox(time, y, stratum, weight, eta, gradient, curvature)
    loss = 0.0
    for i in range(eta.shape[0]):
        gradient[i], curvature[i] = 0.0, 0.0
        if weight[i] > 0:
            if kind == LINEAR:
                rest = y[i] - eta[i]
                loss += 0.5 * weight[i] * rest * rest
                gradient[i], curvature[i] = weight[i] * rest, weight[i]
            else:
                small = np.exp(-abs(eta[i]))
                mean = (1.0 if eta[i] >= 0 else small) / (1.0 + small)
                loss += weight[i] * (max(eta[i], 0.0) - y[i] * eta[i] + np.log1p(small))
                gradient[i], curvature[i] = weight[i] * (y[i] - mean), weight[i] * mean * (1.0 - mean)
    return loss


@inner
def null_intercept(kind, y, weight):
    """The intercept without predictors; a share of events is kept off 0 and 1."""
    if kind == COX:
        return 0.0
    mean = (weight * y).sum() / weight.sum()
    if kind == LINEAR:
        return mean
    mean = min(max(mean, 1e-6), 1.0 - 1e-6)
    return np.log(mean / (1.0 - mean))


@cached
def breslow_hazard(time, y, stratum, weight, eta, horizons, hazard):
    """Breslow's baseline cumulative hazard at eta = 0; fills `hazard` (strata, horizons)."""
    hazard[:, :] = 0.0
    n, top = eta.shape[0], _largest(weight, eta)
    sum_risk, died, current = 0.0, 0.0, -1
    for i in range(n):
        if stratum[i] != current:
            current, sum_risk, died = stratum[i], 0.0, 0.0
        if weight[i] > 0:
            sum_risk += weight[i] * np.exp(eta[i] - top)
            if y[i] > 0:
                died += weight[i]
        if i + 1 == n or stratum[i + 1] != current or time[i + 1] != time[i]:
            for h in range(horizons.shape[0]):
                if died > 0 and time[i] <= horizons[h]:
                    hazard[current, h] += died / sum_risk
            died = 0.0
    hazard *= np.exp(-top)
