"""Have chains converged? Rank-normalised split R-hat, bulk and tail effective sample size, and the shape of weights.

Vehtari et al. 2021 (10.1214/20-BA1221) for the chains, Vehtari et al. 2024 (JMLR 25(72)) for Pareto-smoothed weights.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_RHAT = 1.01
LEAST_ESS = 400.0
MOST_SHAPE = 0.7
"""Gates: chains beyond them are not reported, weights beyond it are not used."""


def split(chains: Floats) -> Floats:
    """(2c, n // 2): each of c chains as two."""
    half = chains.shape[1] // 2
    return np.concatenate([chains[:, :half], chains[:, chains.shape[1] - half :]])


def normal_scores(chains: Floats) -> Floats:
    """Ranks over all chains as normal scores."""
    from scipy.stats import norm, rankdata

    ranks = rankdata(chains, method="average").reshape(chains.shape)
    return np.asarray(norm.ppf((ranks - 0.375) / (chains.size + 0.25)))


def rhat(chains: Floats) -> float:
    """The larger of the rank-normalised split R-hat of the values and of their distances from the median; (c, n)."""
    halves = split(chains)
    return max(_plain_rhat(normal_scores(halves)), _plain_rhat(normal_scores(np.abs(halves - np.median(halves)))))


def _plain_rhat(chains: Floats) -> float:
    n = chains.shape[1]
    within = float(chains.var(axis=1, ddof=1).mean())
    between = float(chains.mean(axis=1).var(ddof=1))
    return float(np.sqrt((n - 1) / n + between / within)) if within > 0 else float("nan")


def bulk_ess(chains: Floats) -> float:
    """Effective sample size of the normal scores, (c, n)."""
    return _ess(normal_scores(split(chains)))


def tail_ess(chains: Floats) -> float:
    """The smaller effective sample size of the indicators of the 5% and the 95% quantile, (c, n)."""
    low, high = np.quantile(chains, [0.05, 0.95])
    return min(_ess(split((chains <= edge).astype(np.float64))) for edge in (low, high))


def _ess(chains: Floats) -> float:
    """Geyer's initial monotone sequence over all chains."""
    count, n = chains.shape
    covariance = _autocovariance(chains).mean(axis=0)
    within = covariance[0] * n / (n - 1.0)
    if not within > 0:
        return float(count * n) if np.ptp(chains) == 0 else float("nan")
    total = within * (n - 1.0) / n + (float(chains.mean(axis=1).var(ddof=1)) if count > 1 else 0.0)
    rho = 1.0 - (within - covariance) / total
    rho[0] = 1.0
    even, odd, last = 1.0, rho[1], 1
    kept = np.zeros(n)
    kept[:2] = rho[:2]
    while last < n - 3 and even + odd > 0.0:
        even, odd = rho[last + 1], rho[last + 2]
        if even + odd >= 0.0:
            kept[last + 1], kept[last + 2] = even, odd
        last += 2
    end = last - 2
    if even > 0.0:
        kept[end + 1] = even
    for t in range(1, end - 1, 2):
        if kept[t + 1] + kept[t + 2] > kept[t - 1] + kept[t]:
            kept[t + 1] = kept[t + 2] = 0.5 * (kept[t - 1] + kept[t])
    tau = -1.0 + 2.0 * kept[: end + 1].sum() + kept[end + 1]
    return float(count * n / max(tau, 1.0 / np.log10(count * n)))


def _autocovariance(chains: Floats) -> Floats:
    """(c, n): of each chain at every lag, divided by n."""
    n = chains.shape[1]
    length = 1 << (2 * n - 1).bit_length()
    moved = np.fft.rfft(chains - chains.mean(axis=1, keepdims=True), length, axis=1)
    return np.asarray(np.fft.irfft(np.abs(moved) ** 2, length, axis=1)[:, :n] / n)


def diagnose(draws: dict[str, Floats]) -> pd.DataFrame:
    """parameter, rhat, ess_bulk, ess_tail of draws (c, n) by name."""
    rows = [(name, rhat(values), bulk_ess(values), tail_ess(values)) for name, values in draws.items()]
    return pd.DataFrame(rows, columns=["parameter", "rhat", "ess_bulk", "ess_tail"])


def failures(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `diagnose` that a gate refuses; a figure that cannot be computed is refused."""
    good = (table["rhat"] <= MOST_RHAT) & (table[["ess_bulk", "ess_tail"]].min(axis=1) >= LEAST_ESS)
    return table[~good]


def smoothed(log_weights: Floats) -> tuple[Floats, float]:
    """Pareto-smoothed weights (n,), which sum to 1, and the shape k of their tail; k above 0.7 forbids their use."""
    n = len(log_weights)
    weights = np.exp(log_weights - log_weights.max())
    tail = int(np.ceil(min(0.2 * n, 3.0 * np.sqrt(n))))
    order = np.argsort(weights, kind="stable")
    largest = order[n - tail :]
    cut = weights[order[n - tail - 1]]
    excess = weights[largest] - cut
    if not excess[-1] > 1e-12:  # all weights alike: nothing to smooth
        return weights / weights.sum(), -np.inf
    shape, scale = _pareto(np.maximum(excess, 1e-300))
    at = (np.arange(tail) + 0.5) / tail
    quantiles = -scale * np.log1p(-at) if abs(shape) < 1e-12 else scale * np.expm1(-shape * np.log1p(-at)) / shape
    weights[largest] = np.minimum(cut + quantiles, 1.0)
    return weights / weights.sum(), float(shape)


def _pareto(excess: Floats) -> tuple[float, float]:
    """Shape and scale of a generalised Pareto distribution (Zhang & Stephens 2009), with the prior of Vehtari et al."""
    n = len(excess)
    grid = 30 + int(np.sqrt(n))
    quarter = excess[int(n / 4 + 0.5) - 1]
    b = 1.0 - np.sqrt(grid / (np.arange(1, grid + 1) - 0.5))
    b = b / (3.0 * quarter) + 1.0 / excess[-1]
    shapes = np.log1p(-b[:, None] * excess).mean(axis=1)
    likelihood = n * (np.log(-(b / shapes)) - shapes - 1.0)
    with np.errstate(over="ignore"):
        weights = 1.0 / np.exp(likelihood - likelihood[:, None]).sum(axis=1)
    kept = weights >= 10 * np.finfo(float).eps
    middle = (b[kept] * weights[kept]).sum() / weights[kept].sum()
    shape = float(np.log1p(-middle * excess).mean())
    scale = -shape / middle
    return (n * shape + 5.0) / (n + 10.0), float(scale)
