"""Serial correlation in the engine: rows whitened by an Ornstein-Uhlenbeck process are those of an ordinary model.

With V0 = w exp(-|t_j - t_k| / range) + (1 - w) I = L L' within a patient, L^-1 [Z X y] has independent residuals, so
that Psi, beta and sigma^2 are found as in any fit, and the deviance is that fit's plus sum log|V0|. The process is
Markov: the Kalman filter makes L^-1 of a column, and |V0|, in one pass over the patient's rows (Harvey 1989, section
3.4; 10.1017/CBO9781107049994).
"""

from __future__ import annotations

import numpy as np

from slopewise.growth.engine.compiled import cached, pointed
from slopewise.growth.engine.faces import settle
from slopewise.growth.engine.kernel import Objective, make_problem
from slopewise.growth.engine.moments import RANK_TOLERANCE
from slopewise.growth.engine.optimise import CONVERGED, copy_into
from slopewise.growth.engine.standardise import lanes_for
from slopewise.kernels.cache import inner

STEP = 1e-4  # of the differences that give the gradient


@inner
def whiten(columns, time, first, last, share, reach, state, out):
    """Write L^-1 of a patient's rows first to last - 1, sorted by time, to `out`; returns log|V0|. `state`: scratch."""
    k, log_determinant, spread = columns.shape[1], 0.0, share
    for c in range(k):
        state[c] = 0.0
    for t in range(first, last):
        if t > first:
            kept = np.exp(-(time[t] - time[t - 1]) / reach)
            spread = share + kept * kept * (spread - share)
            for c in range(k):
                state[c] *= kept
        total = spread + 1.0 - share
        root, gain = 1.0 / np.sqrt(total), spread / total
        for c in range(k):
            surprise = columns[t, c] - state[c]
            out[t - first, c] = surprise * root
            state[c] += gain * surprise
        spread *= 1.0 - gain
        log_determinant += np.log(total)
    return log_determinant


@inner
def rotate(rows, n, q, block, lane, z, y, left):
    """Put one patient's whitened rows [Z X y] into a lane: rotated by an orthonormal basis of Z; adds what is left."""
    k = rows.shape[1]
    for a in range(q):
        for b in range(q):
            z[block, a, b, lane] = 0.0
        for c in range(k - q):
            y[block, a, c, lane] = 0.0
    for a in range(q):
        before, after = 0.0, 0.0
        for j in range(n):
            after += rows[j, a] * rows[j, a]
        before = after
        for b in range(a):
            before += z[block, b, a, lane] ** 2
        if after <= RANK_TOLERANCE**2 * before or after == 0.0:
            continue
        norm = np.sqrt(after)
        z[block, a, a, lane] = norm
        for c in range(a + 1, k):
            total = 0.0
            for j in range(n):
                total += rows[j, a] * rows[j, c]
            total /= norm
            for j in range(n):
                rows[j, c] -= total * rows[j, a] / norm
            if c < q:
                z[block, a, c, lane] = total
            else:
                y[block, a, c - q, lane] = total
    for c in range(q, k):
        for s in range(q, c + 1):
            total = 0.0
            for j in range(n):
                total += rows[j, c] * rows[j, s]
            left[c - q, s - q] += total


@pointed
def serial_deviance(fit, columns, time, starts, share, reach, psi, score_inside, score_factor):
    """(REML deviance, sigma^2) of one share and range, Psi at its best: from `psi`, which it changes, as if inside."""
    problem = fit.problem
    q, p1, lanes = problem.y.shape[1], problem.left.shape[0], problem.y.shape[3]
    longest = 1
    for i in range(starts.shape[0] - 1):
        longest = max(longest, starts[i + 1] - starts[i])
    rows, state, logs = np.empty((longest, q + p1)), np.empty(q + p1), 0.0
    for c in range(p1):
        for s in range(p1):
            problem.left[c, s] = 0.0
    for i in range(starts.shape[0] - 1):
        logs += whiten(columns, time, starts[i], starts[i + 1], share, reach, state, rows)
        rotate(rows, starts[i + 1] - starts[i], q, i // lanes, i % lanes, problem.z, problem.y, problem.left)
    active = np.arange(q)
    free_a, free_b = np.empty(q * (q + 1) // 2, np.int64), np.empty(q * (q + 1) // 2, np.int64)
    position = 0
    for a in range(q):
        for b in range(a + 1):
            free_a[position], free_b[position] = a, b
            position += 1
    trial, factor = psi.copy(), np.zeros((q, q))
    status, deviance, sigma2, _ = score_inside(fit, trial, free_a, free_b, active, False)
    if status != CONVERGED:
        for a in range(q):
            for c in range(a):
                factor[a, c] = psi[a, c] / np.sqrt(psi[c, c])
            factor[a, a] = np.sqrt(max(psi[a, a] - factor[a, 0] * factor[a, 0] * (a > 0), 1e-4))
        settle(fit, score_factor, factor, q, active, False, np.inf, np.zeros((q, q)), trial)
        deviance, sigma2 = fit.deviance_at(problem, trial)
    elif trial[0, 0] > 0.0 and (q == 1 or trial[0, 0] * trial[1, 1] - trial[0, 1] ** 2 > 1e-4 * trial[0, 0]):
        copy_into(trial, psi)
    return deviance + logs, sigma2


@cached
def serial_point(
    columns, time, starts, q, share, log_reach, psi, deviance_at, second_pass, score_inside, score_factor, evaluate
):  # fmt: skip
    """(deviance, sigma^2, derivatives by share and log range), Psi from `psi`, which it changes; X is orthonormal."""
    patients, p1 = starts.shape[0] - 1, columns.shape[1] - q
    lanes = lanes_for(patients, p1)
    blocks = (patients + lanes - 1) // lanes
    problem = make_problem(
        np.zeros((blocks, q, q, lanes)), np.zeros((blocks, q, p1, lanes)), np.zeros((p1, p1)),
        float(columns.shape[0]), True,
    )  # fmt: skip
    fit = Objective(problem, deviance_at, second_pass)
    found, variance = np.empty(5), 0.0
    for k in range(5):
        moved = share + (STEP if k == 1 else -STEP if k == 2 else 0.0)
        reach = np.exp(log_reach + (STEP if k == 3 else -STEP if k == 4 else 0.0))
        found[k], sigma2 = evaluate(fit, columns, time, starts, moved, reach, psi, score_inside, score_factor)
        if k == 0:
            variance = sigma2
    return found[0], variance, (found[1] - found[2]) / (2.0 * STEP), (found[3] - found[4]) / (2.0 * STEP)
