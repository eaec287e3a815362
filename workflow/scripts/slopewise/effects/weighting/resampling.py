"""The bootstrap of patients through the weights: every model of the weights and the marginal model are fitted anew."""

from __future__ import annotations

import numpy as np

from slopewise.effects.weighting.marginal import Marginal
from slopewise.effects.weighting.models import Floats, WeightModels
from slopewise.run.errors import InputError

ENOUGH = 0.9
"""The share of the resamples that must have an estimate; with fewer, an interval is of the resamples that are easy."""
FEWEST = 40
"""Resamples from which 2.5% and 97.5% are quantiles at all."""


def resampled(
    models: WeightModels, marginal: Marginal, draws: int, truncation: float, rng: np.random.Generator
) -> Floats:
    """(found, k): coefficients of the marginal model in resamples of the patients, weights estimated anew in each.

    Resamples without positivity or with terms that coincide have no estimate and are left out.
    """
    patients = len(models.first)
    found = []
    for _ in range(draws):
        counts = rng.multinomial(patients, np.full(patients, 1.0 / patients))
        try:
            weights = models.weights(truncation, counts).truncated
            found.append(marginal.solve(weights * counts[models.patient])[0])
        except InputError:
            continue
    return np.array(found).reshape(len(found), len(marginal.names))


def percentiles(values: Floats, draws: int) -> tuple[Floats, Floats]:
    """Ends (c,) of the 95% percentile intervals of values (found, c) of `draws` resamples; NaN where too few found."""
    if len(values) < max(FEWEST, ENOUGH * draws):
        missing = np.full(values.shape[1], np.nan)
        return missing, missing
    low, high = np.quantile(values, (0.025, 0.975), axis=0)
    return low, high
