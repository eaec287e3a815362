"""The compiled functions of a fit as addresses, and fits run on threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth import many
from slopewise.growth.compiled import Address, address
from slopewise.growth.faces import settle
from slopewise.growth.kernel import Fit, deviance_at, make_problem, second_pass
from slopewise.growth.many import Results
from slopewise.growth.moments import Moments
from slopewise.growth.optimise import score_inside

Integers = NDArray[np.int64]


class Functions(NamedTuple):
    """What `many.fit_range` calls by address."""

    deviance_at: Address
    second_pass: Address
    score_inside: Address
    settle: Address


@cache
def functions() -> Functions:
    """Compiled once for all shapes (or loaded from numba's cache)."""
    square, indices = np.zeros((1, 1)), np.zeros(1, np.int64)
    problem = make_problem.py_func(np.zeros((1, 1, 1, 1)), np.zeros((1, 1, 1, 1)), square, 1.0, True)
    first, second = address(deviance_at, problem, square), address(second_pass, problem, 1.0, True)
    fit = Fit(problem, first, second)
    inside = address(score_inside, fit, square, indices, indices, indices)
    return Functions(first, second, inside, address(settle, fit, square, 1, indices, True, square))


def run(moments: Moments, counts: Integers, asked: Integers, reml: bool, threads: int) -> Results:
    """All fits, on `threads` threads: the kernel lets go of Python's lock, and no two fits share a number."""
    d, q, p = moments.means.shape[1], moments.ones.shape[1], len(moments.x_columns)
    fits = len(counts)
    results = many.empty_results(fits, p, q, d)
    rest = (counts, moments, asked, reml, results, *functions())
    if threads <= 1 or fits < 2:
        many.fit_range(0, fits, *rest)
        return results
    bounds = np.linspace(0, fits, min(fits, 4 * threads) + 1).astype(np.int64)
    with ThreadPoolExecutor(threads) as pool:
        jobs = [
            pool.submit(many.fit_range, int(first), int(last), *rest)
            for first, last in zip(bounds[:-1], bounds[1:], strict=True)
        ]
        for job in jobs:
            job.result()
    return results
