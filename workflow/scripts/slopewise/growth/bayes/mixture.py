"""What draws of the parameters say of patients: b and its posterior covariance, whom the fit need not have seen.

Given one draw (Psi, sigma^2), beta ~ N(m, B) and b_i given beta is N(Psi e_i, sigma^2 (Psi - Psi T_i Psi)), so that
jointly Cov(b_i, beta) = -Psi E_i B. Over draws the law of total covariance holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.bayes.kernels.patients import fill_courses
from slopewise.growth.engine.estimates import Estimates
from slopewise.growth.engine.layout import Design
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.run import functions
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Draws(NamedTuple):
    """A weighted sample of a fit's parameters: results (s fits, one centre and scale) and weights (s,), sum 1."""

    results: Results
    weights: Floats


@dataclass(frozen=True, repr=False)
class Courses(ShortRepr):
    """beta (s, p), b (s, n, q) by draw and patient, and their covariance given the draw (s, n, p + q, p + q).

    In the user's units; beta is its mean given the draw's Psi and sigma^2; weights (s,) of the draws.
    """

    beta: Floats
    b: Floats
    within: Floats
    weights: Floats

    def mean_effects(self) -> Floats:
        """(n, q): posterior means of b."""
        return np.einsum("s,snq->nq", self.weights, self.b)

    def covariance(self) -> Floats:
        """(n, p + q, p + q): posterior covariance of beta and b."""
        both = np.concatenate([np.repeat(self.beta[:, None, :], self.b.shape[1], axis=1), self.b], axis=2)
        moved = both - np.einsum("s,snk->nk", self.weights, both)
        weighted = moved * self.weights[:, None, None]
        within = np.einsum("s,snij->nij", self.weights, self.within)
        total: Floats = within + weighted.transpose(1, 2, 0) @ moved.transpose(1, 0, 2)
        return total

    def combined(self, x: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Mean and SD of x'beta + z'b given each draw, (s, n) each; x (n, p), z (n, q)."""
        mean = self.beta @ x.T + np.einsum("snq,nq->sn", self.b, z)
        loads = np.concatenate([x, z], axis=1)
        variance = np.einsum("snj,nj->sn", np.einsum("ni,snij->snj", loads, self.within), loads)
        return mean, np.sqrt(np.maximum(variance, 0.0))


def mixture_quantiles(means: Floats, sds: Floats, weights: Floats, shares: tuple[float, ...]) -> Floats:
    """(shares, k): quantiles of k mixtures of normals with means and SDs (s, k) and weights (s,), by bisection."""
    from scipy.special import ndtr

    low, high = (means - 12.0 * sds).min(axis=0), (means + 12.0 * sds).max(axis=0)
    found = np.empty((len(shares), means.shape[1]))
    for place, share in enumerate(shares):
        below, above = low.copy(), high.copy()
        for _ in range(60):
            middle = 0.5 * (below + above)
            with np.errstate(divide="ignore", invalid="ignore"):
                less = weights @ ndtr((middle - means) / sds) < share
            below, above = np.where(less, middle, below), np.where(less, above, middle)
        found[place] = 0.5 * (below + above)
    return found


def courses(draws: Draws, design: Design, moments: Moments, who: Integers) -> Courses:
    """The courses of patients `who` (n,), by position in `moments`, under the draws of one fit."""
    some = moments._replace(
        rows=moments.rows[who], ones=moments.ones[who], means=moments.means[who], weight=moments.weight[who],
        n_rows=moments.n_rows[who], log_weight=moments.log_weight[who], left=moments.left[who],
    )  # fmt: skip
    results, weights = draws
    size, p, q = len(weights), results.beta.shape[1], results.psi.shape[1]
    b, within = np.empty((size, len(who), q)), np.empty((size, len(who), p + q, p + q))
    fill_courses(results, some, functions().deviance_at, b, within)
    estimates = Estimates(results, design.x_columns, design.z_columns)
    scale = float(estimates.response_scale[0])
    turn = np.zeros((p + q, p + q))
    turn[:p, :p], turn[p:, p:] = scale * estimates.to_user_x[0], scale * estimates.to_user_z[0]
    return Courses(estimates.beta, b @ turn[p:, p:].T, turn @ within @ turn.T, weights)
