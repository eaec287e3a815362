"""The compiled loops of the metrics: pairs of patients, and weighted sums over resamples.

Every patient enters with an integer count: 0 held out, 1 present, 2 present twice (two tied rows). A row whose
count is 0 is never read. Loops run in a fixed order and `prange` runs over resamples only, each writing its own
cells: the number of threads changes nothing.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np
from numba import prange

from slopewise.kernels.cache import inner
from slopewise.kernels.compiled import cached_parallel


@inner
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
