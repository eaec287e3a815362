"""A residual variance for each stratum (nlme's varIdent): V_i = Z_i Psi Z_i' + diag(r_k / w_j), r of the first = 1.

The variance ratios are rows' weights to the engine, so the whole robust search for Psi is nested in a quasi-Newton
search for log r, whose gradient is exact:

    d deviance / d log r_k = sum over rows j of stratum k of [P_jj - (P y)_j^2 / sigma^2] r_k / w_j
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.layout import Design, expanded
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.run import patient_parts, run

if TYPE_CHECKING:
    from slopewise.growth.data import GrowthData

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LIMIT = 80.0  # |log r| beyond which a stratum has no residual variance that a number could hold


def fit_strata(
    data: GrowthData, design: Design, columns: Floats, counts: Integers, asked: Integers
) -> tuple[Results, Floats]:
    """Results of every fit, and the variance ratios (F, K); the structure is decided with equal variances."""
    fits, strata = len(counts), len(data.layout.stratum_names)
    ratios = np.ones((fits, strata))
    parts = []
    for j in range(fits):
        part, ratios[j] = _fit_one(data, design, columns, counts[j : j + 1], asked[j : j + 1])
        parts.append(part)
    return Results._make(np.concatenate(field) for field in zip(*parts, strict=True)), ratios


def deviance_with_ratio(
    data: GrowthData, design: Design, columns: Floats, count: Integers, asked: Integers, held: tuple[int, float]
) -> float:
    """The deviance with the log variance ratio of one stratum held, everything else at its best: ``(stratum, log)``."""
    return float(_fit_one(data, design, columns, count, asked, held)[0].deviance[0])


def _fit_one(
    data: GrowthData,
    design: Design,
    columns: Floats,
    count: Integers,
    asked: Integers,
    held: tuple[int, float] | None = None,
) -> tuple[Results, Floats]:
    from scipy.optimize import minimize

    reml, names = data.specification.reml, data.layout.stratum_names
    rows = np.flatnonzero(count[0][data.codes] > 0)
    size = np.bincount(data.strata[rows], minlength=len(names)).astype(np.float64)
    present = np.flatnonzero(size > 0)
    logs, free = np.zeros(len(names)), present[1:]
    if held is not None:
        logs[held[0]] = held[1]
        free = free[free != held[0]]
    base, weights = logs, data.weights * np.exp(-logs[data.strata])
    first = run(data.reduce(design, columns, weights), count, asked, reml, 1)
    if not len(free) or not np.isfinite(first.deviance[0]):
        return first, np.exp(logs)
    imposed = first.structure.copy()
    unit = np.sqrt(size[free] / 2.0)
    evaluations = int(first.evaluations[0])
    best: tuple[float, Results, Floats] = (float(first.deviance[0]), first, logs)

    def objective(point: Floats) -> tuple[float, Floats]:
        nonlocal evaluations, best
        trial = base.copy()
        trial[free] = point / unit
        if np.abs(trial).max() > LIMIT:
            return 1e300, np.zeros(len(free))
        weights = data.weights * np.exp(-trial[data.strata])
        moments = data.reduce(design, columns, weights)
        found = run(moments, count, imposed, reml, 1)
        evaluations += int(found.evaluations[0])
        if not np.isfinite(found.deviance[0]):
            return 1e300, np.zeros(len(free))
        if found.deviance[0] <= best[0]:
            best = (float(found.deviance[0]), found, trial)
        expected, met = stratum_shares(data, moments, columns, weights, count[0], found)
        return float(found.deviance[0]), (expected - met)[free] / unit

    tolerance = 1e-7 * np.sqrt(len(rows))
    expected, met = stratum_shares(data, data.reduce(design, columns, weights), columns, weights, count[0], first)
    start = np.log(np.maximum(met[free], 1e-30) / expected[free]) - np.log(
        max(met[present[0]], 1e-30) / expected[present[0]]
    )
    search = minimize(
        objective, np.clip(start, -LIMIT / 2, LIMIT / 2) * unit, jac=True, method="BFGS", options={"gtol": tolerance}
    )
    _, found, logs = best
    found.evaluations[0] = evaluations
    if float(np.abs(search.jac).max()) > 1e-4 * np.sqrt(len(rows)):
        found.status[0] = max(int(found.status[0]), 2)
    return found, np.exp(logs)


def stratum_shares(
    data: GrowthData,
    moments: Moments,
    columns: Floats,
    weights: Floats,
    count: Integers,
    found: Results,
) -> tuple[Floats, Floats]:
    """The two terms of the derivative of the deviance by each stratum's log variance, (K,) each.

    The first is the residual degrees of freedom of the stratum, the second its residual squares over sigma^2: their
    difference is the derivative, their ratio the variance that the residuals ask for.
    """
    t, e = patient_parts(0, moments, found)
    p, psi, codes = len(moments.x_columns), found.psi[0], data.codes
    x = _standard(columns, moments.x_columns, found.centre_x[0], found.scale_x[0])
    z = _standard(columns, moments.z_columns, found.centre_z[0], found.scale_z[0])
    y = (data.values - found.centre_x[0, -1]) / found.scale_x[0, -1]
    beta = found.beta[0]
    effects = (e[:, :, p] - e[:, :, :p] @ beta) @ psi  # (m, q)
    left = weights * (y - x @ beta - np.einsum("nq,nq->n", z, effects[codes]))
    inner = psi - psi @ t @ psi  # (m, q, q)
    leverage = np.einsum("na,nab,nb->n", z, inner[codes], z)
    if data.specification.reml:
        shrunk = x - np.einsum("nq,nqp->np", z, (psi @ e[:, :, :p])[codes])
        leverage = leverage + np.einsum("na,ab,nb->n", shrunk, found.inverse[0], shrunk)
    shares = (1.0 - weights * leverage, left**2 / (weights * found.sigma2[0]))
    names = data.layout.stratum_names
    first, second = (np.bincount(data.strata, weights=share * count[codes], minlength=len(names)) for share in shares)
    return first.astype(np.float64), second.astype(np.float64)


def _standard(columns: Floats, places: Integers, centre: Floats, scale: Floats) -> Floats:
    """Rows of X or Z in the fit's standardised columns."""
    matrix, varying = expanded(columns, places), places >= 0
    own = places[varying]
    matrix[:, varying] = (matrix[:, varying] - centre[own]) / scale[own]
    return matrix
