"""All fits of one marker in one call: every fit by itself, so that any number of threads gives the same bits."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.compiled import cached, pointed
from slopewise.growth.engine.faces import FEW, depends_on_origin, free_elements, minimise, without_residual
from slopewise.growth.engine.kernel import Objective, make_problem
from slopewise.growth.engine.optimise import CONVERGED, IMPOSSIBLE
from slopewise.growth.engine.standardise import (
    aliased_columns,
    centre_and_scale,
    entries,
    fill_blocks,
    lanes_for,
    sum_left,
)
from slopewise.kernels.cache import inner

CORRELATED, DIAGONAL, INTERCEPT, EXCLUDED, DECIDE, DECIDE_DIAGONAL, AS_GIVEN = 0, 1, 2, 3, 4, 5, 6

Floats = NDArray[np.float64]


class Results(NamedTuple):
    """Everything that F fits found, in each fit's own standardised units; d columns, p fixed effects, q random ones."""

    beta: Floats  # (F, p); zero where aliased
    inverse: Floats  # (F, p, p): (X'V^-1X)^-1; zero where aliased
    aliased: NDArray[np.bool_]  # (F, p)
    psi: Floats  # (F, q, q), relative to sigma^2
    sigma2: Floats  # (F,)
    deviance: Floats  # (F,), in the user's units
    gradient: Floats  # (F,): sqrt(tr(G Psi G)) = |G Lambda|
    centre_x: Floats  # (F, d)
    scale_x: Floats  # (F, d)
    centre_z: Floats  # (F, d)
    scale_z: Floats  # (F, d)
    structure: NDArray[np.int64]  # (F,)
    status: NDArray[np.int64]  # (F,)
    evaluations: NDArray[np.int64]  # (F,)
    patients: NDArray[np.int64]  # (F,): clusters with rows
    rows: NDArray[np.int64]  # (F,)

    def one(self, j: int) -> Results:
        """A copy of fit j alone."""
        return Results._make(field[j : j + 1].copy() for field in self)


def empty_results(fits: int, p: int, q: int, d: int) -> Results:
    """Room for the results of `fits` fits."""
    return Results(
        beta=np.zeros((fits, p)),
        inverse=np.zeros((fits, p, p)),
        aliased=np.zeros((fits, p), np.bool_),
        psi=np.zeros((fits, q, q)),
        sigma2=np.zeros(fits),
        deviance=np.full(fits, np.nan),
        gradient=np.zeros(fits),
        centre_x=np.zeros((fits, d)),
        scale_x=np.ones((fits, d)),
        centre_z=np.zeros((fits, d)),
        scale_z=np.ones((fits, d)),
        structure=np.full(fits, EXCLUDED, np.int64),
        status=np.zeros(fits, np.int64),
        evaluations=np.zeros(fits, np.int64),
        patients=np.zeros(fits, np.int64),
        rows=np.zeros(fits, np.int64),
    )


@inner
def _active_columns(structure, z_columns):
    """Columns of z that have a variance in this structure."""
    if structure == EXCLUDED:
        return np.empty(0, np.int64)
    if structure == INTERCEPT:
        return np.zeros(1 if z_columns[0] < 0 else 0, np.int64)
    return np.arange(z_columns.shape[0])


@inner
def begin(psi, active, diagonal, given):
    """Make `psi` the start of a search: itself, where it is `given` and positive in each active variance, else one."""
    q = psi.shape[0]
    for a in active:
        given = given and psi[a, a] > 0.0
    kept = np.zeros((q, q))
    for a in active:
        for b in active:
            if a == b:
                kept[a, b] = psi[a, b] if given else 1.0
            elif given and not diagonal:
                kept[a, b] = psi[a, b]
    for a in range(q):
        for b in range(q):
            psi[a, b] = kept[a, b]


@inner
def ladder(fit, score_inside, score_factor, psi, asked, z_columns, patients):
    """What was imposed, else the richest structure that is identified and converges; of one patient pooled regression.

    The search for what was imposed starts from `psi`, where that has a variance for each random effect, else from one.

    Returns (structure, status, deviance, sigma^2, evaluations); the passes of `fit` were last made at this `psi`.
    """
    q, evaluations = psi.shape[0], 0
    for step in range(3):
        if asked < DECIDE:
            structure = asked
        elif step == 0:
            structure = CORRELATED if asked == DECIDE else DIAGONAL
        else:
            structure = INTERCEPT if step == 1 else EXCLUDED
        if patients < 2:  # one patient does not tell how patients differ, whatever was imposed
            structure = EXCLUDED
        active = _active_columns(structure, z_columns)
        if step == 1 and (q == 1 or active.shape[0] == 0):
            continue
        begin(psi, active, structure == DIAGONAL, step == 0 and asked < DECIDE)
        if active.shape[0] == 0:
            deviance, sigma2 = fit.deviance_at(fit.problem, psi)
            if np.isfinite(deviance):
                fit.second_pass(fit.problem, sigma2, fit.problem.reml)
                return structure, CONVERGED, deviance, sigma2, evaluations + 1
            return structure, IMPOSSIBLE, deviance, sigma2, evaluations + 1
        diagonal = structure == DIAGONAL
        free, decide = free_elements(active, diagonal), asked >= DECIDE
        few, several = patients <= FEW, active.shape[0] > 1
        doubtful = few or depends_on_origin(active, diagonal, z_columns)
        every_start = (diagonal and several) or (few and active.shape[0] > 2)
        status, deviance, sigma2, used = minimise(
            fit, score_inside, score_factor, psi, active, diagonal, free, decide, doubtful, every_start
        )
        evaluations += used
        if status == CONVERGED and without_residual(fit.problem, sigma2, active.shape[0]):
            status = IMPOSSIBLE
        if status == CONVERGED or not decide:
            return structure, status, deviance, sigma2, evaluations
    return EXCLUDED, IMPOSSIBLE, np.inf, np.nan, evaluations


@cached
def fit_range(
    first,
    last,
    counts,
    moments,
    asked,
    reml,
    results,
    standardised,
    deviance_at,
    second_pass,
    score_inside,
    score_factor,
):
    """Fits number first to last - 1, each on the patients with a count above 0; fills `results`.

    counts (F, m); asked (F,): the structure that is imposed, or `DECIDE`; the rest are addresses.
    """
    for j in range(first, last):
        problem, place, log_weights = standardised(j, counts[j], moments, asked[j], reml, results)
        if results.rows[j] == 0:
            results.status[j] = IMPOSSIBLE
            continue
        fit = Objective(problem, deviance_at, second_pass)
        structure, status, deviance, sigma2, evaluations = ladder(
            fit, score_inside, score_factor, results.psi[j], asked[j], moments.z_columns, results.patients[j]
        )
        results.structure[j], results.status[j], results.evaluations[j] = structure, status, evaluations
        if not np.isfinite(deviance):
            results.status[j] = IMPOSSIBLE
            continue
        keep(j, problem, sigma2, place, results)
        scale, x_columns = results.scale_x[j], moments.x_columns
        deviance += (problem.n - place.shape[0] + 1 if reml else problem.n) * 2.0 * np.log(scale[-1]) - log_weights
        for c in range(place.shape[0] - 1):
            if reml and x_columns[place[c]] >= 0:
                deviance += 2.0 * np.log(scale[x_columns[place[c]]])
        results.deviance[j] = deviance


@pointed
def standardised(j, count, moments, asked, reml, results):
    """(problem, place, sum of log weights) of fit j; place: the columns of [X y] that are not aliased.

    Centre and scale are written to `results`, or taken from there where `asked` is `AS_GIVEN`.
    """
    x_columns, z_columns = moments.x_columns, moments.z_columns
    d, q, p = moments.means.shape[1], z_columns.shape[0], x_columns.shape[0]
    who = entries(count, moments.n_rows)
    n, total_weight, log_weights = 0, 0.0, 0.0
    for k in range(who.shape[0]):
        n += moments.n_rows[who[k]]
        total_weight += moments.weight[who[k]]
        log_weights += moments.log_weight[who[k]]
    results.patients[j], results.rows[j] = who.shape[0], n
    x_intercept = False
    columns = np.empty(p + 1, np.int64)
    for c in range(p):
        x_intercept = x_intercept or x_columns[c] < 0
        columns[c] = x_columns[c]
    columns[p] = d - 1
    cx, sx, cz, sz = results.centre_x[j], results.scale_x[j], results.centre_z[j], results.scale_z[j]
    if asked != AS_GIVEN and n > 0:
        centre_z = z_columns[0] < 0 and asked != DIAGONAL and asked != DECIDE_DIAGONAL
        centre_and_scale(who, moments, x_intercept, cx, sx)
        if centre_z == x_intercept:
            for c in range(d):
                cz[c], sz[c] = cx[c], sx[c]
        else:
            centre_and_scale(who, moments, centre_z, cz, sz)
    lanes = lanes_for(who.shape[0], p + 1)
    blocks = (who.shape[0] + lanes - 1) // lanes
    z, y = np.empty((blocks, q, q, lanes)), np.empty((blocks, q, p + 1, lanes))
    fill_blocks(who, moments, z_columns, cz, sz, z)
    fill_blocks(who, moments, columns, cx, sx, y)
    remaining = np.empty((p + 1, p + 1))
    sum_left(who, moments, columns, cx, sx, remaining)
    aliased = results.aliased[j]
    kept = aliased_columns(remaining, y, total_weight, aliased)
    place = np.empty(kept + 1, np.int64)
    position = 0
    for c in range(p):
        if not aliased[c]:
            place[position] = c
            position += 1
    place[kept] = p
    if kept < p:
        y, remaining = selected(y, remaining, place)
    return make_problem(z, y, remaining, float(n), reml), place, log_weights


@inner
def selected(y, left, place):
    """Blocks and cross-products with the columns `place` alone."""
    part = np.empty((place.shape[0], place.shape[0]))
    for a in range(place.shape[0]):
        for b in range(place.shape[0]):
            part[a, b] = left[place[a], place[b]]
    out = np.empty((y.shape[0], y.shape[1], place.shape[0], y.shape[3]))
    for block in range(y.shape[0]):
        for a in range(y.shape[1]):
            for c in range(place.shape[0]):
                for i in range(y.shape[3]):
                    out[block, a, c, i] = y[block, a, place[c], i]
    return out, part


@inner
def keep(j, problem, sigma2, place, results):
    """Write beta, its covariance, sigma^2 and |G Lambda| of fit j."""
    kept = place.shape[0] - 1
    q = problem.gradient.shape[0]
    for c in range(kept):
        results.beta[j, place[c]] = -problem.residual[c]
        for s in range(kept):
            total = 0.0
            for k in range(max(c, s), kept):
                total += problem.inverse[k, c] * problem.inverse[k, s]
            results.inverse[j, place[c], place[s]] = total
    results.sigma2[j] = sigma2
    square, structure = 0.0, results.structure[j]
    for a in range(1 if structure == INTERCEPT else q):
        for b in range(q):
            for c in range(q):
                if structure == DIAGONAL and not a == b == c:
                    continue
                square += problem.gradient[a, b] * results.psi[j, b, c] * problem.gradient[c, a]
    results.gradient[j] = np.sqrt(max(square, 0.0))
