"""statsmodels' MixedLM behind the same GrowthFit: the independent check of the engine.

Fixed effects, Psi and sigma^2 are statsmodels' own; nothing is standardised. It has neither row weights nor residual
variances by stratum, and it stops early on some data, so the best end of several optimisers is taken. Likelihood and
covariance of the fixed effects are worked out here with full matrices at its parameters: its own likelihood inverts
Psi and is off by 1e-5 where Psi is singular, and its standard errors are those of a numerical Hessian.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine import many
from slopewise.growth.engine.layout import Design, expanded
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.optimise import CONVERGED, IMPOSSIBLE, STOPPED
from slopewise.run.errors import InputError

if TYPE_CHECKING:
    from slopewise.growth.data import GrowthData

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

OPTIMISERS = ("bfgs", "lbfgs", "cg")
STRUCTURE_OF = {many.DECIDE: many.CORRELATED, many.DECIDE_DIAGONAL: many.DIAGONAL}


def fit_statsmodels(data: GrowthData, design: Design, columns: Floats, counts: Integers, asked: Integers) -> Results:
    """One MixedLM fit per row of `counts`; a fit that fails says so in its status and does not raise."""
    if len(data.layout.stratum_names) > 1 or not (data.layout.weights == 1.0).all():
        raise InputError("engine statsmodels: it has no weights and no residual_by; use engine slopewise for these")
    p, q, d = len(design.x_columns), len(design.z_columns), columns.shape[1] + 1
    results = many.empty_results(len(counts), p, q, d)
    for j in range(len(counts)):
        _fit_one(j, data, design, columns, counts[j], STRUCTURE_OF.get(int(asked[j]), int(asked[j])), results)
    return results


def _fit_one(
    j: int, data: GrowthData, design: Design, columns: Floats, count: Integers, structure: int, results: Results
) -> None:
    rows, groups = _expanded(data, count)
    results.patients[j] = int(count[data.n_rows > 0].sum())
    results.rows[j] = len(rows)
    results.structure[j], results.status[j] = structure, IMPOSSIBLE
    if not len(rows):
        return
    y = data.values[rows]
    x, z = expanded(columns[rows], design.x_columns), expanded(columns[rows], design.z_columns)
    active = list(range(z.shape[1])) if structure in (many.CORRELATED, many.DIAGONAL) else [0]
    kept = _independent(x)
    results.aliased[j] = ~kept
    if structure == many.EXCLUDED or len(kept[kept]) >= len(rows):
        return
    best = _best(y, x[:, kept], z[:, active], groups, structure == many.DIAGONAL, data.specification.reml)
    if best is None:
        return
    places = np.flatnonzero(kept)
    results.sigma2[j] = best.scale
    results.beta[j, places] = np.asarray(best.fe_params)
    psi = np.asarray(best.cov_re) / best.scale
    results.psi[j][np.ix_(active, active)] = psi
    deviance, information = _likelihood(y, x[:, kept], z[:, active], groups, psi, best.scale, data.specification.reml)
    results.deviance[j] = deviance
    results.inverse[j][np.ix_(places, places)] = np.linalg.inv(information)
    empty = not np.asarray(best.fe_params).any()  # a failure that statsmodels reports as convergence
    results.status[j] = CONVERGED if best.converged and not empty else STOPPED


def _best(y: Floats, x: Floats, z: Floats, groups: Integers, diagonal: bool, reml: bool) -> Any:
    """The fit with the highest likelihood over the optimisers; None where every one failed."""
    from statsmodels.regression.mixed_linear_model import MixedLM, MixedLMParams

    model = MixedLM(y, x, groups=groups, exog_re=z)
    free = None
    if diagonal:
        free = MixedLMParams.from_components(fe_params=np.ones(x.shape[1]), cov_re=np.eye(z.shape[1]))
    best = None
    for method in OPTIMISERS:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                found = model.fit(reml=reml, method=method, free=free, maxiter=500)
            except (np.linalg.LinAlgError, ValueError, ZeroDivisionError, FloatingPointError):
                continue
            if np.isfinite(found.llf) and (best is None or found.llf > best.llf):
                best = found
    return best


def _likelihood(
    y: Floats, x: Floats, z: Floats, groups: Integers, psi: Floats, sigma2: float, reml: bool
) -> tuple[float, Floats]:
    """-2 log (restricted) likelihood at these parameters, and X'V^-1X with V relative to sigma^2."""
    n, p = x.shape
    total = np.zeros((p + 1, p + 1))
    log_determinant = 0.0
    for rows in np.split(np.arange(n), np.flatnonzero(np.diff(groups)) + 1):
        v = z[rows] @ psi @ z[rows].T + np.eye(len(rows))
        both = np.column_stack([x[rows], y[rows]])
        log_determinant += np.linalg.slogdet(v)[1]
        total += both.T @ np.linalg.solve(v, both)
    information, moment = total[:p, :p], total[:p, p]
    square = total[p, p] - moment @ np.linalg.solve(information, moment)
    freedom = n - p if reml else n
    deviance = log_determinant + freedom * np.log(2.0 * np.pi * sigma2) + square / sigma2
    if reml:
        deviance += np.linalg.slogdet(information)[1]
    return float(deviance), information


def _expanded(data: GrowthData, count: Integers) -> tuple[Integers, Integers]:
    """Rows of every cluster and the cluster's number: a patient counted twice is two clusters."""
    rows, groups, number = [], [], 0
    for i in np.flatnonzero(count * data.n_rows):
        for _ in range(count[i]):
            rows.append(np.arange(data.starts[i], data.starts[i + 1]))
            groups.append(np.full(data.n_rows[i], number))
            number += 1
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return np.concatenate(rows), np.concatenate(groups)


def _independent(x: Floats) -> NDArray[np.bool_]:
    """Columns that the columns before them do not span."""
    kept = np.zeros(x.shape[1], np.bool_)
    for column in range(x.shape[1]):
        chosen = [*np.flatnonzero(kept), column]
        scaled = x[:, chosen] / np.maximum(np.linalg.norm(x[:, chosen], axis=0), 1e-300)
        kept[column] = np.linalg.matrix_rank(scaled, tol=1e-7) == len(chosen)
    return kept
