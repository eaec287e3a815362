"""Who changes fast: each patient's posterior probability that the slope lies beyond a limit, and the cohort's share.

For patient i with own rows y_i, scored by a fit (beta, Psi, sigma^2) of other patients, the slope w = dx'beta + dz'b_i
at the landmark is normal about its prediction, with the prediction variance of Henderson (1975, 10.2307/2529430)

    v_i = dz' Var(b_i | y_i, beta) dz + a_i' Var(beta^) a_i        a_i = dx - X_i'V_i^-1 Z_i Psi dz

(the second term is what is not known of the fixed effects), so that P(w < limit) = Phi((limit - w) / sqrt v_i). Psi and
sigma^2 count as known. Probabilities are means over the repeats of cross-fitting. The cohort's share is their mean; its
interval comes from draws of everybody's slope at once: the error of the fixed effects is the same for all patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import CROSSFIT, Fit
from slopewise.growth import GrowthBatch
from slopewise.growth.engine import patient_parts
from slopewise.run_repr import ShortRepr
from slopewise.slopes import MarkerData
from slopewise.study_keys import FastChange

Floats = NDArray[np.float64]

DRAWS = 2000
"""Draws behind the interval of the share, over all repeats."""


@dataclass(frozen=True, repr=False)
class Predicted(ShortRepr):
    """Slopes of n patients by one fit, (n,): prediction, SD given the fixed effects; and what the fixed effects add.

    lever (n, p): a_i times the symmetric root of Var(beta^), so that its squared length is the second term of v_i.
    """

    slope: Floats
    own_sd: Floats
    lever: Floats

    @property
    def sd(self) -> Floats:
        total: Floats = np.sqrt(self.own_sd**2 + (self.lever**2).sum(axis=1))
        return total


def predicted(data: MarkerData, batch: GrowthBatch, fit: int, who: NDArray[np.int64]) -> Predicted:
    """Predict the slopes of cohort patients `who` by one fit of the batch; missing where the fit was excluded."""
    n, results, estimates = len(who), batch.results, batch.estimates
    p = len(batch.fixed_names)
    if batch.structure[fit] == "excluded" or not np.isfinite(batch.deviance[fit]):
        return Predicted(np.full(n, np.nan), np.full(n, np.nan), np.full((n, p), np.nan))
    dx, dz = (matrix[who] for matrix in batch.design_derivative(data.covariates, data.at, fit))
    effects, conditional = batch.random_effects(np.full(n, fit), who)
    slope = dx @ batch.beta[fit] + np.einsum("ni,ni->n", dz, effects)
    own = np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", dz, conditional, dz), 0.0))
    cross = patient_parts(fit, batch.moments_of(fit), results)[1][who][:, :, :p]  # Z'V^-1X, standardised
    loading = (dz @ estimates.to_user_z[fit]) @ results.psi[fit]
    a = dx @ estimates.to_user_x[fit] - np.einsum("nq,nqp->np", loading, cross)
    values, vectors = np.linalg.eigh(results.inverse[fit])
    # The symmetric root: it moves as little as the matrix does, so that fits without one fold or another share it.
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    return Predicted(slope, own, float(estimates.sigma[fit]) * (a @ root))


def probability(found: Predicted, limit: float, below: bool) -> Floats:
    """(n,): P(slope beyond the limit); a slope without any uncertainty is beyond it or not."""
    from scipy.stats import norm

    away = (limit - found.slope) if below else (found.slope - limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(found.sd > 0, away / found.sd, np.where(away > 0, np.inf, -np.inf))
    chance: Floats = np.where(np.isnan(found.slope), np.nan, norm.cdf(score))
    return chance


def fast_changers(
    data: MarkerData,
    fits: Sequence[Fit],
    batch: GrowthBatch,
    facts: pd.DataFrame,
    asked: FastChange | None,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The marker's rows of ``slopes/fast_changers`` (a patient a row) and of ``slopes/fast_share``; empty if not asked.

    `batch`: the fits in the order of `fits`; facts: the marker's rows of `slopes.facts`, for each patient's own
    least-squares slope.
    """
    if asked is None:
        return pd.DataFrame(), pd.DataFrame()
    repeats: dict[int, list[tuple[NDArray[np.int64], Predicted]]] = {}
    for place, fit in enumerate(fits):
        if fit.scheme == CROSSFIT and fit.repeat > 0:
            who = np.flatnonzero(fit.scored)
            repeats.setdefault(fit.repeat, []).append((who, predicted(data, batch, place, who)))
    people, shares = [], []
    slope_ols = facts.set_index("patient")["slope_ols"].reindex(data.patients).to_numpy(dtype=float)
    for side, limit in (("below", asked.below), ("above", asked.above)):
        if limit is None:
            continue
        below = side == "below"
        patients = _patients(data, repeats, limit, below).assign(side=side, limit=limit)
        people.append(patients)
        shares.append({"side": side, "limit": limit, **_share(patients, repeats, slope_ols, limit, below, rng)})
    return pd.concat(people, ignore_index=True), pd.DataFrame(shares)


def _patients(
    data: MarkerData, repeats: dict[int, list[tuple[NDArray[np.int64], Predicted]]], limit: float, below: bool
) -> pd.DataFrame:
    """patient, slope, slope_sd, probability: means over repeats (of the variance, for the SD)."""
    made = []
    for parts in repeats.values():
        table = np.full((len(data.patients), 3), np.nan)
        for who, found in parts:
            table[who] = np.column_stack([found.slope, found.sd**2, probability(found, limit, below)])
        made.append(table)
    slope, variance, chance = np.mean(made, axis=0).T
    return pd.DataFrame(
        {"patient": data.patients, "slope": slope, "slope_sd": np.sqrt(variance), "probability": chance}
    )


def _share(
    patients: pd.DataFrame,
    repeats: dict[int, list[tuple[NDArray[np.int64], Predicted]]],
    slope_ols: Floats,
    limit: float,
    below: bool,
    rng: np.random.Generator,
) -> dict[str, float]:
    """patients, share with ci_low and ci_high, share_slope and share_ols (of single slopes beyond), likely, sure."""
    known = patients[patients["probability"].notna()]
    own = slope_ols[np.isfinite(slope_ols)]

    def beyond(slopes: Floats) -> float:
        return float((slopes < limit if below else slopes > limit).mean()) if len(slopes) else np.nan

    drawn = []
    each = max(1, DRAWS // max(1, len(repeats)))
    for parts in repeats.values():
        wanted = [found for _, found in parts if np.isfinite(found.slope).all()]
        if not wanted:
            continue
        common = rng.standard_normal((each, wanted[0].lever.shape[1]))  # one error of the fixed effects for all folds
        counts, total = np.zeros(each), 0
        for found in wanted:
            noise = found.own_sd * rng.standard_normal((each, len(found.slope)))
            slopes = found.slope + common @ found.lever.T + noise
            counts += (slopes < limit if below else slopes > limit).sum(axis=1)
            total += len(found.slope)
        drawn.append(counts / max(1, total))
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975)) if drawn else (np.nan, np.nan)
    return {
        "patients": len(known),
        "share": float(known["probability"].mean()) if len(known) else np.nan,
        "ci_low": float(low),
        "ci_high": float(high),
        "share_slope": beyond(known["slope"].to_numpy(dtype=float)),
        "share_ols": beyond(own),
        "likely": int((known["probability"] > 0.5).sum()),
        "sure": int((known["probability"] > 0.9).sum()),
    }
