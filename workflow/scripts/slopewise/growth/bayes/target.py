"""From the moments of one fit's patients to the posterior that is to be sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.bayes.kernels.density import Target, densities, deviance_of, parameters, passes, standardised_fit
from slopewise.growth.bayes.kernels.mode import mode
from slopewise.growth.bayes.priors import Priors
from slopewise.growth.engine import many
from slopewise.growth.engine.estimates import Estimates
from slopewise.growth.engine.layout import Design
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.run import functions
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FEWEST = 2  # patients without whom nothing is known of how patients differ


@dataclass(frozen=True, repr=False)
class Posterior(ShortRepr):
    """The posterior of one marker's fit to some patients: what is evaluated, and how theta reads in the user's units.

    units (r,): SD(marker) / SD(column) of each active random term; point: results of one fit with its centre and scale.
    """

    marker: str
    target: Target
    problem: Any
    place: Integers
    point: Results
    active: Integers
    units: Floats
    response_sd: float
    log_weights: float

    def _facts(self) -> dict[str, str]:
        return {"marker": repr(self.marker), "parameters": str(self.size)}

    def apart(self) -> Posterior:
        """The same with scratch of its own, so that two threads can evaluate it."""
        copied = (value.copy() if isinstance(value, np.ndarray) else value for value in self.problem)
        return replace(self, problem=type(self.problem)(*copied))

    @property
    def size(self) -> int:
        """Parameters of theta."""
        r = len(self.active)
        return r + 1 + (r * (r - 1) // 2 if self.target.correlated else 0)

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Positions of the correlated random terms, in theta's order."""
        r = len(self.active)
        return tuple((j, i) for i in range(r) for j in range(i)) if self.target.correlated else ()

    def density(self, points: Floats) -> Floats:
        """(n,): the log posterior at points (n, d)."""
        values = np.empty(len(points))
        densities(points, self.target, self.problem, *passes(), values)
        return values

    def mode(self) -> tuple[Floats, Floats]:
        """The mode (d,) and a covariance from the curvature there (d, d); no direction is wider than 1.5."""
        point = np.zeros(self.size)
        point[: len(self.active)] = np.log(0.5)
        point[-1] = np.log(0.5)
        hessian = np.zeros((self.size, self.size))
        value = mode(point, hessian, self.target, self.problem, *passes())
        if not (np.isfinite(value) and np.isfinite(hessian).all()):
            raise InputError(
                f"{self.marker!r}: the posterior cannot be evaluated: the model goes through every row; use fewer "
                "random or fixed effects"
            )
        values, vectors = np.linalg.eigh(-hessian)
        spread = np.clip(np.abs(values), 1.5**-2.0, 1e8)
        return point, (vectors / spread) @ vectors.T

    def results(self, points: Floats) -> Results:
        """Each point of theta as the results of a fit, beta its mean there; `sigma2` inverse is beta's covariance."""
        n, (_, p, d) = len(points), (0, self.point.beta.shape[1], self.point.centre_x.shape[1])
        found = many.empty_results(n, p, self.point.psi.shape[1], d)
        for name in ("centre_x", "scale_x", "centre_z", "scale_z", "structure", "aliased", "patients", "rows"):
            getattr(found, name)[:] = getattr(self.point, name)
        rest = (self.place, found.psi, found.sigma2, found.beta, found.inverse)
        parameters(points, self.target, self.problem, *passes(), *rest)
        found.deviance[:] = np.nan
        return found

    def deviance(self, psi: Floats) -> float:
        """-2 log likelihood, beta and sigma^2 at their best, at this Psi (q, q), standardised; in the user's units."""
        value, _ = deviance_of(self.problem, psi, functions().deviance_at)
        return float(value + self.problem.n * 2.0 * np.log(self.response_sd) - self.log_weights)

    def components(self, points: Floats) -> tuple[Floats, Floats, Floats]:
        """SDs (n, r), correlations (n, pairs) and sigma (n,) in the user's units."""
        r = len(self.active)
        sd = np.exp(points[:, :r]) * self.units
        return sd, correlations(points[:, r:-1], r)[:, *_indices(self.pairs)], np.exp(points[:, -1]) * self.response_sd


def _indices(pairs: tuple[tuple[int, int], ...]) -> tuple[list[int], list[int]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


def correlations(numbers: Floats, r: int) -> Floats:
    """Correlation matrices (n, r, r) of theta's unbounded numbers (n, r (r - 1) / 2), or the identity without any."""
    root = np.zeros((len(numbers), r, r))
    root[:, 0, 0] = 1.0
    position, any_ = 0, numbers.shape[1] > 0
    for i in range(1, r):
        left = np.ones(len(numbers))
        for j in range(i if any_ else 0):
            root[:, i, j] = np.tanh(numbers[:, position]) * left
            left = left / np.cosh(numbers[:, position])
            position += 1
        root[:, i, i] = left
    product: Floats = root @ root.transpose(0, 2, 1)
    return product


def posterior_of(
    marker: str, moments: Moments, count: Integers, structure: int, design: Design, priors: Priors
) -> Posterior:
    """The posterior of a fit to the patients with a count above 0 (m,); structure: a code of `engine.many`.

    Centres, scales and default priors come from these patients alone. Raises `InputError` where they are too few.
    """
    p, q, d = len(design.x_columns), len(design.z_columns), moments.means.shape[1]
    point = many.empty_results(1, p, q, d)
    point.structure[0] = structure
    made = (0, count, moments, structure, False, point, functions().standardised)
    problem, place, log_weights = standardised_fit(*made)
    if point.patients[0] < FEWEST or structure == many.EXCLUDED:
        raise InputError(
            f"{marker!r}: values of {int(point.patients[0])} patients; a posterior of how patients differ needs at "
            f"least {FEWEST}"
        )
    active = np.arange(1 if structure == many.INTERCEPT else q)
    estimates = Estimates(point, design.x_columns, design.z_columns)
    response_sd = float(point.scale_x[0, -1])
    z_sd = np.array([1.0 if column < 0 else point.scale_z[0, column] for column in design.z_columns])
    x_sd = np.array([1.0 if column < 0 else point.scale_x[0, column] for column in design.x_columns])
    names = tuple(design.random_names[k] for k in active)
    units, kept = response_sd / z_sd[active], place[:-1]
    mean, precision = priors.normal(tuple(design.fixed_names), response_sd / x_sd, float(point.centre_x[0, -1]), marker)
    loading = np.linalg.solve(estimates.to_user_z[0], np.diag(1.0 / z_sd))[:, active]
    target = Target(
        loading=np.ascontiguousarray(loading),
        correlated=structure == many.CORRELATED and len(active) > 1,
        scales=_scales(priors, names, units, marker, structure == many.INTERCEPT),
        df=float(priors.df),
        shape=float(priors.correlation),
        residual=priors.residual_scale(response_sd, marker),
        mean=np.ascontiguousarray(mean[kept]),
        precision=np.ascontiguousarray(precision[kept]),
    )
    return Posterior(marker, target, problem, place, point, active, units, response_sd, float(log_weights))


def _scales(priors: Priors, terms: tuple[str, ...], units: Floats, marker: str, alone: bool) -> Floats:
    """Scales of the SDs; where the random intercept is `alone` imposed, priors of other terms are not used."""
    if alone:
        priors = Priors(sd={term: scale for term, scale in priors.sd.items() if term in terms})
    return priors.scales(terms, units, marker)
