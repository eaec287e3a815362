"""The filters: each looks at one training set and says which of the markers that are left stay, and by what number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.evidence.compare import q_values
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.filters.redundancy import clusters, medoids, rank_correlation
from slopewise.slopes.filters.training import Floats, Training

Flags = NDArray[np.bool_]
MARKER, SLOPE = "marker", "slope"
"""What a filter withholds: the marker altogether, or its slope."""


@dataclass(frozen=True, repr=False)
class Learned(ShortRepr):
    """What a filter says of the markers that it was given (k,): which stay, the number that decided, and the marker
    (by its place among all) that stays in place of each; its own where it stays."""

    kept: Flags
    statistic: Floats
    stand_in: NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Filter(ShortRepr):
    """One step: its name, its key under `filters` of the study file, what it withholds, and how it learns.

    `learn` takes the training set, the places of the markers that are left, and the value of the key.
    """

    name: str
    key: str
    withholds: str
    learn: Callable[[Training, NDArray[np.int64], float], Learned]


def near_constant(training: Training, left: NDArray[np.int64], most: float) -> Learned:
    """A marker of which one value has more than the share `most` of its rows, or that has no value."""
    share = np.ones(len(left))
    for place, marker in enumerate(left):
        own = training.values[:, marker]
        own = own[~np.isnan(own)]
        if len(own):
            share[place] = np.unique(own, return_counts=True)[1].max() / len(own)
    return Learned(share <= most, share, left)


def missing_often(training: Training, left: NDArray[np.int64], most: float) -> Learned:
    """A marker that more than the share `most` of the rows lack."""
    share = np.isnan(training.values[:, left]).mean(axis=0)
    return Learned(share <= most, share, left)


def duplicates(training: Training, left: NDArray[np.int64], _: float) -> Learned:
    """A marker whose values are those of an earlier one in all rows; the number is how many are alike."""
    first: dict[bytes, int] = {}
    stand_in = np.array(
        [first.setdefault((training.values[:, m] + 0.0).tobytes(), int(m)) for m in left], dtype=np.int64
    )
    alike = np.array([(stand_in == own).sum() for own in stand_in], dtype=float)
    return Learned(stand_in == left, alike, stand_in)


def reproduced(training: Training, left: NDArray[np.int64], least: float) -> Learned:
    """A marker whose ICC between repeated scans has a lower limit below `least`, or that has none."""
    return Learned(training.agreement[left] >= least, training.agreement[left], left)


def redundant(training: Training, left: NDArray[np.int64], least: float) -> Learned:
    """A marker of a cluster of correlated levels that is not its medoid; the number is |Spearman| with the medoid."""
    correlation = np.abs(rank_correlation(training.level[:, left]))
    medoid = medoids(correlation, clusters(correlation, least))
    own = np.arange(len(left))
    return Learned(medoid == own, correlation[own, medoid], left[medoid])


def reliable_slopes(training: Training, left: NDArray[np.int64], least: float) -> Learned:
    """The slope of a marker whose slopes have a mean reliability below `least`."""
    return Learned(training.reliability[left] >= least, training.reliability[left], left)


def varying_slopes(training: Training, left: NDArray[np.int64], most: float) -> Learned:
    """The slope of a marker whose random slope has a q-value (Benjamini & Hochberg 1995) above `most`."""
    q = q_values(training.p_value[left])
    return Learned(q <= most, q, left)


FILTERS: tuple[Filter, ...] = (
    Filter("near_constant", "constant", MARKER, near_constant),
    Filter("missing", "missing", MARKER, missing_often),
    Filter("duplicates", "duplicates", MARKER, duplicates),
    Filter("agreement", "icc", MARKER, reproduced),
    Filter("redundant", "redundant", MARKER, redundant),
    Filter("slope_reliability", "reliability", SLOPE, reliable_slopes),
    Filter("slope_test", "q_value", SLOPE, varying_slopes),
)
"""In the order in which they are applied; each sees what those before it left."""
