"""The posterior of one marker on everybody: chains that passed the gates, with exact draws of the fixed effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.bayes.chains import sample
from slopewise.growth.bayes.diagnostics import LEAST_ESS, MOST_RHAT, diagnose, failures
from slopewise.growth.bayes.priors import BayesSettings
from slopewise.growth.bayes.target import Posterior, posterior_of
from slopewise.growth.data import GrowthData
from slopewise.growth.engine import many
from slopewise.growth.engine.estimates import Estimates
from slopewise.growth.engine.layout import Design
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

RESIDUAL = "Residual"


@dataclass(frozen=True, repr=False)
class PosteriorSample(ShortRepr):
    """Chains in the user's units, c chains of n draws.

    theta (c, n, d), beta (c, n, p), sd (c, n, r), correlation (c, n, pairs), sigma (c, n), density (c, n): the log
    posterior of theta; diagnostics: parameter, rhat, ess_bulk, ess_tail; evaluations: of the likelihood.
    """

    posterior: Posterior
    data: GrowthData
    design: Design
    theta: Floats
    beta: Floats
    sd: Floats
    correlation: Floats
    sigma: Floats
    density: Floats
    diagnostics: pd.DataFrame
    evaluations: int

    def _facts(self) -> dict[str, str]:
        chains, draws = self.sigma.shape
        return {"marker": repr(self.posterior.marker), "chains": str(chains), "draws": str(draws)}

    def parameters(self) -> dict[tuple[str, str, str], Floats]:
        """Draws (c, n) by kind (fixed, sd, correlation, residual) and terms; an aliased fixed effect is left out."""
        return named(self.posterior, self.design, self.beta, self.sd, self.correlation, self.sigma)

    def table(self) -> pd.DataFrame:
        """kind, term_1, term_2, mean, sd, median, ci_low, ci_high (95%), above_zero, rhat, ess_bulk, ess_tail.

        above_zero: the posterior probability that a fixed effect or a correlation is positive.
        """
        rows = []
        for (kind, first, second), draws in self.parameters().items():
            low, middle, high = np.quantile(draws, [0.025, 0.5, 0.975])
            above = float((draws > 0).mean()) if kind in ("fixed", "correlation") else np.nan
            values = (float(draws.mean()), float(draws.std(ddof=1)), float(middle), float(low), float(high), above)
            rows.append((kind, first, second, *values))
        columns = ["kind", "term_1", "term_2", "mean", "sd", "median", "ci_low", "ci_high", "above_zero"]
        gates = self.diagnostics.drop(columns="parameter").reset_index(drop=True)
        return pd.concat([pd.DataFrame(rows, columns=columns), gates], axis=1)

    def to_arviz(self) -> dict[str, Any]:
        """Groups, dims and coords as ``arviz.from_dict`` takes them (its arguments by name)."""
        names = [str(self.design.random_names[k]) for k in self.posterior.active]
        kept = [str(self.design.fixed_names[k]) for k in self.posterior.place[:-1]]
        pairs = [f"{names[i]} and {names[j]}" for i, j in self.posterior.pairs]
        posterior = {"beta": self.beta[:, :, self.posterior.place[:-1]], "sd": self.sd, "sigma": self.sigma}
        dims, coords = {"beta": ["fixed"], "sd": ["random"]}, {"fixed": kept, "random": names}
        if pairs:
            posterior["correlation"] = self.correlation
            dims["correlation"], coords["pair"] = ["pair"], pairs
        return {"posterior": posterior, "sample_stats": {"lp": self.density}, "dims": dims, "coords": coords}

    def long(self) -> pd.DataFrame:
        """chain, draw (from 0) and a column for each parameter: the layout of a CSV file of draws."""
        chains, draws = self.sigma.shape
        table: dict[str, Any] = {
            "chain": np.repeat(np.arange(chains), draws),
            "draw": np.tile(np.arange(draws), chains),
        }
        for (kind, first, second), values in self.parameters().items():
            table[label(kind, first, second)] = values.ravel()
        return pd.DataFrame(table)


def label(kind: str, first: str, second: str) -> str:
    """A parameter's name in a table of draws."""
    return f"{kind} {first}" if first == second else f"{kind} {first}, {second}"


def named(
    posterior: Posterior, design: Design, beta: Floats, sd: Floats, correlation: Floats, sigma: Floats
) -> dict[tuple[str, str, str], Floats]:
    """Arrays by kind and terms; the last axis of beta, sd and correlation counts the terms."""
    random = [str(design.random_names[k]) for k in posterior.active]
    found = {}
    for k in posterior.place[:-1]:
        term = str(design.fixed_names[k])
        found["fixed", term, term] = beta[..., k]
    for k, term in enumerate(random):
        found["sd", term, term] = sd[..., k]
    for k, (i, j) in enumerate(posterior.pairs):
        found["correlation", random[i], random[j]] = correlation[..., k]
    found["residual", RESIDUAL, RESIDUAL] = sigma
    return found


def whole_posterior(data: GrowthData) -> tuple[Posterior, Design]:
    """The posterior of a marker on every patient of its data, and its design."""
    everybody = np.ones(len(data.patients), np.int64)
    if data.design is not None:
        design, moments = data.design, data.moments
    else:
        design, columns = data.learn(everybody > 0)
        moments = data.reduce(design, columns, data.weights)
    if len(data.layout.stratum_names) > 1:
        raise InputError("engine bayes: it has one residual variance; leave out residual_by")
    structure = many.DIAGONAL if data.specification.structure == "diagonal" else many.CORRELATED
    priors = (data.specification.bayes or BayesSettings()).prior_of(data.response)
    return posterior_of(data.response, moments, everybody, structure, design, priors), design


def sample_posterior(data: GrowthData, rng: np.random.Generator, threads: int = 1) -> PosteriorSample:
    """Sample a marker's posterior on everybody; raises `InputError` where a gate refuses the chains."""
    settings = data.specification.bayes or BayesSettings()
    posterior, design = whole_posterior(data)
    chains = sample(posterior, settings.chains, settings.draws, settings.warmup, rng, threads)
    shape = chains.theta.shape[:2]
    flat = chains.theta.reshape(-1, posterior.size)
    sd, correlation, sigma = (part.reshape(*shape, *part.shape[1:]) for part in posterior.components(flat))
    beta = _fixed_effects(posterior, design, flat, rng).reshape(*shape, -1)
    named_draws = named(posterior, design, beta, sd, correlation, sigma)
    diagnostics = diagnose({label(*key): draws for key, draws in named_draws.items()})
    _require_converged(data.response, diagnostics)
    return PosteriorSample(
        posterior, data, design, chains.theta, beta, sd, correlation, sigma, chains.density, diagnostics,
        chains.evaluations,
    )  # fmt: skip


def _fixed_effects(posterior: Posterior, design: Design, theta: Floats, rng: np.random.Generator) -> Floats:
    """(n, p): beta drawn exactly given each theta, in the user's units; 0 where aliased."""
    results = posterior.results(theta)
    kept = posterior.place[:-1]
    root = np.linalg.cholesky(results.inverse[:, kept[:, None], kept])
    noise = np.einsum("nij,nj->ni", root, rng.standard_normal((len(theta), len(kept))))
    results.beta[:, kept] += np.sqrt(results.sigma2)[:, None] * noise
    return Estimates(results, design.x_columns, design.z_columns).beta


def _require_converged(marker: str, diagnostics: pd.DataFrame) -> None:
    bad = failures(diagnostics)
    if not len(bad):
        return
    worst = bad.loc[bad["rhat"].fillna(np.inf).idxmax()]
    least = float(bad[["ess_bulk", "ess_tail"]].min().min())
    raise InputError(
        f"{marker!r}: the chains have not converged ({worst['parameter']}: R-hat {worst['rhat']:.3g}, at most "
        f"{MOST_RHAT:g} is accepted; smallest effective sample size {least:.0f}, at least {LEAST_ESS:.0f} is needed), "
        "so nothing is reported; raise bayes.draws and bayes.warmup, or give stronger priors"
    )
