"""Profile-likelihood intervals of variance components, on the reduced data of one fit.

Held at a value, one of (SD of the first random effect, SD of the second, their correlation, log residual SD) leaves the
others to be minimised over. The covariance of the random effects is then BB' with B free but for what is held:

    first SD a    [[a, 0], [b, c]]          second SD s    [[b, c], [s, 0]]
    log residual SD    [[b, 0], [c, d]]     correlation r    SDs a, s >= 0

With Psi = BB' / v and the passes of `kernel`, v the residual variance,

    deviance = sum log|K_i| + log|X'V^-1X| + f log v + r_yy^2 / v,    f = n - p (REML) or n
    d deviance / d BB' = G / v,    d deviance / d log SD = 2 (f - r_yy^2 / v - tr G Psi)

G being taken at v (docs/methods.md, section 2).
"""

from __future__ import annotations

import numpy as np

from slopewise.growth.engine.compiled import cached, pointed
from slopewise.growth.engine.kernel import Objective
from slopewise.growth.engine.many import AS_GIVEN
from slopewise.kernels.cache import inner

RISE = 3.841458820694124
"""0.95 quantile of the chi-square distribution with one degree of freedom."""

FURTHEST = 40.0  # a log residual SD (standardised) beyond this is no place where a minimum lies
NEGLIGIBLE = 1e-11  # squared Newton step, in units of the deviance, at which a minimum is found
SEARCHES = 60  # steps of one minimisation, and of one bracket
AWAY = 0.03  # least start of what is stationary at zero, as a share of the largest element of B
SAME = 1e-9  # width of the bracket, relative, at which an end is found
FIRST, SECOND, CORRELATION, RESIDUAL = 0, 1, 2, 3


@inner
def spread_of(held, value, free, q, diagonal, sigma_b):
    """Write BB' (q, q) of these free parameters, the log residual SD last, which is returned."""
    for a in range(sigma_b.shape[0]):
        for b in range(sigma_b.shape[0]):
            sigma_b[a, b] = 0.0
    if q == 1:
        sigma_b[0, 0] = value * value if held == FIRST else free[0] * free[0]
    elif diagonal or held == CORRELATION:
        first = value if held == FIRST else free[0]
        second = value if held == SECOND else free[0 if held == FIRST else 1]
        both = value * abs(first * second) if held == CORRELATION else 0.0
        sigma_b[0, 0], sigma_b[1, 1] = first * first, second * second
        sigma_b[0, 1] = sigma_b[1, 0] = both
    elif held == RESIDUAL:
        sigma_b[0, 0], sigma_b[1, 1] = free[0] * free[0], free[1] * free[1] + free[2] * free[2]
        sigma_b[0, 1] = sigma_b[1, 0] = free[0] * free[1]
    else:
        other = 1 - held
        sigma_b[held, held], sigma_b[other, other] = value * value, free[0] * free[0] + free[1] * free[1]
        sigma_b[0, 1] = sigma_b[1, 0] = value * free[0]
    return value if held == RESIDUAL else free[free.shape[0] - 1]


@inner
def gradient_of(held, value, free, q, diagonal, g, by_log, gradient):
    """The gradient in the free parameters from that by BB' (`g`, symmetric) and by the log residual SD."""
    size = free.shape[0]
    if q == 1:
        gradient[0] = by_log if held == FIRST else 2.0 * free[0] * g[0, 0]
    elif diagonal or held == CORRELATION:
        place = 0
        for k in range(2):
            if k == held:
                continue
            gradient[place] = 2.0 * free[place] * g[k, k]
            if held == CORRELATION:
                sign = 1.0 if free[place] >= 0.0 else -1.0
                gradient[place] += 2.0 * value * sign * abs(free[1 - place]) * g[0, 1]
            place += 1
    elif held == RESIDUAL:
        gradient[0] = 2.0 * (free[0] * g[0, 0] + free[1] * g[0, 1])
        gradient[1] = 2.0 * (free[1] * g[1, 1] + free[0] * g[0, 1])
        gradient[2] = 2.0 * free[2] * g[1, 1]
    else:
        other = 1 - held
        gradient[0] = 2.0 * (free[0] * g[other, other] + value * g[0, 1])
        gradient[1] = 2.0 * free[1] * g[other, other]
    if held != RESIDUAL:
        gradient[size - 1] = by_log


@pointed
def constrained(fit, freedom, held, value, free, q, diagonal, gradient):
    """Deviance (without the constant) and its gradient at free parameters; infinite where it cannot be computed."""
    problem = fit.problem
    sigma_b = np.zeros(problem.gradient.shape)
    log_sd = spread_of(held, value, free, q, diagonal, sigma_b)
    if not abs(log_sd) < FURTHEST:
        return np.inf
    variance = np.exp(2.0 * log_sd)
    for a in range(sigma_b.shape[0]):
        for b in range(sigma_b.shape[0]):
            sigma_b[a, b] /= variance
    profiled, estimate = fit.deviance_at(problem, sigma_b)
    if not np.isfinite(profiled):
        return np.inf
    fit.second_pass(problem, variance, problem.reml)
    ratio, trace = estimate / variance, 0.0
    for a in range(q):
        for b in range(q):
            trace += problem.gradient[a, b] * sigma_b[a, b]
            sigma_b[a, b] = problem.gradient[a, b] / variance
    gradient_of(held, value, free, q, diagonal, sigma_b, 2.0 * (freedom * (1.0 - ratio) - trace), gradient)
    return profiled + freedom * (ratio - 1.0 - np.log(ratio))


@inner
def curvature_at(fit, evaluate, freedom, held, value, free, q, diagonal, inverse):
    """Write the inverse Hessian by differences of the gradient, or the identity scaled where it is not positive."""
    size = free.shape[0]
    above, below, hessian = np.empty(size), np.empty(size), np.empty((size, size))
    moved = free.copy()
    for k in range(size):
        step = 1e-4 * max(abs(free[k]), 0.1)
        moved[k] = free[k] + step
        evaluate(fit, freedom, held, value, moved, q, diagonal, above)
        moved[k] = free[k] - step
        evaluate(fit, freedom, held, value, moved, q, diagonal, below)
        moved[k] = free[k]
        for j in range(size):
            hessian[k, j] = (above[j] - below[j]) / (2.0 * step)
    for k in range(size):
        for j in range(k):
            hessian[k, j] = hessian[j, k] = 0.5 * (hessian[k, j] + hessian[j, k])
    for k in range(size):
        for j in range(size):
            inverse[k, j] = 0.0
        inverse[k, k] = 1.0 / max(freedom, 1.0)
    if np.isfinite(hessian).all():
        values, vectors = np.linalg.eigh(hessian)
        least = 1e-6 * max(abs(values[0]), abs(values[size - 1]))
        if least > 0.0:
            for k in range(size):
                for j in range(size):
                    inverse[k, j] = 0.0
                    for c in range(size):
                        inverse[k, j] += vectors[k, c] * vectors[j, c] / max(abs(values[c]), least)


@inner
def lowest(fit, evaluate, freedom, held, value, free, q, diagonal):
    """The minimum over the free parameters, from `free`, which it changes: BFGS from the Hessian at the start."""
    size = free.shape[0]
    gradient, after, step, trial = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    inverse, carried = np.empty((size, size)), np.empty(size)
    here = evaluate(fit, freedom, held, value, free, q, diagonal, gradient)
    learned, fresh = False, False
    for _ in range(SEARCHES if np.isfinite(here) else 0):
        if not learned:
            curvature_at(fit, evaluate, freedom, held, value, free, q, diagonal, inverse)
            learned, fresh = True, True
        decrement = 0.0
        for k in range(size):
            step[k] = 0.0
            for j in range(size):
                step[k] -= inverse[k, j] * gradient[j]
            decrement -= step[k] * gradient[k]
        if decrement < NEGLIGIBLE and fresh:
            return here
        length, new = 1.0, np.inf
        while length > 1e-10:
            for k in range(size):
                trial[k] = free[k] + length * step[k]
                if held == CORRELATION and k < 2:
                    trial[k] = max(trial[k], 0.0)  # an SD; its other sign would be the other correlation
            new = evaluate(fit, freedom, held, value, trial, q, diagonal, after)
            if new <= here - 1e-4 * length * decrement:
                break
            length *= 0.5
        if not new < here or here - new < 0.1 * NEGLIGIBLE:
            if new < here:
                here = new
                for k in range(size):
                    free[k] = trial[k]
                    gradient[k] = after[k]
            if fresh:
                return here
            learned = False
            continue
        along, change = 0.0, 0.0
        for k in range(size):
            step[k] = trial[k] - free[k]
            free[k] = trial[k]
            gradient[k] = after[k] - gradient[k]
            along += step[k] * gradient[k]
        for k in range(size):
            carried[k] = 0.0
            for j in range(size):
                carried[k] += inverse[k, j] * gradient[j]
            change += carried[k] * gradient[k]
        if along > 1e-14:
            for k in range(size):
                for j in range(size):
                    inverse[k, j] += (1.0 + change / along) * step[k] * step[j] / along
                    inverse[k, j] -= (carried[k] * step[j] + step[k] * carried[j]) / along
        here = new
        fresh = decrement < 1e-3  # a small step from a Hessian that was right nearby
        for k in range(size):
            gradient[k] = after[k]
    return here


@inner
def away_from_zero(held, free, q, diagonal):
    """Move what is stationary at zero, and would stay there, off it."""
    size = free.shape[0]
    covariances = size if held == RESIDUAL else size - 1
    largest = 0.0
    for k in range(covariances):
        largest = max(largest, abs(free[k]))
    least = AWAY * max(largest, 0.1)
    for k in range(covariances):
        correlated = q == 2 and not diagonal and held != CORRELATION
        is_covariance = correlated and k == (1 if held == RESIDUAL else 0)
        if not is_covariance and abs(free[k]) < least:
            free[k] = least


@pointed
def profile_at(fit, evaluate, freedom, held, value, last, best, q, diagonal):
    """The deviance minimised over all but what is held at `value`, from `last`, which it changes, and from `best`."""
    found, free, started = np.inf, np.empty(last.shape[0]), last.copy()
    for start in range(2):
        moved = False
        for k in range(free.shape[0]):
            free[k] = started[k] if start == 0 else best[k]
            moved = moved or best[k] != started[k]
        if start == 1 and not moved:
            break
        away_from_zero(held, free, q, diagonal)
        ended = lowest(fit, evaluate, freedom, held, value, free, q, diagonal)
        if ended < found:
            found = ended
            for k in range(free.shape[0]):
                last[k] = free[k]
    return found


@inner
def end_of(fit, evaluate, profile, freedom, held, value, step, limit, base, best, q, diagonal):
    """Where the profile has risen by `RISE`, from `value` in the direction of `step`; `limit` where it does not.

    The root of the rise is nearly linear in what is held, so that the secant in it hits the end soon.
    """
    if value == limit:
        return limit
    aim, last = np.sqrt(RISE), best.copy()
    inside, below = value, -aim
    outside, above = value, -aim
    for _ in range(SEARCHES):
        outside = inside + step
        if (step > 0.0 and outside >= limit) or (step < 0.0 and outside <= limit):
            outside = limit
        above = np.sqrt(max(profile(fit, evaluate, freedom, held, outside, last, best, q, diagonal) - base, 0.0)) - aim
        if above > 0.0:
            break
        if outside == limit:
            return limit
        reached = (outside - inside) / max(above - below, 1e-3)
        step = step / abs(step) * min(max(1.1 * abs(reached * above), 0.1 * abs(step)), 4.0 * abs(step))
        inside, below = outside, above
    if not above > 0.0:
        return np.inf if step > 0.0 else -np.inf
    weight = 0  # of the end that was kept twice (Illinois)
    low, high = below, above
    for _ in range(SEARCHES):
        middle = inside - low * (outside - inside) / (high - low) if np.isfinite(high) else 0.5 * (inside + outside)
        if not min(inside, outside) < middle < max(inside, outside):
            middle = 0.5 * (inside + outside)
        found = np.sqrt(max(profile(fit, evaluate, freedom, held, middle, last, best, q, diagonal) - base, 0.0)) - aim
        if found > 0.0:
            moved = abs(outside - middle)
            outside, high = middle, found
            low = 0.5 * low if weight > 0 else low
            weight = 1
        else:
            moved = abs(inside - middle)
            inside, low = middle, found
            high = 0.5 * high if weight < 0 else high
            weight = -1
        if abs(found) < 1e-9 or abs(outside - inside) < SAME * max(abs(middle), 1e-3) or moved == 0.0:
            return middle
    return 0.5 * (inside + outside)


@inner
def free_of(held, sigma_b, log_sd, q, diagonal):
    """The free parameters at a covariance and log residual SD, what is held being what it is there."""
    a = np.sqrt(max(sigma_b[0, 0], 0.0))
    if q == 1:
        return np.array([log_sd]) if held == FIRST else np.array([a])
    s = np.sqrt(max(sigma_b[1, 1], 0.0))
    if diagonal or held == CORRELATION:
        if held == RESIDUAL:
            return np.array([a, s])
        if held == CORRELATION:
            return np.array([a, s, log_sd])
        return np.array([s if held == FIRST else a, log_sd])
    root = s if held == SECOND else a
    along = sigma_b[0, 1] / root if root > 0.0 else 0.0
    rest = np.sqrt(max((a * a if held == SECOND else s * s) - along * along, 0.0))
    return np.array([a, along, rest]) if held == RESIDUAL else np.array([along, rest, log_sd])


@cached
def profile_ends(count, moments, reml, point, q, diagonal, standardised, deviance_at, second_pass, evaluate, profile,
                 ends):  # fmt: skip
    """Write the ends (4, 2) of what can vary: SD of the first and second effect, correlation, log residual SD.

    point: results of one fit whose psi and sigma2 belong to its own centre_z and scale_z; the others stay as they are.
    """
    problem, place, _ = standardised(0, count, moments, AS_GIVEN, reml, point)
    fit = Objective(problem, deviance_at, second_pass)
    freedom = problem.n - (place.shape[0] - 1) if reml else problem.n
    log_sd, size = 0.5 * np.log(point.sigma2[0]), problem.gradient.shape[0]
    sigma_b = np.empty((size, size))
    for a in range(size):
        for b in range(size):
            sigma_b[a, b] = point.psi[0, a, b] * point.sigma2[0]
    at = free_of(RESIDUAL, sigma_b, log_sd, q, diagonal)
    base = evaluate(fit, freedom, RESIDUAL, log_sd, at, q, diagonal, np.empty(at.shape[0]))
    for held in range(4):
        if (held == SECOND and q == 1) or (held == CORRELATION and (q == 1 or diagonal)):
            continue
        best = free_of(held, sigma_b, log_sd, q, diagonal)
        if held == RESIDUAL:
            value, step, least, most = log_sd, 0.1, -np.inf, np.inf
        elif held == CORRELATION:
            product = np.sqrt(sigma_b[0, 0] * sigma_b[1, 1])
            value = min(1.0, max(-1.0, sigma_b[0, 1] / product)) if product > 0.0 else 0.0
            step, least, most = 0.2, -1.0, 1.0
        else:
            value = np.sqrt(max(sigma_b[held, held], 0.0))
            step, least, most = max(0.3 * value, 0.05), 0.0, np.inf
        for side in range(2):
            move, limit = (step, most) if side == 1 else (-step, least)
            ends[held, side] = end_of(
                fit, evaluate, profile, freedom, held, value, move, limit, base, best, q, diagonal
            )  # fmt: skip
