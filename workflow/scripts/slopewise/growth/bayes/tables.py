"""The posterior of a marker as tables of ``growth/``, beside the REML estimates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from slopewise.growth.bayes.checks import predictive_check, sensitivity
from slopewise.growth.bayes.sampled import PosteriorSample, sample_posterior
from slopewise.growth.data import GrowthData
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_everybody
from slopewise.run.seeds import generator

NAMES = ("posterior", "prior_sensitivity", "posterior_check", "posterior_draws")


def by_likelihood(data: GrowthData) -> GrowthData:
    """The same data, to be fitted by REML."""
    return replace(data, specification=replace(data.specification, engine="slopewise", bayes=None))


def posterior_tables(data: GrowthData, seed: int, threads: int = 1) -> dict[str, pd.DataFrame]:
    """The marker's rows of the tables `NAMES`, without the marker; empty where the engine is another."""
    if data.specification.engine != "bayes":
        return {name: pd.DataFrame() for name in NAMES}
    sample = sample_posterior(data, generator(seed, "posterior", data.response), threads)
    reml = _estimates(fit_everybody(by_likelihood(data)))
    table = sample.table()
    keys = zip(table["kind"], table["term_1"], table["term_2"], strict=True)
    return {
        "posterior": table.assign(reml=[reml.get(key, np.nan) for key in keys]),
        "prior_sensitivity": sensitivity(sample),
        "posterior_check": predictive_check(sample, generator(seed, "posterior check", data.response)),
        "posterior_draws": _draws(sample),
    }


def _estimates(fit: GrowthFit) -> dict[tuple[str, str, str], float]:
    """REML estimates by kind and terms; a correlation with an effect that does not vary is missing."""
    found = {("fixed", str(term), str(term)): float(value) for term, value in fit.beta.items()}
    covariance = fit.covariance.to_numpy()
    sd, names = np.sqrt(np.maximum(np.diag(covariance), 0.0)), list(fit.design.random_names)
    for i, first in enumerate(names):
        found["sd", first, first] = float(sd[i])
        for j in range(i + 1, len(names)):
            if sd[i] * sd[j] > 0:
                found["correlation", first, names[j]] = float(covariance[i, j] / (sd[i] * sd[j]))
    found["residual", "Residual", "Residual"] = fit.sigma
    return found


def _draws(sample: PosteriorSample) -> pd.DataFrame:
    chains, draws = sample.sigma.shape
    place = {"chain": np.repeat(np.arange(chains), draws), "draw": np.tile(np.arange(draws), chains)}
    return pd.concat(
        [
            pd.DataFrame({"kind": kind, "term_1": first, "term_2": second, **place, "value": values.ravel()})
            for (kind, first, second), values in sample.parameters().items()
        ],
        ignore_index=True,
    )
