"""Is the slope of each marker, one at a time, associated with the outcome? For the ranking of many markers.

For marker j a model of the kind of the outcome, without a penalty, has the covariates, the cross-fitted level and the
cross-fitted slope of that marker alone. Level and slope of a patient come from growth models that have not seen the
patient. The coefficient of the slope per SD is referred to a normal distribution (a t distribution in a linear model);
Wald's test takes the slopes as known. q: Benjamini & Hochberg over the markers of a cause. Nothing that is predicted or
shipped uses these numbers: they describe the cohort.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr, stdtr

from slopewise.growth.evidence.compare import q_values
from slopewise.outcome.fit import OutcomeFit
from slopewise.outcome.learners import learner
from slopewise.outcome.models import Part

Floats = NDArray[np.float64]
COLUMNS = ["marker", "cause", "estimate", "se", "df", "p_value", "q_value", "message"]
FLAT = "the slopes are all alike, or determined by the levels and the covariates"
UNIQUE = 1e-6
"""Share of the variance of the slopes that level and covariates leave, below which a slope has no coefficient."""


def associations(fit: OutcomeFit) -> pd.DataFrame:
    """The table ``outcome/associations``: a row for each cause and marker.

    `estimate` is the log hazard ratio, log odds ratio or difference per SD of the slope, with its standard error;
    missing where `message` says why.
    """
    data = replace(fit.data, penalty="none")
    rows = np.arange(len(data.patients))
    learn = learner(data, rows, np.ones(len(rows), dtype=np.int64))
    covariates = _standardised(data.covariates)
    found: list[tuple[str, str, float, float, float, str]] = []
    for place, marker in enumerate(data.markers):
        others = np.column_stack([covariates, _standardised(fit.level[:, [place]])])
        slope = _standardised(fit.slope[:, [place]])
        if not slope.shape[1] or _unique_share(slope[:, 0], others) < UNIQUE:
            found += [(marker, cause, np.nan, np.nan, np.nan, FLAT) for cause in data.causes]
            continue
        x = np.column_stack([slope, _independent(others)])
        parts = learn(x, [f"x{column}" for column in range(x.shape[1])])
        found += [(marker, cause, *_coefficient(part)) for cause, part in zip(data.causes, parts, strict=True)]
    table = pd.DataFrame(found, columns=["marker", "cause", "estimate", "se", "df", "message"])
    table["p_value"] = _two_sided(table["estimate"] / table["se"], table["df"].to_numpy(dtype=float))
    table["q_value"] = table.groupby("cause")["p_value"].transform(lambda own: q_values(own.to_numpy(dtype=float)))
    return table[COLUMNS]


def _standardised(x: Floats) -> Floats:
    """Columns (n, k) with mean 0 and SD 1, missing values at the mean; those without variance are left out."""
    mean, sd = np.nanmean(x, axis=0), np.nanstd(x, axis=0, ddof=1)
    varies = sd > 1e-10 * np.maximum(np.abs(mean), 1e-300)
    return np.nan_to_num((x[:, varies] - mean[varies]) / sd[varies])


def _independent(x: Floats) -> Floats:
    """The columns of x (n, k) that those before them do not determine."""
    kept: list[int] = []
    for column in range(x.shape[1]):
        if _unique_share(x[:, column], x[:, kept]) >= UNIQUE:
            kept.append(column)
    return x[:, kept]


def _unique_share(column: Floats, others: Floats) -> float:
    """The share of the sum of squares of a centred column (n,) that the columns of others (n, k) do not explain."""
    total = float(column @ column)
    left = column - others @ np.linalg.lstsq(others, column, rcond=None)[0] if others.shape[1] else column
    return float(left @ left) / total if total > 0 else 0.0


def _coefficient(part: Part) -> tuple[float, float, float, str]:
    """Estimate, standard error and degrees of freedom of the first column; missing where the fit says why."""
    estimate, error = float(part.beta[0]), float(part.standard_errors[0])
    if part.message or not np.isfinite(error) or error <= 0:
        return np.nan, np.nan, np.nan, part.message or FLAT
    return estimate, error, float(getattr(part, "df", np.inf)), ""


def _two_sided(z: pd.Series, df: Floats) -> Floats:
    below = -np.abs(z.to_numpy(dtype=float))
    return np.asarray(2.0 * np.where(np.isfinite(df), stdtr(np.where(np.isfinite(df), df, 1.0), below), ndtr(below)))
