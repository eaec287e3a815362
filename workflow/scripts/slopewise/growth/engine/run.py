"""The compiled functions of a fit as addresses, and fits run on threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine import components, many, scoring, serial
from slopewise.growth.engine.compiled import Address, address
from slopewise.growth.engine.kernel import Objective, deviance_at, make_problem, second_pass
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments, empty_moments
from slopewise.growth.engine.optimise import score_factor, score_inside

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Functions(NamedTuple):
    """What the entry points call by address."""

    standardised: Address
    deviance_at: Address
    second_pass: Address
    score_inside: Address
    score_factor: Address


@cache
def functions() -> Functions:
    """Compiled once for all shapes (or loaded from numba's cache)."""
    square, indices = np.zeros((1, 1)), np.zeros(1, np.int64)
    problem = make_problem.py_func(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), square, 1.0, True)
    first, second = address(deviance_at, problem, square), address(second_pass, problem, 1.0, True)
    fit = Objective(problem, first, second)
    inside = address(score_inside, fit, square, indices, indices, indices, True)
    end = address(score_factor, fit, square, indices, 1, True, 0.0, square, square)
    moments = empty_moments(1, 1, 1, indices)
    results = many.empty_results(1, 1, 1, 1)
    return Functions(address(many.standardised, 1, indices, moments, 1, True, results), first, second, inside, end)


def run(
    moments: Moments, counts: Integers, asked: Integers, reml: bool, threads: int, start: Floats | None = None
) -> Results:
    """All fits, on `threads` threads: the kernel lets go of Python's lock, and no two fits share a number.

    start (q, q) or (F, q, q): Psi, standardised, from which fits with an imposed structure search; it need not be near.
    """
    d, q, p = moments.means.shape[1], moments.ones.shape[1], len(moments.x_columns)
    fits = len(counts)
    results = many.empty_results(fits, p, q, d)
    if start is not None:
        results.psi[:] = start
    rest = (counts, moments, asked, reml, results, *functions())
    if threads <= 1 or fits < 2:
        many.fit_range(0, fits, *rest)
        return results
    bounds = np.linspace(0, fits, min(fits, 4 * threads) + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [pool.submit(partial(many.fit_range, int(first), int(last), *rest)) for first, last in pairwise(bounds)]
        for job in jobs:
            job.result()
    return results


def random_effects(which: Integers, who: Integers, moments: Moments, results: Results) -> tuple[Floats, Floats]:
    """b (n, q) and its covariance given beta (n, q, q), standardised, for pairs (fit, patient)."""
    q = moments.ones.shape[1]
    effects, covariances = np.empty((len(which), q)), np.empty((len(which), q, q))
    scoring.random_effects(which, who, moments, results, functions().deviance_at, effects, covariances)
    return effects, covariances


def patient_parts(j: int, moments: Moments, results: Results) -> tuple[Floats, Floats]:
    """T_i (m, q, q) and E_i (m, q, p + 1) of every patient at the parameters of fit j, standardised."""
    m, q = moments.ones.shape
    t, e = np.empty((m, q, q)), np.empty((m, q, len(moments.x_columns) + 1))
    scoring.patient_parts(j, moments, results, functions().deviance_at, t, e)
    return t, e


def likelihood_at(count: Integers, moments: Moments, reml: bool, point: Results) -> tuple[Floats, float, float]:
    """G (q, q), the degrees of freedom n - p and r_yy^2 at the parameters of `point` (one fit, standardised).

    beta and (X'V^-1X)^-1 of `point` are overwritten by those that belong to its Psi.
    """
    gradient = np.zeros(point.psi.shape[1:])
    passes = (functions().standardised, functions().deviance_at, functions().second_pass)
    freedom, square = scoring.likelihood_at(count, moments, reml, point, *passes, gradient)
    return gradient, float(freedom), float(square)


@cache
def _serial_function() -> Address:
    """`serial_deviance`, compiled once for all shapes."""
    own, square, indices = functions(), np.zeros((1, 1)), np.zeros(2, np.int64)
    problem = make_problem.py_func(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), square, 1.0, True)
    fit = Objective(problem, own.deviance_at, own.second_pass)
    searches = (own.score_inside, own.score_factor)
    return address(serial.serial_deviance, fit, square, np.zeros(1), indices, 0.5, 1.0, square, *searches)


def serial_point(
    columns: Floats, time: Floats, starts: Integers, q: int, share: float, log_reach: float, psi: Floats
) -> tuple[float, float, Floats]:
    """REML deviance, residual variance and gradient (2,) at one share and log range of serial correlation.

    columns (rows, q + p + 1): Z, X and y, rows sorted by patient and time (rows,); psi (q, q): a start, positive
    definite, which is brought nearer to the optimum.
    """
    own = functions()
    passes = (own.deviance_at, own.second_pass, own.score_inside, own.score_factor, _serial_function())
    value, variance, by_share, by_reach = serial.serial_point(columns, time, starts, q, share, log_reach, psi, *passes)
    return float(value), float(variance), np.array([by_share, by_reach])


@cache
def _profile_functions() -> tuple[Address, Address]:
    """`constrained` and `profile_at` of `components`, compiled once for all shapes."""
    square, vector = np.zeros((1, 1)), np.zeros(1)
    problem = make_problem.py_func(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), square, 1.0, True)
    fit = Objective(problem, functions().deviance_at, functions().second_pass)
    evaluate = address(components.constrained, fit, 1.0, 0, 1.0, vector, 1, True, vector)
    return evaluate, address(components.profile_at, fit, evaluate, 1.0, 0, 1.0, vector, vector, 1, True)


def profile_ends(count: Integers, moments: Moments, reml: bool, point: Results, q: int, diagonal: bool) -> Floats:
    """Ends (4, 2) of the 95% profile intervals of one fit: SDs of its q <= 2 random effects, correlation, log sigma.

    In the standardised units of `point`, whose Psi belongs to its centre_z and scale_z; NaN for what cannot vary.
    """
    ends, own = np.full((4, 2), np.nan), functions()
    passes = (own.standardised, own.deviance_at, own.second_pass, *_profile_functions())
    components.profile_ends(count, moments, reml, point, q, diagonal, *passes, ends)
    return ends
