"""Satterthwaite's degrees of freedom of the fixed effects, as lmerTest (Kuznetsova et al. 2017, 10.18637/jss.v082.i13).

    df_k = 2 c_k^2 / (g_k' A g_k),   c = diag of cov(beta),   g = dc/d eta,   A = 2 H^-1

H is the Hessian of the deviance in the variance parameters eta, sigma^2 not profiled out. The result does not depend
on how eta is chosen. Where Psi is singular, eta moves along its face alone: Psi = BB' with B of Psi's rank. H and g are
central differences of the exact gradient and of cov(beta).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit

from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.run import likelihood_at
from slopewise.growth.strata import stratum_shares

if TYPE_CHECKING:
    from slopewise.growth.batch import GrowthBatch

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STEP = 1e-4
NULL = 1e-9  # eigenvalues of H below this share of the largest are directions that change nothing


def t_tests(estimate: Floats, se: Floats, df: Floats) -> dict[str, Floats]:
    """estimate, se, df, statistic (t), p_value, ci_low, ci_high (95%), each as `estimate`; NaN where one is missing."""
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / se
        half = stdtrit(df, 0.975) * se
        p_value = 2.0 * stdtr(df, -np.abs(statistic))
    return {
        "estimate": estimate,
        "se": se,
        "df": df,
        "statistic": statistic,
        "p_value": p_value,
        "ci_low": estimate - half,
        "ci_high": estimate + half,
    }


@dataclass(frozen=True)
class Face:
    """Coordinates of Psi near its optimum: elements of Psi where it has full rank, else of B with Psi = BB'."""

    origin: Floats  # (q, q) Psi, or (q, r) B
    rows: Integers
    columns: Integers
    linear: bool  # coordinates are elements of Psi

    @staticmethod
    def at(psi: Floats, structure: str) -> Face:
        q = len(psi)
        if structure == "excluded":
            return Face(psi, np.empty(0, np.int64), np.empty(0, np.int64), True)
        if structure == "intercept":
            active = np.array([0])
        elif structure == "diagonal":
            active = np.arange(q)
        else:
            active = np.arange(q)
            values, vectors = np.linalg.eigh(psi)
            kept = values > 1e-9 * max(float(values[-1]), 1e-2)
            if not kept.all():
                return Face._factor(vectors[:, kept] * np.sqrt(values[kept]))
            rows, columns = np.tril_indices(q)
            return Face(psi, rows, columns, True)
        positive = active[np.diag(psi)[active] > 1e-11]
        return Face(psi, positive, positive, True)

    @staticmethod
    def _factor(factor: Floats) -> Face:
        """B turned so that the rows that determine it best form a lower triangle: no direction is a mere rotation."""
        q, rank = factor.shape
        remaining, order = factor.copy(), []
        for _ in range(rank):
            pivot = int(np.argmax((remaining**2).sum(axis=1)))
            order.append(pivot)
            direction = remaining[pivot] / np.linalg.norm(remaining[pivot])
            remaining = remaining - np.outer(remaining @ direction, direction)
        turn = np.linalg.qr(factor[order].T)[0] if rank else np.zeros((0, 0))
        rows, columns = [], []
        for row in range(q):
            for column in range(rank):
                if row not in order[:column]:
                    rows.append(row)
                    columns.append(column)
        return Face(factor @ turn, np.array(rows, np.int64), np.array(columns, np.int64), False)

    def psi(self, move: Floats) -> Floats:
        """Psi at this displacement of the coordinates."""
        moved = self.origin.copy()
        moved[self.rows, self.columns] += move
        if self.linear:
            moved[self.columns, self.rows] = moved[self.rows, self.columns]
            return moved
        return moved @ moved.T

    def score(self, move: Floats, gradient: Floats) -> Floats:
        """Derivative of the deviance by the coordinates, from G."""
        if self.linear:
            return np.where(self.rows == self.columns, 1.0, 2.0) * gradient[self.rows, self.columns]
        moved = self.origin.copy()
        moved[self.rows, self.columns] += move
        slope: Floats = 2.0 * (gradient @ moved)[self.rows, self.columns]
        return slope


def satterthwaite(batch: GrowthBatch, j: int, contrasts: Floats | None = None) -> Floats:
    """(k,): degrees of freedom of k linear combinations of fit j's fixed effects; NaN where one is not estimable.

    contrasts (k, p), in the user's units: the fixed effects themselves where none are given. A combination is not
    estimable where it takes an aliased effect, or where nothing was fitted.
    """
    results = batch.results
    p = len(batch.fixed_names)
    rows = np.eye(p) if contrasts is None else contrasts
    if not np.isfinite(results.deviance[j]):
        return np.full(len(rows), np.nan)
    gradient, covariance = _curves(batch, j, rows)
    hessian = 0.5 * (gradient + gradient.T)
    if not np.isfinite(hessian).all() or not np.isfinite(covariance[1]).all():
        return np.full(len(rows), np.nan)
    values, vectors = np.linalg.eigh(hessian)
    used = values > NULL * values[-1]
    projected = covariance[1] @ vectors[:, used]  # (k, directions)
    variance = 2.0 * (projected**2 / values[used]).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        lost = (rows[:, results.aliased[j]] != 0).any(axis=1)
        return np.where(lost, np.nan, 2.0 * covariance[0][:, 0] ** 2 / variance)


def _curves(batch: GrowthBatch, j: int, rows: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
    """Hessian of the deviance in (face, log sigma^2, log ratios); variances of `rows` @ beta (k, 1), their gradient."""
    face = Face.at(batch.results.psi[j], batch.structure[j])
    size = len(face.rows)
    strata = np.flatnonzero(batch.ratios[j] != 1.0)
    total = size + 1 + len(strata)
    scale = np.maximum(np.abs(face.origin[face.rows, face.columns]), 0.05)
    steps = np.concatenate([STEP * scale, np.full(1 + len(strata), STEP)])
    moves = np.concatenate([np.zeros((1, total)), np.diag(steps), -np.diag(steps)])
    transform = rows @ batch.estimates.to_user_x[j]
    scores, variances = np.empty((len(moves), total)), np.empty((len(moves), len(transform)))
    for k, move in enumerate(moves):
        point = batch.results.one(j)
        point.psi[0] = face.psi(move[:size])
        point.sigma2[0] *= np.exp(move[size])
        moments, weights = _moved(batch, j, strata, move[size + 1 :])
        gradient, freedom, square = likelihood_at(batch.counts[j], moments, batch.data.specification.reml, point)
        scores[k, :size] = face.score(move[:size], gradient)
        scores[k, size] = freedom - square / point.sigma2[0]
        if len(strata):
            columns, count = batch.columns_of(j), batch.counts[j]
            expected, met = stratum_shares(batch.data, moments, columns, weights, count, point)
            scores[k, size + 1 :] = (expected - met)[strata]
        variances[k] = point.sigma2[0] * np.einsum("pa,ab,pb->p", transform, point.inverse[0], transform)
    up, down = slice(1, total + 1), slice(total + 1, None)
    hessian = (scores[up] - scores[down]) / (2.0 * steps[:, None])
    slopes = ((variances[up] - variances[down]) / (2.0 * steps[:, None])).T
    return hessian, (variances[0][:, None], slopes)


def _moved(batch: GrowthBatch, j: int, strata: Integers, logs: Floats) -> tuple[Moments, Floats]:
    """Moments and weights with the log ratios of the strata displaced."""
    if not len(strata):
        return batch.moments_of(j), batch.data.weights
    ratios = batch.ratios[j].copy()
    ratios[strata] *= np.exp(logs)
    weights = batch.data.weights / ratios[batch.data.strata]
    return batch.data.reduce(batch.designs[batch.design_of[j]], batch.columns_of(j), weights), weights
