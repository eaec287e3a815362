"""Level and slope of patients under fits: the values, their standard errors and their reliability."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth import GrowthBatch
from slopewise.slopes.marker import MarkerData, PatientDesigns

SCORES = ("intercept", "level", "level_se", "slope", "slope_se", "slope_deviation", "reliability")


def score(data: MarkerData, batch: GrowthBatch, fit: NDArray[np.int64], patient: NDArray[np.int64]) -> pd.DataFrame:
    """Scores (columns `SCORES`, one row a pair) of cohort patients by fits of `batch`.

    `fit` and `patient` are index arrays of equal length n: fit of the batch, patient of the cohort. A patient without
    rows of the marker gets b̂ = 0 and reliability 0; a fit that ended as ``excluded`` gives missing values.
    """
    effects, joint = _effects(data, batch, fit, patient)
    p = joint.shape[1] - effects.shape[1]
    out = {name: np.full(len(fit), np.nan) for name in SCORES}
    for rows, at in _designs(data, batch, fit):
        who, beta, b, covariance = patient[rows], batch.beta[fit[rows]], effects[rows], batch.covariance[fit[rows]]
        dz = at.slope_z[who]
        prior = np.einsum("ni,nij,nj->n", dz, covariance, dz)
        posterior = _variance(at.slope_x[who], dz, joint[rows], p)
        out["intercept"][rows] = _value(at.zero_x[who], beta, at.zero_z[who], b)
        out["level"][rows] = _value(at.level_x[who], beta, at.level_z[who], b)
        of_level = _variance(at.level_x[who], at.level_z[who], joint[rows], p)
        out["level_se"][rows] = np.sqrt(np.maximum(of_level, 0.0))
        out["slope"][rows] = _value(at.slope_x[who], beta, dz, b)
        out["slope_deviation"][rows] = np.einsum("ni,ni->n", dz, b)
        out["slope_se"][rows] = np.sqrt(np.maximum(posterior, 0.0))
        share = np.divide(prior - posterior, prior, out=np.zeros_like(prior), where=prior > 0)
        out["reliability"][rows] = np.clip(share, 0.0, 1.0)
    frame = pd.DataFrame(out)
    excluded = np.array([structure == "excluded" for structure in batch.structure])[fit]
    frame.loc[excluded, :] = np.nan
    return frame


def _effects(
    data: MarkerData, batch: GrowthBatch, fit: NDArray[np.int64], patient: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """b (n, q) and its covariance given the parameters (n, q, q); of a posterior that of beta and b."""
    if batch.draws:
        return batch.posterior(fit, patient)
    effects, conditional = batch.random_effects(fit, patient)
    unseen = data.growth.n_rows[patient] == 0
    conditional[unseen] = batch.covariance[fit[unseen]]  # to the last bit, so that their reliability is 0
    return effects, conditional


def _designs(
    data: MarkerData, batch: GrowthBatch, fit: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], PatientDesigns]]:
    """The pairs (by position in `fit`) that share a recipe, with that recipe's designs for all patients."""
    recipe = batch.design_of[fit]
    for number in np.unique(recipe):
        rows = np.flatnonzero(recipe == number)
        yield rows, data.designs.of(data.covariates, data.at, batch, int(fit[rows[0]]))


def _value(
    x: NDArray[np.float64], beta: NDArray[np.float64], z: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.einsum("ni,ni->n", x, beta) + np.einsum("ni,ni->n", z, b)


def _variance(
    x: NDArray[np.float64], z: NDArray[np.float64], joint: NDArray[np.float64], p: int
) -> NDArray[np.float64]:
    """The variance of z @ b and the last p columns of x @ beta (p = 0: beta counts as known), from their `joint`."""
    both = np.concatenate([x[:, x.shape[1] - p :], z], axis=1)
    found: NDArray[np.float64] = np.einsum("ni,nij,nj->n", both, joint, both)
    return found
