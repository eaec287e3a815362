"""Usual conversions of units, and columns in which two units are mixed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.run.short_repr import ShortRepr

FEWEST, DISTINCT = 20, 10
"""With fewer numbers, or fewer different ones in the larger group, nothing is said."""
CENTRAL, GROUP = (0.01, 0.99), 3
"""The central width of the larger group lies between these quantiles; fewer numbers than a group may be outliers."""
MARGIN = 0.25
"""The extremes of a column may be in the smaller group: so much of the larger one's width beyond it on each side."""


@dataclass(frozen=True)
class Conversion:
    """A usual mistake of units: a value is `factor` times the one that is meant; `example` names such a pair."""

    factor: float
    example: str


OF_SUBSTANCE = {
    "creatinine": (88.42, "µmol/l", "mg/dl"),
    "bilirubin": (17.104, "µmol/l", "mg/dl"),
    "glucose": (18.016, "mg/dl", "mmol/l"),
    "cholesterol": (38.67, "mg/dl", "mmol/l"),
    "triglycerides": (88.57, "mg/dl", "mmol/l"),
}
"""A value in the first unit is the factor times that in the second."""


def _both_ways(*pairs: tuple[float, str, str]) -> tuple[Conversion, ...]:
    return (
        *(Conversion(factor, f"{given} instead of {wanted}") for factor, given, wanted in pairs),
        *(Conversion(1 / factor, f"{wanted} instead of {given}") for factor, given, wanted in pairs),
    )


OF_TIME = _both_ways(
    (12, "months", "years"), (365.25, "days", "years"), (7, "days", "weeks"), (30.4375, "days", "months")
)
"""Those of durations, which ages and other covariates may be, and measured values are not."""
OF_VALUES = _both_ways(
    (10, "g/l", "g/dl"),
    (100, "per cent or cm", "a share or m"),
    (1000, "mg or g", "g or kg"),
    (1e6, "µg", "g"),
    (2.20462, "pounds", "kg"),
    *((factor, f"{given} of {name}", wanted) for name, (factor, given, wanted) in OF_SUBSTANCE.items()),
)
CONVERSIONS = (*OF_VALUES, *OF_TIME)
"""The usual conversions, both ways."""
APART = tuple(one for one in OF_VALUES if abs(np.log(one.factor)) > np.log(5))
"""Those that part the values of a marker; twice a value is an extreme patient."""
APART_OR_TIME = (*APART, *(one for one in OF_TIME if abs(np.log(one.factor)) > np.log(5)))
"""Those that part the values of a covariate, which may be a duration."""


HALVES, MOST_CHANCE = (0.3, 0.45, 0.6, 0.8), 3.0
"""Half the width of bands of logarithmic ratios, and by how many standard errors of its count a band must exceed its
neighbours."""
FEWEST_JUMPS = 5


@dataclass(frozen=True, repr=False)
class Jumps(ShortRepr):
    """Ratios of successive values of a patient that pile up at a conversion: of which rows (n,), and the conversion."""

    jump: NDArray[np.bool_]
    conversion: Conversion


def jumps_of_units(values: NDArray[np.float64], previous: NDArray[np.float64]) -> Jumps | None:
    """The rows whose value is a conversion's factor times, or divided by, the patient's `previous` one (both (n,)).

    Where values vary more than the factor, no gap parts two units, but their ratios within patients have a second peak.
    The absolute logarithms of ratios of one unit fall off from 0; so their number about a factor's logarithm, within
    one of `HALVES` on each side, must exceed those in the bands of the same width below and above it by `MOST_CHANCE`
    standard errors of a Poisson count, and be `FEWEST_JUMPS` or more. None where no conversion has such a peak.
    """
    ratio = np.full(len(values), np.nan)
    known = np.isfinite(values) & np.isfinite(previous)
    if known.sum() < FEWEST or min(values[known].min(), previous[known].min()) <= 0:
        return None
    ratio[known] = np.abs(np.log(values[known] / previous[known]))
    best: tuple[float, float, Conversion, NDArray[np.bool_]] | None = None
    for one, half in ((one, half) for one in APART for half in HALVES):
        centre = abs(float(np.log(one.factor)))
        if centre < 3 * half:
            continue  # the band below would end at 0
        at = np.abs(ratio - centre) <= half
        count = int(at.sum())
        below = int(((ratio >= centre - 3 * half) & (ratio < centre - half)).sum())
        above = int(((ratio > centre + half) & (ratio <= centre + 3 * half)).sum())
        excess = (count - max(below, above)) / np.sqrt(count + max(below, above)) if count else 0.0
        if count < FEWEST_JUMPS or excess <= MOST_CHANCE:
            continue
        distance = abs(float(np.median(ratio[at])) - centre)
        if best is None or (-count, distance) < best[:2]:
            best = (-float(count), distance, one, at)
    return None if best is None else Jumps(best[3], best[2])


@dataclass(frozen=True, repr=False)
class Mixture(ShortRepr):
    """Numbers of which some seem to be in another unit: which (n,), and the conversion that explains them."""

    other: NDArray[np.bool_]
    conversion: Conversion


def mixed_units(
    values: NDArray[np.float64], conversions: tuple[Conversion, ...] = APART, few: float | None = None
) -> Mixture | None:
    """The smaller of two groups of positive numbers (n,) that one conversion brings into the range of the larger.

    The groups lie apart by more than half of the central width of the larger, so that a marker that varies tenfold is
    not suspected, and one or two numbers by more than its whole width, since patients may be extreme: on the
    logarithmic scale and, where the larger group is more symmetric as it is, on that of the numbers, of which a lower
    tail near 0 has gaps on the logarithmic one. One number that occurs again and again is a pile of values, and no
    unit. Missing numbers belong to neither group; of several `conversions` the one that brings the medians nearest to
    each other is taken.

    few: for numbers that may have several modes by nature: the largest share of the smaller group, which lies apart by
    more than the whole width however many it has.
    """
    known = values[np.isfinite(values)]
    if len(known) < FEWEST or known.min() <= 0:
        return None
    ordered = np.sort(known)
    place = int(np.argmax(np.diff(np.log(ordered)))) + 1
    parts = (ordered[:place], ordered[place:])
    larger, smaller = parts if len(parts[0]) >= len(parts[1]) else parts[::-1]
    width = float(np.log(larger[-1] / larger[0]))
    if (
        not _apart(larger, (ordered[place - 1], ordered[place]), few is not None or len(smaller) < GROUP)
        or (few is not None and len(smaller) > few * len(known))
        or len(np.unique(larger)) < DISTINCT
        or (len(smaller) > 1 and smaller[0] == smaller[-1])
    ):
        return None
    beyond = np.exp(MARGIN * width)
    least, most = larger[0] / beyond, larger[-1] * beyond
    explained = [one for one in conversions if least <= smaller[0] / one.factor and smaller[-1] / one.factor <= most]
    if not explained:
        return None
    ratio = np.log(np.median(smaller) / np.median(larger))
    conversion = min(explained, key=lambda one: abs(ratio - np.log(one.factor)))
    with np.errstate(invalid="ignore"):
        return Mixture((values >= smaller[0]) & (values <= smaller[-1]), conversion)


def _apart(larger: NDArray[np.float64], ends: tuple[float, float], whole: bool) -> bool:
    """Whether the gap between its `ends` exceeds the `whole` width of the larger group, or half of its central width.

    On the logarithmic scale, and on that of the numbers as well where the group is the more symmetric on it.
    """
    skews, apart = [], []
    for scale in (np.log, np.asarray):
        scaled, gap = scale(larger), float(np.diff(scale(np.array(ends)))[0])
        low, middle, high = np.quantile(scaled, [CENTRAL[0], 0.5, CENTRAL[1]])
        skews.append(abs(high + low - 2 * middle) / max(high - low, np.finfo(float).tiny))
        apart.append(bool(gap > (np.ptp(scaled) if whole else (high - low) / 2)))
    return apart[0] and (apart[1] or skews[0] <= skews[1])
