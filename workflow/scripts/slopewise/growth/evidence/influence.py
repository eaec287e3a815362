"""Influence of each patient: the model fitted again without that patient.

A fit needs only the patients' cross-products, so a deletion costs no more than a count of 0.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.evidence.compare import SideBySide
from slopewise.growth.evidence.effort import DELETED
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch

Floats = NDArray[np.float64]

AT_ONCE = 250  # deletions whose counts are held in memory together


def influence(models: SideBySide, threads: int = 1, most: int = DELETED) -> pd.DataFrame:
    """What leaving out one patient does to the random-slope model (columns of ``growth/patients``).

    patient; slope_change: of the average slope of the cohort, in its units, and slope_change_se: in its standard
    errors; slope_sd_change: of the standard deviation of the slopes; cook: (change of beta)' cov(beta)^-1 (the
    same) / p (Cook's distance of a mixed model, Demidenko & Stukel 2005). At most `most` patients are left out, those
    with the largest standardised random effects.
    """
    fit = models.reml["random_slope"]
    assert fit.batch is not None
    # What a formula learns from rows stays as everybody's rows taught it, so that coefficients mean the same.
    data = replace(models.data, design=fit.design, columns=fit.batch.columns_of(fit.index))
    chosen = _chosen(fit, most)
    average, spread = _average_slope(fit), _slope_sd(fit.estimates.covariance)[0]
    beta, covariance = fit.estimates.beta[0], fit.estimates.beta_covariance[0]
    se = float(np.sqrt(average @ covariance @ average))
    kept = np.flatnonzero(~fit.results.aliased[0])
    inverse = np.linalg.pinv(covariance[np.ix_(kept, kept)], hermitian=True)
    parts = []
    for first in range(0, len(chosen), AT_ONCE):
        some = chosen[first : first + AT_ONCE]
        counts = np.ones((len(some), len(data.patients)), np.int64)
        counts[np.arange(len(some)), some] = 0
        batch = fit_batch(data, counts, ["correlated"] * len(some), threads, fit.results.psi[0])
        moved = batch.beta - beta
        # Without the one patient of a group its coefficient is gone, and what is left means something else.
        usable = (batch.aliased == fit.results.aliased[0]).all(axis=1) & np.isfinite(batch.deviance)
        change = np.where(usable, moved @ average, np.nan)
        cook = np.einsum("fi,ij,fj->f", moved[:, kept], inverse, moved[:, kept]) / len(kept)
        parts.append(
            pd.DataFrame(
                {
                    "patient": np.array(data.patients, dtype=object)[some],
                    "slope_change": change,
                    "slope_change_se": change / se if se > 0 else np.nan,
                    "slope_sd_change": np.where(usable, _slope_sd(batch.covariance) - spread, np.nan),
                    "cook": np.where(usable, cook, np.nan),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _slope_sd(covariance: Floats) -> Floats:
    return np.sqrt(np.maximum(covariance[:, 1, 1], 0.0))


def _average_slope(fit: GrowthFit) -> Floats:
    """c (p,) with c'beta the cohort's average slope, each patient's taken at the patient's last row."""
    assert fit.batch is not None
    data = fit.batch.data
    last = data.starts[1:][data.n_rows > 0] - 1
    frame = data.frame.iloc[last]
    time = frame[data.specification.time].to_numpy(dtype=np.float64)
    return np.asarray(fit.batch.design_derivative(frame, time, fit.index)[0].mean(axis=0))


def _chosen(fit: GrowthFit, most: int) -> NDArray[np.int64]:
    """The patients to leave out, by place."""
    assert fit.batch is not None
    seen = np.flatnonzero(fit.batch.data.n_rows > 0)
    if len(seen) <= most:
        return seen
    b, conditional = fit.batch.random_effects(fit.index, seen)
    left = fit.estimates.covariance[0] - conditional  # Var(b hat)
    size = np.einsum("ni,nij,nj->n", b, np.linalg.pinv(left, hermitian=True), b)
    return np.sort(seen[np.argsort(-size, kind="stable")[:most]])
