"""Priors of a growth model in the units of the data, their defaults, and what makes no sense of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from slopewise.design.products import Matrix
from slopewise.run.errors import InputError

SD_SCALE = 1.0  # default half-t scale of an SD, in units of SD(marker) / SD(column)
BETA_SD = 10.0  # default SD of a fixed effect, in the same units
FAR = 1e4  # a scale that is so many times larger or smaller than the data's can only be in another unit


@dataclass(frozen=True)
class Priors:
    """Half-t on every SD, LKJ on the correlations, normal on the fixed effects; what is not given has its default.

    sd: scale of the half-t by random term; residual: that of sigma; df: their degrees of freedom; correlation: shape of
    the LKJ prior (1: every correlation alike); fixed: mean and SD by fixed term, the intercept's at the means of the
    columns. Scales, means and SDs are in the units of the marker and of the terms.
    """

    sd: Mapping[str, float] = field(default_factory=dict)
    residual: float | None = None
    df: float = 3.0
    correlation: float = 2.0
    fixed: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, value in [("df", self.df), ("correlation", self.correlation)]:
            _require_positive(f"{name}", value)
        for term, value in self.sd.items():
            _require_positive(f"sd of {term!r}", value)
        if self.residual is not None:
            _require_positive("residual", self.residual)
        for term, (mean, sd) in self.fixed.items():
            _require_positive(f"sd of the fixed effect {term!r}", sd)
            if not math.isfinite(mean):
                raise InputError(f"prior of the fixed effect {term!r}: the mean is {mean}; give a number")

    def scales(self, terms: tuple[str, ...], units: Matrix, marker: str) -> Matrix:
        """(r,): half-t scales of the SDs of `terms`, in `units` (r,)."""
        self._require_terms(self.sd, terms, "random", marker)
        given = np.array([self.sd.get(term, np.nan) for term in terms])
        return np.where(np.isnan(given), SD_SCALE, _in_units(given, units, terms, marker, "SD"))

    def residual_scale(self, unit: float, marker: str) -> float:
        """Half-t scale of sigma, in units of the marker's SD."""
        if self.residual is None:
            return SD_SCALE
        given = np.array([self.residual])
        return float(_in_units(given, np.array([unit]), ("the residual",), marker, "SD")[0])

    def normal(self, terms: tuple[str, ...], units: Matrix, centre: float, marker: str) -> tuple[Matrix, Matrix]:
        """Means and precisions (p,) of the fixed effects, in `units` (p,); `centre` is the marker's mean."""
        self._require_terms(self.fixed, terms, "fixed", marker)
        mean, sd = np.zeros(len(terms)), np.full(len(terms), BETA_SD)
        for place, term in enumerate(terms):
            if term in self.fixed:
                middle, spread = self.fixed[term]
                mean[place] = (middle - (centre if term == "Intercept" else 0.0)) / units[place]
                sd[place] = _in_units(np.array([spread]), units[place : place + 1], (term,), marker, "prior SD")[0]
        return mean, sd**-2.0

    def _require_terms(self, given: Mapping[str, object], terms: tuple[str, ...], kind: str, marker: str) -> None:
        unknown = [term for term in given if term not in terms]
        if unknown:
            raise InputError(
                f"{marker!r}: a prior is given for {unknown[0]!r}, which is no {kind} effect of the growth model; "
                f"name one of its {kind} effects: {', '.join(terms)}"
            )


def _require_positive(what: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"prior {what}: {value:g} makes it improper or no distribution at all; give a finite number above 0"
        )


def _in_units(given: Matrix, units: Matrix, terms: tuple[str, ...], marker: str, what: str) -> Matrix:
    relative: Matrix = given / units
    for term, scale, share, unit in zip(terms, given, relative, units, strict=True):
        if share > FAR or share < 1.0 / FAR:
            raise InputError(
                f"{marker!r}: the prior scale {scale:g} of the {what} of {term} makes no sense in the units of the "
                f"data, in which {unit:.3g} is one standard deviation; give a scale between {unit / FAR:.3g} and "
                f"{unit * FAR:.3g}"
            )
    return relative


@dataclass(frozen=True)
class BayesSettings:
    """How the posterior is sampled, and the priors by marker; a marker that is not named has the defaults."""

    chains: int = 4
    draws: int = 1000
    warmup: int = 500
    priors: Mapping[str, Priors] = field(default_factory=dict)

    def prior_of(self, marker: str) -> Priors:
        """The priors of one marker."""
        return self.priors.get(marker, Priors())
