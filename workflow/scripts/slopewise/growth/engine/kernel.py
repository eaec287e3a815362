"""The likelihood of one fit: deviance, its gradient and the expected information, in two passes over the patients.

Source of the formulas (docs/methods.md, section 2): Bates et al. 2015 (10.18637/jss.v067.i01) for the profiled
deviance, Laird & Ware 1982 (10.2307/2529876) for the model. With K_i = I + R_i Psi R_i' = L_i L_i' (R_i: the q rotated
rows of Z_i, see `moments`, upper triangular) and F_i = L_i^-1 [R_i, Y_i]:

    log|V_i| = 2 log|L_i|,   T_i = Z_i'V_i^-1 Z_i,   E_i = Z_i'V_i^-1 [X_i y_i],   [X y]'V^-1[X y] = left + sum F_Y'F_Y
    G = d deviance / d Psi = sum (T_i - Q_i - e_i e_i'/sigma^2),   e_i = E_i [-beta; 1],   Q_i the REML part

so Psi is never inverted and may be singular. Patients lie in blocks, the lane (patient within a block) being the
innermost index: the compiler turns the lane loops into vector instructions, and a sum over patients has one order.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.compiled import pointed
from slopewise.kernels.cache import inner

Floats = NDArray[np.float64]

FLUSH = 4  # blocks whose determinants are multiplied before a logarithm is taken


class Problem(NamedTuple):
    """One fit: standardised data in b blocks of `lanes` patients, and the scratch that an evaluation fills."""

    z: Floats  # (b, q, q, lanes): rotated Z, upper triangular
    y: Floats  # (b, q, p1, lanes): rotated [X y], p1 = p + 1
    left: Floats  # (p1, p1)
    n: float  # rows
    reml: bool
    t: Floats  # (b, v, lanes), v = q (q + 1) / 2: lower triangle of T_i
    e: Floats  # (b, q, p1, lanes): E_i
    gradient: Floats  # (q, q): G
    trace: Floats  # (q, q): sum of P_i = T_i - Q_i
    products: Floats  # (v, v): sums of products of the elements of P_i
    curved: Floats  # (v, v): sums of products of the elements of e_i e_i' / sigma^2 and of P_i
    cross: Floats  # (p1, p1): Cholesky factor of [X y]'V^-1[X y], lower
    inverse: Floats  # (p, p): inverse of the factor's X part, lower
    residual: Floats  # (p1,): -beta, then 1
    small: Floats  # (2 q^2 + 3 v + 2, lanes): per-patient scratch, see the passes
    wide: Floats  # (q p1, lanes): F_Y
    sums: Floats  # (p1 (p1 + 1) / 2 + 2 v (v + 1), lanes): sums of each lane


class Objective(NamedTuple):
    """A problem and the two passes over it, as addresses of compiled code (see `compiled`)."""

    problem: Problem
    deviance_at: Any  # (problem, psi) -> (deviance, sigma^2)
    second_pass: Any  # (problem, sigma^2, reml) -> 0


@inner
def make_problem(z, y, left, n, reml):
    """A `Problem` with its scratch, allocated once a fit."""
    b, q, lanes, p1 = z.shape[0], z.shape[1], z.shape[3], y.shape[2]
    v = q * (q + 1) // 2
    return Problem(
        z,
        y,
        left,
        n,
        reml,
        np.empty((b, v, lanes)),
        np.empty((b, q, p1, lanes)),
        np.zeros((q, q)),
        np.zeros((q, q)),
        np.zeros((v, v)),
        np.zeros((v, v)),
        np.zeros((p1, p1)),
        np.zeros((p1 - 1, p1 - 1)),
        np.zeros(p1),
        np.zeros((2 * q * q + 3 * v + 2, lanes)),
        np.zeros((q * p1, lanes)),
        np.zeros((p1 * (p1 + 1) // 2 + 2 * v * (v + 1), lanes)),
    )


@inner
def factor_two(z, psi, block, small, t):
    """Two columns of z. small: 0 product of det L; 1 1/l00; 2 l10; 3 1/l11; 4.. F_Z by row; t: T_i."""
    p00, p10, p11 = psi[0, 0], psi[1, 0], psi[1, 1]
    for i in range(z.shape[3]):
        a, b, d = z[block, 0, 0, i], z[block, 0, 1, i], z[block, 1, 1, i]
        carried = p10 * a + p11 * b
        root0 = np.sqrt(1.0 + a * (p00 * a + p10 * b) + b * carried)
        over0 = 1.0 / root0
        low = d * carried * over0
        root1 = np.sqrt(1.0 + p11 * d * d - low * low)
        over1 = 1.0 / root1
        f00, f01 = a * over0, b * over0
        f10, f11 = -low * f00 * over1, (d - low * f01) * over1
        small[0, i] *= root0 * root1
        small[1, i] = over0
        small[2, i] = low
        small[3, i] = over1
        small[4, i] = f00
        small[5, i] = f01
        small[6, i] = f10
        small[7, i] = f11
        t[block, 0, i] = f00 * f00 + f10 * f10
        t[block, 1, i] = f00 * f01 + f10 * f11
        t[block, 2, i] = f01 * f01 + f11 * f11


@inner
def rotate_two(y, block, small, wide, e):
    """Two columns of z: F_Y in `wide`, E_i in `e`."""
    p1, lanes = y.shape[2], y.shape[3]
    for c in range(p1):
        for i in range(lanes):
            first = y[block, 0, c, i] * small[1, i]
            second = (y[block, 1, c, i] - small[2, i] * first) * small[3, i]
            wide[c, i] = first
            wide[p1 + c, i] = second
            e[block, 0, c, i] = small[4, i] * first + small[6, i] * second
            e[block, 1, c, i] = small[5, i] * first + small[7, i] * second


@inner
def factor_any(z, psi, block, small, t):
    """Any q. small: 0 product of det L; then L by row, its diagonal inverted; then F_Z by row; t: T_i."""
    q, lanes = z.shape[1], z.shape[3]
    o_k, o_z = 1, 1 + q * (q + 1) // 2
    o_a = o_z + q * q
    for r in range(q):
        for s in range(q):  # row r of R Psi
            for i in range(lanes):
                small[o_a, i] = 0.0
            for u in range(r, q):
                for i in range(lanes):
                    small[o_a, i] += z[block, r, u, i] * psi[u, s]
            for c in range(min(r, s) + 1):
                k = o_k + r * (r + 1) // 2 + c
                if s == c:
                    start = 1.0 if r == c else 0.0
                    for i in range(lanes):
                        small[k, i] = start
                for i in range(lanes):
                    small[k, i] += small[o_a, i] * z[block, c, s, i]
    for r in range(q):
        o_r = o_k + r * (r + 1) // 2
        for c in range(r):
            o_c = o_k + c * (c + 1) // 2
            for s in range(c):
                for i in range(lanes):
                    small[o_r + c, i] -= small[o_r + s, i] * small[o_c + s, i]
            for i in range(lanes):
                small[o_r + c, i] *= small[o_c + c, i]
                small[o_r + r, i] -= small[o_r + c, i] * small[o_r + c, i]
        for i in range(lanes):
            root = np.sqrt(small[o_r + r, i])
            small[0, i] *= root
            small[o_r + r, i] = 1.0 / root
    for r in range(q):
        o_r = o_k + r * (r + 1) // 2
        for c in range(q):
            for i in range(lanes):
                small[o_z + r * q + c, i] = z[block, r, c, i] if c >= r else 0.0
            for s in range(r):
                for i in range(lanes):
                    small[o_z + r * q + c, i] -= small[o_r + s, i] * small[o_z + s * q + c, i]
            for i in range(lanes):
                small[o_z + r * q + c, i] *= small[o_r + r, i]
    position = 0
    for r in range(q):
        for c in range(r + 1):
            for i in range(lanes):
                t[block, position, i] = small[o_z + r, i] * small[o_z + c, i]
            for s in range(1, q):
                for i in range(lanes):
                    t[block, position, i] += small[o_z + s * q + r, i] * small[o_z + s * q + c, i]
            position += 1


@inner
def rotate_any(y, block, small, wide, e):
    """Any q: F_Y in `wide`, E_i in `e`."""
    q, p1, lanes = y.shape[1], y.shape[2], y.shape[3]
    o_k, o_z = 1, 1 + q * (q + 1) // 2
    for c in range(p1):
        for r in range(q):
            o_r = o_k + r * (r + 1) // 2
            for i in range(lanes):
                wide[r * p1 + c, i] = y[block, r, c, i]
            for s in range(r):
                for i in range(lanes):
                    wide[r * p1 + c, i] -= small[o_r + s, i] * wide[s * p1 + c, i]
            for i in range(lanes):
                wide[r * p1 + c, i] *= small[o_r + r, i]
        for r in range(q):
            for i in range(lanes):
                e[block, r, c, i] = small[o_z + r, i] * wide[c, i]
            for s in range(1, q):
                for i in range(lanes):
                    e[block, r, c, i] += small[o_z + s * q + r, i] * wide[s * p1 + c, i]


@pointed
def deviance_at(problem, psi):
    """(deviance, sigma^2) in standardised units at `psi`; infinite where it cannot be computed.

    Keeps T_i and E_i, beta (as `problem.residual` = [-beta; 1]) and the inverse factor of X'V^-1X for the second pass.
    """
    y, sums, small, wide = problem.y, problem.sums, problem.small, problem.wide
    blocks, q, p1, lanes = y.shape
    for c in range(p1 * (p1 + 1) // 2):
        for i in range(lanes):
            sums[c, i] = 0.0
    for i in range(lanes):
        small[0, i] = 1.0
    log_determinant = 0.0
    for block in range(blocks):
        if q == 2:
            factor_two(problem.z, psi, block, small, problem.t)
            rotate_two(y, block, small, wide, problem.e)
        else:
            factor_any(problem.z, psi, block, small, problem.t)
            rotate_any(y, block, small, wide, problem.e)
        if block % FLUSH == FLUSH - 1 or block == blocks - 1:
            for i in range(lanes):
                log_determinant += np.log(small[0, i])
                small[0, i] = 1.0
        position = 0
        for c in range(p1):
            for s in range(c + 1):
                if q == 2:
                    for i in range(lanes):
                        sums[position, i] += wide[c, i] * wide[s, i] + wide[p1 + c, i] * wide[p1 + s, i]
                else:
                    for r in range(q):
                        for i in range(lanes):
                            sums[position, i] += wide[r * p1 + c, i] * wide[r * p1 + s, i]
                position += 1
    return profiled(problem, 2.0 * log_determinant)


@inner
def profiled(problem, log_determinant):
    """Deviance and sigma^2 with beta and sigma^2 profiled out, from the lanes' sums of F_Y'F_Y."""
    p1, lanes = problem.left.shape[0], problem.sums.shape[1]
    p = p1 - 1
    freedom = problem.n - p if problem.reml else problem.n
    cross, inverse = problem.cross, problem.inverse
    position = 0
    for c in range(p1):
        for s in range(c + 1):
            total = problem.left[c, s]
            for i in range(lanes):
                total += problem.sums[position, i]
            position += 1
            for k in range(s):
                total -= cross[c, k] * cross[s, k]
            if s < c:
                cross[c, s] = total / cross[s, s]
            elif not (total > 0.0 and total < np.inf and freedom >= 1.0):
                return np.inf, np.nan
            else:
                cross[c, c] = np.sqrt(total)
    for c in range(p):
        inverse[c, c] = 1.0 / cross[c, c]
        for s in range(c):
            total = 0.0
            for k in range(s, c):
                total -= cross[c, k] * inverse[k, s]
            inverse[c, s] = total / cross[c, c]
    for s in range(p):  # beta = L_XX^-T l_yX
        total = 0.0
        for c in range(s, p):
            total += inverse[c, s] * cross[p, c]
        problem.residual[s] = -total
    problem.residual[p] = 1.0
    square = cross[p, p] * cross[p, p]
    deviance = log_determinant + freedom * (1.0 + np.log(2.0 * np.pi * square / freedom))
    if problem.reml:
        for c in range(p):
            deviance += 2.0 * np.log(cross[c, c])
    if not np.isfinite(deviance):
        return np.inf, np.nan
    return deviance, square / freedom


@pointed
def second_pass(problem, sigma2, reml):
    """G and the sums over patients that the information is made of, after `deviance_at`; without `reml` Q_i = 0."""
    t, e, small, sums = problem.t, problem.e, problem.small, problem.sums
    blocks, q, p1, lanes = e.shape
    p, v = p1 - 1, t.shape[1]
    o_v, o_p, o_s = q, 2 * q, 2 * q + v
    o_t, o_m, o_c = v, 2 * v, 2 * v + v * v
    for c in range(2 * v * (v + 1)):
        for i in range(lanes):
            sums[c, i] = 0.0
    scale = 1.0 / sigma2
    for block in range(blocks):
        for c in range(v):
            for i in range(lanes):
                small[o_p + c, i] = t[block, c, i]
        for r in range(q):
            for i in range(lanes):
                small[r, i] = e[block, r, p, i]
            for c in range(p):
                g = problem.residual[c]
                for i in range(lanes):
                    small[r, i] += e[block, r, c, i] * g
        for c in range(p if reml else 0):
            for r in range(q):
                g = problem.inverse[c, 0]
                for i in range(lanes):
                    small[o_v + r, i] = e[block, r, 0, i] * g
                for s in range(1, c + 1):
                    g = problem.inverse[c, s]
                    for i in range(lanes):
                        small[o_v + r, i] += e[block, r, s, i] * g
            position = 0
            for r in range(q):
                for s in range(r + 1):
                    for i in range(lanes):
                        small[o_p + position, i] -= small[o_v + r, i] * small[o_v + s, i]
                    position += 1
        position = 0
        for r in range(q):
            for c in range(r + 1):
                for i in range(lanes):
                    kept, square = small[o_p + position, i], small[r, i] * small[c, i] * scale
                    small[o_s + position, i] = square
                    sums[o_t + position, i] += kept
                    sums[position, i] += kept - square
                position += 1
        for r in range(v):
            for c in range(v):
                for i in range(lanes):
                    sums[o_c + r * v + c, i] += small[o_s + r, i] * small[o_p + c, i]
            for c in range(r + 1):
                for i in range(lanes):
                    sums[o_m + r * v + c, i] += small[o_p + r, i] * small[o_p + c, i]
    position = 0
    for r in range(q):
        for c in range(r + 1):
            total, trace = 0.0, 0.0
            for i in range(lanes):
                total += sums[position, i]
                trace += sums[o_t + position, i]
            problem.gradient[r, c] = total
            problem.gradient[c, r] = total
            problem.trace[r, c] = trace
            problem.trace[c, r] = trace
            position += 1
    for r in range(v):
        for c in range(r + 1):
            total = 0.0
            for i in range(lanes):
                total += sums[o_m + r * v + c, i]
            problem.products[r, c] = total
            problem.products[c, r] = total
        for c in range(v):
            total = 0.0
            for i in range(lanes):
                total += sums[o_c + r * v + c, i]
            problem.curved[r, c] = total
    return 0
