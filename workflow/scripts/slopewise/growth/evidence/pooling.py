"""Every patient under no pooling, partial pooling and complete pooling, and how reliability grows with visits.

No pooling: the straight line through the patient's own rows. Complete pooling: pooled regression, the same for all
patients with these covariates. Partial pooling: the mixed model, fixed effects plus BLUPs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.evidence.compare import SideBySide
from slopewise.growth.fit import GrowthFit, design_of
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

MOST_VISITS = 12
"""Visits up to which the reliability is worked out."""

SPANS = (0.5, 1.0, 2.0)
"""Spans for which it is worked out, in median spans of the patients with two times or more."""


@dataclass(frozen=True, repr=False)
class Lines(ShortRepr):
    """Least-squares lines within patients: mean time, mean of the values, sum of squares of time, slope; each (m,).

    The slope is missing where a patient has one time alone, everything where there is no row.
    """

    time: Floats
    value: Floats
    squares: Floats
    slope: Floats

    @staticmethod
    def through(time: Floats, values: Floats, codes: NDArray[np.int64], patients: int) -> Lines:
        """Lines through `values` (rows,) over `time` (rows,) of the patients `codes` (rows,)."""
        rows = np.bincount(codes, minlength=patients)
        with np.errstate(divide="ignore", invalid="ignore"):
            middle = np.bincount(codes, time, patients) / rows
            mean = np.bincount(codes, values, patients) / rows
            away = time - middle[codes]
            squares: Floats = np.bincount(codes, away**2, patients).astype(np.float64)
            spread = float(((time - time.mean()) ** 2).sum()) or 1.0
            squares = np.where(squares > 1e-12 * spread, squares, np.nan)
            slope = np.bincount(codes, away * (values - mean[codes]), patients) / squares
        return Lines(middle, mean, squares, slope)


def patient_rows(models: SideBySide) -> pd.DataFrame:
    """One row a patient with a value of the marker (``growth/patients`` without its columns of influence).

    visits, first, last (times of the rows), middle (their mean); residual, trend: mean and slope of the
    random-intercept model's residuals, trend_noise: the standard deviation that noise alone gives the trend
    (missing where the residual variance differs between rows);
    intercept (at time zero) and slope (at the last row) without pooling (`_ols`), with complete pooling (`_pooled`)
    and by the random-slope model; slope_se: its standard deviation given the data; reliability of the slope.
    """
    data, fit, level = models.data, models.reml["random_slope"], models.reml["random_intercept"]
    time, codes, m = design_of(fit)[1][:, 1], data.codes, len(data.patients)
    seen = np.flatnonzero(data.n_rows > 0)
    own = Lines.through(time, data.values, codes, m)
    left = Lines.through(time, residuals(level), codes, m)
    last_row = data.starts[1:][seen] - 1
    order = np.lexsort((time, codes))  # the row of the last time, whatever the order within a patient
    last_row = order[last_row]
    first_row = order[data.starts[:-1][seen]]
    frame = data.frame.iloc[last_row]
    assert fit.batch is not None and models.reml["pooled"].batch is not None
    b, conditional = fit.batch.random_effects(fit.index, seen)
    zero_x, slope_x = fit.batch.design(frame, 0.0, fit.index)[0], _derivative(fit, frame, time[last_row])
    beta, pooled = fit.estimates.beta[0], models.reml["pooled"].estimates.beta[0]
    variance = float(fit.estimates.covariance[0][1, 1])
    kept = conditional[:, 1, 1]
    noise = level.sigma if data.one_residual_variance else np.nan
    reliability = np.clip(1.0 - kept / variance, 0.0, 1.0) if variance > 0 else np.zeros(len(seen))
    return pd.DataFrame(
        {
            "patient": np.array(data.patients, dtype=object)[seen],
            "visits": data.n_rows[seen],
            "first": time[first_row],
            "last": time[last_row],
            "middle": left.time[seen],
            "residual": left.value[seen],
            "trend": left.slope[seen],
            "trend_noise": noise / np.sqrt(left.squares[seen]),
            "intercept_ols": (own.value - own.slope * own.time)[seen],
            "slope_ols": own.slope[seen],
            "intercept": zero_x @ beta + b[:, 0],
            "slope": slope_x @ beta + b[:, 1],
            "slope_se": np.sqrt(np.maximum(kept, 0.0)),
            "reliability": reliability,
            "intercept_pooled": zero_x @ pooled,
            "slope_pooled": slope_x @ pooled,
        }
    )


def _derivative(fit: GrowthFit, frame: pd.DataFrame, time: Floats) -> Floats:
    assert fit.batch is not None
    return fit.batch.design_derivative(frame, time, fit.index)[0]


def fitted_values(fit: GrowthFit) -> Floats:
    """X beta + Z b of the fit's own rows, (rows,)."""
    assert fit.batch is not None
    x, z = design_of(fit)
    b, _ = fit.batch.random_effects(fit.index, np.arange(len(fit.batch.data.patients)))
    return x @ fit.estimates.beta[0] + np.einsum("nq,nq->n", z, b[fit.batch.data.codes])


def residuals(fit: GrowthFit) -> Floats:
    """y - X beta - Z b of the fit's own rows, (rows,)."""
    assert fit.batch is not None
    return fit.batch.data.values - fitted_values(fit)


def reliability_of(covariance: Floats, sigma: float, times: Floats) -> float:
    """Reliability of the slope of a patient seen at `times`: (S Z'V^-1 Z S)_11 / S_11, V = Z S Z' + sigma^2 I."""
    z = np.column_stack([np.ones(len(times)), times])
    v = z @ covariance @ z.T + sigma**2 * np.eye(len(times))
    share = covariance @ z.T @ np.linalg.solve(v, z @ covariance)
    return float(np.clip(share[1, 1] / covariance[1, 1], 0.0, 1.0))


def planned_reliability(models: SideBySide, rows: pd.DataFrame) -> pd.DataFrame:
    """Reliability of the slope by number of evenly spaced visits and by span (``growth/planned``: span, visits, ...).

    `rows` are those of `patient_rows`. Empty where slopes do not vary or nobody has two times. The visits start at the
    median first time; what the model says is taken as known, so the curve is what a plan may hope for.
    """
    fit = models.reml["random_slope"]
    covariance, long = fit.estimates.covariance[0], rows[rows["last"] > rows["first"]]
    if not len(long) or not covariance[1, 1] > 0 or not fit.sigma > 0:
        return pd.DataFrame(columns=["span", "visits", "reliability"])
    start, middle = float(rows["first"].median()), float((long["last"] - long["first"]).median())
    planned = [
        (share * middle, visits, reliability_of(covariance, fit.sigma, times))
        for share in SPANS
        for visits in range(2, MOST_VISITS + 1)
        for times in (np.linspace(start, start + share * middle, visits),)
    ]
    return pd.DataFrame(planned, columns=["span", "visits", "reliability"])
