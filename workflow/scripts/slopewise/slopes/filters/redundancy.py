"""Clusters of markers whose levels have nearly the same ranks, and the one marker that stands for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from slopewise.slopes.filters.training import Floats

Integers = NDArray[np.int64]


def rank_correlation(values: Floats) -> Floats:
    """Spearman's correlation (k, k) of the columns of `values` (n, k), ties by mean ranks.

    A missing value has the mean rank; a column without variance correlates with nothing. The diagonal is 1. Rounded to
    12 digits, so that sums in another order make no other clusters.
    """
    known = ~np.isnan(values)
    above = np.where(known, values, np.inf)  # missing ones above all others, then ignored
    ranks = np.column_stack([_mean_ranks(column) for column in above.T]) if values.shape[1] else above
    total = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, ranks - np.where(known, ranks, 0.0).sum(axis=0) / total, 0.0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = np.divide(centred, length, out=np.zeros_like(centred), where=length > 0)
    correlation = np.clip(np.round(unit.T @ unit, 12), -1.0, 1.0)
    np.fill_diagonal(correlation, 1.0)
    return correlation


def _mean_ranks(column: Floats) -> Floats:
    """Ranks from 1 of the values (n,), those of ties their mean."""
    _, place, count = np.unique(column, return_inverse=True, return_counts=True)
    return (np.cumsum(count) - 0.5 * (count - 1))[place]


def clusters(correlation: Floats, least: float) -> Integers:
    """A label (k,) of each marker from |correlation| (k, k): average linkage of 1 − |correlation|, cut at 1 − `least`.

    Markers of one cluster correlate at `least` or above on average where they were joined.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(correlation) < 2:
        return np.ones(len(correlation), dtype=np.int64)
    distance = squareform(1.0 - correlation, checks=False)
    return fcluster(linkage(distance, "average"), 1.0 - least, "distance").astype(np.int64)


def medoids(correlation: Floats, label: Integers) -> Integers:
    """The place (k,) of each marker's medoid: the member with the highest mean |correlation| with its cluster.

    The first of several.
    """
    found = np.empty(len(label), dtype=np.int64)
    for own in np.unique(label):
        members = np.flatnonzero(label == own)
        within = np.round(correlation[np.ix_(members, members)].mean(axis=1), 12)
        found[members] = members[int(np.argmax(within))]
    return found
