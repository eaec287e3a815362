"""How close predictions of a continuous outcome come, for many resamples at once.

- r2 = 1 − Σ (y − ŷ)² / Σ (y − ȳ)², with ȳ the mean of the training patients: what one could have said without looking
  at the patient. Below 0 the model does worse than that.
- rmse, mae: root of the mean squared, and mean absolute difference, in units of the outcome.
- slope: the least-squares slope of y on ŷ; 1 is right, below 1 means too extreme predictions.
- smooth curve: least squares of y on a restricted cubic spline of ŷ with three knots (10th, 50th, 90th percentile).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.kernels import pairs as kernels
from slopewise.metrics.calibration import KNOTS, spline_basis

Floats = NDArray[np.float64]
FLAT = 1e-9
"""Predictions that spread less than this share of the outcome's spread are taken as all alike."""


@dataclass(frozen=True)
class Closeness:
    """`r2`, `rmse`, `mae`, `slope` (B, S), and the observed mean `curve` (B, S, G) at the grid's predictions."""

    r2: Floats
    rmse: Floats
    mae: Floats
    slope: Floats
    curve: Floats


def closeness(outcome: Floats, prediction: Floats, null: Floats, grid: Floats, counts: NDArray[np.int64]) -> Closeness:
    """Measures of `prediction` (n, S) of `outcome` (n,) against the `null` (n,) in the resamples `counts` (B, n).

    `grid` (S, G) are predictions at which the curve is wanted. Missing where a resample does not vary.
    """
    error = outcome[:, None] - prediction
    base = ((outcome - null) ** 2)[:, None]
    sums = _sums(counts, np.concatenate([error**2, np.abs(error), base], axis=1))
    kinds, n = prediction.shape[1], counts.sum(axis=1)[:, None]
    means = np.divide(sums, n, out=np.full(sums.shape, np.nan), where=n > 0)
    squared, absolute, total = means[:, :kinds], means[:, kinds : 2 * kinds], means[:, 2 * kinds :]
    ratio = np.divide(squared, total, out=np.full(squared.shape, np.nan), where=total > 0)
    slopes, curves = [], []
    for s in range(kinds):
        slope, curve = _regressions(outcome, prediction[:, s], grid[s], counts)
        slopes.append(slope)
        curves.append(curve)
    return Closeness(1.0 - ratio, np.sqrt(squared), absolute, np.stack(slopes, axis=1), np.stack(curves, axis=1))


def _sums(counts: NDArray[np.int64], values: Floats) -> Floats:
    sums = np.zeros((len(counts), values.shape[1]))
    kernels.weighted_sums(counts, np.ascontiguousarray(values), sums)
    return sums


def _regressions(y: Floats, x: Floats, grid: Floats, counts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Slope (B,) of y on x and curve (B, G) of y on the spline of x, by the normal equations of every resample."""
    slope, curve = np.full(len(counts), np.nan), np.full((len(counts), len(grid)), np.nan)
    spread = x.std()
    if not spread > FLAT * max(float(y.std()), 1e-300):
        return slope, curve
    standard, points = (x - x.mean()) / spread, (grid - x.mean()) / spread
    straight = _least_squares(np.column_stack([np.ones(len(x)), standard]), y, counts)
    slope[:] = straight[:, 1] / spread
    knots = np.quantile(standard, KNOTS)
    if (np.diff(knots) > FLAT).all():
        basis = np.column_stack([np.ones(len(x)), spline_basis(standard, knots)])
        bent = _least_squares(basis, y, counts)
        curve[:] = np.einsum("bk,gk->bg", bent, np.column_stack([np.ones(len(grid)), spline_basis(points, knots)]))
    return slope, curve


def _least_squares(x: Floats, y: Floats, counts: NDArray[np.int64]) -> Floats:
    """Coefficients (B, k) of y on the columns of x (n, k) in every resample; missing where it is singular."""
    k = x.shape[1]
    products = [x[:, a] * x[:, b] for a in range(k) for b in range(k)] + [x[:, a] * y for a in range(k)]
    sums = _sums(counts, np.column_stack(products))
    moment, right = sums[:, : k * k].reshape(-1, k, k), sums[:, k * k :]
    beta = np.full(right.shape, np.nan)
    regular = np.linalg.cond(moment) < 1e12
    beta[regular] = np.linalg.solve(moment[regular], right[regular][:, :, None])[:, :, 0]
    return beta
