"""Is it a patient-specific slope, or scatter that changes? Growth models whose residual variance is not constant.

    Var(e_ij) = sigma^2 exp(2 (delta_1 v_ij + delta_2 v_ij^2))        (nlme's varExp; Pinheiro & Bates 2000, ch. 5.2)

with v the predictor of the slopes (time), or, without the square, the value that the random-intercept model expects in
the row. Random intercept, and correlated random intercept and slope, are fitted with it by REML; their likelihood ratio
tests the slope beside a scatter that grows or shrinks. Where it is small, the data cannot tell the two apart: a value
that lies far off late in a patient's course looks like a slope. The first v is known, and the likelihood that of the
model; the second is estimated once, by the random-intercept model, and held fixed.

The variances are rows' weights to the engine, so that a fit for one delta is an ordinary one; delta is searched for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from slopewise.growth.data import GrowthData
from slopewise.growth.engine.estimates import STRUCTURES
from slopewise.growth.engine.run import run
from slopewise.growth.evidence.compare import SideBySide, boundary_p
from slopewise.growth.evidence.pooling import fitted_values
from slopewise.growth.fit import GrowthFit, design_of
from slopewise.growth.fitting import everybody
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

STEEPEST = 1.5
"""Bound of each delta, per standard deviation of v: from one below the mean to one above, scatter grows e^3-fold."""

TOLERANCE = 3e-3  # of delta in the same units: the deviance is flat at its minimum, so it is exact to about 1e-3


@dataclass(frozen=True, repr=False)
class _Problem(ShortRepr):
    """One marker's rows, with the centred columns (rows, k) on which the log of the residual SD depends."""

    data: GrowthData
    fit: GrowthFit
    columns: Floats

    def deviance(self, structure: str, delta: Floats) -> float:
        """REML deviance of a structure at one delta (k,), everything else at its best."""
        assert self.fit.batch is not None
        if np.abs(delta).max() > STEEPEST:
            return 1e300
        weights = np.exp(-2.0 * (self.columns @ delta))
        moments = self.data.reduce(self.fit.design, self.fit.batch.columns_of(self.fit.index), weights)
        asked = np.array([STRUCTURES.index(structure)], dtype=np.int64)
        found = run(moments, everybody(self.data), asked, True, 1, self.fit.results.psi[0])
        value = float(found.deviance[0])
        return value if np.isfinite(value) else 1e300


def compare_scatter(models: SideBySide) -> pd.DataFrame:
    """The marker's rows of ``growth/heteroscedastic``; `models` with a random slope and one residual variance.

    Columns by (time: the predictor, or fitted), deviance_intercept, deviance_slope (REML, lme4's constant), sd_ratio
    (of the scatter at the ninth tenth of v over that at the first, in the model without a slope), lrt_scatter and
    p_scatter (of all delta, without a slope; chi-square), lrt and p_value (of the slope beside it, the boundary
    mixture). A v that does not vary has no row.
    """
    intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
    candidates = {"time": design_of(slope)[1][:, 1], "fitted": fitted_values(intercept)}
    rows = []
    for by, values in candidates.items():
        spread = float(values.std())
        if spread > 1e-9 * max(1.0, float(np.abs(values).max())):
            v = (values - values.mean()) / spread
            square = v**2 - (v**2).mean()
            curved = by == "time" and np.linalg.matrix_rank(np.column_stack([np.ones_like(v), v, square]), 1e-6) == 3
            columns = np.column_stack([v, square]) if curved else v[:, None]
            rows.append({"by": by, **_compared(_Problem(models.data, slope, columns), intercept, slope)})
    return pd.DataFrame(rows)


def _compared(problem: _Problem, intercept: GrowthFit, slope: GrowthFit) -> dict[str, float]:
    k = problem.columns.shape[1]
    alone, delta = _lowest(problem, "intercept", intercept.deviance, np.zeros(k))
    # A richer model cannot fit worse: its search starts from what the simpler one found.
    both, _ = _lowest(problem, "correlated", slope.deviance, delta)
    lrt, lrt_scatter = max(0.0, alone - both), max(0.0, intercept.deviance - alone)
    log_sd = problem.columns @ delta
    ends = np.argsort(problem.columns[:, 0], kind="stable")[[len(log_sd) // 10, (9 * len(log_sd)) // 10]]
    return {
        "deviance_intercept": alone,
        "deviance_slope": both,
        "sd_ratio": float(np.exp(log_sd[ends[1]] - log_sd[ends[0]])),
        "lrt_scatter": lrt_scatter,
        "p_scatter": float(chdtrc(k, lrt_scatter)),
        "lrt": lrt,
        "p_value": boundary_p(lrt, 2),
    }


def _lowest(problem: _Problem, structure: str, constant: float, start: Floats) -> tuple[float, Floats]:
    """(deviance, delta) at the minimum; `constant`: the deviance at delta = 0, `start`: another candidate."""
    from scipy.optimize import minimize, minimize_scalar

    k = problem.columns.shape[1]
    first = np.eye(k)[0]
    found = minimize_scalar(
        lambda step: problem.deviance(structure, step * first), bounds=(-STEEPEST, STEEPEST), method="bounded",
        options={"xatol": TOLERANCE, "maxiter": 60},
    )  # fmt: skip
    candidates = [(constant, np.zeros(k)), (float(found.fun), float(found.x) * first)]
    if start.any():
        candidates.append((problem.deviance(structure, start), start))
    best = min(candidates, key=lambda one: one[0])
    if k > 1:
        simplex = best[1] + np.vstack([np.zeros(k), 0.1 * np.eye(k)])
        options = {"xatol": TOLERANCE, "fatol": 1e-3, "maxiter": 200, "initial_simplex": simplex}
        search = minimize(
            lambda delta: problem.deviance(structure, delta), best[1], method="Nelder-Mead", options=options
        )
        if search.fun < best[0]:
            best = float(search.fun), search.x
    return best
