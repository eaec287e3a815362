"""A posterior with one more number of the residuals: how neighbours correlate, or the ratio of two variances.

That number, u, is taken on a grid. At each of its values the rows are whitened (`growth.whitening`), so that residuals
are independent with one variance, and the posterior of everything else is sampled as in `growth.bayes.importance`. The
probability of a value is its prior times the evidence of the whitened rows, the mean of the raw importance weights:

    p(u | y) ~ p(u) p(y | u),   p(y | u) = |C_u|^-1 s^-n mean of p(y_u / s | theta) p(theta) / g(theta)

with s the scale by which the whitened response y_u was divided (as the hyperparameters of Rue, Martino & Chopin 2009,
10.1111/j.1467-9868.2008.00700.x). Priors are those of the rows as they are, whatever u. docs/methods.md, section 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.bayes.chains import sample as chains
from slopewise.growth.bayes.diagnostics import MOST_RHAT, diagnose
from slopewise.growth.bayes.importance import Weighted, weighted_points
from slopewise.growth.bayes.mixture import Draws, courses
from slopewise.growth.bayes.priors import BETA_SD, SD_SCALE, Priors
from slopewise.growth.bayes.target import Posterior, posterior_of
from slopewise.growth.data import GrowthData
from slopewise.growth.engine import many
from slopewise.growth.engine.estimates import Estimates
from slopewise.growth.engine.layout import expanded
from slopewise.growth.engine.many import Results
from slopewise.growth.whitening import MOST, WhitenedRows
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

POINTS = 1024
"""Importance points at each value of u: more than in cross-fitting, since up to eleven parameters are left."""
CHAINS = (500, 250)
"""Draws and warm-up of each of four chains, where the weights of the points cannot be trusted."""
PLACES, REACH, LEAST = 9, 3.5, 1e-3
"""Values of u, how many SDs they reach at first, and the share of the largest density at which an end is far enough."""
PARAMETERS, EACH = 500, 4
"""Draws of the parameters that are kept, and draws of everybody's effects under each."""
AT_ONCE = 4_000_000
"""Numbers of the covariances that are held at once."""
RATIO_SD = 2.0
"""SD of the normal prior of the log ratio of two residual variances: of their SDs, a ratio of 7 is two SDs away."""


@dataclass(frozen=True, repr=False)
class Residuals(ShortRepr):
    """The further number of the residuals: rows that are independent at a value of it, and its prior.

    at: u to data and log|C_u|^2, by which their density differs; prior: log density of u; start: where to look first;
    step: how far beside it; ends: between which u lies; None: there is no such number.
    """

    at: Callable[[float], tuple[GrowthData, float]]
    prior: Callable[[float], float] = lambda u: 0.0
    start: float = 0.0
    step: float = 0.3
    ends: tuple[float, float] | None = None


def neighbours(rows: WhitenedRows, start: float) -> Residuals:
    """u = atanh phi, the correlation of neighbouring residuals, of which every value is equally likely before.

    start: a value of phi near which the posterior lies.
    """

    def at(u: float) -> tuple[GrowthData, float]:
        phi = float(np.tanh(u))
        return rows.at(phi, _centred(rows.data)), rows.log_determinant(phi)

    if rows.spacing is None:
        return Residuals(at)
    most = float(np.arctanh(MOST))
    ends = (-most if rows.spacing.even else 0.0, most)
    return Residuals(at, lambda u: -2.0 * float(np.log(np.cosh(u))), float(np.arctanh(start)), ends=ends)


def two_variances(data: GrowthData, start: float) -> Residuals:
    """u = log of the residual variance of the second stratum over that of the first; without strata there is no u.

    start: a value of the ratio near which the posterior lies.
    """
    plain = replace(data, layout=replace(data.layout, stratum_names=()))

    def at(u: float) -> tuple[GrowthData, float]:
        weights = data.layout.weights * np.exp(-u * data.layout.strata)
        rows = WhitenedRows(replace(plain, layout=replace(plain.layout, weights=weights), shared=None), None)
        return rows.at(0.0, _centred(data)), rows.log_determinant(0.0)

    if len(data.layout.stratum_names) < 2:
        return Residuals(at)
    return Residuals(at, lambda u: -0.5 * (u / RATIO_SD) ** 2, float(np.log(start)), ends=(-12.0, 12.0))


def settled(data: GrowthData) -> GrowthData:
    """The data with the design that all their rows settle, where the formula learns from rows."""
    if data.design is not None:
        return data
    design, columns = data.learn(np.ones(len(data.patients), dtype=bool))
    return replace(data, design=design, columns=columns)


def _centred(data: GrowthData) -> Floats:
    """The response less its mean, which an intercept takes up; without an intercept the response."""
    assert data.design is not None
    return data.values - (data.values.mean() if "Intercept" in data.design.fixed_names else 0.0)


def explicit(data: GrowthData, given: Priors) -> Priors:
    """`given` with a value for every term of the model, those without one by the columns as they are.

    The response is that of `_centred`. The prior of the intercept, which is given at the means of the columns, becomes
    that at zero. Terms that the model does not have are left out.
    """
    design = data.design
    assert design is not None and data.columns is not None
    x, z = expanded(data.columns, design.x_columns), expanded(data.columns, design.z_columns)
    fixed, random = list(design.fixed_names), list(design.random_names)
    unit = float(data.values.std())
    sds = {name: given.sd.get(name, SD_SCALE * unit / _spread(z[:, k])) for k, name in enumerate(random)}
    means = {
        name: given.fixed.get(name, (0.0, BETA_SD * unit / _spread(x[:, k])))
        for k, name in enumerate(fixed)
        if name != "Intercept"
    }
    if "Intercept" in fixed:
        shift = float(data.values.mean())
        middle, spread = given.fixed.get("Intercept", (shift, BETA_SD * unit))
        at = {name: float(x[:, fixed.index(name)].mean()) for name in means}
        middle -= shift + sum(at[name] * means[name][0] for name in means)
        spread = float(np.sqrt(spread**2 + sum((at[name] * means[name][1]) ** 2 for name in means)))
        means["Intercept"] = (middle, spread)
    residual = given.residual if given.residual is not None else SD_SCALE * unit
    return Priors(sds, residual, given.df, given.correlation, means)


def _spread(column: Floats) -> float:
    sd = float(column.std())
    return sd if sd > 0 else max(float(np.abs(column).max()), 1.0)


@dataclass(frozen=True, repr=False)
class Part(ShortRepr):
    """The posterior at one value of u: its log density there, up to a constant, and a sample of everything else.

    rhat: of the chains that the sample is of; 1 where it is of trusted importance weights.
    """

    u: float
    density: float
    data: GrowthData
    draws: Draws
    rhat: float


@dataclass(frozen=True, repr=False)
class Effect(ShortRepr):
    """An effect fixed'beta + random'b_i under the posterior, of n patients.

    mean, sd (s, n): given each of s equally likely draws of the parameters; drawn (d, n): drawn jointly; average (d,):
    fixed'beta alone, drawn; spread (s,): the SD of random'b between patients, of each draw of the parameters.
    """

    mean: Floats
    sd: Floats
    drawn: Floats
    average: Floats
    spread: Floats


@dataclass(frozen=True, repr=False)
class Gridded(ShortRepr):
    """The posterior over all values of u that matter, in their order; `weights` of the values sum to 1."""

    parts: tuple[Part, ...]
    weights: Floats

    def residual_number(self) -> tuple[Floats, Floats]:
        """Values of u, fine and even, and their weights (sum 1); the log density is linear between the parts."""
        u = np.array([part.u for part in self.parts])
        fine = np.linspace(u[0], u[-1], 2001)
        density = np.interp(fine, u, [part.density for part in self.parts])
        mass = np.exp(density - density.max())
        return fine, mass / mass.sum()

    def effects(self, fixed: Floats, random: Floats, who: Integers, rng: np.random.Generator) -> list[Effect]:
        """Effects of patients `who` (n,) by their combinations of beta and b: rows of fixed (k, p), random (k, q)."""
        chosen = self._chosen(rng)
        sizes = [len(points) for points in chosen]
        noise = np.split(rng.standard_normal((PARAMETERS, EACH, fixed.shape[1])), np.cumsum(sizes)[:-1])
        parts = [
            _effects(part, points, fixed, random, who, own, rng)
            for part, points, own in zip(self.parts, chosen, noise, strict=True)
            if len(points)
        ]
        return [
            Effect(
                *(np.concatenate([getattr(part[k], name) for part in parts])
                  for name in ("mean", "sd", "drawn", "average", "spread"))
            )
            for k in range(len(fixed))
        ]  # fmt: skip

    def _chosen(self, rng: np.random.Generator) -> list[Integers]:
        """Positions of the points that are kept of each part, `PARAMETERS` in all, by systematic resampling."""
        pairs = zip(self.weights, self.parts, strict=True)
        whole = np.concatenate([weight * part.draws.weights for weight, part in pairs])
        places = (rng.random() + np.arange(PARAMETERS)) / PARAMETERS
        found = np.minimum(np.searchsorted(np.cumsum(whole / whole.sum()), places), len(whole) - 1)
        starts = np.concatenate([[0], np.cumsum([len(part.draws.weights) for part in self.parts])])
        return [found[(found >= low) & (found < high)] - low for low, high in pairwise(starts)]


def _effects(
    part: Part, points: Integers, fixed: Floats, random: Floats, who: Integers, noise: Floats, rng: np.random.Generator
) -> list[Effect]:
    """Effects under the points of one part; noise (points, EACH, p) is that of beta, which all patients share."""
    design = part.data.design
    assert design is not None
    some = Draws(Results._make(field[points] for field in part.draws.results), np.full(len(points), 1.0 / len(points)))
    each = Estimates(some.results, design.x_columns, design.z_columns)
    p, q = fixed.shape[1], random.shape[1]
    size = max(1, AT_ONCE // (len(points) * (p + q) ** 2))
    blocks: list[list[tuple[Floats, Floats, Floats]]] = [[] for _ in fixed]
    values, vectors = np.linalg.eigh(each.beta_covariance)
    roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
    kept = values > 1e-14 * values[:, -1:]
    inverse = vectors * np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)[:, None, :]
    for first in range(0, len(who), size):
        found = courses(some, design, part.data.moments, who[first : first + size])
        for k, loads in enumerate(np.concatenate([fixed, random], axis=1)):
            mean = (found.beta @ fixed[k])[:, None] + found.b @ random[k]
            cross = found.within @ loads
            variance = np.maximum(cross @ loads, 0.0)
            lever = cross[:, :, :p] @ inverse
            left = np.sqrt(np.maximum(variance - (lever**2).sum(axis=2), 0.0))
            drawn = mean[:, None, :] + noise @ lever.transpose(0, 2, 1)
            drawn += left[:, None, :] * rng.standard_normal(drawn.shape)
            blocks[k].append((mean, np.sqrt(variance), drawn.reshape(-1, drawn.shape[2])))
    made = []
    for k, pieces in enumerate(blocks):
        mean, sd, drawn = (np.concatenate(piece, axis=1) for piece in zip(*pieces, strict=True))
        average = (each.beta @ fixed[k])[:, None] + np.einsum("p,spj,sej->se", fixed[k], roots, noise)
        variance = np.einsum("i,sij,j->s", random[k], each.covariance, random[k])
        made.append(Effect(mean, sd, drawn, average.ravel(), np.sqrt(np.maximum(variance, 0.0))))
    return made


def integrated(data: GrowthData, residuals: Residuals, given: Priors) -> Gridded:
    """The posterior of the model of `data`, whose rows are those that `residuals` whitens.

    Raises `InputError` where it cannot be evaluated, or where a prior is in another unit.
    """
    priors, sampler = explicit(data, given), _Sampler()

    def look(u: float) -> Part:
        rows, lacks = residuals.at(u)
        return _part(u, rows, residuals.prior(u) - 0.5 * lacks, priors, sampler)

    if residuals.ends is None:
        part = look(0.0)
        _require_agreement(part, data.response)
        return Gridded((part,), np.ones(1))
    low, high = residuals.ends
    beside = [np.clip(residuals.start + side * residuals.step, low, high) for side in (-1.0, 0.0, 1.0)]
    middle, sd = _parabola(beside, [look(u).density for u in beside], residuals.ends)
    grid = np.linspace(max(low, middle - REACH * sd), min(high, middle + REACH * sd), PLACES)
    step = float(grid[1] - grid[0])
    outwards = sorted(grid.tolist(), key=lambda u: abs(u - middle))
    parts = sorted((look(u) for u in outwards), key=lambda part: part.u)
    for _ in range(4 * PLACES):  # until both ends are far enough, or where u ends
        best = max(part.density for part in parts)
        if parts[0].u - low > 1e-9 and parts[0].density - best > np.log(LEAST):
            parts.insert(0, look(max(low, parts[0].u - step)))
        elif high - parts[-1].u > 1e-9 and parts[-1].density - best > np.log(LEAST):
            parts.append(look(min(high, parts[-1].u + step)))
        else:
            break
    weights = _weights(parts)
    for part, weight in zip(parts, weights, strict=True):
        if weight > LEAST:
            _require_agreement(part, data.response)
    return Gridded(tuple(parts), weights)


def _require_agreement(part: Part, marker: str) -> None:
    if not part.rhat <= MOST_RHAT:
        raise InputError(
            f"{marker!r}: neither importance weights nor chains agree on the posterior of the effect (R-hat "
            f"{part.rhat:.4f}, at most {MOST_RHAT:g}), so nothing is reported; use stronger priors (bayes.priors), "
            "fewer random effects or engine: slopewise"
        )


class _Sampler:
    """Samples of posteriors that are alike: each starts from what was found at the nearest u before."""

    def __init__(self) -> None:
        self.known: list[tuple[float, Floats, Floats]] = []

    def sample(self, u: float, posterior: Posterior) -> tuple[Weighted, float]:
        """A sample and, where it is of chains, their R-hat, else 1."""
        units = _log_units(posterior)
        if self.known:
            _, middle, covariance = min(self.known, key=lambda one: abs(one[0] - u))
            found = weighted_points(posterior, POINTS, middle - units, covariance)
        else:
            found = weighted_points(posterior, POINTS, *posterior.mode())
            covariance = found.moments()[1]
        if not found.trusted:
            drawn = chains(posterior, 4, *CHAINS, generator(0, "bayes", "gridded", posterior.size)).theta
            rhat = float(diagnose({str(k): drawn[:, :, k] for k in range(posterior.size)})["rhat"].max())
            flat = np.ascontiguousarray(drawn.reshape(-1, posterior.size)[::2])
            even = Weighted(flat, np.full(len(flat), 1.0 / len(flat)), found.shape, True, found.evidence)
            middle, covariance = even.moments()
            found = weighted_points(posterior, POINTS, middle, covariance)
            if not found.trusted:
                self.known.append((u, middle + units, covariance))
                return replace(even, evidence=found.evidence), rhat
        self.known.append((u, found.moments()[0] + units, covariance))
        return found, 1.0


def _log_units(posterior: Posterior) -> Floats:
    """(d,): by what theta moves where its units do, which depend on how the rows were whitened."""
    moved = np.zeros(posterior.size)
    moved[: len(posterior.units)], moved[-1] = np.log(posterior.units), np.log(posterior.response_sd)
    return moved


def _weights(parts: list[Part]) -> Floats:
    """The trapezium's rule."""
    u, density = (np.array([getattr(part, name) for part in parts]) for name in ("u", "density"))
    gaps = np.diff(u)
    width = 0.5 * (np.concatenate([[0.0], gaps]) + np.concatenate([gaps, [0.0]]))
    mass = width * np.exp(density - density.max())
    return np.asarray(mass / mass.sum(), dtype=np.float64)


def _parabola(u: list[float], density: list[float], ends: tuple[float, float]) -> tuple[float, float]:
    """Where the parabola through three points is highest, and the SD of the normal density that it is the log of."""
    if len(set(u)) == 3 and np.isfinite(density).all():
        curve, slope, _ = np.polyfit(np.array(u) - u[1], density, 2)
        if curve < 0:
            sd = float(np.clip(np.sqrt(-0.5 / curve), 0.02, 1.0))
            return float(np.clip(u[1] - 0.5 * slope / curve, max(ends[0], u[0] - sd), min(ends[1], u[2] + sd))), sd
    return u[int(np.argmax(density))], 0.5 * abs(u[2] - u[0]) / (1 if len(set(u)) == 3 else 0.5)


def _part(u: float, data: GrowthData, added: float, priors: Priors, sampler: _Sampler) -> Part:
    """The posterior of whitened rows; added: what the log density of u has besides their evidence."""
    design, moments = data.design, data.moments
    assert design is not None
    count = np.ones(len(data.patients), np.int64)
    posterior = posterior_of(data.response, moments, count, many.CORRELATED, design, priors)
    sample, rhat = sampler.sample(u, posterior)
    scales = np.log(posterior.target.scales).sum() + np.log(posterior.target.residual)  # in units that depend on u
    density = sample.evidence - float(scales) - len(data.values) * float(np.log(posterior.response_sd)) + added
    return Part(u, density, data, Draws(posterior.results(sample.theta), sample.weights), rhat)
