"""The compiled loops of weighted binomial regression: of the logistic outcome model, and of calibration at a moment.

Links: LOGIT, and CLOGLOG, whose linear predictor is the log cumulative hazard that a risk states.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np
from numba import prange

from slopewise.kernels.cache import inner
from slopewise.kernels.compiled import cached, cached_parallel
from slopewise.kernels.linear import cholesky_solve

CONVERGED, ITERATION_LIMIT, MONOTONE, SINGULAR, ONE_CLASS = 0, 1, 2, 3, 4
LOGIT, CLOGLOG = 0, 1


@inner
def _mean(eta, link):
    """Probability at a linear predictor, and its derivative; kept away from 0 and 1 by rounding alone."""
    if link == LOGIT:
        small = np.exp(-abs(eta))
        mean = (1.0 if eta >= 0 else small) / (1.0 + small)
        mean = min(max(mean, 1e-15), 1.0 - 1e-15)
        return mean, mean * (1.0 - mean)
    bounded = min(max(eta, -34.0), 3.5)
    hazard = np.exp(bounded)
    return min(max(-np.expm1(-hazard), 1e-15), 1.0 - 1e-15), hazard * np.exp(-hazard)


@inner
def _curvature(eta, happened, link):
    """Log likelihood of one patient at eta, its derivative, and minus its second derivative.

    With CLOGLOG the second derivative is the observed one (the likelihood is concave): Newton's method then converges
    quadratically, which scoring by its expectation does not.
    """
    if link == LOGIT:
        mean, steep = _mean(eta, link)
        loglik = np.log(mean) if happened else np.log1p(-mean)
        return loglik, (1.0 - mean if happened else -mean), steep
    hazard = np.exp(min(max(eta, -34.0), 3.5))
    if not happened:
        return -hazard, -hazard, hazard
    risk = max(-np.expm1(-hazard), 1e-15)
    steep = hazard * (1.0 - risk) / risk
    return np.log(risk), steep, steep * (hazard / risk - 1.0)


@inner
def likelihood(y, weight, offset, x, beta, link, score, information):
    """Weighted binomial log likelihood of y (0 or 1), its gradient (k,) and its information (k, k; lower triangle)."""
    k = beta.shape[0]
    score[:] = 0.0
    information[:, :] = 0.0
    loglik = 0.0
    for i in range(y.shape[0]):
        if weight[i] > 0:
            eta = offset[i]
            for a in range(k):
                eta += x[i, a] * beta[a]
            value, slope, curve = _curvature(eta, y[i] > 0.5, link)
            loglik += weight[i] * value
            slope *= weight[i]
            curve *= weight[i]
            for a in range(k):
                score[a] += slope * x[i, a]
                for b in range(a + 1):
                    information[a, b] += curve * x[i, a] * x[i, b]
    return loglik


@cached
def fit(y, weight, offset, x, start, link):
    """Maximise the likelihood by Newton's method with step halving; columns of `x` should have about unit variance.

    Rows of weight 0 are not read. Returns beta, log likelihood, information (lower triangle), iterations and a status:
    CONVERGED, ITERATION_LIMIT, MONOTONE (a coefficient runs to infinity), SINGULAR, ONE_CLASS (no event, or only
    events).
    """
    k = start.shape[0]
    beta, step, trial, score = start.copy(), np.zeros(k), np.zeros(k), np.zeros(k)
    information = np.zeros((k, k))
    cases, controls = 0.0, 0.0
    for i in range(y.shape[0]):
        if weight[i] > 0:
            cases += weight[i] * y[i]
            controls += weight[i] * (1.0 - y[i])
    if not (cases > 0 and controls > 0):
        return beta, 0.0, information, 0, ONE_CLASS
    loglik = likelihood(y, weight, offset, x, beta, link, score, information)
    status, iteration = ITERATION_LIMIT, 0
    while iteration < 100:
        if not cholesky_solve(information, score, 1e-12, step):
            status = SINGULAR if iteration == 0 else MONOTONE
            break
        largest, gain = 0.0, 0.0
        for a in range(k):
            largest = max(largest, abs(step[a]))
            gain += step[a] * score[a]
        if gain < 1e-10 and largest > 1e-3:
            status = MONOTONE
            break
        iteration += 1
        for _ in range(40):
            for a in range(k):
                trial[a] = beta[a] + step[a]
            value = likelihood(y, weight, offset, x, trial, link, score, information)
            if value >= loglik - 1e-11 * abs(loglik):
                break
            for a in range(k):
                step[a] *= 0.5
        loglik = value
        beta[:] = trial
        if largest < 1e-7:  # convergence is quadratic: what is left is of the order of its square
            status = CONVERGED
            break
    return beta, loglik, information, iteration, status


@inner
def _calibrate(y, weight, counts, x, centre, spread, basis, risk, grid, link, out, curve):
    """Slope, intercept, ICI and smooth curve of one resample at one moment; what cannot be fitted stays NaN."""
    rows = np.flatnonzero((counts > 0) & (weight > 0))
    y, own, x, basis_own = y[rows], weight[rows] * counts[rows], x[rows], basis[rows]
    n = len(rows)
    one, nothing = np.ones((n, 1)), np.zeros(n)
    beta, _, _, _, status = fit(y, own, x, one, np.zeros(1), link)
    if status == CONVERGED:
        out[1] = beta[0]
    if not spread > 0.0:
        return
    two = np.ones((n, 2))
    two[:, 1] = (x - centre) / spread
    start = np.zeros(3)
    start[0], start[1] = centre, spread  # the columns are scaled: this is slope 1 without a bend
    beta, _, _, _, status = fit(y, own, nothing, two, start[:2], link)
    if status == CONVERGED:
        out[0] = beta[1] / spread
        start[:2] = beta
    three = np.ones((n, 3))
    three[:, 1:] = basis_own
    beta, _, _, _, status = fit(y, own, nothing, three, start, link)
    if status != CONVERGED:
        return
    gap, patients = 0.0, 0
    for i in range(counts.shape[0]):
        if counts[i] > 0:
            patients += counts[i]
            mean, _ = _mean(beta[0] + basis[i, 0] * beta[1] + basis[i, 1] * beta[2], link)
            gap += counts[i] * abs(mean - risk[i])
    out[2] = gap / patients
    for g in range(grid.shape[0]):
        curve[g] = _mean(beta[0] + grid[g, 0] * beta[1] + grid[g, 1] * beta[2], link)[0]


@cached_parallel
def calibration_resamples(y, weight, counts, x, centre, spread, basis, risk, grid, link, out, curve):
    """`_calibrate` for every resample b, score s and moment h.

    `y`, `weight` (H, n); counts (B, n); x (S, H, n) the linear predictor that the risk states, with its `centre` and
    `spread` (S, H); basis (S, H, n, 2), risk (S, H, n), grid (S, H, G, 2). Fills out (B, S, H, 3) and curve
    (B, S, H, G), which come in as NaN.
    """
    for b in prange(counts.shape[0]):
        for s in range(x.shape[0]):
            for h in range(x.shape[1]):
                _calibrate(
                    y[h], weight[h], counts[b], x[s, h], centre[s, h], spread[s, h], basis[s, h], risk[s, h],
                    grid[s, h], link, out[b, s, h], curve[b, s, h],
                )  # fmt: skip
