"""The engine `bayes`: a posterior for every row of counts, as the results of a fit and a sample of its parameters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.bayes.importance import POINTS, importance_sample
from slopewise.growth.bayes.mixture import Draws
from slopewise.growth.bayes.priors import BayesSettings
from slopewise.growth.bayes.target import Posterior, posterior_of
from slopewise.growth.engine import many
from slopewise.growth.engine.layout import Design
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.optimise import CONVERGED
from slopewise.run.log import logger

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

STRUCTURE_OF = {many.DECIDE: many.CORRELATED, many.DECIDE_DIAGONAL: many.DIAGONAL}


def fit_bayes(
    marker: str,
    moments: Moments,
    design: Design,
    counts: Integers,
    asked: Integers,
    settings: BayesSettings,
    threads: int = 1,
) -> tuple[Results, tuple[Draws, ...]]:
    """Results (F fits) at the posterior means, and of each fit a sample of its parameters; the same for any `threads`.

    No structure is decided: a prior identifies what the data do not.
    """
    priors = settings.prior_of(marker)

    def one(j: int) -> tuple[Results, Draws, bool]:
        structure = STRUCTURE_OF.get(int(asked[j]), int(asked[j]))
        posterior = posterior_of(marker, moments, counts[j], structure, design, priors)
        sample = importance_sample(posterior)
        drawn = Draws(posterior.results(sample.theta), sample.weights)
        return posterior_means(posterior, drawn), drawn, sample.by_chains

    if threads > 1 and len(counts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(one, range(len(counts))))
    else:
        found = [one(j) for j in range(len(counts))]
    chained = sum(by_chains for _, _, by_chains in found)
    if chained:
        logger.info("%s: %d of %d posteriors by chains, importance weights being uneven", marker, chained, len(counts))
    parts = zip(*(results for results, _, _ in found), strict=True)
    return Results._make(np.concatenate(part) for part in parts), tuple(draws for _, draws, _ in found)


def posterior_means(posterior: Posterior, draws: Draws) -> Results:
    """One fit at the posterior means of beta, of the random effects' covariance and of sigma^2.

    `inverse` is beta's posterior covariance over that sigma^2; the deviance is that of the means' Psi by ML.
    """
    found, weights = draws
    point, share = found.one(0), weights * found.sigma2
    sigma2 = float(share.sum())
    beta = weights @ found.beta
    moved = found.beta - beta
    spread = np.einsum("s,sij->ij", share, found.inverse) + (moved * weights[:, None]).T @ moved
    point.beta[0], point.sigma2[0], point.inverse[0] = beta, sigma2, spread / sigma2
    point.psi[0] = np.einsum("s,sij->ij", share, found.psi) / sigma2
    point.deviance[0] = posterior.deviance(point.psi[0])
    point.status[0], point.evaluations[0] = CONVERGED, 2 * POINTS
    return point
