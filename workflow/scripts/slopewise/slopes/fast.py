"""Who changes fast: each patient's posterior probability that the slope lies beyond a limit, and the cohort's share.

For patient i with own rows y_i, scored by a fit (beta, Psi, sigma^2) of other patients, the slope w = dx'beta + dz'b_i
at the landmark is normal about its prediction, with the prediction variance of Henderson (1975, 10.2307/2529430)

    v_i = dz' Var(b_i | y_i, beta) dz + a_i' Var(beta^) a_i        a_i = dx - X_i'V_i^-1 Z_i Psi dz

(the second term is what is not known of the fixed effects), so that P(w < limit) = Phi((limit - w) / sqrt v_i). In a
single patient's probability Psi and sigma^2 count as known. Probabilities are means over the repeats of cross-fitting.

The cohort's share is their mean. For its interval nothing is known but the data: draws of (beta, Psi, sigma^2) come
from the parametric bootstrap of the fit on everybody, and under each draw everybody's slope is drawn given the
patient's own rows. With Psi and sigma^2 as known the interval would cover 70 to 85 in 100 times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from slopewise.folds import CROSSFIT, TrainingFit
from slopewise.growth import GrowthBatch
from slopewise.growth.bayes.mixture import Courses
from slopewise.growth.engine.run import patient_parts
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import MarkerData
from slopewise.study.keys import FastChange

Floats = NDArray[np.float64]

DRAWS, PARAMETERS = 2000, 200
"""Draws of everybody's slopes behind the interval of the share, evenly over so many draws of the parameters."""


@dataclass(frozen=True, repr=False)
class Predicted(ShortRepr):
    """Slopes of n patients by one fit, (n,): prediction, SD given the fixed effects; and what the fixed effects add.

    lever (n, p): a_i times the symmetric root of Var(beta^), so that its squared length is the second term of v_i.
    mixture: of a posterior the means and SDs (s, n) of the slopes under each draw of the parameters, and weights (s,).
    """

    slope: Floats
    own_sd: Floats
    lever: Floats
    mixture: tuple[Floats, Floats, Floats] | None = None

    @property
    def sd(self) -> Floats:
        total: Floats = np.sqrt(self.own_sd**2 + (self.lever**2).sum(axis=1))
        return total


def predicted(data: MarkerData, batch: GrowthBatch, fit: int, who: NDArray[np.int64]) -> Predicted:
    """Predict the slopes of cohort patients `who` by one fit of the batch; missing where the fit was excluded."""
    n, p = len(who), len(batch.fixed_names)
    if batch.structure[fit] == "excluded" or not np.isfinite(batch.deviance[fit]):
        return Predicted(np.full(n, np.nan), np.full(n, np.nan), np.full((n, p), np.nan))
    dx, dz = (matrix[who] for matrix in batch.design_derivative(data.covariates, data.at, fit))
    return predicted_by(batch, fit, who, dx, dz)


def predicted_by(batch: GrowthBatch, fit: int, who: NDArray[np.int64], dx: Floats, dz: Floats) -> Predicted:
    """Predict dx'beta + dz'b of patients `who` (n,) by one fit of the batch; dx (n, p), dz (n, q)."""
    n, results, estimates = len(who), batch.results, batch.estimates
    p = len(batch.fixed_names)
    if batch.draws:
        return _of_posterior(batch.courses(fit, who), dx, dz)
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


def _of_posterior(courses: Courses, dx: Floats, dz: Floats) -> Predicted:
    """The slopes' posterior."""
    return of_mixture(*courses.combined(dx, dz), courses.weights)


def of_mixture(mean: Floats, sd: Floats, weights: Floats) -> Predicted:
    """What is known of n patients under draws with means and SDs (s, n) and weights (s,); all of it is `own_sd`."""
    middle = weights @ mean
    variance = weights @ (sd**2 + (mean - middle) ** 2)
    return Predicted(middle, np.sqrt(variance), np.zeros((mean.shape[1], 0)), (mean, sd, weights))


def probability(found: Predicted, limit: float, below: bool) -> Floats:
    """(n,): P(slope beyond the limit); a slope without any uncertainty is beyond it or not."""
    if found.mixture is not None:
        means, sds, weights = found.mixture
        under: Floats = weights @ ndtr((limit - means) / sds)
        return under if below else 1.0 - under
    away = (limit - found.slope) if below else (found.slope - limit)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(found.sd > 0, away / found.sd, np.where(away > 0, np.inf, -np.inf))
    chance: Floats = np.where(np.isnan(found.slope), np.nan, ndtr(score))
    return chance


def fast_changers(
    data: MarkerData,
    fits: Sequence[TrainingFit],
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
    drawn = drawn_slopes(data, fits, batch, rng)
    slope_ols = facts.set_index("patient")["slope_ols"].reindex(data.patients).to_numpy(dtype=float)
    for side, limit in (("below", asked.below), ("above", asked.above)):
        if limit is None:
            continue
        below = side == "below"
        patients = _patients(data, repeats, limit, below).assign(side=side, limit=limit)
        people.append(patients)
        shares.append({"side": side, "limit": limit, **_share(patients, drawn, slope_ols, limit, below)})
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


def drawn_slopes(data: MarkerData, fits: Sequence[TrainingFit], batch: GrowthBatch, rng: np.random.Generator) -> Floats:
    """(draws, patients): slopes of the whole cohort given the data, parameters drawn too; without rows if none is left.

    `batch`: the fits in the order of `fits`, of which the one on everybody is simulated from. `PARAMETERS` responses of
    the rows that it learned from are drawn and fitted again, with its structure and design; each refit predicts all
    patients by their own rows up to the landmark, and `DRAWS` / `PARAMETERS` times slopes are drawn about that.
    """
    place = next(k for k, fit in enumerate(fits) if fit.scheme == CROSSFIT and fit.repeat == 0)
    fit = GrowthFit.from_batch(replace(batch, data=data.trained_on), place)
    n, each = len(data.patients), DRAWS // PARAMETERS
    if fit.structure == "excluded" or not (np.isfinite(fit.deviance) and fit.sigma > 0):
        return np.empty((0, n))
    ours = replace(fit.specification, engine="slopewise")
    learned, scored = (
        replace(rows, specification=ours, design=fit.design, columns=fit.design.replay(rows.frame), shared=None)
        for rows in (data.trained_on, data.growth)
    )
    dx, dz = batch.design_derivative(data.covariates, data.at, place)
    if batch.draws:
        return _posterior_slopes(batch.courses(place, np.arange(n)), dx, dz, rng)
    everybody, who = data.everybody(), np.arange(n)
    drawn = []
    for values in fit.simulate(rng, PARAMETERS):
        again = replace(fit_batch(learned.with_values(values), everybody, [fit.structure]), data=scored)
        if not np.isfinite(again.deviance[0]):
            continue
        effects, conditional = again.random_effects(np.zeros(n, np.int64), who)
        slope = dx @ again.beta[0] + np.einsum("ni,ni->n", dz, effects)
        sd = np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", dz, conditional, dz), 0.0))
        drawn.append(slope + sd * rng.standard_normal((each, n)))
    return np.concatenate(drawn) if drawn else np.empty((0, n))


def _posterior_slopes(courses: Courses, dx: Floats, dz: Floats, rng: np.random.Generator) -> Floats:
    """(DRAWS, patients): slopes drawn jointly, each draw with one set of parameters and one beta for all patients."""
    mean, _ = courses.combined(dx, dz)
    p, drawn = dx.shape[1], []
    loads = np.concatenate([dx, dz], axis=1)
    for place in np.sort(rng.choice(len(courses.weights), DRAWS, p=courses.weights)):
        within = courses.within[place]
        lever = np.einsum("nij,nj->ni", within[:, :p, :], loads)  # covariance of beta and each slope
        values, vectors = np.linalg.eigh(within[0, :p, :p])
        kept = values > 1e-14 * values[-1]
        lever = (lever @ vectors[:, kept]) / np.sqrt(values[kept])
        left = np.einsum("ni,nij,nj->n", loads, within, loads) - (lever**2).sum(axis=1)
        shared = lever @ rng.standard_normal(int(kept.sum()))
        drawn.append(mean[place] + shared + np.sqrt(np.maximum(left, 0.0)) * rng.standard_normal(len(dx)))
    return np.array(drawn)


def _share(patients: pd.DataFrame, drawn: Floats, slope_ols: Floats, limit: float, below: bool) -> dict[str, float]:
    """patients, share with ci_low and ci_high, share_slope and share_ols (of single slopes beyond), likely, sure."""
    chance = patients["probability"].to_numpy(dtype=float)
    known = patients[np.isfinite(chance)]
    own = slope_ols[np.isfinite(slope_ols)]

    def beyond(slopes: Floats) -> float:
        return float((slopes < limit if below else slopes > limit).mean()) if len(slopes) else np.nan

    low, high = np.nan, np.nan
    if len(drawn) and len(known):
        cohort = drawn[:, np.isfinite(chance)]
        low, high = np.quantile((cohort < limit if below else cohort > limit).mean(axis=1), (0.025, 0.975))
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
