"""Concordances with the influence of each patient on them, from which their intervals follow without resampling.

A concordance A is concordant pairs by comparable pairs, ties in the score by half. The influence of a patient on it is
the sum of (concordant − A) over the comparable pairs with one of the patient's rows, by the number of pairs: the
infinitesimal jackknife, whose sum of squares is the variance. For areas with several rows a patient this is the
estimate of Obuchowski (1997, 10.2307/2533958); R's `survival::concordance` has both.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

Floats = NDArray[np.float64]


class Influenced(NamedTuple):
    """A concordance, and the influence of each of m patients on it, (m,); missing without a comparable pair."""

    value: float
    influence: Floats


def area(score: Floats, positive: NDArray[np.bool_], owner: NDArray[np.int64], patients: int) -> Influenced:
    """The probability that a positive row has the higher score than another, ties by half.

    score, positive, owner (n,): of each row the score, its kind, and which of the `patients` it belongs to.
    """
    from scipy.stats import rankdata

    cases, controls = int(positive.sum()), int((~positive).sum())
    if not cases or not controls:
        return Influenced(np.nan, np.full(patients, np.nan))
    rank, own = rankdata(score), np.empty(len(score))
    # Of each row the share of the other kind that it is in order with: its rank among all less that in its own kind.
    own[positive] = (rank[positive] - rankdata(score[positive])) / controls
    own[~positive] = 1.0 - (rank[~positive] - rankdata(score[~positive])) / cases
    value = float(own[positive].mean())
    part = (own - value) / np.where(positive, cases, controls)
    return Influenced(value, np.bincount(owner, part, minlength=patients).astype(float))


def harrell(time: Floats, event: NDArray[np.bool_], score: Floats) -> Influenced:
    """Harrell's C of a score that is higher the earlier the event is; (n,) each, a row a patient.

    Comparable with a patient who has the event are those with a longer time, and those censored at the same moment.
    """
    pairs, own = 0, np.zeros(len(time))
    taken = np.zeros(len(time))
    for case in np.flatnonzero(event):
        outlived = (time > time[case]) | ((time == time[case]) & ~event)
        agrees = np.where(score[case] > score[outlived], 1.0, 0.5 * (score[case] == score[outlived]))
        own[outlived] += agrees
        taken[outlived] += 1
        own[case] += agrees.sum()
        taken[case] += len(agrees)
        pairs += len(agrees)
    if not pairs:
        return Influenced(np.nan, np.full(len(time), np.nan))
    value = float(own.sum() / (2.0 * pairs))
    return Influenced(value, (own - value * taken) / pairs)


def interval(value: float, variance: float) -> tuple[float, float]:
    """The 95% interval of a concordance, normal on the scale of the logit; missing where it is 0 or 1."""
    if not 0.0 < value < 1.0 or not variance > 0:
        return np.nan, np.nan
    low, high = wald(logit(value), variance / (value * (1.0 - value)) ** 2)
    return float(expit(low)), float(expit(high))


def wald(value: float, variance: float) -> tuple[float, float]:
    """The 95% interval of a figure that is normally distributed, such as a difference of concordances."""
    reach = float(ndtri(0.975) * np.sqrt(variance))
    return value - reach, value + reach
