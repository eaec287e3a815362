"""The whole search of one fit: inside the cone, else every face of its boundary, and the check of what can be found.

When scoring inside leaves the cone, Psi = BB' is searched from several starts and the lowest end is kept. An end counts
when no direction v into the cone lowers the deviance: v'Gv >= 0 up to a predicted gain of `GAIN`; otherwise B gets the
column that v gives and the search goes on. A zero column of B is always stationary in B, which is why the check is
made on G and not on the gradient in B.

The likelihood may have several minima: one with random effects that are large beside the residual and one where they
are small, mostly where Psi depends on the origin (a diagonal one, or no random intercept), and of any kind where
patients are few. There an end inside does not settle it, and the search starts from other sizes of Psi as well.
"""

from __future__ import annotations

import numpy as np

from slopewise.growth.engine.optimise import (
    CONVERGED,
    IMPOSSIBLE,
    STOPPED,
    UNIDENTIFIED,
    copy_into,
    information,
    outer,
    vech,
)
from slopewise.kernels.cache import inner

GAIN = 1e-9  # deviance that leaving a face may promise before the face is left
IDENTIFIED = 1e-9  # smallest eigenvalue of the joint information, as a correlation matrix
RESTARTS = 6
FEW = 60  # patients up to which an end inside does not settle it: one of 1,664 such fits was not the lowest
SIZES = (100.0, 0.01, 1.0)  # of Psi, Z standardised: their starts found every minimum known in 30,000 random designs
NO_RESIDUAL = 1e-16  # residual variance, as a share of the response's, that is rounding alone
SMALL_RESIDUAL = 1e-8  # and one that only rows beyond the random effects of their patients could show
NOTHING = 1e-12  # share of a column's squares, left by the columns before it, that is rounding alone
FAR = 1e4  # size of one more diagonal start: far from the origin of time a spread of slopes is one of intercepts, too
TILT = 0.7  # correlation of the full starts of a size
MAX_STARTS = 48
NEAR = 1e-9  # deviances that agree so well are one optimum


@inner
def free_elements(active, diagonal):
    """Row and column (2, k) of the free elements of Psi's lower triangle."""
    size = active.shape[0]
    count = size if diagonal else size * (size + 1) // 2
    free = np.empty((2, count), np.int64)
    position = 0
    for i in range(size):
        for j in range(i + 1):
            if i == j or not diagonal:
                free[0, position], free[1, position] = active[i], active[j]
                position += 1
    return free


@inner
def goes_through(problem, k, random):
    """Do X and the patients' own effects of the first k of `random` columns of z go through every row? And: the rows
    that these effects alone can take."""
    z, y, p1 = problem.z, problem.y, problem.left.shape[0]
    factor, taken = np.empty((p1, p1)), 0
    for block in range(z.shape[0]):
        for i in range(z.shape[3]):
            for a in range(k):
                row = 0.0
                for c in range(random):
                    row = max(row, abs(z[block, a, c, i]))
                taken += 1 if row > 0.0 else 0
    for j in range(p1):
        for s in range(j + 1):
            total = problem.left[j, s]
            for block in range(z.shape[0]):
                for a in range(k, z.shape[1]):
                    for i in range(z.shape[3]):
                        total += y[block, a, j, i] * y[block, a, s, i]
            before = total
            for t in range(s):
                total -= factor[j, t] * factor[s, t]
            if s < j:
                factor[j, s] = total / factor[s, s] if factor[s, s] > 0.0 else 0.0
            else:
                factor[j, j] = np.sqrt(total) if total > NOTHING * before and before > 1e-24 * problem.n else 0.0
    return factor[p1 - 1, p1 - 1] == 0.0, taken


@inner
def unbounded(problem, random):
    """Has the likelihood no maximum, because sigma^2 may go to zero?

    By ML that is so where some of the random effects and the fixed ones go through every row, and these random ones
    alone do not. REML counts the rows that X takes and mostly stays bounded.
    """
    most = problem.z.shape[0] * problem.z.shape[3] * random
    if problem.reml or problem.n > most + problem.left.shape[0]:
        return False
    for k in range(1, random + 1):
        through, taken = goes_through(problem, k, random)
        if through and taken < problem.n:
            return True
    return False


@inner
def without_residual(problem, sigma2, random):
    """Has the search made the residual next to nothing where no row is left from which one would know it?"""
    return sigma2 < NO_RESIDUAL or (sigma2 < SMALL_RESIDUAL and goes_through(problem, random, random)[0])


@inner
def identified(fit, psi, active, free):
    """Can (sigma^2, Psi) be told apart? Rank of their joint information at `psi`, as a correlation matrix.

    Judged without the REML part, in which a redundancy is exact; REML must leave something of every variance.
    """
    problem = fit.problem
    q, p = psi.shape[0], problem.left.shape[0] - 1
    v, size = q * (q + 1) // 2, free.shape[1]
    _, sigma2 = fit.deviance_at(problem, psi)
    if problem.n - p < 1.0 or not sigma2 > 0.0:
        return False
    remaining = np.empty(q)
    for stage in range(2):
        fit.second_pass(problem, sigma2, problem.reml and stage == 0)
        for a in range(q):
            if stage == 0:
                remaining[a] = problem.trace[a, a]
    for a in active:
        if not remaining[a] > 1e-9 * problem.trace[a, a]:
            return False
    score, expected, observed = np.empty(v), np.empty((v, v)), np.empty((v, v))
    information(problem, problem.n, score, expected, observed)
    joint = np.empty((size, size))  # sigma^2 profiled out, each element relative to what it was before
    for i in range(size):
        for j in range(size):
            joint[i, j] = expected[vech(free[0, i], free[1, i]), vech(free[0, j], free[1, j])]
    roots = np.empty(size)
    for i in range(size):
        a, b = free[0, i], free[1, i]
        trace = problem.trace[a, a] if a == b else 2.0 * problem.trace[a, b]
        before = joint[i, i] + trace * trace / problem.n
        if not before > 0.0:
            return False
        roots[i] = np.sqrt(before)
    for i in range(size):
        for j in range(size):
            joint[i, j] /= roots[i] * roots[j]
    return np.isfinite(joint).all() and np.linalg.eigvalsh(joint)[0] > IDENTIFIED


@inner
def depends_on_origin(active, diagonal, z_columns):
    """Does Psi mean something else when time is counted from another day?"""
    return active.shape[0] > 0 and (z_columns[active[0]] >= 0 or (diagonal and active.shape[0] > 1))


@inner
def all_starts(psi, active, diagonal, met_boundary, few):
    """Starting factors B (starts, q, q), how many columns of each are free, and how many starts there are.

    Where the boundary was met those of `add_starts` from there; with `few` patients and
    more than two random effects, or diagonal, those of every size (diagonal also one of size `FAR`); else the full
    factor of another size.
    """
    q = psi.shape[0]
    starts, ranks = np.zeros((MAX_STARTS, q, q)), np.ones(MAX_STARTS, np.int64)
    count = add_starts(psi, active, diagonal, starts, ranks, 0) if met_boundary else 0
    plain = np.zeros((q, q))
    for size in SIZES:
        for a in active:
            for b in active:
                plain[a, b] = size if a == b else 0.0 if diagonal else TILT * size
        if few:
            count = add_starts(plain, active, diagonal, starts, ranks, count)
        elif size != 1.0 and (size > 1.0 or not met_boundary):
            for k in range(active.shape[0]):
                starts[count, active[k], k] = np.sqrt(size)
            ranks[count] = active.shape[0]
            count += 1
    if few and diagonal:
        for k in range(active.shape[0]):
            starts[count, active[k], k] = np.sqrt(FAR)
        ranks[count] = active.shape[0]
        count += 1
    return starts, ranks, count


@inner
def add_starts(psi, active, diagonal, starts, ranks, count):
    """Starts of the size of `psi`, from number `count` on; how many there are then.

    Two columns of z: rank one with either sign of the covariance, which `settle` leaves where a full rank is lower.
    Of more columns the full factor of `psi`, with each sign turned, too; rank one; each column of z dropped. Diagonal:
    all variances, and each one dropped.
    """
    size = active.shape[0]
    pair = size == 2 and not diagonal
    root, full = np.empty(size), _rough_factor(psi, active)
    for k in range(size):
        root[k] = np.sqrt(max(psi[active[k], active[k]], 1e-6))
    for turned in range(-1, -1 if pair else size if size > 2 and not diagonal else 0):
        for i in range(size):
            for j in range(size):
                starts[count, active[i], j] = -full[i, j] if i == turned else full[i, j]
        ranks[count] = size
        count += 1
    for turn in range(0 if diagonal or size < 2 else 2):
        for k in range(size):
            sign = 1.0 if psi[active[0], active[k]] >= 0.0 else -1.0
            starts[count, active[k], 0] = -root[k] * sign if turn == 1 and k == 1 else root[k] * sign
        count += 1
    for drop in range(size if size > 1 and not pair else 0):
        for k in range(size):
            if k != drop:
                starts[count, active[k], k if diagonal or size > 2 else 0] = root[k]
        ranks[count] = size if diagonal or size > 2 else 1
        count += 1
    return count


@inner
def _rough_factor(psi, active):
    """Cholesky factor of psi's active part, its diagonal kept away from zero."""
    size = active.shape[0]
    factor = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = psi[active[i], active[j]]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                factor[i, i] = np.sqrt(max(total, 1e-4 * psi[active[i], active[i]] + 1e-10))
            else:
                factor[i, j] = total / factor[j, j]
    return factor


@inner
def settle(fit, score_factor, b, rank, active, diagonal, best, best_psi, psi):
    """From one start to an end that no direction of the cone improves; (status, deviance, evaluations)."""
    problem = fit.problem
    size = active.shape[0]
    freedom = problem.n - (problem.left.shape[0] - 1) if problem.reml else problem.n
    direction = np.zeros(psi.shape[0])
    columns = size if diagonal else rank
    status, deviance, evaluations = STOPPED, np.inf, 0
    for _ in range(RESTARTS):
        status, deviance, used = score_factor(fit, b, active, columns, diagonal, best, best_psi, psi)
        evaluations += used
        if status != CONVERGED:
            break
        gain, length = way_inward(problem, active, diagonal, freedom, direction)
        if gain <= GAIN:
            break
        status = STOPPED
        if not diagonal and columns < size:
            columns += 1
        elif not diagonal:
            factor_by_size(psi, active, 0.0, b)
        for k in range(size):
            if diagonal:
                b[active[k], k] += np.sqrt(length) * abs(direction[active[k]])
            else:
                b[active[k], columns - 1] = np.sqrt(length) * direction[active[k]]
    return status, deviance, evaluations


@inner
def way_inward(problem, active, diagonal, freedom, direction):
    """(gain, length) of the best step v v' from the present Psi, v in `direction`; gain 0 at a minimum."""
    size = active.shape[0]
    gradient = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            gradient[i, j] = problem.gradient[active[i], active[j]] if i == j or not diagonal else 0.0
    if not np.isfinite(gradient).all():
        return 0.0, 0.0
    values, vectors = np.linalg.eigh(gradient)
    best, best_length, chosen = 0.0, 0.0, 0
    for k in range(size):
        if values[k] >= 0.0:
            continue
        curvature, trace = 0.0, 0.0
        for a in range(size):
            for b in range(size):
                weight = vectors[a, k] * vectors[b, k]
                row = vech(active[a], active[b])
                trace += weight * problem.trace[active[a], active[b]]
                for c in range(size):
                    for d in range(size):
                        share = weight * vectors[c, k] * vectors[d, k]
                        curvature += share * problem.products[row, vech(active[c], active[d])]
        curvature = max(curvature - trace * trace / freedom, 1e-12 * abs(values[k]))
        gain = 0.5 * values[k] * values[k] / curvature
        if gain > best:
            best, best_length, chosen = gain, -values[k] / curvature, k
    for a in range(direction.shape[0]):
        direction[a] = 0.0
    for a in range(size):
        direction[active[a]] = vectors[a, chosen]
    return best, best_length


@inner
def factor_by_size(psi, active, limit, b):
    """b with b b' = psi, its columns along the eigenvectors of psi, largest first; eigenvalues below `limit` go."""
    size = active.shape[0]
    part = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            part[i, j] = psi[active[i], active[j]]
    if not np.isfinite(part).all():
        return
    values, vectors = np.linalg.eigh(part)
    smallest = limit * max(values[size - 1], 1e-2)
    for i in range(size):
        for j in range(size):
            value = values[size - 1 - j]
            b[active[i], j] = vectors[i, size - 1 - j] * np.sqrt(value) if value > smallest else 0.0


@inner
def minimise(fit, score_inside, score_factor, psi, active, diagonal, free, decide, doubtful, few):
    """Lowest deviance over Psi of the given structure; Psi is left in `psi`.

    Returns (status, deviance, sigma^2, evaluations); the passes of `fit` were last made at this Psi. With `decide` the
    status is `UNIDENTIFIED` where sigma^2 and Psi cannot be told apart. `doubtful`: an end inside may not be lowest.
    """
    q = psi.shape[0]
    if decide and unbounded(fit.problem, active.shape[0]):
        return UNIDENTIFIED, np.inf, np.nan, 0
    status, deviance, sigma2, evaluations = score_inside(fit, psi, free[0], free[1], active, decide)
    if status == UNIDENTIFIED:  # a first look; the rank is judged exactly
        if not identified(fit, psi, active, free):
            return status, deviance, sigma2, evaluations + 1
        status, deviance, sigma2, used = score_inside(fit, psi, free[0], free[1], active, not decide)
        evaluations += 1 + used
    if status == CONVERGED and not doubtful:
        return status, deviance, sigma2, evaluations
    inside, best_status, best = status == CONVERGED, STOPPED, np.inf
    best_psi, trial, b = np.zeros((q, q)), np.empty((q, q)), np.zeros((q, q))
    if inside:
        best_status, best = status, deviance
        copy_into(psi, best_psi)
    starts, ranks, count = all_starts(psi, active, diagonal, not inside, few)
    for k in range(count):
        start, rank = starts[k], ranks[k]
        status, deviance, used = settle(fit, score_factor, start, rank, active, diagonal, best, best_psi, trial)
        evaluations += used
        if deviance < best - NEAR or (status == CONVERGED and best_status != CONVERGED and deviance < best + NEAR):
            inside, best, best_status = False, min(deviance, best), status
            copy_into(trial, best_psi)
    if not inside:
        factor_by_size(best_psi, active, 1e-10, b)  # exactly singular where it is so to rounding
        outer(b, psi)
        deviance, sigma2 = fit.deviance_at(fit.problem, psi)
    if inside or not deviance <= best + NEAR:
        copy_into(best_psi, psi)
        deviance, sigma2 = fit.deviance_at(fit.problem, psi)
    if not np.isfinite(deviance):
        return IMPOSSIBLE, deviance, sigma2, evaluations + 1
    fit.second_pass(fit.problem, sigma2, fit.problem.reml)
    return best_status, deviance, sigma2, evaluations + 1
