"""Residuals and predicted random effects of a growth model, each in its own standard deviation.

With V_i = Z_i Sigma Z_i' + R_i (R diagonal: the rows' residual variances), C = (X'V^-1 X)^-1 and
P = V^-1 - V^-1 X C X'V^-1, the residual about a patient's predicted line is R P y with variance R P R, so that divided
by its standard deviation it is (P y)_j / sqrt(P_jj): both the pull of predictions and the estimated fixed effects are
allowed for, and differing residual variances cancel (Nobre & Singer 2007, doi:10.1002/bimj.200610341). A predicted
effect is b = Sigma Z'P y, with variance Sigma Z'P Z Sigma (Lange & Ryan 1989). The variance parameters are taken as
known.

Residuals of a patient are correlated, and so are those of all patients through beta; their order statistics are not
those of independent values. The band about them is therefore simulated from the fit with the same design.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.fit import GrowthFit, design_of, residual_variances
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEAST = 0.05
"""A residual or prediction with less than this share of its variance in the model says nothing of its distribution."""

DRAWS = 399
"""Simulated data sets."""

AT_ONCE = 57  # data sets that are simulated together: 7 parts of 399


def each_side(draws: int) -> int:
    """The place of the band's ends among so many drawn values: of 399 another set lies outside in 2 x 10 of 400."""
    return (draws + 1) // 40


@dataclass(frozen=True, repr=False)
class StandardResiduals(ShortRepr):
    """What the residuals of a fit to everybody need; N rows, m patients with rows, p terms that are not aliased.

    x (N, p), z (N, q); place (N,): the patient of a row among those with rows; starts (m,): the first row of each;
    r (N,): residual variances; sigma (q, q); given (m, q, q): Var(b | y) given beta; c (p, p): covariance of beta.
    """

    y: Floats
    x: Floats
    z: Floats
    place: Integers
    starts: Integers
    r: Floats
    sigma: Floats
    given: Floats
    c: Floats

    @staticmethod
    def of(fit: GrowthFit) -> StandardResiduals:
        assert fit.batch is not None
        data = fit.batch.data
        x, z = design_of(fit)
        seen = np.flatnonzero(data.n_rows > 0)
        kept = np.flatnonzero(~fit.results.aliased[0])
        _, given = fit.batch.random_effects(fit.index, seen)
        return StandardResiduals(
            data.values,
            x[:, kept],
            z,
            np.searchsorted(seen, data.codes),
            data.starts[:-1][seen],
            residual_variances(fit),
            fit.estimates.covariance[0],
            given,
            fit.estimates.beta_covariance[0][np.ix_(kept, kept)],
        )

    def _sums(self, columns: Floats) -> Floats:
        """Z_i'u_i of every patient, (m, q, k), of columns (N, k)."""
        return np.add.reduceat(self.z[:, :, None] * columns[:, None, :], self.starts, axis=0)

    def _solve(self, columns: Floats) -> Floats:
        """V^-1 u = R^-1 (u - Z Var(b | y) Z'R^-1 u) of columns (N, k)."""
        scaled = columns / self.r[:, None]
        inner = self.given @ self._sums(scaled)
        return scaled - np.einsum("nq,nqk->nk", self.z, inner[self.place]) / self.r[:, None]

    @cached_property
    def vx(self) -> Floats:
        """V^-1 X, (N, p)."""
        return self._solve(self.x)

    def projected(self, columns: Floats) -> Floats:
        """P u of columns (N, k)."""
        solved = self._solve(columns)
        return solved - self.vx @ (self.c @ (self.vx.T @ columns))

    @cached_property
    def row_variance(self) -> Floats:
        """P_jj, (N,)."""
        inner = np.einsum("nq,nqs,ns->n", self.z, self.given[self.place], self.z)
        return 1 / self.r - inner / self.r**2 - np.einsum("np,ps,ns->n", self.vx, self.c, self.vx)

    @cached_property
    def effect_variance(self) -> Floats:
        """Var of the predicted effects, (m, q)."""
        cross = self.sigma @ self._sums(self.vx)
        lost = np.einsum("mqp,ps,mqs->mq", cross, self.c, cross)
        return np.diag(self.sigma) - np.einsum("mqq->mq", self.given) - lost

    @cached_property
    def rows(self) -> Integers:
        """Rows whose residual keeps at least the share `LEAST` of its variance."""
        return np.flatnonzero(self.row_variance * self.r > LEAST)

    def patients(self, k: int) -> Integers:
        """Patients (places) whose predicted effect k has at least the share `LEAST` of the effect's variance."""
        whole = self.sigma[k, k]
        return np.flatnonzero((self.effect_variance[:, k] > LEAST * whole) & (whole > 0))

    def residuals(self, projected: Floats) -> Floats:
        """(len(rows), k): the residuals in their standard deviations, from P y."""
        return projected[self.rows] / np.sqrt(self.row_variance[self.rows])[:, None]

    def effects(self, projected: Floats, k: int) -> Floats:
        """(len(patients(k)), k): the predicted effect k in its standard deviations, from P y."""
        chosen = self.patients(k)
        predicted = np.einsum("q,mqk->mk", self.sigma[k], self._sums(projected))
        return predicted[chosen] / np.sqrt(self.effect_variance[chosen, k])[:, None]

    def simulated(self, rng: np.random.Generator, number: int) -> Floats:
        """(N, number): responses of the fitted model less X beta, which P takes away."""
        values, vectors = np.linalg.eigh(self.sigma)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        b = root @ rng.standard_normal((len(self.starts), len(root), number))
        noise = np.sqrt(self.r)[:, None] * rng.standard_normal((len(self.r), number))
        return np.einsum("nq,nqk->nk", self.z, b[self.place]) + noise
