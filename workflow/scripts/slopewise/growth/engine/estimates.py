"""From a fit's standardised parameters to the user's units."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine import many
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.optimise import CONVERGED

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STRUCTURES = ("correlated", "diagonal", "intercept", "excluded")


@dataclass(frozen=True)
class Estimates:
    """Results of F fits, read in the user's units; p fixed effects, q random ones."""

    results: Results
    x_columns: Integers  # (p,): the column of each fixed effect, -1 the intercept
    z_columns: Integers  # (q,)

    @cached_property
    def response_scale(self) -> Floats:
        return self.results.scale_x[:, -1]

    @cached_property
    def to_user_x(self) -> Floats:
        """(F, p, p): beta in the user's units is response_scale * (this @ beta here) + the response's centre."""
        return _to_user(self.x_columns, self.results.centre_x, self.results.scale_x)

    @cached_property
    def to_user_z(self) -> Floats:
        """(F, q, q): the same for the random effects, without a centre."""
        return _to_user(self.z_columns, self.results.centre_z, self.results.scale_z)

    @cached_property
    def beta(self) -> Floats:
        """(F, p); 0 where the term is aliased."""
        beta = self.response_scale[:, None] * transformed(self.to_user_x, self.results.beta)
        intercept = np.flatnonzero(self.x_columns < 0)
        if len(intercept):
            beta[:, intercept[0]] += self.results.centre_x[:, -1]
        return beta

    @cached_property
    def beta_covariance(self) -> Floats:
        """(F, p, p): sigma^2 (X'V^-1X)^-1; rows and columns of aliased terms are 0."""
        return self.variance_scale[:, None, None] * sandwich(self.to_user_x, self.results.inverse)

    @cached_property
    def se(self) -> Floats:
        """(F, p); NaN where the term is aliased."""
        variance = np.einsum("fpp->fp", self.beta_covariance)
        return np.where(self.results.aliased, np.nan, np.sqrt(np.maximum(variance, 0.0)))

    @cached_property
    def variance_scale(self) -> Floats:
        """(F,): the residual variance in the user's units."""
        return self.results.sigma2 * self.response_scale**2

    @cached_property
    def sigma(self) -> Floats:
        return np.sqrt(self.variance_scale)

    @cached_property
    def covariance(self) -> Floats:
        """(F, q, q): covariance of the random effects."""
        return self.variance_scale[:, None, None] * sandwich(self.to_user_z, self.results.psi)

    @cached_property
    def converged(self) -> NDArray[np.bool_]:
        return (self.results.status == CONVERGED) & (self.results.structure != many.EXCLUDED)

    @cached_property
    def structure(self) -> list[str]:
        return [STRUCTURES[code] for code in self.results.structure]

    @cached_property
    def singular(self) -> NDArray[np.bool_]:
        """(F,): is Psi of lower rank than its structure allows? Judged standardised, so units do not matter."""
        structure, psi = self.results.structure, self.results.psi
        full = (structure == many.CORRELATED) | (structure == many.DIAGONAL)
        intercept = (structure == many.INTERCEPT) & singular(psi[:, :1, :1])
        return (full & singular(psi)) | intercept

    def message(self, j: int, wanted: str, fixed_names: tuple[str, ...]) -> str:
        """What a reader of the ledger should know about fit j; empty when nothing happened."""
        parts = []
        structure = self.structure[j]
        if self.results.rows[j] == 0:
            parts.append("no training row has this response")
        elif not np.isfinite(self.results.deviance[j]):
            parts.append("the residual variance is zero, or there are fewer rows than fixed effects")
        elif structure == "excluded":
            parts.append("no random effect can be identified: pooled regression")
        elif structure != wanted:
            parts.append(f"{wanted} covariance not identified, or not converged: random intercept")
        if structure != "excluded" and self.results.status[j] != CONVERGED:
            parts.append("not converged")
        if self.singular[j]:
            parts.append("covariance of the random effects is singular")
        dropped = [name for name, gone in zip(fixed_names, self.results.aliased[j], strict=True) if gone]
        if dropped:
            parts.append("aliased terms dropped: " + ", ".join(dropped))
        return "; ".join(parts)


def singular(psi: Floats) -> NDArray[np.bool_]:
    """(F,): a relative diagonal of the Cholesky factor of Psi (F, q, q) below 1e-4, or no variance at all."""
    q = psi.shape[1]
    factor, answer = np.zeros_like(psi), np.zeros(len(psi), np.bool_)
    for i in range(q):
        for k in range(i):
            share = (factor[:, i, :k] * factor[:, k, :k]).sum(axis=1)
            factor[:, i, k] = (psi[:, i, k] - share) / factor[:, k, k]
        square = psi[:, i, i] - (factor[:, i, :i] ** 2).sum(axis=1)
        low = (psi[:, i, i] < 1e-8) | (square < 1e-8 * psi[:, i, i])
        answer |= low
        factor[:, i, i] = np.sqrt(np.where(low, 1.0, square))
    return answer


def _to_user(places: Integers, centre: Floats, scale: Floats) -> Floats:
    """(F, k, k): coefficients of the standardised columns into those of the user's columns."""
    fits, count = len(centre), len(places)
    transform = np.zeros((fits, count, count))
    intercept = np.flatnonzero(places < 0)
    for position, place in enumerate(places):
        if place < 0:
            transform[:, position, position] = 1.0
        else:
            transform[:, position, position] = 1.0 / scale[:, place]
            if len(intercept):
                transform[:, intercept[0], position] = -centre[:, place] / scale[:, place]
    return transform


def transformed(transform: Floats, vectors: Floats) -> Floats:
    """(F, k): transform @ vector for each fit."""
    return np.einsum("fij,fj->fi", transform, vectors)


def sandwich(transform: Floats, matrices: Floats) -> Floats:
    """(F, k, k): transform @ matrix @ transform' for each fit."""
    return np.einsum("fij,fjk,flk->fil", transform, matrices, transform)
