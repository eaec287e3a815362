"""The compiled loops of the metrics and of the Cox model.

Every patient enters with an integer count: 0 held out, 1 present, 2 present twice (two tied rows). A row whose
count is 0 is never read, so a fit depends to the last bit on the patients that are in it. Loops run in a fixed
order and `prange` runs over resamples only, each writing its own cells: the number of threads changes nothing.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np
from numba import prange

from slopewise.metrics.compiled import cached, cached_parallel

CONVERGED, ITERATION_LIMIT, MONOTONE, SINGULAR, NO_EVENTS = 0, 1, 2, 3, 4


@cached
def cholesky_solve(matrix, vector, smallest, solution):
    """Solve a small positive definite system (lower triangle given); False, and nothing solved, when a pivot vanishes.

    A pivot vanishes below `smallest` times its diagonal.
    """
    k = vector.shape[0]
    factor = np.zeros((k, k))
    for a in range(k):
        for b in range(a + 1):
            value = matrix[a, b]
            for c in range(b):
                value -= factor[a, c] * factor[b, c]
            if a == b:
                if not value > smallest * matrix[a, a] or not value > 1e-300:
                    return False
                factor[a, a] = np.sqrt(value)
            else:
                factor[a, b] = value / factor[b, b]
    for a in range(k):
        value = vector[a]
        for c in range(a):
            value -= factor[a, c] * solution[c]
        solution[a] = value / factor[a, a]
    for a in range(k - 1, -1, -1):
        value = solution[a]
        for c in range(a + 1, k):
            value -= factor[c, a] * solution[c]
        solution[a] = value / factor[a, a]
    return True


@cached
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


@cached
def _shift_sums(weight, x, i, s1, s2):
    """Add the weighted predictors of row i and their products to the sums over a risk set."""
    for a in range(x.shape[1]):
        wx = weight * x[i, a]
        s1[a] += wx
        for b in range(a + 1):
            s2[a, b] += wx * x[i, b]


@cached
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


@cached
def _count_pairs(counts, scores, i, start, stop, concordant):
    """Add patients start..stop to a case's pairs: the number of pairs, and per score twice the concordant ones."""
    pairs = 0
    for j in range(start, stop):
        copies = counts[j]
        if copies > 0:
            pairs += copies
            for s in range(scores.shape[1]):
                concordant[s] += copies * (2 * (scores[i, s] > scores[j, s]) + (scores[i, s] == scores[j, s]))
    return pairs


@cached_parallel
def pair_sums(
    counts, scores, cases, first, after, in_c, weight, later, control, c_pairs, c_twice, u_pairs, u_sum, a_pairs, a_sum
):
    """Concordant and comparable pairs of every resample, by fold: Harrell's, Uno's and the time-dependent AUC's.

    Rows lie by fold, then time descending with the censored first, so that the patients who outlive a case are the
    rows first..after of its fold, and those at risk after horizon h the rows first..later[h]. `cases` (m,) are rows
    with an event; `in_c` whether before tau; `weight` 1/G(T-); `later`, `control` (m, H) with horizons descending,
    later = -1 where the case's event is after the horizon. Sums of integers but for the weights.
    """
    scores_n, horizons = scores.shape[1], later.shape[1]
    for b in prange(counts.shape[0]):
        concordant = np.empty(scores_n, dtype=np.int64)
        for m in range(cases.shape[0]):
            i = cases[m]
            copies = counts[b, i]
            if copies == 0:
                continue
            concordant[:] = 0
            pairs, reached = 0, first[m]
            for h in range(horizons):
                if later[m, h] >= 0:
                    pairs += _count_pairs(counts[b], scores, i, reached, later[m, h], concordant)
                    reached = later[m, h]
                    both = copies * weight[m] * control[m, h]
                    a_pairs[b, h] += both * pairs
                    for s in range(scores_n):
                        a_sum[b, h, s] += both * 0.5 * concordant[s]
            if in_c[m]:
                pairs += _count_pairs(counts[b], scores, i, reached, after[m], concordant)
                c_pairs[b] += copies * pairs
                u_pairs[b] += copies * weight[m] * weight[m] * pairs
                for s in range(scores_n):
                    c_twice[b, s] += copies * concordant[s]
                    u_sum[b, s] += copies * weight[m] * weight[m] * 0.5 * concordant[s]


@cached_parallel
def competing_pair_sums(
    counts, scores, cases, others, group, time, in_c, weight, until, c_pairs, c_twice, u_pairs, u_sum, a_pairs, a_sum
):
    """Add the pairs of a case with a patient of its fold who had a competing event first, and so never has the event.

    To what `pair_sums` filled, on the same rows. `others` (c,) are rows with a competing event; `weight` (n,) is
    1/G(T-) of every row with any event. For C the other's event lies before the case's (Wolbers et al. 2014), for the
    AUC at a horizon of `until` (H,; descending) both lie up to it.
    """
    for b in prange(counts.shape[0]):
        for m in range(cases.shape[0]):
            i = cases[m]
            for o in range(others.shape[0]):
                j = others[o]
                copies = counts[b, i] * counts[b, j]
                if copies == 0 or group[i] != group[j]:
                    continue
                both = weight[i] * weight[j]
                counted = in_c[m] and time[j] < time[i]
                if counted:
                    c_pairs[b] += copies
                    u_pairs[b] += copies * both
                for s in range(scores.shape[1]):
                    twice = 2 * (scores[i, s] > scores[j, s]) + (scores[i, s] == scores[j, s])
                    if counted:
                        c_twice[b, s] += copies * twice
                        u_sum[b, s] += copies * both * 0.5 * twice
                    for h in range(until.shape[0]):
                        if time[i] <= until[h] and time[j] <= until[h]:
                            a_sum[b, h, s] += copies * both * 0.5 * twice
                for h in range(until.shape[0]):
                    if time[i] <= until[h] and time[j] <= until[h]:
                        a_pairs[b, h] += copies * both


@cached_parallel
def weighted_sums(counts, values, sums):
    """sums (B, C) = counts (B, n) times values (n, C), in the order of the patients."""
    for b in prange(counts.shape[0]):
        for i in range(counts.shape[1]):
            if counts[b, i] > 0:
                for c in range(values.shape[1]):
                    sums[b, c] += counts[b, i] * values[i, c]


@cached_parallel
def benefit_sums(counts, reached, case, control, odds, benefit):
    """Net benefit of every resample at every threshold; `reached` (S, H, n) counts the thresholds not above a risk.

    `case`, `control` (H, n) are IPC weights, `odds` (T,) = threshold / (1 - threshold). Fills benefit (B, S, H, T).
    """
    thresholds = odds.shape[0]
    for b in prange(counts.shape[0]):
        patients = counts[b].sum()
        true, false = np.empty(thresholds + 1), np.empty(thresholds + 1)
        for s in range(reached.shape[0]):
            for h in range(reached.shape[1]):
                true[:] = 0.0
                false[:] = 0.0
                for i in range(counts.shape[1]):
                    true[reached[s, h, i]] += counts[b, i] * case[h, i]
                    false[reached[s, h, i]] += counts[b, i] * control[h, i]
                treated, wrongly = 0.0, 0.0
                for t in range(thresholds - 1, -1, -1):
                    treated += true[t + 1]
                    wrongly += false[t + 1]
                    benefit[b, s, h, t] = (treated - odds[t] * wrongly) / patients
