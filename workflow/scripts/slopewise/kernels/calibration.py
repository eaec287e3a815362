"""The compiled loops of calibration by Cox models: three fits for every resample, step and horizon.

The same likelihood as in `slopewise.kernels.partial_likelihood`, written out for one and two predictors without late
entry or strata, over the patients of the resample alone: some hundred thousand fits are made for one table.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np
from numba import prange

from slopewise.kernels.cache import inner
from slopewise.kernels.compiled import cached_parallel

CONVERGED, ITERATION_LIMIT, MONOTONE, SINGULAR = 0, 1, 2, 3
ENOUGH = 1e-6
"""A step smaller than this is the last: convergence is quadratic, so what is left is of the order of its square."""


@inner
def _relative_hazards(eta, copies, hazard):
    """Fill `hazard` with copies × exp(eta − top); returns top, the largest of eta, which keeps them in range."""
    top = -np.inf
    for j in range(eta.shape[0]):
        top = max(top, eta[j])
    for j in range(eta.shape[0]):
        hazard[j] = copies[j] * np.exp(eta[j] - top)
    return top


@inner
def _one(x, copies, deaths, closes, beta, eta, hazard):
    """Efron's log partial likelihood of one predictor x (m,), its gradient and its information.

    Rows by time descending: `copies` (m,), `deaths` (m,) copies that have the event there, `closes` (m,) true at the
    last row of a moment with events.
    """
    for j in range(x.shape[0]):
        eta[j] = beta * x[j]
    top = _relative_hazards(eta, copies, hazard)
    loglik, score, information = 0.0, 0.0, 0.0
    s0, s1, s2, d0, d1, d2, died = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0
    for j in range(x.shape[0]):
        w = hazard[j]
        wx = w * x[j]
        wxx = wx * x[j]
        s0 += w
        s1 += wx
        s2 += wxx
        if deaths[j] > 0:
            died += deaths[j]
            d0 += w
            d1 += wx
            d2 += wxx
            loglik += deaths[j] * (eta[j] - top)
            score += deaths[j] * x[j]
        if closes[j]:
            for death in range(died):
                share = death / died
                total = s0 - share * d0
                mean = (s1 - share * d1) / total
                loglik -= np.log(total)
                score -= mean
                information += (s2 - share * d2) / total - mean * mean
            d0, d1, d2, died = 0.0, 0.0, 0.0, 0
    return loglik, score, information


@inner
def fit_one(x, copies, deaths, closes, start, eta, hazard):
    """The coefficient of one predictor by Newton's method with step halving, and a status."""
    beta = start
    loglik, score, information = _one(x, copies, deaths, closes, beta, eta, hazard)
    for iteration in range(60):
        if not information > 1e-300:
            return beta, SINGULAR if iteration == 0 else MONOTONE
        step = score / information
        if step * score < 1e-10 and abs(step) > 1e-3:
            return beta, MONOTONE
        if abs(step) < ENOUGH:
            return beta + step, CONVERGED
        for _ in range(30):
            value, score, information = _one(x, copies, deaths, closes, beta + step, eta, hazard)
            if value >= loglik - 1e-11 * abs(loglik):
                break
            step *= 0.5
        loglik = value
        beta += step
    return beta, ITERATION_LIMIT


@inner
def _two(x, copies, deaths, closes, a, b, eta, hazard):
    """As `_one`, of two predictors x (2, m) with coefficients a and b: gradient (2), information (aa, ab, bb)."""
    u, v = x[0], x[1]
    for j in range(eta.shape[0]):
        eta[j] = a * u[j] + b * v[j]
    top = _relative_hazards(eta, copies, hazard)
    loglik, ga, gb, iaa, iab, ibb = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    s0, su, sv, suu, suv, svv = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    d0, du, dv, duu, duv, dvv, died = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0
    for j in range(eta.shape[0]):
        w = hazard[j]
        wu, wv = w * u[j], w * v[j]
        wuu, wuv, wvv = wu * u[j], wu * v[j], wv * v[j]
        s0 += w
        su += wu
        sv += wv
        suu += wuu
        suv += wuv
        svv += wvv
        if deaths[j] > 0:
            died += deaths[j]
            d0 += w
            du += wu
            dv += wv
            duu += wuu
            duv += wuv
            dvv += wvv
            loglik += deaths[j] * (eta[j] - top)
            ga += deaths[j] * u[j]
            gb += deaths[j] * v[j]
        if closes[j]:
            for death in range(died):
                share = death / died
                total = s0 - share * d0
                mu, mv = (su - share * du) / total, (sv - share * dv) / total
                loglik -= np.log(total)
                ga -= mu
                gb -= mv
                iaa += (suu - share * duu) / total - mu * mu
                iab += (suv - share * duv) / total - mu * mv
                ibb += (svv - share * dvv) / total - mv * mv
            d0, du, dv, duu, duv, dvv, died = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0
    return loglik, ga, gb, iaa, iab, ibb


@inner
def fit_two(x, copies, deaths, closes, start, eta, hazard):
    """The coefficients of two predictors x (2, m) by Newton's method from (start, 0), and a status."""
    a, b = start, 0.0
    loglik, ga, gb, iaa, iab, ibb = _two(x, copies, deaths, closes, a, b, eta, hazard)
    for iteration in range(60):
        rest = ibb - iab * iab / iaa if iaa > 1e-300 else 0.0
        if not (rest > 1e-11 * ibb and rest > 1e-300):
            return a, b, SINGULAR if iteration == 0 else MONOTONE
        step_b = (gb - iab / iaa * ga) / rest
        step_a = (ga - iab * step_b) / iaa
        largest = max(abs(step_a), abs(step_b))
        if step_a * ga + step_b * gb < 1e-10 and largest > 1e-3:
            return a, b, MONOTONE
        if largest < ENOUGH:
            return a + step_a, b + step_b, CONVERGED
        for _ in range(30):
            value, ga, gb, iaa, iab, ibb = _two(x, copies, deaths, closes, a + step_a, b + step_b, eta, hazard)
            if value >= loglik - 1e-11 * abs(loglik):
                break
            step_a *= 0.5
            step_b *= 0.5
        loglik = value
        a += step_a
        b += step_b
    return a, b, ITERATION_LIMIT


@inner
def _cumulative_hazard(hazard, deaths, closes):
    """Efron's baseline cumulative hazard at the horizon, in the unit of `hazard` (m,), copies × relative hazard."""
    s0, d0, died, total = 0.0, 0.0, 0, 0.0
    for j in range(hazard.shape[0]):
        s0 += hazard[j]
        if deaths[j] > 0:
            died += deaths[j]
            d0 += hazard[j]
        if closes[j]:
            for death in range(died):
                total += 1.0 / (s0 - death / died * d0)
            d0, died = 0.0, 0
    return total


@inner
def _calibrate(x, stated, spread, basis, risk, grid, patients, copies, deaths, closes, eta, hazard, out, curve):
    """Slope, intercept, ICI and smooth curve of one resample at one horizon; what cannot be fitted stays NaN."""
    for j in range(stated.shape[0]):
        hazard[j] = copies[j] * stated[j]
    total = _cumulative_hazard(hazard, deaths, closes)
    if total > 0.0:
        out[1] = np.log(total)
    if not (spread > 0.0 and total > 0.0):
        return
    beta, status = fit_one(x, copies, deaths, closes, spread, eta, hazard)  # x is scaled: from slope 1
    start = spread
    if status == CONVERGED:
        out[0], start = beta / spread, beta
    a, b, status = fit_two(basis, copies, deaths, closes, start, eta, hazard)
    if status != CONVERGED:
        return
    for j in range(eta.shape[0]):
        eta[j] = a * basis[0, j] + b * basis[1, j]
    top = _relative_hazards(eta, copies, hazard)
    total, gap = _cumulative_hazard(hazard, deaths, closes), 0.0
    for j in range(eta.shape[0]):
        gap += copies[j] * abs(-np.expm1(-total * hazard[j] / copies[j]) - risk[j])
    out[2] = gap / patients
    for g in range(grid.shape[0]):
        curve[g] = -np.expm1(-total * np.exp(a * grid[g, 0] + b * grid[g, 1] - top))


@inner
def _present(time, event, counts, rows, copies, deaths, closes):
    """Fill the rows of a resample, their copies, which of these have the event, and where a moment with events ends."""
    m, died = 0, 0
    for i in range(time.shape[0]):
        if counts[i] > 0:
            if m > 0 and time[rows[m - 1]] != time[i]:
                closes[m - 1], died = died > 0, 0
            rows[m], copies[m] = i, counts[i]
            deaths[m] = counts[i] if event[i] else 0
            died += deaths[m]
            closes[m] = False
            m += 1
    if m > 0:
        closes[m - 1] = died > 0
    return m


@cached_parallel
def calibration_resamples(time, events, counts, x, stated, spread, basis, risk, grid, out, curve):
    """`_calibrate` for every resample b, score s and horizon h.

    Rows by time descending: time (n,), events (H, n) those up to the horizon; counts (B, n); x (S, H, n) the cloglog
    risk, centred and scaled, and its `spread` (S, H); `stated` (S, H, n) the cumulative hazard that a risk states;
    basis (S, H, 2, n), risk (S, H, n), grid (S, H, G, 2). Fills out (B, S, H, 3) and curve (B, S, H, G), which come in
    as NaN.
    """
    n = time.shape[0]
    for b in prange(counts.shape[0]):
        rows, copies, deaths = np.empty(n, np.int64), np.empty(n), np.empty(n, np.int64)
        closes, eta, hazard = np.empty(n, np.bool_), np.empty(n), np.empty(n)
        own, own_stated, own_risk, own_basis = np.empty(n), np.empty(n), np.empty(n), np.empty((2, n))
        patients = counts[b].sum()
        for h in range(x.shape[1]):
            m = _present(time, events[h], counts[b], rows, copies, deaths, closes)
            for s in range(x.shape[0]):
                for j in range(m):
                    i = rows[j]
                    own[j], own_stated[j], own_risk[j] = x[s, h, i], stated[s, h, i], risk[s, h, i]
                    own_basis[0, j], own_basis[1, j] = basis[s, h, 0, i], basis[s, h, 1, i]
                _calibrate(
                    own[:m], own_stated[:m], spread[s, h], own_basis[:, :m], own_risk[:m], grid[s, h], patients,
                    copies[:m], deaths[:m], closes[:m], eta[:m], hazard[:m], out[b, s, h], curve[b, s, h],
                )  # fmt: skip
