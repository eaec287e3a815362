"""A small sample of theta from one posterior without chains: importance sampling from a t about the posterior's mode.

For the many fits of cross-fitting. The proposal is made from the same patients as the posterior, so that a held-out
patient changes no bit; its points are the same for every fit, so that fits of overlapping patients share their noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from slopewise.growth.bayes.chains import sample
from slopewise.growth.bayes.diagnostics import MOST_SHAPE, diagnose, smoothed
from slopewise.growth.bayes.target import Posterior
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

POINTS = 256  # of a round, a power of two
FREEDOM = 5.0  # of the t
LEAST = 80.0  # effective points


@dataclass(frozen=True, repr=False)
class Weighted(ShortRepr):
    """theta (s, d) with weights (s,) that sum to 1; the shape of their tail, and whether chains replaced them.

    evidence: the log of the integral of the posterior's density as `Posterior.density` has it, up to a constant that
    depends on the number of parameters alone.
    """

    theta: Floats
    weights: Floats
    shape: float
    by_chains: bool
    evidence: float

    @property
    def trusted(self) -> bool:
        """Whether the weights are even enough."""
        return self.shape <= MOST_SHAPE and 1.0 / float((self.weights**2).sum()) >= LEAST

    def moments(self) -> tuple[Floats, Floats]:
        """Mean (d,) and covariance (d, d) of theta."""
        middle: Floats = self.weights @ self.theta
        moved = self.theta - middle
        return middle, (moved * self.weights[:, None]).T @ moved + 1e-8 * np.eye(len(middle))


@cache
def _base(size: int, points: int) -> tuple[Floats, Floats]:
    """Points (points, d) of the standard t by a scrambled Sobol sequence, and their log density up to a constant."""
    from scipy.stats import chi2, norm, qmc

    even = qmc.Sobol(size + 1, seed=generator(0, "bayes", "importance", size)).random(points)
    found = norm.ppf(even[:, :size]) / np.sqrt(chi2.ppf(even[:, size:], FREEDOM) / FREEDOM)
    return found, -0.5 * (FREEDOM + size) * np.log1p((found**2).sum(axis=1) / FREEDOM)


def importance_sample(posterior: Posterior) -> Weighted:
    """Weighted points of theta; where their weights cannot be trusted, draws of short chains."""
    found = weighted_points(posterior, POINTS, *posterior.mode())
    if found.trusted:
        return found
    drawn = _by_chains(posterior)
    return Weighted(drawn, np.full(len(drawn), 1.0 / len(drawn)), found.shape, True, found.evidence)


def weighted_points(posterior: Posterior, number: int, middle: Floats, covariance: Floats) -> Weighted:
    """`number` points (a power of two) from a t about `middle` (d,), adapted once, trusted or not."""
    base, density = _base(posterior.size, number)
    found = Weighted(base, np.full(number, 1.0 / number), np.inf, False, -np.inf)
    for _ in range(2):
        root = np.linalg.cholesky(covariance)
        points = middle + base @ root.T
        values = posterior.density(points) - density
        seen = np.isfinite(values)
        if not seen.any():
            break
        evidence = float(logsumexp(values[seen]) - np.log(number) + np.log(np.diag(root)).sum())
        weights, shape = smoothed(np.where(seen, values, values[seen].min() - 700.0))
        found = Weighted(points, weights, shape, False, evidence)
        if 1.0 / float((weights**2).sum()) > 10 * posterior.size:
            middle, covariance = found.moments()
    return found


def _by_chains(posterior: Posterior) -> Floats:
    """Every fourth draw of four short chains, which must agree."""
    found = sample(posterior, 4, POINTS, 150, generator(0, "bayes", "short chains", posterior.size)).theta
    table = diagnose({str(k): found[:, :, k] for k in range(posterior.size)})
    if not (table["rhat"] <= 1.05).all():
        raise InputError(
            f"{posterior.marker!r}: in cross-fitting neither importance weights nor short chains agree on the "
            f"posterior (R-hat {table['rhat'].max():.3g}); use stronger priors (bayes.priors), fewer random effects or "
            "engine: slopewise"
        )
    return np.ascontiguousarray(found.reshape(-1, posterior.size)[::4])
