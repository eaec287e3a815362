"""Chains of theta from one posterior, and the draws that they leave."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.bayes.kernels.density import passes
from slopewise.growth.bayes.kernels.slicing import slices
from slopewise.growth.bayes.target import Posterior
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

WIDTH = 2.5  # of a slice's first interval, in SDs of its direction
FIRST = 0.3  # share of the warm-up after which the directions are learned from the chain


@dataclass(frozen=True, repr=False)
class Chains(ShortRepr):
    """theta (chains, draws, d), its log density (chains, draws), and the evaluations of the likelihood."""

    theta: Floats
    density: Floats
    evaluations: int


def sample(
    posterior: Posterior, chains: int, draws: int, warmup: int, rng: np.random.Generator, threads: int = 1
) -> Chains:
    """Slice-sampled chains from dispersed starts; each learns its directions from its own warm-up.

    The same for any number of threads: each chain has a generator of its own, spawned from `rng`.
    """
    middle, covariance = posterior.mode()
    starts = [_start(posterior, middle, covariance, one) for one in rng.spawn(chains)]
    generators = rng.spawn(chains)

    def chain(k: int) -> tuple[Floats, Floats, int]:
        return _chain(posterior.apart(), starts[k], covariance, draws, warmup, generators[k])

    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            made = list(pool.map(chain, range(chains)))
    else:
        made = [chain(k) for k in range(chains)]
    theta, density, evaluations = zip(*made, strict=True)
    return Chains(np.array(theta), np.array(density), sum(evaluations))


def _start(posterior: Posterior, middle: Floats, covariance: Floats, rng: np.random.Generator) -> Floats:
    """A point about the mode, twice as far as a draw would lie; the mode itself is no start."""
    root = np.linalg.cholesky(covariance)
    for _ in range(100):
        point: Floats = middle + 2.0 * root @ rng.standard_normal(len(middle))
        if np.isfinite(posterior.density(point[None, :])[0]):
            return point
    return middle


def _chain(
    posterior: Posterior, start: Floats, covariance: Floats, draws: int, warmup: int, rng: np.random.Generator
) -> tuple[Floats, Floats, int]:
    d, total = len(start), 0
    first = max(10 * d, int(FIRST * warmup))
    for length in (first, max(warmup - first, 0), draws):
        values, vectors = np.linalg.eigh(covariance)
        directions = np.ascontiguousarray((vectors * (WIDTH * np.sqrt(np.maximum(values, 1e-10)))).T)
        theta, density = np.empty((length, d)), np.empty(length)
        if length:
            evaluated = (start, directions, posterior.target, posterior.problem, *passes())
            total += int(slices(*evaluated, rng, theta, density))
            start = theta[-1].copy()
            late = theta[length // 3 :]
            if len(late) > 5 * d:
                covariance = np.cov(late.T).reshape(d, d) + 1e-10 * np.eye(d)
    return theta, density, total
