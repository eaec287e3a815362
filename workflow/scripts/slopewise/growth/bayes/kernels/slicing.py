"""Slice sampling along the principal directions of a covariance (Neal 2003, 10.1214/aos/1056562461).

Needs no gradient and no tuning that could fail without a sign: a direction that is too short or too long costs
evaluations, not correctness.
"""

from __future__ import annotations

import math

import numpy as np

from slopewise.growth.bayes.kernels.density import cached, make_room
from slopewise.kernels.cache import inner

STEPS = 60  # most steps outwards, in all, of one slice
SHRINKS = 200  # most shrinkages of one slice: the point itself lies inside, so that this many tell of a fault


@inner
def along(point, value, direction, trial, target, problem, deviance_at, log_density, room, rng):
    """Move `point` along `direction` by one slice; returns its new log density, and the evaluations."""
    level = value + math.log(1.0 - rng.random())
    low = -rng.random()
    high = low + 1.0
    left = math.floor(STEPS * rng.random())
    right = STEPS - 1 - left
    used = 0
    for end in range(2):
        while (left if end == 0 else right) > 0:
            step = low if end == 0 else high
            for k in range(point.shape[0]):
                trial[k] = point[k] + step * direction[k]
            used += 1
            if not log_density(trial, target, problem, deviance_at, room) > level:
                break
            if end == 0:
                low -= 1.0
                left -= 1
            else:
                high += 1.0
                right -= 1
    for _ in range(SHRINKS):
        step = low + (high - low) * rng.random()
        for k in range(point.shape[0]):
            trial[k] = point[k] + step * direction[k]
        found = log_density(trial, target, problem, deviance_at, room)
        used += 1
        if found > level:
            for k in range(point.shape[0]):
                point[k] = trial[k]
            return found, used
        if step < 0.0:
            low = step
        else:
            high = step
    return value, used


@cached
def slices(start, directions, target, problem, deviance_at, log_density, rng, draws, density):
    """A chain from `start` (d,): each of `draws` (n, d) after a slice along every row of `directions` (d, d).

    density (n,): the log posterior. Returns the evaluations.
    """
    room = make_room(target)
    point, trial = start.copy(), np.empty(start.shape[0])
    rest = (target, problem, deviance_at, log_density, room, rng)
    value = log_density(point, target, problem, deviance_at, room)
    evaluations = 1
    for n in range(draws.shape[0]):
        for k in range(directions.shape[0]):
            value, used = along(point, value, directions[k], trial, *rest)
            evaluations += used
        for k in range(point.shape[0]):
            draws[n, k] = point[k]
        density[n] = value
    return evaluations
