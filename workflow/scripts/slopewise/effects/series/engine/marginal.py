"""The deviance of one model at given covariance, residual SD and serial correlation, and its gradient.

Source: docs/methods.md, section 2. Nothing is profiled but beta, so that one element of B, where Sigma = BB' is the
covariance of the random effects, can be held while the others are searched:

    deviance = 2 sum log|L_i| + 2 log|R_XX| + f log(2 pi sigma^2) + r_yy^2 / sigma^2,   f = n - p (REML) or n
    d deviance / d B = 2 G B / sigma^2,   d deviance / d log sigma = 2 (f - r_yy^2 / sigma^2 - tr G Psi)
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

from pathlib import Path

import numpy as np

from slopewise.kernels.cache import inner, keeper


@inner
def sums_of_rows(columns, correlation, starts, q, sums, cross):
    """Write Z'[Z X y] of each unit, sums (m, q, k), and [X y]'[X y], cross (k - q, k - q), of the whitened rows.

    columns (rows, k): Z, X and y; correlation (rows,): that of each residual with the one before it, 0 at the first of
    a unit, whose rows are starts[i] to starts[i + 1]. Returns the log determinant of the correlation.
    """
    k, determinant = columns.shape[1], 0.0
    row = np.empty(k)
    sums[:] = 0.0
    cross[:] = 0.0
    for i in range(starts.shape[0] - 1):
        for j in range(starts[i], starts[i + 1]):
            r = correlation[j]
            left = 1.0 - r * r
            determinant += np.log(left)
            over = 1.0 / np.sqrt(left)
            for c in range(k):
                row[c] = columns[j, c] * over if r == 0.0 else (columns[j, c] - r * columns[j - 1, c]) * over
            for a in range(q):
                for c in range(k):
                    sums[i, a, c] += row[a] * row[c]
            for a in range(q, k):
                for c in range(q, a + 1):
                    cross[a - q, c - q] += row[a] * row[c]
    return determinant


@inner
def factored(matrix, size):
    """Cholesky factor in the lower triangle of `matrix`, which it overwrites; False where a pivot is not positive."""
    for a in range(size):
        for b in range(a + 1):
            value = matrix[a, b]
            for c in range(b):
                value -= matrix[a, c] * matrix[b, c]
            if a == b:
                if not value > 0.0:
                    return False
                matrix[a, a] = np.sqrt(value)
            else:
                matrix[a, b] = value / matrix[b, b]
    return True


@keeper(Path(__file__).resolve().parent, nogil=True)
def marginal_deviance(columns, correlation, starts, q, b, log_sd, reml, by_b):
    """Deviance (with 2 pi, without the weights' determinant) and its derivative by log sigma; `by_b` (q, q) is filled.

    Infinite where it cannot be computed; arguments as for `sums_of_rows`.
    """
    m, k = starts.shape[0] - 1, columns.shape[1]
    p1 = k - q
    p = p1 - 1
    sums, cross = np.empty((m, q, k)), np.empty((p1, p1))
    value = sums_of_rows(columns, correlation, starts, q, sums, cross)
    variance = np.exp(2.0 * log_sd)
    lam = b / np.exp(log_sd)
    low, half = np.empty((q, q)), np.empty((q, k))
    g, e, t = np.zeros((q, q)), np.empty((m, q, p1)), np.zeros((q, q))
    for i in range(m):
        for a in range(q):
            for c in range(k):
                total = 0.0
                for s in range(q):
                    total += lam[s, a] * sums[i, s, c]
                half[a, c] = total
        for a in range(q):
            for c in range(a + 1):
                total = 1.0 if a == c else 0.0
                for s in range(q):
                    total += half[a, s] * lam[s, c]
                low[a, c] = total
        if not factored(low, q):
            return np.inf, 0.0
        for a in range(q):
            value += 2.0 * np.log(low[a, a])
            for c in range(k):
                total = half[a, c]
                for s in range(a):
                    total -= low[a, s] * half[s, c]
                half[a, c] = total / low[a, a]
        for a in range(p1):
            for c in range(a + 1):
                for s in range(q):
                    cross[a, c] -= half[s, q + a] * half[s, q + c]
        for a in range(q):
            for c in range(k):
                total = sums[i, a, c]
                for s in range(q):
                    total -= half[s, a] * half[s, c]
                if c < q:
                    t[a, c] += total
                else:
                    e[i, a, c - q] = total
    if not factored(cross, p1):
        return np.inf, 0.0
    square = cross[p, p] * cross[p, p]
    n = columns.shape[0]
    freedom = n - p if reml else n
    if reml:
        for a in range(p):
            value += 2.0 * np.log(cross[a, a])
    value += freedom * (np.log(2.0 * np.pi) + 2.0 * log_sd) + square / variance
    beta = np.zeros(p)
    for a in range(p - 1, -1, -1):
        total = cross[p, a]
        for c in range(a + 1, p):
            total -= cross[c, a] * beta[c]
        beta[a] = total / cross[a, a]
    residual, solved = np.empty(q), np.empty((q, p))
    for a in range(q):
        for c in range(q):
            g[a, c] = t[a, c]
    for i in range(m):
        for a in range(q):
            residual[a] = e[i, a, p]
            for c in range(p):
                residual[a] -= e[i, a, c] * beta[c]
                total = e[i, a, c]
                for s in range(c):
                    total -= cross[c, s] * solved[a, s]
                solved[a, c] = total / cross[c, c]
        for a in range(q):
            for c in range(q):
                g[a, c] -= residual[a] * residual[c] / variance
                if reml:
                    for s in range(p):
                        g[a, c] -= solved[a, s] * solved[c, s]
    trace = 0.0
    for a in range(q):
        for c in range(q):
            total = 0.0
            for s in range(q):
                trace += g[a, c] * lam[c, s] * lam[a, s]
                total += g[a, s] * b[s, c]
            by_b[a, c] = 2.0 * total / variance
    return value, 2.0 * (freedom - square / variance - trace)
