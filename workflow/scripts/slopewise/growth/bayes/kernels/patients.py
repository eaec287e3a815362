"""Random effects of patients and their covariance with the fixed ones, under each of many draws of the parameters."""

from __future__ import annotations

import numpy as np

from slopewise.growth.bayes.kernels.density import cached
from slopewise.growth.engine.kernel import make_problem
from slopewise.growth.engine.standardise import fill_blocks, lanes_for
from slopewise.kernels.cache import inner


@inner
def _patients(moments, draws):
    """The problem of all patients of `moments`, standardised as the draws are, whatever of X is aliased."""
    (n, q), p, d = moments.ones.shape, moments.x_columns.shape[0], moments.means.shape[1]
    columns = np.empty(p + 1, np.int64)
    columns[:p], columns[p] = moments.x_columns, d - 1
    lanes = lanes_for(n, p + 1)
    blocks = (n + lanes - 1) // lanes
    z, y = np.zeros((blocks, q, q, lanes)), np.zeros((blocks, q, p + 1, lanes))
    who = np.arange(n)
    fill_blocks(who, moments, moments.z_columns, draws.centre_z[0], draws.scale_z[0], z)
    fill_blocks(who, moments, columns, draws.centre_x[0], draws.scale_x[0], y)
    return make_problem(z, y, np.zeros((p + 1, p + 1)), float(n + p + 1), False)


@cached
def fill_courses(draws, moments, deviance_at, b, within):
    """Fill b (s, n, q) and within (s, n, p + q, p + q), standardised."""
    n, q = moments.ones.shape
    p = moments.x_columns.shape[0]
    problem = _patients(moments, draws)
    lanes = problem.z.shape[3]
    t, load = np.empty((q, q)), np.empty((q, p))
    for s in range(draws.sigma2.shape[0]):
        deviance_at(problem, draws.psi[s])
        psi, sigma2, beta, inverse = draws.psi[s], draws.sigma2[s], draws.beta[s], draws.inverse[s]
        for i in range(n):
            block, lane = i // lanes, i % lanes
            position = 0
            for a in range(q):
                for c in range(a + 1):
                    t[a, c] = problem.t[block, position, lane]
                    t[c, a] = t[a, c]
                    position += 1
            for a in range(q):
                b[s, i, a] = 0.0
                for k in range(p):
                    load[a, k] = 0.0
                for c in range(q):
                    left = problem.e[block, c, p, lane]
                    for k in range(p):
                        left -= problem.e[block, c, k, lane] * beta[k]
                        load[a, k] += psi[a, c] * problem.e[block, c, k, lane]
                    b[s, i, a] += psi[a, c] * left
            joint(psi, sigma2, inverse, t, load, within[s, i])


@inner
def joint(psi, sigma2, inverse, t, load, out):
    """Covariance (p + q, p + q) of beta and one patient's b; load: Psi E_i (q, p)."""
    q, p = load.shape
    for k in range(p):
        for c in range(p):
            out[k, c] = sigma2 * inverse[k, c]
        for a in range(q):
            total = 0.0
            for c in range(p):
                total -= load[a, c] * inverse[c, k]
            out[p + a, k] = sigma2 * total
            out[k, p + a] = sigma2 * total
    for a in range(q):
        for c in range(q):
            total = psi[a, c]
            for g in range(q):
                for h in range(q):
                    total -= psi[a, g] * t[g, h] * psi[h, c]
            total *= sigma2
            for k in range(p):
                total -= load[c, k] * out[p + a, k]
            out[p + a, p + c] = total
