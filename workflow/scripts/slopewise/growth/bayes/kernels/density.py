"""The log posterior of the variance parameters of one fit, beta and b integrated out (docs/methods.md, section 9).

theta = (log of each SD, an unbounded number for each correlation, log sigma). SDs are in units of SD(y) / SD(column),
sigma in units of SD(y), so that theta has no units. With M = [X y]'V^-1[X y] (V relative to sigma^2), P and m the
precisions and means of the normal prior of beta,

    A = M_xx / sigma^2 + P,   h = M_xy / sigma^2 + P m
    -2 log p(y | theta) = n log(2 pi sigma^2) + log|V| + log|A| - log|P| + M_yy / sigma^2 + m'Pm - h'A^-1 h

and beta given theta and y is N(A^-1 h, A^-1). Correlations are the canonical partial ones of Lewandowski, Kurowicka &
Joe (2009, 10.1016/j.jmva.2009.04.008) through tanh.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.compiled import Address, address
from slopewise.growth.engine.kernel import make_problem
from slopewise.growth.engine.run import functions
from slopewise.kernels.cache import ADDRESS, inner, keeper

Floats = NDArray[np.float64]

_HERE = Path(__file__).resolve().parent
_ENGINE = hashlib.sha256(b"".join(file.read_bytes() for file in sorted((_HERE.parents[1] / "engine").glob("*.py"))))


def cached(function: Callable[..., Any]) -> Any:
    """Decorates the functions that Python calls: compiled on first use, kept on disk, run unlocked (nogil).

    The name under which the code is kept changes with the engine's modules too, some of which it holds.
    """
    function.__qualname__ += "_" + _ENGINE.hexdigest()[:16]
    return keeper(_HERE, nogil=True)(function)


def pointed(function: Callable[..., Any]) -> Any:
    """The same for functions that are handed on as addresses."""
    function.__qualname__ += "_" + _ENGINE.hexdigest()[:16]
    return keeper(_HERE, ADDRESS, nogil=True)(function)


FARTHEST = 300.0  # |theta| beyond which a number could not hold the parameter


class Target(NamedTuple):
    """What the log posterior of one fit is made of, in its standardised units; r active random effects of q.

    loading (q, r): SDs' units into the standardised random effects; scales (r,), df, shape, residual: half-t scales and
    degrees of freedom of the SDs, shape of the LKJ prior, half-t scale of sigma; mean, precision (p,): of beta.
    """

    loading: Floats
    correlated: bool
    scales: Floats
    df: float
    shape: float
    residual: float
    mean: Floats
    precision: Floats


class Room(NamedTuple):
    """Scratch of an evaluation: (q, r) factor, (q, q) psi, (p, p) factor of A, (p,) mean of beta, (r, r) root of R."""

    factor: Floats
    psi: Floats
    root: Floats
    beta: Floats
    correlation: Floats


@inner
def make_room(target):
    """The scratch for one target."""
    q, r = target.loading.shape
    p = target.mean.shape[0]
    return Room(np.zeros((q, r)), np.zeros((q, q)), np.zeros((p, p)), np.zeros(p), np.zeros((r, r)))


@inner
def half_t(value, scale, df):
    """Log density of a half-t up to its constant."""
    return -0.5 * (df + 1.0) * math.log1p((value / scale) ** 2 / df)


@inner
def correlation_root(theta, r, shape, root):
    """Cholesky factor of the correlations in `root` (r, r); log prior density of theta's correlations, no constant."""
    total = 0.0
    position = r
    root[0, 0] = 1.0
    for i in range(1, r):
        remaining = 0.0  # log of what row i has left of its length 1
        for j in range(i):
            u = theta[position]
            position += 1
            log_left = math.log(2.0) - abs(u) - math.log1p(math.exp(-2.0 * abs(u)))  # log sqrt(1 - tanh^2)
            root[i, j] = math.tanh(u) * math.exp(remaining)
            total += remaining + 2.0 * log_left
            remaining += log_left
        root[i, i] = math.exp(remaining)
        total += (r - i - 1 + 2.0 * shape - 2.0) * remaining
    return total


@inner
def log_prior(theta, target, room):
    """Log prior density of theta, and the Cholesky factor of the correlations in `room`."""
    r = target.scales.shape[0]
    total = 0.0
    for k in range(r):
        total += half_t(math.exp(theta[k]), target.scales[k], target.df) + theta[k]
    for i in range(r):
        for j in range(r):
            room.correlation[i, j] = 1.0 if i == j else 0.0
    if target.correlated and r > 1:
        total += correlation_root(theta, r, target.shape, room.correlation)
    last = theta.shape[0] - 1
    return total + half_t(math.exp(theta[last]), target.residual, target.df) + theta[last]


@inner
def log_likelihood(theta, target, problem, deviance_at, room):
    """Log likelihood, beta and b integrated out, after `log_prior`; the mean of beta and the root of A in `room`."""
    q, r = target.loading.shape
    p = target.mean.shape[0]
    sigma = math.exp(theta[theta.shape[0] - 1])
    for a in range(q):
        for b in range(r):
            total = 0.0
            for k in range(b, r):
                total += target.loading[a, k] * math.exp(theta[k]) * room.correlation[k, b]
            room.factor[a, b] = total / sigma
    for a in range(q):
        for b in range(q):
            total = 0.0
            for k in range(r):
                total += room.factor[a, k] * room.factor[b, k]
            room.psi[a, b] = total
    deviance, _ = deviance_at(problem, room.psi)
    if not np.isfinite(deviance):
        return -np.inf
    cross, n = problem.cross, problem.n
    square = cross[p, p] * cross[p, p]
    log_v = deviance - n * (1.0 + math.log(2.0 * math.pi * square / n))
    return -0.5 * (n * math.log(2.0 * math.pi * sigma * sigma) + log_v + beta_part(cross, sigma, target, room))


@inner
def beta_part(cross, sigma, target, room):
    """log|A| - log|P| + M_yy / sigma^2 + m'Pm - h'A^-1 h, from the Cholesky factor of M."""
    p = target.mean.shape[0]
    over = 1.0 / (sigma * sigma)
    root, beta = room.root, room.beta
    quadratic, determinant = 0.0, 0.0
    for k in range(p + 1):
        quadratic += cross[p, k] * cross[p, k] * over
    for i in range(p):
        quadratic += target.precision[i] * target.mean[i] * target.mean[i]
        determinant -= math.log(target.precision[i])
        for j in range(i + 1):
            total = target.precision[i] if i == j else 0.0
            for k in range(j + 1):
                total += cross[i, k] * cross[j, k] * over
            for k in range(j):
                total -= root[i, k] * root[j, k]
            root[i, j] = math.sqrt(total) if i == j else total / root[j, j]
        total = target.precision[i] * target.mean[i]
        for k in range(i + 1):
            total += cross[p, k] * cross[i, k] * over
        for k in range(i):
            total -= root[i, k] * beta[k]
        beta[i] = total / root[i, i]
        quadratic -= beta[i] * beta[i]
        determinant += 2.0 * math.log(root[i, i])
    for i in range(p - 1, -1, -1):
        for k in range(i + 1, p):
            beta[i] -= root[k, i] * beta[k]
        beta[i] /= root[i, i]
    return determinant + quadratic


@pointed
def log_posterior(theta, target, problem, deviance_at, room):
    """Log posterior density of theta up to a constant; minus infinity where it cannot be computed."""
    for k in range(theta.shape[0]):
        if not abs(theta[k]) < FARTHEST:
            return -np.inf
    prior = log_prior(theta, target, room)
    value = prior + log_likelihood(theta, target, problem, deviance_at, room)
    return value if np.isfinite(value) else -np.inf


@cached
def densities(points, target, problem, deviance_at, log_density, values):
    """The log posterior at each of `points` (n, d), into `values` (n,)."""
    room = make_room(target)
    for k in range(points.shape[0]):
        values[k] = log_density(points[k], target, problem, deviance_at, room)


@cached
def parameters(points, target, problem, deviance_at, log_density, place, psi, sigma2, beta, inverse):
    """Psi, sigma^2, mean of beta and its covariance over sigma^2 at each point, standardised; place: kept columns of X.

    psi (n, q, q), sigma2 (n,), beta (n, p), inverse (n, p, p), zero where a column is aliased.
    """
    room = make_room(target)
    p = target.mean.shape[0]
    lower = np.zeros((p, p))
    for n in range(points.shape[0]):
        log_density(points[n], target, problem, deviance_at, room)
        psi[n] = room.psi
        sigma2[n] = math.exp(2.0 * points[n, points.shape[1] - 1])
        for c in range(p):  # inverse of the root
            lower[c, c] = 1.0 / room.root[c, c]
            for s in range(c):
                total = 0.0
                for k in range(s, c):
                    total -= room.root[c, k] * lower[k, s]
                lower[c, s] = total / room.root[c, c]
        for c in range(p):
            beta[n, place[c]] = room.beta[c]
            for s in range(p):
                total = 0.0
                for k in range(max(c, s), p):
                    total += lower[k, c] * lower[k, s]
                inverse[n, place[c], place[s]] = total / sigma2[n]


@cached
def standardised_fit(j, count, moments, asked, reml, results, standardised):
    """The engine's `standardised`, for Python."""
    return standardised(j, count, moments, asked, reml, results)


@cached
def deviance_of(problem, psi, deviance_at):
    """The engine's `deviance_at`, for Python."""
    return deviance_at(problem, psi)


@cache
def passes() -> tuple[Address, Address]:
    """The engine's `deviance_at` and `log_posterior`, compiled once for all shapes."""
    square, vector = np.zeros((1, 1)), np.zeros(1)
    problem = make_problem.py_func(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), square, 1.0, True)
    target = Target(square, True, vector, 3.0, 2.0, 1.0, vector, vector)
    room = Room(square, square, square, vector, square)
    deviance_at = functions().deviance_at
    return deviance_at, address(log_posterior, vector, target, problem, deviance_at, room)
