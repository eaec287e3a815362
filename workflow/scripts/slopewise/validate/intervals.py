"""95% intervals of validated figures: of the patients who are tested, and of the models that are trained.

A validated figure is the mean over repeats of the cross-validation, each of which splits the patients anew and refits
growth and outcome models on other training patients. Its error has two parts (docs/methods.md, section 5):

- the tested patients are a sample: a bootstrap of the patients inside each repeat, its out-of-fold predictions fixed.
  The variance is the mean over repeats, not that of the mean: where repeats disagree about the sign of a coefficient,
  their errors would cancel in the mean, and the interval would collapse around a figure that is itself chance;
- the models are made of a sample: the variance between repeats, whose models come from other training patients.

With m the bootstrap median, q the percentiles and s the SD of the figure between repeats, the ends are

    estimate − √(mean (m − q2.5)² + (1.96 s)²)   and   estimate + √(mean (q97.5 − m)² + (1.96 s)²),

so that an interval keeps the bootstrap's skewness and holds its estimate, which percentiles of a figure that cannot be
negative need not. The mean is over repeats. Ends are cut at what the figure can be. Coverage: docs/validity.md, where
the bootstrap of the whole validation and that of fixed predictions alone stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from slopewise.metrics.catalogue import METRICS
from slopewise.outcome.ladder import LADDER

Floats = NDArray[np.float64]
Bounds = tuple[float, float]
ANYWHERE = (-np.inf, np.inf)
BOUNDS: dict[str, Bounds] = {
    **dict.fromkeys(("c_harrell", "c_uno"), (0.0, 1.0)),
    **{name: (metric.low, metric.high) for name, metric in METRICS.items()},
}
"""What a metric can be."""


@dataclass(frozen=True)
class Split:
    """A figure in one repeat: its value, how far the bootstrap's 2.5th percentile lies below its median and the 97.5th
    above it, and in how many resamples it is missing; arrays of one shape."""

    value: Floats
    below: Floats
    above: Floats
    missing: NDArray[np.int64]


@dataclass(frozen=True)
class Interval:
    """A figure over all repeats, the ends of its 95% interval, and in how many resamples it is missing (the most)."""

    value: Floats
    low: Floats
    high: Floats
    missing: NDArray[np.int64]


def split_of(draws: Floats) -> Split:
    """One repeat's figure from `draws` (1 + B, ...): row 0 the sample itself, the others resamples of its patients.

    Missing draws are left out; where at least half are missing, or there are none, the arms are missing too.
    """
    value, drawn = draws[0], draws[1:]
    missing = np.isnan(drawn).sum(axis=0)
    arms = np.full((2, *value.shape), np.nan)
    whole, some = missing == 0, (missing > 0) & (2 * missing < len(drawn))
    for kept, percentiles in ((whole, np.percentile), (some, np.nanpercentile)):
        if len(drawn) and kept.any():
            low, middle, high = percentiles(drawn[:, kept], [2.5, 50.0, 97.5], axis=0)
            arms[:, kept] = middle - low, high - middle
    return Split(value, arms[0], arms[1], missing)


def interval_of(splits: Sequence[Split], bounds: Bounds = ANYWHERE) -> Interval:
    """The mean over repeats with its interval; with one repeat the models' part is not in it."""
    values = np.array([split.value for split in splits])
    value = values.mean(axis=0)
    between = (ndtri(0.975) * values.std(axis=0, ddof=1)) ** 2 if len(splits) > 1 else 0.0
    below, above = (
        np.sqrt((np.array([getattr(split, arm) for split in splits]) ** 2).mean(axis=0) + between)
        for arm in ("below", "above")
    )
    low, high = np.maximum(value - below, bounds[0]), np.minimum(value + above, bounds[1])
    return Interval(value, low, high, np.max([split.missing for split in splits], axis=0))


def gains(draws: Floats) -> Floats:
    """What each step gains on the step that it is compared with, in every draw (..., S, H) of one metric.

    Missing for a step that is compared with none.
    """
    place = {step.name: s for s, step in enumerate(LADDER)}
    found = np.full_like(draws, np.nan)
    for s, step in enumerate(LADDER):
        if step.reference is not None:
            found[..., s, :] = draws[..., s, :] - draws[..., place[step.reference], :]
    return found


@dataclass(frozen=True)
class Judgement:
    """One metric (S, H) and its `gain`, what each step gains on the step that it is compared with."""

    metric: Interval
    gain: Interval


def judgements(repeats: Sequence[dict[str, tuple[Split, Split]]]) -> dict[str, Judgement]:
    """Every metric over all repeats from `splits_of` each."""
    return {
        name: Judgement(
            interval_of([own[name][0] for own in repeats], BOUNDS[name]),
            interval_of([own[name][1] for own in repeats]),
        )
        for name in repeats[0]
    }


def splits_of(metrics: dict[str, Floats]) -> dict[str, tuple[Split, Split]]:
    """One repeat's metrics (1 + B, S, H), each with its gains."""
    return {name: (split_of(draws), split_of(gains(draws))) for name, draws in metrics.items()}
