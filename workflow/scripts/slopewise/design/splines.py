"""Restricted cubic splines: cubic between the knots, straight beyond the outer ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def bends(x: ArrayLike, knots: ArrayLike) -> Floats:
    """The non-linear columns (n, knots − 2) of a restricted cubic spline of `x` (n,); `x` itself is the straight one.

    With t the knots and k their number, column j is [(x − t_j)₊³ − (x − t_{k−1})₊³ (t_k − t_j)/(t_k − t_{k−1}) +
    (x − t_k)₊³ (t_{k−1} − t_j)/(t_k − t_{k−1})] / (t_k − t_1)² (Harrell 2015, Regression Modeling Strategies, 2.4.4).
    """
    value, t = np.asarray(x, dtype=float), np.asarray(knots, dtype=float)
    before, last = t[-2], t[-1]

    def cube(at: float) -> Floats:
        return np.maximum(value - at, 0.0) ** 3

    columns = [
        cube(at) - cube(before) * (last - at) / (last - before) + cube(last) * (before - at) / (last - before)
        for at in t[:-2]
    ]
    return np.stack(columns, axis=-1) / (last - t[0]) ** 2
