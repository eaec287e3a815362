"""Does the posterior hinge on its priors, and do data that it predicts look like those that were seen?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.bayes.importance import importance_sample
from slopewise.growth.bayes.sampled import PosteriorSample, named
from slopewise.growth.bayes.target import Posterior, correlations
from slopewise.growth.engine.estimates import Estimates
from slopewise.growth.engine.layout import Design, expanded

Floats = NDArray[np.float64]

FACTOR = 2.0  # all prior scales are divided and multiplied by it
SENSITIVE = 0.3  # shift of a mean, in posterior SDs, from which an estimate is called sensitive to its prior
REPLICATES = 400


def sensitivity(sample: PosteriorSample) -> pd.DataFrame:
    """kind, term_1, term_2, mean, narrow, wide, shift, sensitive: posterior means under two other priors.

    narrow: all scales and SDs of the priors halved and the shape of the LKJ prior doubled; wide: doubled, and shape 1.
    shift: the larger of the two differences from the mean, in posterior SDs.
    """
    target = sample.posterior.target
    changed = {}
    for name, factor, shape in (("narrow", 1.0 / FACTOR, 2.0 * target.shape), ("wide", FACTOR, 1.0)):
        other = target._replace(
            scales=target.scales * factor,
            residual=target.residual * factor,
            precision=target.precision / factor**2,
            shape=shape,
        )
        changed[name] = _means(replace(sample.posterior, target=other), sample.design)
    rows = []
    for key, draws in sample.parameters().items():
        mean, sd = float(draws.mean()), float(draws.std(ddof=1))
        narrow, wide = changed["narrow"][key], changed["wide"][key]
        shift = max(abs(narrow - mean), abs(wide - mean)) / sd
        rows.append((*key, mean, narrow, wide, shift, shift > SENSITIVE))
    columns = ["kind", "term_1", "term_2", "mean", "narrow", "wide", "shift", "sensitive"]
    return pd.DataFrame(rows, columns=columns)


def _means(posterior: Posterior, design: Design) -> dict[tuple[str, str, str], float]:
    found = importance_sample(posterior)
    results = posterior.results(found.theta)
    beta = Estimates(results, design.x_columns, design.z_columns).beta
    parts = named(posterior, design, beta, *posterior.components(found.theta))
    return {key: float(found.weights @ values) for key, values in parts.items()}


def predictive_check(sample: PosteriorSample, rng: np.random.Generator) -> pd.DataFrame:
    """statistic, observed, predicted (median), ci_low, ci_high (95%), above: of data predicted for new patients.

    The rows (patients, times, covariates) are those that were seen, random effects and residuals are drawn anew.
    above: the share of predictions above the observed value; near 0 or 1 the model does not predict what was seen.
    """
    data, posterior = sample.data, sample.posterior
    columns = data.columns if data.columns is not None else sample.design.replay(data.frame)
    x, z = expanded(columns, sample.design.x_columns), expanded(columns, sample.design.z_columns)[:, posterior.active]
    chosen = rng.choice(sample.sigma.size, REPLICATES, replace=sample.sigma.size < REPLICATES)
    beta, sd, sigma = (part.reshape(-1, *part.shape[2:])[chosen] for part in (sample.beta, sample.sd, sample.sigma))
    numbers = sample.theta.reshape(-1, posterior.size)[chosen][:, len(posterior.active) : -1]
    roots = np.linalg.cholesky(correlations(numbers, len(posterior.active)) + 1e-12 * np.eye(len(posterior.active)))
    seen = data.n_rows > 0
    measures = statistics(data.codes, seen)
    observed = measures(data.values)
    predicted = np.empty((REPLICATES, len(observed)))
    for k in range(REPLICATES):
        b = sd[k] * (rng.standard_normal((len(seen), z.shape[1])) @ roots[k].T)
        noise = sigma[k] / np.sqrt(data.weights) * rng.standard_normal(len(z))
        predicted[k] = list(measures(x @ beta[k] + np.einsum("nq,nq->n", z, b[data.codes]) + noise).values())
    low, middle, high = predicted_interval(predicted)
    value = np.array(list(observed.values()))
    above = (predicted > value).mean(axis=0) + 0.5 * (predicted == value).mean(axis=0)
    table = {"statistic": list(observed), "observed": value, "predicted": middle, "ci_low": low, "ci_high": high}
    return pd.DataFrame({**table, "above": above})


def predicted_interval(predicted: Floats) -> Floats:
    """2.5%, 50% and 97.5% points (3, k) of statistics (replicates, k) of predicted data."""
    return np.asarray(np.quantile(predicted, [0.025, 0.5, 0.975], axis=0))


def statistics(codes: NDArray[np.int64], seen: NDArray[np.bool_]) -> Callable[[Floats], dict[str, float]]:
    """Statistics of a response on rows of these patients: mean, smallest, largest, sd, and the spread of patients.

    sd_of_means: SD of the patients' means; within_sd: SD about them; step_sd: SD of the steps from row to row.
    """
    rows = np.bincount(codes, minlength=len(seen)).astype(np.float64)
    same = codes[1:] == codes[:-1]

    def measured(values: Floats) -> dict[str, float]:
        means = np.bincount(codes, weights=values, minlength=len(seen))[seen] / rows[seen]
        whole = np.zeros(len(seen))
        whole[seen] = means
        left = values - whole[codes]
        steps = (values[1:] - values[:-1])[same]
        return {
            "mean": float(values.mean()),
            "sd": float(values.std(ddof=1)),
            "smallest": float(values.min()),
            "largest": float(values.max()),
            "sd_of_means": float(means.std(ddof=1)),
            "within_sd": float(np.sqrt((left**2).mean())),
            "step_sd": float(steps.std(ddof=1)) if len(steps) > 1 else float("nan"),
        }

    return measured
