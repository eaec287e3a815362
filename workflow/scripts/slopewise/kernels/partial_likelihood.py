"""The compiled loops of the Cox model: partial likelihood, Newton's method, cumulative hazard.

Every patient enters with an integer count: 0 held out, 1 present, 2 present twice (two tied rows). A row whose
count is 0 is never read, so a fit depends to the last bit on the patients that are in it.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np

from slopewise.kernels.cache import inner
from slopewise.kernels.compiled import cached
from slopewise.kernels.linear import cholesky_solve

CONVERGED, ITERATION_LIMIT, MONOTONE, SINGULAR, NO_EVENTS = 0, 1, 2, 3, 4


@inner
def _linear_predictor(counts, x, beta, eta):
    """Fill `eta` where the count is positive; returns its largest value, which keeps exponentials in range."""
    top = -np.inf
    for i in range(x.shape[0]):
        if counts[i] > 0:
            value = 0.0
            for a in range(x.shape[1]):
                value += x[i, a] * beta[a]
            eta[i] = value
            top = max(top, value)
    return top


@inner
def _shift_sums(weight, x, i, s1, s2):
    """Add the weighted predictors of row i and their products to the sums over a risk set."""
    for a in range(x.shape[1]):
        wx = weight * x[i, a]
        s1[a] += wx
        for b in range(a + 1):
            s2[a, b] += wx * x[i, b]


@inner
def partial_likelihood(time, event, stratum, entry_time, entry_row, counts, x, beta, score, information):
    """Efron's log partial likelihood (1977), its gradient and its information (lower triangle).

    Rows lie by stratum, then time descending; `entry_row` lists rows by stratum, then entry descending. A risk set
    at t holds the rows of the stratum with entry < t <= time. Fills `score` (k,) and `information` (k, k).
    """
    n, k = x.shape
    eta = np.empty(n)
    top = _linear_predictor(counts, x, beta, eta)
    score[:] = 0.0
    information[:, :] = 0.0
    s0, s1, s2 = 0.0, np.zeros(k), np.zeros((k, k))
    d1, d2, mean = np.zeros(k), np.zeros((k, k)), np.empty(k)
    loglik, i, gone, current = 0.0, 0, 0, -1
    while i < n:
        if stratum[i] != current:
            current, gone, s0 = stratum[i], i, 0.0
            s1[:] = 0.0
            s2[:, :] = 0.0
        moment, deaths, d0 = time[i], 0, 0.0
        while i < n and stratum[i] == current and time[i] == moment:
            if counts[i] > 0:
                weight = counts[i] * np.exp(eta[i] - top)
                s0 += weight
                _shift_sums(weight, x, i, s1, s2)
                if event[i]:
                    if deaths == 0:
                        d1[:] = 0.0
                        d2[:, :] = 0.0
                    deaths += counts[i]
                    d0 += weight
                    _shift_sums(weight, x, i, d1, d2)
                    loglik += counts[i] * (eta[i] - top)
                    for a in range(k):
                        score[a] += counts[i] * x[i, a]
            i += 1
        while gone < n and stratum[entry_row[gone]] == current and entry_time[gone] >= moment:
            late = entry_row[gone]
            if counts[late] > 0:
                weight = counts[late] * np.exp(eta[late] - top)
                s0 -= weight
                _shift_sums(-weight, x, late, s1, s2)
            gone += 1
        for death in range(deaths):
            share = death / deaths
            total = s0 - share * d0
            loglik -= np.log(total)
            for a in range(k):
                mean[a] = (s1[a] - share * d1[a]) / total
                score[a] -= mean[a]
                for b in range(a + 1):
                    information[a, b] += (s2[a, b] - share * d2[a, b]) / total - mean[a] * mean[b]
    return loglik


@cached
def newton(time, event, stratum, entry_time, entry_row, counts, x, start):
    """Maximise the partial likelihood by Newton's method with step halving, from `start` (k,).

    `x` should have columns of about unit variance. Returns beta, log likelihood at the start and at beta, information,
    iterations and a status: CONVERGED, ITERATION_LIMIT, MONOTONE (the likelihood is flat although the steps are
    not small: a coefficient runs to infinity), SINGULAR (predictors are collinear) or NO_EVENTS.
    """
    k = x.shape[1]
    beta, step, trial, score = start.copy(), np.zeros(k), np.zeros(k), np.zeros(k)
    information = np.zeros((k, k))
    deaths = 0
    for i in range(event.shape[0]):
        if event[i]:
            deaths += counts[i]
    if deaths == 0:
        return beta, 0.0, 0.0, information, 0, NO_EVENTS
    first = partial_likelihood(time, event, stratum, entry_time, entry_row, counts, x, beta, score, information)
    loglik, status, iteration = first, ITERATION_LIMIT, 0
    while iteration < 60:
        if not cholesky_solve(information, score, 1e-11, step):
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
        for _ in range(30):
            for a in range(k):
                trial[a] = beta[a] + step[a]
            value = partial_likelihood(
                time, event, stratum, entry_time, entry_row, counts, x, trial, score, information
            )
            if value >= loglik - 1e-11 * abs(loglik):
                break
            for a in range(k):
                step[a] *= 0.5
        loglik = value
        beta[:] = trial
        if largest < 1e-6:  # convergence is quadratic: what is left is of the order of its square
            status = CONVERGED
            break
    return beta, first, loglik, information, iteration, status


@cached
def cumulative_hazard(time, event, stratum, entry_time, entry_row, counts, x, beta, horizons, hazard):
    """Baseline cumulative hazard at x = 0 with Efron's correction for ties, consistent with the coefficients.

    With d tied events: sum over l < d of 1 / (risk set - l/d of the events' part). Fills `hazard` (strata, horizons).
    """
    n = x.shape[0]
    eta = np.empty(n)
    top = _linear_predictor(counts, x, beta, eta)
    hazard[:, :] = 0.0
    s0, i, gone, current = 0.0, 0, 0, -1
    while i < n:
        if stratum[i] != current:
            current, gone, s0 = stratum[i], i, 0.0
        moment, deaths, d0 = time[i], 0, 0.0
        while i < n and stratum[i] == current and time[i] == moment:
            if counts[i] > 0:
                weight = counts[i] * np.exp(eta[i] - top)
                s0 += weight
                if event[i]:
                    deaths += counts[i]
                    d0 += weight
            i += 1
        while gone < n and stratum[entry_row[gone]] == current and entry_time[gone] >= moment:
            late = entry_row[gone]
            if counts[late] > 0:
                s0 -= counts[late] * np.exp(eta[late] - top)
            gone += 1
        jump = 0.0
        for death in range(deaths):
            jump += 1.0 / (s0 - death / deaths * d0)
        for h in range(horizons.shape[0]):
            if moment <= horizons[h]:
                hazard[current, h] += jump
    hazard *= np.exp(-top)
