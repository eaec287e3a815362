"""The minimum of the deviance over positive semi-definite Psi: scoring inside the cone, then every face it may end on.

Inside, Fisher scoring in the elements of Psi with step halving. When a step leaves the cone twice, Psi = BB' is fitted
with B of lower rank from several starts (Newton steps with Levenberg damping), and the lowest end is kept. An end
counts when no direction v into the cone lowers the deviance: v'Gv >= 0 up to a predicted gain of `GAIN`; otherwise B
gets the column that v gives and the search goes on. A zero column of B is always stationary in B, which is why the
check is made on G and not on the gradient in B.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from slopewise.growth.compiled import cached

CONVERGED, BOUNDARY, STOPPED, IMPOSSIBLE = 0, 1, 2, 3
DECREMENT = 1e-11  # squared Newton step in units of the deviance
GAIN = 1e-9  # deviance that leaving a face may promise before the face is left
ITERATIONS = 100
PATIENCE = 8  # steps by expected curvature before the curvature that was met takes over
RESTARTS = 6
IDENTIFIED = 1e-9  # smallest eigenvalue of the joint information, as a correlation matrix


@njit(error_model="numpy")
def vech(a, b):
    """Position of element (a, b) in the lower triangle, row by row."""
    return a * (a + 1) // 2 + b if a >= b else b * (b + 1) // 2 + a


@njit(error_model="numpy")
def copy_into(source, target):
    """target = source, both two-dimensional."""
    for i in range(source.shape[0]):
        for j in range(source.shape[1]):
            target[i, j] = source[i, j]


@njit(error_model="numpy")
def information(problem, freedom, score, expected):
    """Gradient (v,) and expected Hessian (v, v) of the profiled deviance in the elements of Psi's lower triangle.

    Element (k, l): sum of tr(P_i E_k P_i E_l), less what profiling sigma^2 takes (METHODS, section 2).
    """
    q = problem.gradient.shape[0]
    products, trace = problem.products, problem.trace
    k = 0
    for a in range(q):
        for b in range(a + 1):
            score[k] = problem.gradient[a, a] if a == b else 2.0 * problem.gradient[a, b]
            trace_k = trace[a, a] if a == b else 2.0 * trace[a, b]
            j = 0
            for c in range(q):
                for d in range(c + 1):
                    value = products[vech(a, c), vech(b, d)]
                    if a != b:
                        value += products[vech(b, c), vech(a, d)]
                    if c != d:
                        value += products[vech(a, d), vech(b, c)]
                    if a != b and c != d:
                        value += products[vech(b, d), vech(a, c)]
                    trace_j = trace[c, c] if c == d else 2.0 * trace[c, d]
                    expected[k, j] = value - trace_k * trace_j / freedom
                    j += 1
            k += 1


@njit(error_model="numpy")
def solve_damped(matrix, right, damping, factor, out):
    """out = (matrix + damping * diagonal)^-1 right by Cholesky; damping grows until it exists. Returns the damping."""
    size = matrix.shape[0]
    largest = 0.0
    for i in range(size):
        largest = max(largest, abs(matrix[i, i]))
    if not (largest > 0.0 and largest < np.inf):
        for i in range(size):
            out[i] = 0.0
        return damping
    for _ in range(40):
        good = True
        for i in range(size):
            for j in range(i + 1):
                total = matrix[i, j]
                if i == j:
                    total += damping * max(abs(matrix[i, i]), 1e-6 * largest) + 1e-13 * largest
                for k in range(j):
                    total -= factor[i, k] * factor[j, k]
                if i == j:
                    if not total > 1e-13 * largest:
                        good = False
                        break
                    factor[i, i] = np.sqrt(total)
                else:
                    factor[i, j] = total / factor[j, j]
            if not good:
                break
        if good:
            break
        damping = max(4.0 * damping, 1e-3)
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
    return damping


@njit(error_model="numpy")
def inside(psi, active):
    """Is psi, among the active columns, positive definite with room to spare?"""
    size = active.shape[0]
    factor = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = psi[active[i], active[j]]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not total > 1e-9 * psi[active[i], active[i]] or not total > 1e-14:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return True


@cached
def score_inside(fit, psi, free_a, free_b, active):
    """Fisher scoring from `psi`, which it changes; (status, deviance, evaluations)."""
    problem = fit.problem
    q, p = psi.shape[0], problem.left.shape[0] - 1
    reml = problem.reml
    freedom = problem.n - p if reml else problem.n
    v = q * (q + 1) // 2
    size = free_a.shape[0]
    score, expected = np.empty(v), np.empty((v, v))
    right, step = np.empty(size), np.empty(size)
    matrix, factor = np.empty((size, size)), np.empty((size, size))
    trial = np.empty((q, q))
    deviance, sigma2 = fit.deviance_at(problem, psi)
    evaluations, left_cone = 1, 0
    for _ in range(ITERATIONS):
        if not np.isfinite(deviance):
            return STOPPED, deviance, evaluations
        fit.second_pass(problem, sigma2, reml)
        information(problem, freedom, score, expected)
        for i in range(size):
            k = vech(free_a[i], free_b[i])
            right[i] = -score[k]
            for j in range(size):
                matrix[i, j] = expected[k, vech(free_a[j], free_b[j])]
        solve_damped(matrix, right, 0.0, factor, step)
        decrement = 0.0
        for i in range(size):
            decrement += step[i] * right[i]
        if decrement < DECREMENT:
            return CONVERGED, deviance, evaluations
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
                if new <= deviance - 1e-4 * length * decrement + 1e-13 * abs(deviance):
                    accepted = True
                    break
            length *= 0.5
        if not accepted:
            deviance, sigma2 = fit.deviance_at(problem, psi)
            fit.second_pass(problem, sigma2, reml)
            return (CONVERGED if decrement < 1e-7 and not crossed else BOUNDARY), deviance, evaluations
        copy_into(trial, psi)
        deviance, sigma2 = new, new_sigma2
        left_cone = left_cone + 1 if crossed else 0
        if left_cone >= 2:
            return BOUNDARY, deviance, evaluations
    return STOPPED, deviance, evaluations


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def copy_into_vector(source, target):
    """target = source."""
    for k in range(source.shape[0]):
        target[k] = source[k]


@njit(error_model="numpy")
def expected_curvature(problem, freedom, b, free_i, free_c, score, expected, jacobian, matrix):
    """Hessian in the free elements of b: J' (expected information) J + 2 G within a column, the second-order term."""
    q, v, size = b.shape[0], score.shape[0], free_i.shape[0]
    information(problem, freedom, score, expected)
    for k in range(size):
        for w in range(v):
            jacobian[k, w] = 0.0
        for a in range(q):
            jacobian[k, vech(free_i[k], a)] += b[a, free_c[k]] * (2.0 if a == free_i[k] else 1.0)
    for k in range(size):
        for j in range(k + 1):
            total = 0.0
            for w in range(v):
                for u in range(v):
                    total += jacobian[k, u] * expected[u, w] * jacobian[j, w]
            if free_c[k] == free_c[j]:
                total += 2.0 * problem.gradient[free_i[k], free_i[j]]
            matrix[k, j] = total
            matrix[j, k] = total


@njit(error_model="numpy")
def learn_curvature(matrix, step, before, right, carried):
    """BFGS update of the Hessian by the last step and the change of the gradient (-`right`) over it.

    Where a few outlying rows make the curvature that is met differ from the expected one, Fisher scoring creeps; the
    update turns it into a superlinear method. A step along which the curvature was not positive teaches nothing.
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


@njit(error_model="numpy")
def score_factor(fit, b, active, columns, diagonal, psi):
    """Damped Newton steps in the free elements of b, psi = bb'; (status, deviance, evaluations).

    Free are `columns` columns of b in the active rows, or the diagonal alone. The Hessian is the expected one for
    `PATIENCE` steps, from then on the one that the steps themselves have met.
    """
    problem = fit.problem
    q, p = psi.shape[0], problem.left.shape[0] - 1
    reml = problem.reml
    freedom = problem.n - p if reml else problem.n
    v, size = q * (q + 1) // 2, active.shape[0] * (1 if diagonal else columns)
    free_i, free_c = np.empty(size, np.int64), np.empty(size, np.int64)
    for k in range(size):
        free_i[k] = active[k] if diagonal else active[k // columns]
        free_c[k] = k if diagonal else k % columns
    score, expected = np.empty(v), np.empty((v, v))
    right, matrix, factor = np.empty(size), np.empty((size, size)), np.empty((size, size))
    jacobian, step, before, carried = np.empty((size, v)), np.zeros(size), np.zeros(size), np.empty(size)
    right[:] = 0.0
    trial = np.empty_like(b)
    outer(b, psi)
    deviance, sigma2 = fit.deviance_at(problem, psi)
    evaluations, damping = 1, 0.0
    for count in range(ITERATIONS):
        if not np.isfinite(deviance):
            return STOPPED, deviance, evaluations
        fit.second_pass(problem, sigma2, reml)
        copy_into_vector(right, before)
        for k in range(size):
            right[k] = 0.0
            for a in range(q):
                right[k] -= 2.0 * problem.gradient[free_i[k], a] * b[a, free_c[k]]
        if count > PATIENCE:
            learn_curvature(matrix, step, before, right, carried)
        else:
            expected_curvature(problem, freedom, b, free_i, free_c, score, expected, jacobian, matrix)
        accepted = False
        decrement = 0.0
        for _ in range(30):
            damping = solve_damped(matrix, right, damping, factor, step)
            decrement = 0.0
            for k in range(size):
                decrement += step[k] * right[k]
            if decrement < DECREMENT:
                return CONVERGED, deviance, evaluations
            copy_into(b, trial)
            for k in range(size):
                trial[free_i[k], free_c[k]] += step[k]
            outer(trial, psi)
            new, new_sigma2 = fit.deviance_at(problem, psi)
            evaluations += 1
            if new <= deviance - 1e-4 * decrement + 1e-13 * abs(deviance):
                accepted = True
                break
            damping = max(4.0 * damping, 1e-3)
        if not accepted:
            outer(b, psi)
            deviance, sigma2 = fit.deviance_at(problem, psi)
            fit.second_pass(problem, sigma2, reml)
            return (CONVERGED if decrement < 1e-7 else STOPPED), deviance, evaluations
        copy_into(trial, b)
        deviance, sigma2 = new, new_sigma2
        damping = damping * 0.25 if damping > 1e-6 else 0.0
    return STOPPED, deviance, evaluations


@njit(error_model="numpy")
def way_inward(problem, active, diagonal, freedom, direction):
    """(gain, length) of the best step v v' from the present Psi, v in `direction`; gain 0 where the face is a minimum."""
    size = active.shape[0]
    gradient = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            gradient[i, j] = problem.gradient[active[i], active[j]] if i == j or not diagonal else 0.0
    values, vectors = np.linalg.eigh(gradient)
    best, best_length = 0.0, 0.0
    chosen = 0
    for k in range(size):
        if values[k] >= 0.0:
            continue
        curvature, trace = 0.0, 0.0
        for a in range(size):
            for b in range(size):
                weight = vectors[a, k] * vectors[b, k]
                trace += weight * problem.trace[active[a], active[b]]
                for c in range(size):
                    for d in range(size):
                        curvature += (
                            weight
                            * vectors[c, k]
                            * vectors[d, k]
                            * problem.products[vech(active[a], active[b]), vech(active[c], active[d])]
                        )
        curvature = max(curvature - trace * trace / freedom, 1e-12 * abs(values[k]))
        gain = 0.5 * values[k] * values[k] / curvature
        if gain > best:
            best, best_length, chosen = gain, -values[k] / curvature, k
    for a in range(direction.shape[0]):
        direction[a] = 0.0
    for a in range(size):
        direction[active[a]] = vectors[a, chosen]
    return best, best_length
