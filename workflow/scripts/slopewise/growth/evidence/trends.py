"""Residual diagnostics: what the residuals of simpler models say about slopes, and what the fitted models imply.

The trends of the random-intercept model's residuals within each patient, the exact F test that they are all the same,
the residual variogram, and the variance over time that a model implies beside the one that is seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import fdtrc

from slopewise.growth.evidence.compare import SideBySide
from slopewise.growth.evidence.serial import SerialFit
from slopewise.growth.fit import GrowthFit, design_of, residual_variances

Floats = NDArray[np.float64]

LAGS, TIMES = 8, 8
"""Classes of the variogram's lags and of the implied variance's times, with about equal numbers in each."""

GRID = 7  # times in each direction of the correlation surface

MOST_PAIRS = 2_000_000  # of rows within patients; more would cost memory and tell nothing new


@dataclass(frozen=True)
class Trends:
    """Patients whose own slope can be computed, their slopes' spread, and the F test that all are the same.

    sd_seen: SD of the trends of the random-intercept model's residuals; sd_expected: what noise alone would give
    (root mean of the residual variance over each patient's sum of squares of time). Both in slope units.
    """

    patients: int
    sd_seen: float
    sd_expected: float
    f: float
    df1: int
    df2: int
    p_value: float


def trends(intercept: GrowthFit) -> Trends:
    """The spread of within-patient trends and the exact F test (analysis of covariance) of equal slopes.

    Null: every patient has a level of their own, and X beta explains the rest. Alternative: every patient with two
    times also has a slope of their own. With normal independent residuals F is exact whatever the levels are.
    """
    assert intercept.batch is not None
    data = intercept.batch.data
    x, z = design_of(intercept)
    t, y, codes = z[:, 1], data.values, data.codes
    m = len(data.patients)
    xw, yw, tw = _within(x, codes, m), _within(y[:, None], codes, m)[:, 0], _within(t[:, None], codes, m)[:, 0]
    squares = np.bincount(codes, tw**2, m)
    total = float((t - t.mean()) @ (t - t.mean())) or 1.0
    known = squares > 1e-12 * total
    missing = Trends(int(known.sum()), np.nan, np.nan, np.nan, 0, 0, np.nan)
    if not known.any():
        return missing
    lengths = np.sqrt((x**2).sum(axis=0))
    sse0, rank0 = _left(xw, yw, lengths)
    share = np.divide(tw, squares[codes], out=np.zeros_like(tw), where=known[codes])

    def without_trend(column: Floats) -> Floats:
        return column - tw * np.bincount(codes, share * column, m)[codes]

    xt = np.column_stack([without_trend(column) for column in xw.T]) if xw.shape[1] else xw
    sse1, rank1 = _left(xt, without_trend(yw), lengths)
    seen = int((data.n_rows > 0).sum())
    df1 = int(known.sum()) + rank1 - rank0
    df2 = len(y) - seen - int(known.sum()) - rank1
    residual = y - x @ intercept.estimates.beta[0]
    slopes = np.bincount(codes, share * _within(residual[:, None], codes, m)[:, 0], m)[known]
    variance = sse0 / max(len(y) - seen - rank0, 1)
    spread = float(np.std(slopes, ddof=1)) if len(slopes) > 1 else np.nan
    expected = float(np.sqrt((variance / squares[known]).mean()))
    if df1 < 1 or df2 < 1 or not sse1 > 0:
        return Trends(int(known.sum()), spread, expected, np.nan, max(df1, 0), max(df2, 0), np.nan)
    f = ((sse0 - sse1) / df1) / (sse1 / df2)
    return Trends(int(known.sum()), spread, expected, f, df1, df2, float(fdtrc(df1, df2, f)))


def _within(columns: Floats, codes: NDArray[np.int64], m: int) -> Floats:
    """Columns (rows, k) less each patient's mean."""
    count = np.maximum(np.bincount(codes, minlength=m), 1)
    means = np.column_stack([np.bincount(codes, column, m) / count for column in columns.T])
    return columns - means[codes]


def _left(x: Floats, y: Floats, lengths: Floats) -> tuple[float, int]:
    """Sum of squares that regression of y on x leaves, and the rank of x; `lengths` (p,) are those of the whole x."""
    used = x[:, np.sqrt((x**2).sum(axis=0)) > 1e-9 * lengths]
    if not used.shape[1]:
        return float(y @ y), 0
    left, values, _ = np.linalg.svd(used / np.sqrt((used**2).sum(axis=0)), full_matrices=False)
    basis = left[:, values > 1e-9 * values[0]]
    rest = y - basis @ (basis.T @ y)
    return float(rest @ rest), basis.shape[1]


def variogram(models: SideBySide, serial: SerialFit) -> pd.DataFrame:
    """Half the mean squared difference of two residuals of a patient by their distance in time (``growth/variogram``).

    Columns lag (mean of the class), pairs, seen, and what the models imply: random_intercept (flat, the residual
    variance), random_slope (rises with the square of the lag), serial (rises and levels off). Residuals are those of
    the random-intercept model's fixed effects.
    """
    intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
    data = models.data
    x, z = design_of(intercept)
    time, residual = z[:, 1], data.values - x @ intercept.estimates.beta[0]
    lags, halves = _pairs(time, residual, data.starts)
    if not len(lags):
        return pd.DataFrame(columns=["lag", "pairs", "seen", "random_intercept", "random_slope", "serial"])
    rows = []
    for chosen in classes(lags, LAGS):
        lag, squares = lags[chosen], float((lags[chosen] ** 2).mean())
        fading = serial.share * (1.0 - np.exp(-lag / serial.range)).mean() if serial.share > 0 else 0.0
        rows.append(
            {
                "lag": float(lag.mean()),
                "pairs": len(lag),
                "seen": float(halves[chosen].mean()),
                "random_intercept": intercept.sigma**2,
                "random_slope": slope.sigma**2 + 0.5 * slope.estimates.covariance[0][1, 1] * squares,
                "serial": serial.sd**2 * (1.0 - serial.share + float(fading)),
            }
        )
    return pd.DataFrame(rows)


def _pairs(time: Floats, residual: Floats, starts: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Lags and half squared differences of all pairs of rows within patients, up to `MOST_PAIRS`."""
    lags: list[Floats] = []
    halves: list[Floats] = []
    count = 0
    for first, last in pairwise(starts):
        i, j = np.triu_indices(int(last - first), 1)
        if not len(i) or count > MOST_PAIRS:
            continue
        count += len(i)
        lags.append(np.abs(time[first + i] - time[first + j]))
        halves.append(0.5 * (residual[first + i] - residual[first + j]) ** 2)
    if not lags:
        return np.empty(0), np.empty(0)
    return np.concatenate(lags), np.concatenate(halves)


def classes(values: Floats, most: int) -> list[NDArray[np.int64]]:
    """Positions by class of about equal numbers; equal values are never in two classes."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, most + 1)[1:-1]))
    place = np.searchsorted(edges, values, side="left")
    return [np.flatnonzero(place == number) for number in np.unique(place)]


def implied_variance(models: SideBySide) -> pd.DataFrame:
    """Var(y(t)) about the fixed effects by classes of time, seen and implied (``growth/implied``).

    seen: the mean of (y - x'beta)^2 + x'Cov(beta)x, since Var(y - x'beta) = Var(y) - x'Cov(beta)x by generalised least
    squares. Columns time (mean of the class), rows, seen, random_intercept (flat), random_slope (quadratic: z'Sigma z +
    s2).
    """
    intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
    x, z = design_of(slope)
    time, residual = z[:, 1], models.data.values - x @ slope.estimates.beta[0]
    kept = np.flatnonzero(~slope.results.aliased[0])
    own = x[:, kept]
    unseen = np.einsum("np,ps,ns->n", own, slope.estimates.beta_covariance[0][np.ix_(kept, kept)], own)
    noise = {fit.structure: residual_variances(fit) for fit in (intercept, slope)}
    rows = []
    for chosen in classes(time, TIMES):
        zc = z[chosen]
        spread = np.einsum("ni,ij,nj->n", zc, slope.estimates.covariance[0], zc).mean()
        rows.append(
            {
                "time": float(time[chosen].mean()),
                "rows": len(chosen),
                "seen": float((residual[chosen] ** 2 + unseen[chosen]).mean()),
                "random_intercept": float(intercept.estimates.covariance[0][0, 0])
                + float(noise["intercept"][chosen].mean()),
                "random_slope": float(spread) + float(noise["correlated"][chosen].mean()),
            }
        )
    return pd.DataFrame(rows)


def implied_correlation(models: SideBySide) -> pd.DataFrame:
    """Corr(y(s), y(t)) of two values of a patient, measured apart, that the models imply (``growth/correlation``).

    Columns time_1, time_2 (a grid over the times seen), random_slope: z_s'Sigma z_t over the root of both variances
    (z'Sigma z + s2), and random_intercept: the same number throughout (compound symmetry).
    """
    intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
    time = design_of(slope)[1][:, 1]
    grid = np.linspace(float(time.min()), float(time.max()), GRID)
    z = np.column_stack([np.ones(GRID), grid])
    together = z @ slope.estimates.covariance[0] @ z.T
    spread = np.sqrt(np.diag(together) + slope.sigma**2)
    level = float(intercept.estimates.covariance[0][0, 0])
    one, other = np.meshgrid(grid, grid, indexing="ij")
    return pd.DataFrame(
        {
            "time_1": one.ravel(),
            "time_2": other.ravel(),
            "random_slope": (together / np.outer(spread, spread)).ravel(),
            "random_intercept": level / (level + intercept.sigma**2),
        }
    )
