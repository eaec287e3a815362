"""The mode of the log posterior of theta, and its curvature there, by a damped Newton search."""

from __future__ import annotations

import numpy as np

from slopewise.growth.bayes.kernels.density import cached, make_room
from slopewise.kernels.cache import inner

STEP = 2e-3  # of the central differences: theta has no units
ENOUGH = 1e-4  # gain in log density below which the search ends
MOST = 60


@inner
def curves(point, value, trial, gradient, hessian, target, problem, deviance_at, log_density, room):
    """Gradient and Hessian of the log density at `point` by central differences."""
    d = point.shape[0]
    ahead = np.empty(d)
    trial[:] = point
    for i in range(d):
        trial[i] = point[i] + STEP
        ahead[i] = log_density(trial, target, problem, deviance_at, room)
        trial[i] = point[i] - STEP
        behind = log_density(trial, target, problem, deviance_at, room)
        trial[i] = point[i]
        gradient[i] = (ahead[i] - behind) / (2.0 * STEP)
        hessian[i, i] = (ahead[i] - 2.0 * value + behind) / (STEP * STEP)
    for i in range(d):
        for j in range(i):
            trial[i], trial[j] = point[i] + STEP, point[j] + STEP
            both = log_density(trial, target, problem, deviance_at, room)
            trial[i], trial[j] = point[i] - STEP, point[j] - STEP
            neither = log_density(trial, target, problem, deviance_at, room)
            trial[i], trial[j] = point[i], point[j]
            # f(+,+) + f(-,-) = 2 f + h'Hh along the diagonal
            mixed = (both + neither - 2.0 * value) / (STEP * STEP)
            hessian[i, j] = 0.5 * (mixed - hessian[i, i] - hessian[j, j])
            hessian[j, i] = hessian[i, j]


@cached
def mode(point, hessian, target, problem, deviance_at, log_density):
    """Move `point` (d,) to the mode and leave the Hessian there in `hessian` (d, d); the log density at the mode."""
    room = make_room(target)
    d = point.shape[0]
    trial, gradient, damped = np.empty(d), np.empty(d), np.empty((d, d))
    value = log_density(point, target, problem, deviance_at, room)
    damping = 1e-3
    for _ in range(MOST):
        curves(point, value, trial, gradient, hessian, target, problem, deviance_at, log_density, room)
        gain = 0.0
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            break
        for _ in range(12):
            damped[:] = -hessian
            for i in range(d):
                damped[i, i] = max(damped[i, i], 0.0) + damping * (1.0 + abs(hessian[i, i]))
            step = np.linalg.solve(damped, gradient)
            longest = max(1.0, np.abs(step).max())  # no further than one unit of any logarithm
            for i in range(d):
                trial[i] = point[i] + step[i] / longest
            found = log_density(trial, target, problem, deviance_at, room)
            if found > value:
                gain = found - value
                point[:] = trial
                value = found
                damping = max(0.2 * damping, 1e-9)
                break
            damping *= 6.0
        if gain < ENOUGH:
            break
    curves(point, value, trial, gradient, hessian, target, problem, deviance_at, log_density, room)
    return value
