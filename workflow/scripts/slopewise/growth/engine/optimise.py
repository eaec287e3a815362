"""The minimum of the deviance over positive semi-definite Psi: steps inside the cone, and along its faces.

Inside, scoring steps in the elements of Psi with step halving. Where the steps leave the cone, Psi = BB' is fitted with
B of lower or full rank (`score_factor`). Both take the observed curvature near the end, because one outlying patient is
enough to make it differ from the expected one so much that Fisher scoring creeps; far from the end, or where it is not
positive definite, the expected one.
"""

from __future__ import annotations

import numpy as np

from slopewise.growth.engine.compiled import pointed
from slopewise.kernels.cache import inner

CONVERGED, BOUNDARY, STOPPED, IMPOSSIBLE, UNIDENTIFIED = 0, 1, 2, 3, 4
DECREMENT = 1e-11  # squared Newton step in units of the deviance
EPSILON = 2.2e-16
RESOLVED = 1e-7  # decrement below which a search has ended that rounding stops: no step gains so much deviance
RIDGE = 1e-3  # of the curvature's diagonal, added there: B turned within its columns is the same Psi, without curvature
SUSPECT = 1e-3  # share of an element's information that the others leave, below which the rank is looked at
HOPELESS = 1e-6  # a decrement below which an end that cannot be the lowest is not pursued
CLOSE = 1.0  # and one below which a search is given up that comes to where another one ended
ITERATIONS = 100
PATIENCE = 15  # steps after which the curvature that the steps have met takes over from the one that is worked out


@inner
def vech(a, b):
    """Position of element (a, b) in the lower triangle, row by row."""
    return a * (a + 1) // 2 + b if a >= b else b * (b + 1) // 2 + a


@inner
def copy_into(source, target):
    """target = source, both two-dimensional."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@inner
def information(problem, freedom, score, expected, observed):
    """Gradient (v,), expected and observed Hessian (v, v) of the profiled deviance in Psi's lower triangle.

    Expected: sum of tr(P_i E_k P_i E_l), less what profiling sigma^2 takes (docs/methods.md, section 2). Observed:
    2 y'P V_k P V_l P y / sigma^2 - tr(P V_k P V_l) - u_k u_l / (n - p), u_k = y'P V_k P y / sigma^2. Both take the
    blocks of P within patients, which leaves out terms of the order of fixed effects per patient.
    """
    q = problem.gradient.shape[0]
    k = 0
    for a in range(q):
        for b in range(a + 1):
            score[k] = problem.gradient[a, a] if a == b else 2.0 * problem.gradient[a, b]
            trace_k = problem.trace[a, a] if a == b else 2.0 * problem.trace[a, b]
            j = 0
            for c in range(q):
                for d in range(c + 1):
                    trace_j = problem.trace[c, c] if c == d else 2.0 * problem.trace[c, d]
                    score_j = problem.gradient[c, c] if c == d else 2.0 * problem.gradient[c, d]
                    product = trace_product(problem.products, a, b, c, d)
                    expected[k, j] = product - trace_k * trace_j / freedom
                    bent = trace_product(problem.curved, a, b, c, d) + trace_product(problem.curved, c, d, a, b)
                    observed[k, j] = bent - product - (trace_k - score[k]) * (trace_j - score_j) / freedom
                    j += 1
            k += 1


@inner
def trace_product(sums, a, b, c, d):
    """tr(A E_ab P E_cd) summed over patients, from the sums of products of the elements of A and P."""
    value = sums[vech(a, c), vech(b, d)]
    if a != b:
        value += sums[vech(b, c), vech(a, d)]
    if c != d:
        value += sums[vech(a, d), vech(b, c)]
    if a != b and c != d:
        value += sums[vech(b, d), vech(a, c)]
    return value


@inner
def solve(matrix, right, damping, factor, out):
    """out = (matrix + damping * diagonal)^-1 right by Cholesky; False where that is not positive definite."""
    size = matrix.shape[0]
    largest = 0.0
    for i in range(size):
        largest = max(largest, abs(matrix[i, i]))
    if not (largest > 0.0 and largest < np.inf):
        return False
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total += damping * max(abs(matrix[i, i]), 1e-6 * largest) + 1e-13 * largest
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i != j:
                factor[i, j] = total / factor[j, j]
            elif not total > 1e-13 * largest:
                return False
            else:
                factor[i, i] = np.sqrt(total)
    for i in range(size):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    for i in range(size - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, size):
            total -= factor[k, i] * out[k]
        out[i] = total / factor[i, i]
    return True


@inner
def dot(first, second):
    """Inner product of two vectors."""
    total = 0.0
    for i in range(first.shape[0]):
        total += first[i] * second[i]
    return total


@inner
def inside(psi, active):
    """Is psi, among the active columns, positive definite with room to spare?"""
    size = active.shape[0]
    factor = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = psi[active[i], active[j]]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i != j:
                factor[i, j] = total / factor[j, j]
            elif not (total > 1e-9 * psi[active[i], active[i]] and total > 1e-14):
                return False
            else:
                factor[i, i] = np.sqrt(total)
    return True


@inner
def noise(deviance, sigma2, n):
    """Rounding error of the deviance: of its sum, and of the residual squares as a remainder of n squares of y."""
    return 500.0 * EPSILON * (abs(deviance) + n) + 4.0 * EPSILON * n / sigma2


@inner
def negligible(sigma2, n):
    """Decrement at a minimum: `DECREMENT`, or what rounding of the residual squares leaves of the gradient if more."""
    lost = 4.0 * EPSILON / sigma2
    return DECREMENT + n * lost * lost


@pointed
def score_inside(fit, psi, free_a, free_b, active, decide):
    """Scoring from `psi`, which it changes, in its free elements; (status, deviance, sigma^2, evaluations).

    With `decide` it stops at once, `UNIDENTIFIED`, where the information of the elements looks dependent.
    """
    problem = fit.problem
    reml, q = problem.reml, psi.shape[0]
    freedom = problem.n - (problem.left.shape[0] - 1) if reml else problem.n
    size, v = free_a.shape[0], q * (q + 1) // 2
    score, expected, observed = np.empty(v), np.empty((v, v)), np.empty((v, v))
    right, step = np.empty(size), np.empty(size)
    matrix, factor, trial = np.empty((size, size)), np.empty((size, size)), np.empty((q, q))
    deviance, sigma2 = fit.deviance_at(problem, psi)
    evaluations, left_cone, decrement = 1, 0, np.inf
    for _ in range(ITERATIONS):
        if not np.isfinite(deviance):
            return (UNIDENTIFIED if decide else STOPPED), deviance, sigma2, evaluations
        fit.second_pass(problem, sigma2, reml)
        information(problem, freedom, score, expected, observed)
        if decide and evaluations == 1 and dependent(problem, expected, freedom, free_a, free_b, matrix):
            return UNIDENTIFIED, deviance, sigma2, evaluations
        solved = False
        for attempt in range(2):
            if solved or (attempt == 0 and decrement > 1.0):
                continue
            curvature = observed if attempt == 0 else expected
            for i in range(size):
                k = vech(free_a[i], free_b[i])
                right[i] = -score[k]
                for j in range(size):
                    matrix[i, j] = curvature[k, vech(free_a[j], free_b[j])]
            solved = solve(matrix, right, 0.0, factor, step)
        if not solved:
            return BOUNDARY, deviance, sigma2, evaluations
        decrement = dot(step, right)
        if decrement < negligible(sigma2, problem.n):
            return CONVERGED, deviance, sigma2, evaluations
        length, accepted, crossed = 1.0, False, False
        for _ in range(30):
            copy_into(psi, trial)
            for i in range(size):
                trial[free_a[i], free_b[i]] += length * step[i]
                trial[free_b[i], free_a[i]] = trial[free_a[i], free_b[i]]
            if not inside(trial, active):
                crossed = True
            else:
                new, new_sigma2 = fit.deviance_at(problem, trial)
                evaluations += 1
                if new <= deviance - 1e-4 * length * decrement + noise(deviance, sigma2, problem.n):
                    accepted = True
                    break
            length *= 0.5
        if not accepted:
            deviance, sigma2 = fit.deviance_at(problem, psi)
            fit.second_pass(problem, sigma2, reml)
            ended = decrement < RESOLVED + noise(deviance, sigma2, problem.n) and not crossed
            return (CONVERGED if ended else BOUNDARY), deviance, sigma2, evaluations + 1
        copy_into(trial, psi)
        deviance, sigma2 = new, new_sigma2
        left_cone = left_cone + 1 if crossed else 0
        if left_cone >= 2:
            return BOUNDARY, deviance, sigma2, evaluations
    return STOPPED, deviance, sigma2, evaluations


@inner
def dependent(problem, expected, freedom, free_a, free_b, factor):
    """Does some free element have next to no information of its own, sigma^2 and the elements before it known?"""
    for i in range(free_a.shape[0]):
        a, b = free_a[i], free_b[i]
        for j in range(i + 1):
            total = expected[vech(a, b), vech(free_a[j], free_b[j])]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i != j:
                factor[i, j] = total / factor[j, j]
            else:
                trace = problem.trace[a, a] if a == b else 2.0 * problem.trace[a, b]
                if not total > SUSPECT * (expected[vech(a, b), vech(a, b)] + trace * trace / freedom):
                    return True
                factor[i, i] = np.sqrt(total)
    return False


@inner
def outer(b, psi):
    """psi = b b'."""
    q = b.shape[0]
    for i in range(q):
        for j in range(i + 1):
            total = 0.0
            for c in range(b.shape[1]):
                total += b[i, c] * b[j, c]
            psi[i, j] = total
            psi[j, i] = total


@inner
def factor_curvature(problem, b, free_i, free_c, curvature, face, matrix):
    """Hessian in the free elements of b: J' curvature J, and with `face` 2 G for elements of one column (exact)."""
    q, size = b.shape[0], free_i.shape[0]
    for k in range(size):
        for j in range(k + 1):
            total = 0.0
            for a in range(q):
                weight_a = b[a, free_c[k]] * (2.0 if a == free_i[k] else 1.0)
                for c in range(q):
                    weight_c = b[c, free_c[j]] * (2.0 if c == free_i[j] else 1.0)
                    total += weight_a * weight_c * curvature[vech(free_i[k], a), vech(free_i[j], c)]
            if face and free_c[k] == free_c[j]:
                total += 2.0 * problem.gradient[free_i[k], free_i[j]]
            matrix[k, j] = total
            matrix[j, k] = total


@inner
def near(psi, other):
    """Are two matrices the same to 3%?"""
    largest, difference = 0.0, 0.0
    for i in range(psi.shape[0]):
        for j in range(psi.shape[0]):
            largest = max(largest, abs(other[i, j]))
            difference = max(difference, abs(psi[i, j] - other[i, j]))
    return difference <= 0.03 * largest


@inner
def learn_curvature(matrix, step, before, right, carried):
    """BFGS update of the Hessian by the last step and the change of the gradient (-`right`) over it.

    With few patients the blocks of P within patients are too rough a curvature, and steps by it creep. A step along
    which the curvature was not positive teaches nothing.
    """
    size = step.shape[0]
    along, change = 0.0, 0.0
    for k in range(size):
        carried[k] = 0.0
        for j in range(size):
            carried[k] += matrix[k, j] * step[j]
        along += step[k] * carried[k]
        change += step[k] * (before[k] - right[k])
    if not (along > 0.0 and change > 1e-10 * along):
        return
    for k in range(size):
        for j in range(size):
            matrix[k, j] += (before[k] - right[k]) * (before[j] - right[j]) / change - carried[k] * carried[j] / along


@pointed
def score_factor(fit, b, active, columns, diagonal, best, best_psi, psi):
    """Damped Newton steps in the free elements of b, psi = bb'; (status, deviance, evaluations).

    Free are `columns` columns of b in the active rows, or the diagonal alone. A search that ends where an earlier one
    did (`best`, `best_psi`), or cannot end below it, is given up.
    """
    problem = fit.problem
    reml, q = problem.reml, psi.shape[0]
    freedom = problem.n - (problem.left.shape[0] - 1) if reml else problem.n
    v, size = q * (q + 1) // 2, active.shape[0] * (1 if diagonal else columns)
    free_i, free_c = np.empty(size, np.int64), np.empty(size, np.int64)
    for k in range(size):
        free_i[k] = active[k] if diagonal else active[k // columns]
        free_c[k] = k if diagonal else k % columns
    score, expected, observed = np.empty(v), np.empty((v, v)), np.empty((v, v))
    right, step = np.empty(size), np.empty(size)
    matrix, factor, trial = np.empty((size, size)), np.empty((size, size)), np.empty_like(b)
    before, carried = np.zeros(size), np.empty(size)
    outer(b, psi)
    deviance, sigma2 = fit.deviance_at(problem, psi)
    evaluations, damping, decrement = 1, 0.0, np.inf
    for count in range(ITERATIONS):
        if not np.isfinite(deviance):
            return STOPPED, deviance, evaluations
        fit.second_pass(problem, sigma2, reml)
        information(problem, freedom, score, expected, observed)
        for k in range(size):
            before[k] = right[k]
            right[k] = 0.0
            for a in range(q):
                right[k] -= 2.0 * problem.gradient[free_i[k], a] * b[a, free_c[k]]
        solved = False
        if count > PATIENCE:
            learn_curvature(matrix, step, before, right, carried)
            solved = solve(matrix, right, damping, factor, step)
        for attempt in range(3):  # observed and face, expected and face, expected alone, which is never indefinite
            if not solved:
                factor_curvature(
                    problem, b, free_i, free_c, observed if attempt == 0 else expected, attempt < 2, matrix
                )
                solved = solve(matrix, right, damping, factor, step)
        accepted = False
        for _ in range(30):
            if not solved:
                damping = max(4.0 * damping, 1e-3)
                solved = solve(matrix, right, damping, factor, step)
                continue
            decrement = dot(step, right)
            if decrement < negligible(sigma2, problem.n):  # of a full step: a damped one is short wherever it starts
                if damping == 0.0:
                    return CONVERGED, deviance, evaluations
                break
            if damping == 0.0 and deviance > best:
                if decrement < HOPELESS and deviance - decrement > best:
                    return STOPPED, deviance, evaluations
                if decrement < CLOSE and near(psi, best_psi):
                    return STOPPED, deviance, evaluations
            copy_into(b, trial)
            for k in range(size):
                trial[free_i[k], free_c[k]] += step[k]
            outer(trial, psi)
            new, new_sigma2 = fit.deviance_at(problem, psi)
            evaluations += 1
            if new <= deviance - 1e-4 * decrement + noise(deviance, sigma2, problem.n):
                accepted = True
                break
            damping = max(4.0 * damping, 1e-3)
            solved = solve(matrix, right, damping, factor, step)
        if not accepted:
            outer(b, psi)
            deviance, sigma2 = fit.deviance_at(problem, psi)
            fit.second_pass(problem, sigma2, reml)
            ended, unresolved = False, RESOLVED + noise(deviance, sigma2, problem.n)
            for attempt in range(2):  # by the curvature at this place: what the steps have met may be rounding
                if not ended:
                    factor_curvature(
                        problem, b, free_i, free_c, observed if attempt == 0 else expected, attempt == 0, matrix
                    )
                    ended = solve(matrix, right, RIDGE, factor, step) and dot(step, right) < unresolved
            return (CONVERGED if ended else STOPPED), deviance, evaluations + 1
        copy_into(trial, b)
        deviance, sigma2 = new, new_sigma2
        damping = damping * 0.25 if damping > 1e-6 else 0.0
    return STOPPED, deviance, evaluations
