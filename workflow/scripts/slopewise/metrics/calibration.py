"""Calibration of absolute risks at a horizon under censoring, for many resamples at once.

With r the predicted risk at horizon t and x = log(−log(1 − r)) (the log cumulative hazard that r states), follow-up
cut at t:

- slope: the coefficient of x in a Cox model; 1 is right, below 1 means too extreme risks.
- intercept: log H₀(t) of the Cox model with x as offset (slope 1), H₀ Efron's baseline cumulative hazard; 0 is right,
  above 0 means that events are more frequent than predicted. Its exponential is the ratio observed/expected.
- smooth curve and ICI (Austin, Harrell & van Klaveren 2020): a Cox model of a restricted cubic spline of x with three
  knots (10th, 50th, 90th percentile) gives the observed risk p(r); ICI is the mean of |p(r) − r|.

A Cox model knows one kind of event. For a binary outcome, and at a horizon with competing events, the same three come
from a binomial regression of what had happened by then on the linear predictor that the risk states: the logit for a
binary outcome; with competing events log(−log(1 − r)) with IPC weights (direct binomial regression, Scheike, Zhang &
Gerds 2008), so that slope 1 and intercept 0 are right in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.design.splines import bends
from slopewise.kernels import binomial as binomial_kernels
from slopewise.kernels import calibration as calibration_kernels
from slopewise.metrics.ipcw import Weights

Floats = NDArray[np.float64]
KNOTS = (0.1, 0.5, 0.9)
SMALLEST_RISK = 1e-15
"""Risks are kept this far from 0 and 1, where log(−log(1 − r)) is infinite."""
FLAT = 1e-9
"""Log hazards that spread less than this are taken as all alike."""


@dataclass(frozen=True)
class Calibration:
    """`slope`, `intercept`, `ici` (B, S, H) and the observed risk `curve` (B, S, H, G) at the grid's predicted risks.

    Missing where the Cox model of a resample cannot be fitted (no event, or risks that are all alike).
    """

    slope: Floats
    intercept: Floats
    ici: Floats
    curve: Floats


def cloglog(risk: ArrayLike) -> Floats:
    """log(−log(1 − risk)), the log cumulative hazard."""
    bounded = np.clip(np.asarray(risk, dtype=float), SMALLEST_RISK, 1.0 - SMALLEST_RISK)
    return np.log(-np.log1p(-bounded))


def logit(risk: ArrayLike) -> Floats:
    """log(risk / (1 − risk))."""
    bounded = np.clip(np.asarray(risk, dtype=float), SMALLEST_RISK, 1.0 - SMALLEST_RISK)
    return np.log(bounded) - np.log1p(-bounded)


LINKS = {"logit": (logit, binomial_kernels.LOGIT), "cloglog": (cloglog, binomial_kernels.CLOGLOG)}


def spline_basis(x: Floats, knots: Floats) -> Floats:
    """Restricted cubic spline (len(x), 2) with three knots: x itself and Harrell's nonlinear term, in units of x."""
    return np.column_stack([x, bends(x, knots)])


def calibration(
    followup: Floats,
    event: NDArray[np.bool_],
    risk: Floats,
    horizons: Sequence[float],
    grid: Floats,
    counts: NDArray[np.int64],
) -> Calibration:
    """Calibration of `risk` (n, S, H) in the resamples `counts` (B, n); `grid` (S, H, G) predicted risks of the curve.

    Spline knots are those of the whole sample, the same in every resample.
    """
    order = np.argsort(-followup, kind="stable")
    ordered = np.ascontiguousarray(risk[order].transpose(1, 2, 0))
    x, points = cloglog(ordered), cloglog(grid)
    basis, lines = np.zeros((*x.shape[:2], 2, x.shape[2])), np.zeros((*points.shape, 2))
    for s, h in np.ndindex(x.shape[:2]):
        columns, lines[s, h] = _standardised_basis(x[s, h], points[s, h])
        basis[s, h] = columns.T
    centre, spread = x.mean(axis=2), x.std(axis=2)
    spread[spread <= FLAT] = 0.0
    scaled = (x - centre[:, :, None]) / np.where(spread > 0.0, spread, 1.0)[:, :, None]
    moments = np.asarray(horizons, dtype=float)
    events = event[order] & (followup[order] <= moments[:, None])
    shape = (len(counts), *x.shape[:2])
    out, curve = np.full((*shape, 3), np.nan), np.full((*shape, grid.shape[2]), np.nan)
    calibration_kernels.calibration_resamples(
        followup[order], np.ascontiguousarray(events), np.ascontiguousarray(counts[:, order]), scaled, np.exp(x),
        spread, basis, ordered, lines, out, curve,
    )  # fmt: skip
    slope, intercept, ici = np.ascontiguousarray(np.moveaxis(out, -1, 0))
    return Calibration(slope, intercept, ici, curve)


def binomial_calibration(
    weights: Weights, risk: Floats, link: str, grid: Floats, counts: NDArray[np.int64]
) -> Calibration:
    """Calibration of `risk` (n, S, H) by weighted binomial regression with `link` ``logit`` or ``cloglog``.

    A patient with a case weight at a moment had the event by then, one with a control weight had not; one with
    neither (censored before) does not enter the regression. `grid` (S, H, G), `counts` (B, n).
    """
    transform, code = LINKS[link]
    x, points = transform(risk).transpose(1, 2, 0), transform(grid)
    basis, lines = np.zeros((*x.shape, 2)), np.zeros((*points.shape, 2))
    for s, h in np.ndindex(x.shape[:2]):
        basis[s, h], lines[s, h] = _standardised_basis(x[s, h], points[s, h])
    centre, spread = x.mean(axis=2), x.std(axis=2)
    spread[spread <= FLAT] = 0.0
    shape = (len(counts), *x.shape[:2])
    out, curve = np.full((*shape, 3), np.nan), np.full((*shape, grid.shape[2]), np.nan)
    binomial_kernels.calibration_resamples(
        np.ascontiguousarray((weights.case > 0).T.astype(np.float64)),
        np.ascontiguousarray((weights.case + weights.control).T), counts, np.ascontiguousarray(x), centre, spread,
        basis, np.ascontiguousarray(risk.transpose(1, 2, 0)), lines, code, out, curve,
    )  # fmt: skip
    slope, intercept, ici = np.ascontiguousarray(np.moveaxis(out, -1, 0))
    return Calibration(slope, intercept, ici, curve)


def _standardised_basis(x: Floats, points: Floats) -> tuple[Floats, Floats]:
    """The spline's columns for patients and grid, centred and scaled for Newton's method; flat risks give zeros."""
    knots = np.quantile(x, KNOTS)
    if not (np.diff(knots) > FLAT).all():
        return np.zeros((len(x), 2)), np.zeros((len(points), 2))
    basis, lines = spline_basis(x, knots), spline_basis(points, knots)
    centre, spread = basis.mean(axis=0), basis.std(axis=0)
    return (basis - centre) / spread, (lines - centre) / spread


def calibration_grid(risk: Floats, points: int = 40) -> Floats:
    """Predicted risks (S, H, points) in equal steps from the 2.5th to the 97.5th percentile of `risk` (n, S, H)."""
    low, high = np.quantile(risk, [0.025, 0.975], axis=0)
    return low[..., None] + (high - low)[..., None] * np.linspace(0.0, 1.0, points)
