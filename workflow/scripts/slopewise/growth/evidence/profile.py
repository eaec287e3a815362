"""Profile-likelihood intervals of variance components, by REML or ML as the fit, never Wald.

Source: docs/methods.md, section 2; the search is compiled (`engine.components`).

Held at a value, one of (SD of the intercept a, SD of the slope s, correlation, residual SD) leaves the others to
be minimised over; the interval's ends are where the deviance has risen by the 0.95 quantile of chi-square 1, or the
end of what is possible (0, -1, 1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.components import RISE
from slopewise.growth.engine.run import profile_ends

if TYPE_CHECKING:
    from slopewise.growth.fit import GrowthFit

__all__ = ["RISE", "component_intervals", "end_of"]

Floats = NDArray[np.float64]

RESIDUAL = "Residual"


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
    ends, unit, units = _ends(fit, active)
    found = {}
    for k, name in enumerate(names):
        found[name, name] = (unit / units[k] * ends[k, 0], unit / units[k] * ends[k, 1])
    if fit.structure == "correlated" and active == 2:
        found[names[0], names[1]] = (ends[2, 0], ends[2, 1])
    if not fit.stratum_names:
        found[RESIDUAL, RESIDUAL] = (unit * np.exp(ends[3, 0]), unit * np.exp(ends[3, 1]))
    return {pair: (float(low), float(high)) for pair, (low, high) in found.items()}


def _ends(fit: GrowthFit, active: int) -> tuple[Floats, float, Floats]:
    """Ends (4, 2) as `engine.run.profile_ends` has them, the response's scale, and that of each random column.

    The random columns keep the user's origin, since the SD of the intercept is one at that origin.
    """
    assert fit.batch is not None
    own, places = fit.results.one(0), fit.design.z_columns
    scale = np.sqrt(own.centre_z[0] ** 2 + own.scale_z[0] ** 2)
    unit, units = float(own.scale_x[0, -1]), np.where(places < 0, 1.0, scale[places])
    relative = fit.estimates.covariance[0] * np.outer(units, units) / fit.estimates.variance_scale[0]
    point = own._replace(psi=relative[None], centre_z=np.zeros_like(own.centre_z), scale_z=scale[None])
    moments = fit.batch.moments_of(fit.index)
    diagonal = fit.structure == "diagonal"
    ends = profile_ends(fit.batch.counts[fit.index], moments, fit.specification.reml, point, active, diagonal)
    return ends, unit, units


def _pooled_interval(fit: GrowthFit) -> tuple[float, float]:
    """The profile interval of a residual SD alone: f log v + (f s^2) / v is at most `RISE` above its minimum."""
    freedom = fit.n_rows - (len(fit.beta) if fit.specification.reml else 0)

    def above(log_ratio: float) -> float:
        return float(freedom * (log_ratio + np.exp(-log_ratio) - 1.0)) - RISE

    low, high = (end_of(above, 0.0, sign * 0.1, sign * np.inf) for sign in (-1, 1))
    return float(fit.sigma * np.exp(low / 2)), float(fit.sigma * np.exp(high / 2))
