"""The compiled loops of elastic-net regression: Cox (Breslow's ties), logistic and linear, by coordinate descent.

Minimised is  loss(β)/W + λ (α |β|₁ + (1 − α)/2 |β|²),  W the number of patients, the intercept without a penalty
(Friedman et al. 2010, 10.18637/jss.v033.i01; for Cox's partial likelihood Simon et al. 2011, 10.18637/jss.v039.i05).
Each outer step lays a quadratic with the diagonal of the second derivative on the loss; coordinates are visited in
their order. Where a predictor separates the events that diagonal is far too steep, and steps are far too short: after
`PATIENCE` of them each is doubled as long as the penalised loss falls. A row of weight 0 is never read.

Rows lie by stratum, then time descending (`RiskSets`); without a time all rows are one stratum in any order.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np
from numba import prange

from slopewise.kernels.compiled import cached, cached_parallel

COX, LOGISTIC, LINEAR = 0, 1, 2
OUTER, SWEEPS, PATIENCE = 2_000, 10_000, 20
"""Quadratics at the most, rounds over the coordinates of one at the most, quadratics before steps are lengthened."""


@cached
def _largest(weight, eta):
    """The largest linear predictor of a row with a weight, which keeps exponentials in range."""
    top = -np.inf
    for i in range(eta.shape[0]):
        if weight[i] > 0:
            top = max(top, eta[i])
    return top


@cached
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


@cached
def _product(a, b):
    """a'b in four sums: the order is fixed, and the processor can work on four at once."""
    n = a.shape[0]
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(0, n - n % 4, 4):
        first += a[i] * b[i]
        second += a[i + 1] * b[i + 1]
        third += a[i + 2] * b[i + 2]
        fourth += a[i + 3] * b[i + 3]
    for i in range(n - n % 4, n):
        first += a[i] * b[i]
    return (first + second) + (third + fourth)


@cached
def _steepness(x, curvature):
    """x' diag(curvature) x, as `_product`."""
    n = x.shape[0]
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(0, n - n % 4, 4):
        first += x[i] * x[i] * curvature[i]
        second += x[i + 1] * x[i + 1] * curvature[i + 1]
        third += x[i + 2] * x[i + 2] * curvature[i + 2]
        fourth += x[i + 3] * x[i + 3] * curvature[i + 3]
    for i in range(n - n % 4, n):
        first += x[i] * x[i] * curvature[i]
    return (first + second) + (third + fourth)


@cached
def _sweep(xt, rest, curvature, steep, beta, active, only_active, strength, share, size):
    """One round over the coordinates; the largest change, in units of the loss's curvature.

    `steep` (k,) is filled when a coordinate first needs it; negative means not yet.
    """
    largest = 0.0
    for a in range(beta.shape[0]):
        if only_active and not active[a]:
            continue
        pull = _product(xt[a], rest) / size
        if beta[a] == 0.0 and abs(pull) <= strength * share:
            continue
        if steep[a] < 0.0:
            steep[a] = _steepness(xt[a], curvature) / size
        pull += steep[a] * beta[a]
        new = max(abs(pull) - strength * share, 0.0)
        if new > 0.0:
            new = (new if pull > 0 else -new) / (steep[a] + strength * (1.0 - share))
        change = new - beta[a]
        if change != 0.0:
            beta[a] = new
            active[a] = True
            for i in range(rest.shape[0]):
                rest[i] -= curvature[i] * xt[a, i] * change
            largest = max(largest, (steep[a] + strength * (1.0 - share)) * change * change)
    return largest


@cached
def _quadratic(xt, rest, curvature, steep, beta, active, intercept, moving, strength, share, size, tolerance):
    """Coordinate descent on the quadratic: all coordinates, then those in the model until they rest, and again."""
    level = 0.0
    for i in range(rest.shape[0]):
        level += curvature[i]
    only_active = False
    for _ in range(SWEEPS):
        largest = _sweep(xt, rest, curvature, steep, beta, active, only_active, strength, share, size)
        if moving and level > 0:
            shift = 0.0
            for i in range(rest.shape[0]):
                shift += rest[i]
            shift /= level
            for i in range(rest.shape[0]):
                rest[i] -= curvature[i] * shift
            intercept += shift
            largest = max(largest, level / size * shift * shift)
        if largest < tolerance:
            if not only_active:
                break
            only_active = False
        else:
            only_active = True
    return intercept


@cached
def _fill(xt, weight, beta, intercept, eta):
    for i in range(eta.shape[0]):
        eta[i] = intercept
    for a in range(beta.shape[0]):
        if beta[a] != 0.0:
            for i in range(eta.shape[0]):
                if weight[i] > 0:
                    eta[i] += xt[a, i] * beta[a]


@cached
def _penalty(beta, strength, share):
    value = 0.0
    for a in range(beta.shape[0]):
        value += share * abs(beta[a]) + 0.5 * (1.0 - share) * beta[a] * beta[a]
    return strength * value


@cached
def _objective(kind, time, y, stratum, weight, xt, beta, intercept, strength, share, eta, gradient, curvature):
    """The penalised loss; fills `eta` (n,) and the loss's derivatives there."""
    _fill(xt, weight, beta, intercept, eta)
    loss = loss_of(kind, time, y, stratum, weight, eta, gradient, curvature) / weight.sum()
    return loss + _penalty(beta, strength, share)


@cached
def _lengthen(
    kind,
    time,
    y,
    stratum,
    weight,
    xt,
    beta,
    intercept,
    before,
    earlier,
    strength,
    share,
    loss,
    eta,
    gradient,
    curvature,
):
    """Doubles the step from `before`, `earlier` to `beta` (changed in place), `intercept` while `loss` falls.

    Returns the intercept and the loss; the derivatives are those at the coefficients that are kept.
    """
    kept, size = beta.copy(), 1.0
    for _ in range(30):
        size *= 2.0
        for a in range(beta.shape[0]):
            beta[a] = before[a] + size * (kept[a] - before[a])
        longer = earlier + size * (intercept - earlier)
        value = _objective(kind, time, y, stratum, weight, xt, beta, longer, strength, share, eta, gradient, curvature)
        if not value < loss - 1e-13 * (1.0 + abs(loss)):
            size *= 0.5
            break
        loss = value
    for a in range(beta.shape[0]):
        beta[a] = before[a] + size * (kept[a] - before[a])
    intercept = earlier + size * (intercept - earlier)
    loss = _objective(kind, time, y, stratum, weight, xt, beta, intercept, strength, share, eta, gradient, curvature)
    return intercept, loss


@cached
def descend(kind, time, y, stratum, weight, xt, beta, intercept, strength, share, tolerance):
    """Minimise from `beta` (k,; changed in place) and `intercept`; `xt` (k, n). Returns the intercept, converged."""
    n, k = weight.shape[0], beta.shape[0]
    size = weight.sum()
    eta, gradient, curvature, steep = np.empty(n), np.empty(n), np.empty(n), np.empty(k)
    before, active = np.empty(k), beta != 0.0
    loss = _objective(kind, time, y, stratum, weight, xt, beta, intercept, strength, share, eta, gradient, curvature)
    for taken in range(OUTER):
        before[:] = beta
        earlier = intercept
        steep[:] = -1.0
        intercept = _quadratic(
            xt, gradient, curvature, steep, beta, active, intercept, kind != COX, strength, share, size, tolerance
        )
        moved = (intercept - earlier) ** 2
        for a in range(k):
            moved = max(moved, (beta[a] - before[a]) ** 2)
        for _ in range(40):
            value = _objective(
                kind, time, y, stratum, weight, xt, beta, intercept, strength, share, eta, gradient, curvature
            )
            if value <= loss + 1e-12 * (1.0 + abs(loss)):
                break
            intercept = 0.5 * (intercept + earlier)
            for a in range(k):
                beta[a] = 0.5 * (beta[a] + before[a])
        loss = value
        if kind == LINEAR or moved < tolerance:
            return intercept, True
        if taken >= PATIENCE:
            intercept, loss = _lengthen(
                kind, time, y, stratum, weight, xt, beta, intercept, before, earlier, strength, share, loss, eta,
                gradient, curvature,
            )  # fmt: skip
    return intercept, False


@cached
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
def strongest(kind, time, y, stratum, weight, xt, share):
    """The smallest λ at which every coefficient is 0."""
    n = weight.shape[0]
    eta, gradient, curvature = np.full(n, null_intercept(kind, y, weight)), np.empty(n), np.empty(n)
    loss_of(kind, time, y, stratum, weight, eta, gradient, curvature)
    largest = 0.0
    for a in range(xt.shape[0]):
        pull = 0.0
        for i in range(n):
            pull += xt[a, i] * gradient[i]
        largest = max(largest, abs(pull))
    return largest / (weight.sum() * share)


@cached_parallel
def held_out_loss(kind, time, y, stratum, weight, fold, folds, xt, strengths, share, tolerance, betas, lost):
    """Paths of all rows (job 0) and without each fold (job j), and the loss of the fold by the path without it.

    `strengths` (L,) descend; fills `betas` (1 + folds, L, k + 1; the intercept last) and `lost` (1 + folds, L). A
    fold's partial likelihood is that of all rows less that of the rows without it (Verweij & van Houwelingen 1993).
    """
    n, k = weight.shape[0], xt.shape[0]
    for job in prange(folds + 1):
        own, rest = np.zeros(n), np.zeros(n)
        for i in range(n):
            if fold[i] == job and job > 0:
                rest[i] = weight[i]
            else:
                own[i] = weight[i]
        eta, gradient, curvature, beta = np.empty(n), np.empty(n), np.empty(n), np.zeros(k)
        intercept = null_intercept(kind, y, own)
        for place in range(strengths.shape[0]):
            intercept, _ = descend(kind, time, y, stratum, own, xt, beta, intercept, strengths[place], share, tolerance)
            betas[job, place, :k] = beta
            betas[job, place, k] = intercept
            if job > 0 and rest.sum() > 0:
                _fill(xt, weight, beta, intercept, eta)
                if kind == COX:
                    lost[job, place] = loss_of(kind, time, y, stratum, weight, eta, gradient, curvature) - loss_of(
                        kind, time, y, stratum, own, eta, gradient, curvature
                    )
                else:
                    lost[job, place] = loss_of(kind, time, y, stratum, rest, eta, gradient, curvature)


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
