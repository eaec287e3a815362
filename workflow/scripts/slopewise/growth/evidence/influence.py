"""Influence of each patient: the model fitted again without that patient, and how large it is by chance.

A fit needs only the patients' cross-products, so a deletion costs no more than a count of 0. Among few patients, or
where slopes hardly differ, leaving out one changes a great deal although nothing is wrong with anybody's values: a
large influence is compared with that in data sets drawn from the fitted model.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.data import GrowthData
from slopewise.growth.evidence.compare import SideBySide, sequential_p
from slopewise.growth.evidence.effort import DELETED, Effort
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import everybody, fit_batch

Floats = NDArray[np.float64]

AT_ONCE = 250  # deletions whose counts are held in memory together

LARGE_SE, LARGE_SD = 1.0, 0.2
"""An influence is large that moves the average slope by more than so many standard errors, or the SD of slopes by more
than this share."""


def influence(models: SideBySide, threads: int = 1, most: int = DELETED) -> pd.DataFrame:
    """What leaving out one patient does to the random-slope model (columns of ``growth/patients``).

    patient; slope_change: of the average slope of the cohort, in its units, and slope_change_se: in its standard
    errors; slope_sd_change: of the standard deviation of the slopes; cook: (change of beta)' cov(beta)^-1 (the
    same) / p (Cook's distance of a mixed model, Demidenko & Stukel 2005). At most `most` patients are left out, those
    with the largest standardised random effects.
    """
    fit = models.reml["random_slope"]
    return _without_each(fit, _learned(models), _average_slope(fit), _chosen(fit, most), threads)


def largest_influence(
    models: SideBySide, changes: pd.DataFrame, rng: np.random.Generator, threads: int = 1, effort: Effort | None = None
) -> pd.DataFrame:
    """The marker's row of ``growth/influence``, from the `influence` of its patients.

    slope_change_se and slope_sd_change: the largest, the latter as a share of the SD of slopes; p_value: the share of
    data sets drawn from the fitted model, the observed one counted, of which one patient has as large an influence
    (the larger of both in units of `LARGE_SE` and `LARGE_SD`; sequential, `compare.sequential_p`). It is missing where
    no influence is large, or the slopes have no variance.
    """
    fit = models.reml["random_slope"]
    spread = float(_slope_sd(fit.estimates.covariance)[0])
    share = changes["slope_sd_change"].abs().max() / spread if spread > 0 else np.nan
    row = {"slope_change_se": changes["slope_change_se"].abs().max(), "slope_sd_change": share, "p_value": np.nan}
    if spread > 0 and _size(changes, spread) > 1:
        row["p_value"] = _by_chance(models, changes, rng, threads, effort or Effort())
    return pd.DataFrame([row])


def _size(changes: pd.DataFrame, spread: float) -> float:
    """The largest influence in units of what is large; infinite where it makes a variance of slopes that were none."""
    moved, widened = changes["slope_change_se"].abs().max(), changes["slope_sd_change"].abs().max()
    relative = widened / spread if spread > 0 else np.where(widened > 0, np.inf, 0.0)
    return float(np.nanmax([moved / LARGE_SE, float(relative) / LARGE_SD, 0.0]))


def _by_chance(
    models: SideBySide, changes: pd.DataFrame, rng: np.random.Generator, threads: int, effort: Effort
) -> float:
    """The p-value of `largest_influence`; patients are chosen by one rule in the observed data and each drawn set."""
    fit, data = models.reml["random_slope"], _learned(models)
    names = np.array(data.patients, dtype=object)[_chosen(fit, effort.compared)]
    observed = _size(changes[changes["patient"].isin(names)], float(_slope_sd(fit.estimates.covariance)[0]))
    average = _average_slope(fit)
    larger: list[int] = []  # of the draws so far
    while len(larger) < effort.influences and (not larger or larger[-1] < effort.exceedances):
        drawn = data.with_values(fit.simulate(rng)[0])
        again = GrowthFit.from_batch(fit_batch(drawn, everybody(data), ["correlated"], threads, fit.results.psi[0]), 0)
        found = _without_each(again, drawn, average, _chosen(again, effort.compared), threads)
        size = _size(found, float(_slope_sd(again.estimates.covariance)[0]))
        larger.append((larger[-1] if larger else 0) + int(size >= observed))
    return sequential_p(np.array(larger), effort.exceedances)


def _learned(models: SideBySide) -> GrowthData:
    """The data with what a formula learns from rows as everybody's rows taught it: coefficients mean the same."""
    fit = models.reml["random_slope"]
    assert fit.batch is not None
    return replace(models.data, design=fit.design, columns=fit.batch.columns_of(fit.index))


def _without_each(
    fit: GrowthFit, data: GrowthData, average: Floats, chosen: NDArray[np.int64], threads: int
) -> pd.DataFrame:
    """The columns of `influence` of the patients at the places `chosen`; `fit`: that of the `data` of everybody.

    average (p,): of `_average_slope`.
    """
    spread = _slope_sd(fit.estimates.covariance)[0]
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
