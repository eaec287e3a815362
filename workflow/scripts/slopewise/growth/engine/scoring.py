"""What a finished fit says about patients and about its own precision."""

from __future__ import annotations

import numpy as np

from slopewise.growth.engine.compiled import cached
from slopewise.growth.engine.kernel import make_problem
from slopewise.growth.engine.many import AS_GIVEN
from slopewise.growth.engine.standardise import fill_blocks
from slopewise.kernels.cache import inner


@cached
def random_effects(which, who, moments, results, deviance_at, effects, covariances):
    """b = Psi e and its covariance given beta, sigma^2 (Psi - Psi T Psi), for pairs (fit, patient), standardised.

    effects (n, q), covariances (n, q, q). A patient without rows gets b = 0 and sigma^2 Psi.
    """
    q, p = moments.ones.shape[1], moments.x_columns.shape[0]
    t, e, carried = np.empty((q, q)), np.empty(q), np.empty((q, q))
    problem = empty_problem(q, p + 1)
    for n in range(which.shape[0]):
        j = which[n]
        psi, sigma2 = results.psi[j], results.sigma2[j]
        for a in range(q):
            effects[n, a] = 0.0
            for b in range(q):
                covariances[n, a, b] = sigma2 * psi[a, b]
        if moments.n_rows[who[n]] == 0:
            continue
        one_patient(j, who[n], moments, results, problem)
        deviance_at(problem, psi)
        position = 0
        for a in range(q):
            for b in range(a + 1):
                t[a, b] = problem.t[0, position, 0]
                t[b, a] = t[a, b]
                position += 1
            e[a] = problem.e[0, a, p, 0]
            for c in range(p):
                e[a] -= problem.e[0, a, c, 0] * results.beta[j, c]
        for a in range(q):
            for b in range(q):
                effects[n, a] += psi[a, b] * e[b]
                carried[a, b] = 0.0
                for c in range(q):
                    carried[a, b] += psi[a, c] * t[c, b]
        for a in range(q):
            for b in range(q):
                for c in range(q):
                    covariances[n, a, b] -= sigma2 * carried[a, c] * psi[c, b]


@inner
def empty_problem(q, p1):
    """Room for one patient; rows enough that an evaluation goes ahead."""
    z, y = np.zeros((1, q, q, 1)), np.zeros((1, q, p1, 1))
    return make_problem(z, y, np.zeros((p1, p1)), float(p1 + 1), False)


@inner
def one_patient(j, i, moments, results, problem):
    """Put patient i, standardised as in fit j, into the one lane of `problem`."""
    p, d = moments.x_columns.shape[0], moments.means.shape[1]
    who, columns = np.empty(1, np.int64), np.empty(p + 1, np.int64)
    who[0], columns[p] = i, d - 1
    for c in range(p):
        columns[c] = moments.x_columns[c]
    fill_blocks(who, moments, moments.z_columns, results.centre_z[j], results.scale_z[j], problem.z)
    fill_blocks(who, moments, columns, results.centre_x[j], results.scale_x[j], problem.y)


@cached
def patient_parts(j, moments, results, deviance_at, t, e):
    """T_i (m, q, q) and E_i (m, q, p1) of every patient at the parameters of fit j, standardised."""
    q, p = moments.ones.shape[1], moments.x_columns.shape[0]
    problem = empty_problem(q, p + 1)
    for i in range(t.shape[0]):
        one_patient(j, i, moments, results, problem)
        deviance_at(problem, results.psi[j])
        position = 0
        for a in range(q):
            for b in range(a + 1):
                t[i, a, b] = problem.t[0, position, 0]
                t[i, b, a] = t[i, a, b]
                position += 1
            for c in range(p + 1):
                e[i, a, c] = problem.e[0, a, c, 0]


@cached
def likelihood_at(count, moments, reml, point, standardised, deviance_at, second_pass, gradient):
    """The likelihood at the Psi and sigma^2 of `point` (results of one fit), sigma^2 not profiled out.

    Writes G to `gradient` (q, q) and beta and (X'V^-1X)^-1 to `point`, in its centre and scale. Returns the rows less
    the fixed effects, and r_yy^2.
    """
    problem, place, _ = standardised(0, count, moments, AS_GIVEN, reml, point)
    deviance_at(problem, point.psi[0])
    second_pass(problem, point.sigma2[0], reml)
    kept, q = place.shape[0] - 1, gradient.shape[0]
    for a in range(q):
        for b in range(q):
            gradient[a, b] = problem.gradient[a, b]
    for c in range(kept):
        point.beta[0, place[c]] = -problem.residual[c]
        for s in range(kept):
            total = 0.0
            for r in range(max(c, s), kept):
                total += problem.inverse[r, c] * problem.inverse[r, s]
            point.inverse[0, place[c], place[s]] = total
    return problem.n - kept, problem.cross[kept, kept] ** 2
