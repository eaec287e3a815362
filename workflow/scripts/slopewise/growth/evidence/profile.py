"""Profile-likelihood intervals of variance components, by REML or ML as the fit, never Wald.

Source: docs/methods.md, section 2.

Held at a value, one of (SD of the intercept a, SD of the slope s, correlation, residual SD) leaves the others to
be minimised over; the interval's ends are where the deviance has risen by the 0.95 quantile of chi-square 1, or the
end of what is possible (0, -1, 1). With Sigma the covariance of the random effects, Psi = Sigma / sigma^2,
S_i = Z_i'Z_i and C_i = (I + Psi S_i)^-1 Psi (valid for singular Psi), X orthonormal and y orthogonal to X,

    deviance = sum log|I + Psi S_i| + log|X'V^-1X| + (n - p) log sigma^2 + r^2 / sigma^2 + constant

and its derivative with respect to Psi is sum(T_i - Q_i - e_i e_i' / sigma^2), as in docs/methods.md, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slopewise.run.short_repr import ShortRepr

if TYPE_CHECKING:
    from slopewise.growth.fit import GrowthFit

Floats = NDArray[np.float64]

RISE = 3.841458820694124
"""0.95 quantile of the chi-square distribution with one degree of freedom."""

RESIDUAL = "Residual"

FURTHEST = 40.0
"""A log residual SD (standardised) beyond this is no place where a minimum lies, but a line search may try it."""


@dataclass(frozen=True, repr=False)
class Sums(ShortRepr):
    """Standardised cross-products of m patients, q random and p fixed effects: all that the deviance needs."""

    s: Floats  # (m, q, q) Z_i'Z_i
    a: Floats  # (m, q, p) Z_i'X_i
    u: Floats  # (m, q) Z_i'y_i
    square: float  # y'y
    n: int
    reml: bool

    @staticmethod
    def of(x: Floats, z: Floats, y: Floats, codes: NDArray[np.int64], reml: bool) -> Sums:
        """Rows sorted by patient; `x` orthonormal (n, p), `z` (n, q), `y` (n,) orthogonal to `x`."""
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        return Sums(
            s=np.add.reduceat(z[:, :, None] * z[:, None, :], starts, axis=0),
            a=np.add.reduceat(z[:, :, None] * x[:, None, :], starts, axis=0),
            u=np.add.reduceat(z * y[:, None], starts, axis=0),
            square=float(y @ y),
            n=len(y),
            reml=reml,
        )

    def deviance(self, sigma_b: Floats, log_sd: float) -> tuple[float, Floats, float]:
        """Deviance without its constant at covariance `sigma_b` (q, q) and residual SD exp(`log_sd`).

        Returns it with its derivatives by the covariance (q, q; symmetric) and by the log residual SD.
        """
        variance = float(np.exp(2.0 * log_sd))
        psi = sigma_b / variance
        if not (np.isfinite(psi).all() and 1e-100 < variance < 1e100):
            return np.inf, np.zeros_like(psi), 0.0
        determinant, c = _inner(psi, self.s)
        p = self.a.shape[2]
        ca, flat = c @ self.a, self.a.reshape(-1, p)
        cross = np.eye(p) - flat.T @ ca.reshape(-1, p)
        cu = (c @ self.u[:, :, None])[:, :, 0]
        right = -flat.T @ cu.ravel()
        inverse = np.linalg.inv(cross)
        beta = inverse @ right
        square = self.square - float(self.u.ravel() @ cu.ravel()) - float(right @ beta)
        lost = p if self.reml else 0
        value = float(np.log(determinant).sum()) + (self.n - lost) * 2.0 * log_sd + square / variance
        left = self.u - self.a @ beta
        sc = self.s @ c
        e = left - (sc @ left[:, :, None])[:, :, 0]
        gradient = (self.s - sc @ self.s).sum(axis=0) - e.T @ e / variance
        if self.reml:
            value += float(np.linalg.slogdet(cross)[1])
            f = (self.a - sc @ self.a).transpose(1, 0, 2).reshape(len(psi), -1, p)
            gradient -= np.array([[float(((one @ inverse) * other).sum()) for other in f] for one in f])
        by_variance = (
            (self.n - lost) / variance - square / variance**2 - float((gradient * sigma_b).sum()) / variance**2
        )
        return value, gradient / variance, 2.0 * variance * by_variance


def _inner(psi: Floats, s: Floats) -> tuple[Floats, Floats]:
    """|I + Psi S_i| (m,) and C_i = (I + Psi S_i)^-1 Psi (m, q, q), written out for one and two random effects."""
    if len(psi) == 1:
        inner = 1.0 + psi[0, 0] * s[:, 0, 0]
        return inner, (psi[0, 0] / inner)[:, None, None]
    whole = psi[0, 0] * psi[1, 1] - psi[0, 1] * psi[1, 0]
    spread = s[:, 0, 0] * s[:, 1, 1] - s[:, 0, 1] ** 2
    trace = psi[0, 0] * s[:, 0, 0] + 2.0 * psi[0, 1] * s[:, 0, 1] + psi[1, 1] * s[:, 1, 1]
    determinant = 1.0 + trace + whole * spread
    c = np.empty_like(s)
    c[:, 0, 0] = (psi[0, 0] + whole * s[:, 1, 1]) / determinant
    c[:, 1, 1] = (psi[1, 1] + whole * s[:, 0, 0]) / determinant
    c[:, 0, 1] = c[:, 1, 0] = (psi[0, 1] - whole * s[:, 0, 1]) / determinant
    return determinant, c


def at(theta: Floats, correlated: bool) -> tuple[Floats, float]:
    """Covariance and log residual SD at theta: (a, log sd), (a, s, log sd) or (a, s, phi, log sd) with r = sin phi."""
    if len(theta) == 2:
        return np.array([[theta[0] ** 2]]), float(theta[1])
    a, s = theta[0], theta[1]
    both = a * s * np.sin(theta[2]) if correlated else 0.0
    return np.array([[a * a, both], [both, s * s]]), float(theta[-1])


def objective(sums: Sums, theta: Floats, correlated: bool) -> tuple[float, Floats]:
    """Deviance and its gradient in theta."""
    sigma_b, log_sd = at(theta, correlated)
    value, g, by_log = sums.deviance(sigma_b, log_sd)
    if not np.isfinite(value):
        return np.inf, np.zeros(len(theta))
    if len(theta) == 2:
        return value, np.array([2.0 * theta[0] * g[0, 0], by_log])
    a, s = theta[0], theta[1]
    r = np.sin(theta[2]) if correlated else 0.0
    by = [2.0 * (a * g[0, 0] + s * r * g[0, 1]), 2.0 * (s * g[1, 1] + a * r * g[0, 1])]
    if correlated:
        by.append(2.0 * a * s * np.cos(theta[2]) * g[0, 1])
    return value, np.array([*by, by_log])


def profile(sums: Sums, best: Floats, correlated: bool, held: int) -> Callable[[float], float]:
    """The deviance minimised over all of theta but coordinate `held`, above its minimum, less `RISE`."""
    from scipy.optimize import minimize

    free = [k for k in range(len(best)) if k != held]
    lowest = objective(sums, best, correlated)[0]
    started = [best]
    known = {float(best[held]): -RISE}

    def above(value: float) -> float:
        if value in known:
            return known[value]

        def part(x: Floats) -> tuple[float, Floats]:
            theta = np.empty(len(best))
            theta[free], theta[held] = x, value
            if abs(theta[-1]) > FURTHEST:
                return np.inf, np.zeros(len(free))
            found, gradient = objective(sums, theta, correlated)
            return found, gradient[free]

        options = {"gtol": 1e-4}  # the deviance is then right to 1e-7
        # From the last place and from the fit's own: a component held at zero may have led the others astray.
        ends = [minimize(part, start[free], jac=True, method="BFGS", options=options) for start in (started[0], best)]
        end = min(ends, key=lambda result: float(result.fun))
        last = np.empty(len(best))
        last[free], last[held] = end.x, value
        started[:] = [last]
        known[value] = float(end.fun) - lowest - RISE
        return known[value]

    return above


def end_of(above: Callable[[float], float], best: float, step: float, limit: float) -> float:
    """Where `above` crosses zero, going from `best` by growing steps; `limit` where it does not on the way there."""
    from scipy.optimize import brentq

    if best == limit:
        return limit
    inside = best
    for _ in range(60):
        outside = inside + step
        if (step > 0 and outside >= limit) or (step < 0 and outside <= limit):
            outside = limit
        if above(outside) > 0:
            return float(brentq(above, inside, outside, xtol=1e-6 * max(1.0, abs(outside)), rtol=1e-6))
        if outside == limit:
            return limit
        inside, step = outside, 1.7 * step
    return float(np.copysign(np.inf, step))


def component_intervals(fit: GrowthFit) -> dict[tuple[str, str], tuple[float, float]]:
    """95% profile intervals of SDs (user's units) and correlation, by pair of terms as in ``growth/covariance``.

    Empty for a pooled fit but for its residual; for more than two random effects or a fit without a finite deviance
    nothing is given. With several residual variances their ratios are held at their estimates, and the residual has no
    interval here (`residuals.residual_table` has those of the ratios).
    """
    q = len(fit.design.random_names)
    active = {"excluded": 0, "intercept": 1}.get(fit.structure, q)
    if fit.batch is None or active > 2 or not np.isfinite(fit.deviance):
        return {}
    if active == 0:
        return {} if fit.stratum_names else {(RESIDUAL, RESIDUAL): _pooled_interval(fit)}
    names = [str(name) for name in fit.design.random_names[:active]]
    sums, unit, units = _standardised(fit, active)
    correlated = fit.structure == "correlated" and active == 2
    best = _theta(fit, unit, units, correlated)
    found = {}
    for k, name in enumerate(names):
        step = max(0.3 * best[k], 0.05)
        low, high = (
            end_of(profile(sums, best, correlated, k), best[k], s, e) for s, e in ((-step, 0.0), (step, np.inf))
        )
        found[name, name] = (unit / units[k] * low, unit / units[k] * high)
    if correlated:
        ends = ((-0.2, -np.pi / 2), (0.2, np.pi / 2))
        low, high = (end_of(profile(sums, best, correlated, 2), best[2], s, e) for s, e in ends)
        found[names[0], names[1]] = (float(np.sin(low)), float(np.sin(high)))
    if fit.stratum_names:
        return found
    last = len(best) - 1
    low, high = (end_of(profile(sums, best, correlated, last), best[-1], s, s * np.inf) for s in (-0.1, 0.1))
    found[RESIDUAL, RESIDUAL] = (unit * float(np.exp(low)), unit * float(np.exp(high)))
    return found


def _standardised(fit: GrowthFit, active: int) -> tuple[Sums, float, Floats]:
    """Sums of the fit's rows; the response's scale; the scale of each random column (its slope is per that much).

    Rows are divided by their relative residual SD first, so that one residual variance is left.
    """
    from slopewise.growth.fit import design_of

    assert fit.batch is not None
    data = fit.batch.data
    x, z = design_of(fit)
    root = np.sqrt(data.weights / fit.ratios[data.strata])
    values, x, z = data.values * root, x * root[:, None], z * root[:, None]
    orthonormal = np.linalg.qr(x[:, ~fit.results.aliased[0]])[0]
    y = values - orthonormal @ (orthonormal.T @ values)
    y -= orthonormal @ (orthonormal.T @ y)
    unit = float(np.sqrt(y @ y / len(y)))
    z = z[:, :active]
    units = np.sqrt((z**2).mean(axis=0))
    return Sums.of(orthonormal, z / units, y / unit, data.codes, data.specification.reml), unit, units


def _theta(fit: GrowthFit, unit: float, units: Floats, correlated: bool) -> Floats:
    """The fit's own parameters, standardised."""
    covariance = fit.estimates.covariance[0][: len(units), : len(units)]
    sd = np.sqrt(np.diag(covariance))
    theta = [*(sd * units / unit)]
    if correlated:
        product = sd[0] * sd[1]
        theta.append(float(np.arcsin(np.clip(covariance[0, 1] / product, -1.0, 1.0))) if product > 0 else 0.0)
    return np.array([*theta, np.log(fit.sigma / unit)])


def _pooled_interval(fit: GrowthFit) -> tuple[float, float]:
    """The profile interval of a residual SD alone: f log v + (f s^2) / v is at most `RISE` above its minimum."""
    freedom = fit.n_rows - (len(fit.beta) if fit.specification.reml else 0)

    def above(log_ratio: float) -> float:
        return float(freedom * (log_ratio + np.exp(-log_ratio) - 1.0)) - RISE

    low, high = (end_of(above, 0.0, sign * 0.1, sign * np.inf) for sign in (-1, 1))
    return float(fit.sigma * np.exp(low / 2)), float(fit.sigma * np.exp(high / 2))
