"""How sure the parameters of a growth model are: draws of them by the parametric bootstrap.

A response is simulated from the fit for the fit's own rows and the model is fitted to it again; its β, Ψ and σ² are one
draw. Unlike a normal approximation it needs no inverse information, so it stays right where Ψ lies on the boundary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from slopewise.design.products import Matrix
from slopewise.growth.engine.estimates import Estimates
from slopewise.growth.evidence.profile import RESIDUAL
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch

Percentiles = tuple[float, float, float]

DIGITS = 9
"""Significant digits that are kept of a draw: far below the noise between draws."""


@dataclass(frozen=True)
class ParameterDraws:
    """B draws in the user's units: beta (B, p), covariance of the random effects (B, q, q), residual variance (B,).

    ratios (B, K): the residual variances of K strata relative to the first, which `variance` is that of.
    """

    beta: Matrix
    covariance: Matrix
    variance: Matrix
    ratios: Matrix

    def __len__(self) -> int:
        return len(self.variance)

    def to_dict(self) -> dict[str, Any]:
        """Plain lists: parameters alone, no patient. Of a covariance the lower triangle, row by row."""
        rows, columns = np.tril_indices(self.covariance.shape[1])
        content = {
            "beta": _rounded(self.beta),
            "covariance": _rounded(self.covariance[:, rows, columns]),
            "variance": _rounded(self.variance),
        }
        return content | ({"ratios": _rounded(self.ratios)} if self.ratios.shape[1] > 1 else {})

    @staticmethod
    def from_dict(content: Mapping[str, Any], effects: int) -> ParameterDraws:
        """The inverse of `to_dict` for `effects` random effects."""
        variance = np.array(content["variance"], dtype=float)
        rows, columns = np.tril_indices(effects)
        covariance = np.empty((len(variance), effects, effects))
        flat = np.array(content["covariance"], dtype=float).reshape(len(variance), len(rows))
        covariance[:, rows, columns] = flat
        covariance[:, columns, rows] = flat
        ratios = np.array(content["ratios"], dtype=float) if "ratios" in content else np.ones((len(variance), 1))
        beta = np.array(content["beta"], dtype=float).reshape(len(variance), -1)
        return ParameterDraws(beta, covariance, variance, ratios)


def _rounded(values: Matrix) -> Any:
    if values.ndim > 1:
        return [_rounded(row) for row in values]
    return [float(f"{value:.{DIGITS}g}") for value in values]


def parameter_draws(fit: GrowthFit, number: int, rng: np.random.Generator) -> ParameterDraws:
    """`number` draws by the parametric bootstrap, by our own engine, with the structure of the fit imposed.

    Of a fit of the engine bayes: from its posterior.

    The fit must still have its data. A draw whose fit has no residual variance is left out.
    """
    assert fit.batch is not None
    if fit.draws is not None:
        return _of_posterior(fit, number, rng)
    data = replace(
        fit.batch.data,
        specification=replace(fit.batch.data.specification, engine="slopewise"),
        design=fit.design,  # learnt once: the rows of a draw are the same
        columns=fit.batch.columns_of(fit.index),
    )
    counts = (fit.batch.counts[fit.index : fit.index + 1] > 0).astype(np.int64)
    beta, covariance, variance, ratios = [], [], [], []
    for values in fit.simulate(rng, number):
        drawn = fit_batch(data.with_values(values), counts, structures=[fit.structure])
        if np.isfinite(drawn.deviance[0]) and drawn.sigma[0] > 0:
            beta.append(drawn.beta[0])
            covariance.append(drawn.covariance[0])
            variance.append(drawn.sigma[0] ** 2)
            ratios.append(drawn.ratios[0])
    p, q = len(fit.design.fixed_names), len(fit.design.random_names)
    return ParameterDraws(
        np.array(beta).reshape(-1, p),
        np.array(covariance).reshape(-1, q, q),
        np.array(variance).reshape(-1),
        np.array(ratios).reshape(-1, len(fit.ratios)),
    )


def _of_posterior(fit: GrowthFit, number: int, rng: np.random.Generator) -> ParameterDraws:
    """`number` draws from the sample that a fit of the engine bayes holds, beta drawn given the others."""
    assert fit.draws is not None
    chosen = rng.choice(len(fit.draws.weights), number, p=fit.draws.weights)
    each = Estimates(fit.draws.results, fit.design.x_columns, fit.design.z_columns)
    values, vectors = np.linalg.eigh(each.beta_covariance[chosen])
    noise = np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(values.shape)
    beta = each.beta[chosen] + np.einsum("nij,nj->ni", vectors, noise)
    return ParameterDraws(beta, each.covariance[chosen], each.sigma[chosen] ** 2, np.ones((number, 1)))


def bootstrap_components(fit: GrowthFit, number: int, rng: np.random.Generator) -> dict[tuple[str, str], Percentiles]:
    """Percentiles 2.5, 50 and 97.5 of SDs, correlations and residual SD by pair of terms, as in ``growth/covariance``.

    For more than two random effects, of which there is no profile; of `number` draws. A correlation is of the draws in
    which both effects vary.
    """
    drawn = parameter_draws(fit, number, rng)
    names = [str(name) for name in fit.design.random_names]
    sd = np.sqrt(np.maximum(np.einsum("bqq->bq", drawn.covariance), 0.0))
    found = {}
    for i, first in enumerate(names):
        found[first, first] = _percentiles(sd[:, i])
        for j in range(i + 1, len(names)):
            product = sd[:, i] * sd[:, j]
            both = product > 0
            found[first, names[j]] = _percentiles(np.clip(drawn.covariance[both, i, j] / product[both], -1.0, 1.0))
    if not fit.stratum_names:
        found[RESIDUAL, RESIDUAL] = _percentiles(np.sqrt(drawn.variance))
    return found


def _percentiles(values: Matrix) -> Percentiles:
    if not len(values):
        return np.nan, np.nan, np.nan
    low, middle, high = np.quantile(values, [0.025, 0.5, 0.975])
    return float(low), float(middle), float(high)
