"""A small sample of theta from one posterior without chains: importance sampling from a t about the posterior's mode.

For the many fits of cross-fitting. The proposal is made from the same patients as the posterior, so that a held-out
patient changes no bit; its points are the same for every fit, so that fits of overlapping patients share their noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

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
    """theta (s, d) with weights (s,) that sum to 1; the shape of their tail, and whether chains replaced them."""

    theta: Floats
    weights: Floats
    shape: float
    by_chains: bool


@cache
def _base(size: int) -> tuple[Floats, Floats]:
    """Points (POINTS, d) of the standard t by a scrambled Sobol sequence, and their log density up to a constant."""
    from scipy.stats import chi2, norm, qmc

    even = qmc.Sobol(size + 1, seed=generator(0, "bayes", "importance", size)).random(POINTS)
    points = norm.ppf(even[:, :size]) / np.sqrt(chi2.ppf(even[:, size:], FREEDOM) / FREEDOM)
    return points, -0.5 * (FREEDOM + size) * np.log1p((points**2).sum(axis=1) / FREEDOM)


def importance_sample(posterior: Posterior) -> Weighted:
    """Weighted points of theta; where the weights cannot be trusted, draws of short chains."""
    middle, covariance = posterior.mode()
    base, density = _base(posterior.size)
    shape, effective, points, weights = np.inf, 0.0, base, np.ones(POINTS)
    for _ in range(2):
        points = middle + base @ np.linalg.cholesky(covariance).T
        values = posterior.density(points) - density
        seen = np.isfinite(values)
        if not seen.any():
            break
        weights, shape = smoothed(np.where(seen, values, values[seen].min() - 700.0))
        effective = float(1.0 / (weights**2).sum())
        if effective > 10 * posterior.size:
            middle = weights @ points
            moved = points - middle
            covariance = (moved * weights[:, None]).T @ moved + 1e-8 * np.eye(posterior.size)
    if shape <= MOST_SHAPE and effective >= LEAST:
        return Weighted(points, weights, shape, False)
    drawn = _by_chains(posterior)
    return Weighted(drawn, np.full(len(drawn), 1.0 / len(drawn)), shape, True)


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
