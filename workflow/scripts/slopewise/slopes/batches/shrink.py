"""Location and scale of batches, shrunken across markers by empirical Bayes (ComBat).

Of marker v with standardised residuals z of n rows in batch i (Johnson, Li & Rabinovic 2007,
10.1093/biostatistics/kxj037; for repeated measurements Beer et al. 2020, 10.1016/j.neuroimage.2020.117129):

    z ~ N(gamma_iv, delta²_iv)      gamma_iv ~ N(gamma_i, tau²_i)      delta²_iv ~ inverse gamma(lambda_i, theta_i)

with the four parameters of batch i by the method of moments over markers. The estimates are the conditional posterior
means, each given the other, which are iterated until they stand still.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CLOSE, MOST = 1e-10, 1000
"""Largest relative change at which the iteration ends, and the most steps."""


class LocationScale(NamedTuple):
    """Location and scale of each batch (K,) in each marker (M,), arrays (M, K), in residual standard deviations.

    0 and 1 where a training set has fewer than 2 rows of the batch with a value of the marker.
    """

    location: Floats
    scale: Floats


def shrink(rows: Floats, mean: Floats, squares: Floats) -> LocationScale:
    """Shrink the location and scale of K batches across M markers.

    rows (M, K): how many residuals; mean (M, K): their mean; squares (M, K): the sum of their squared distances from
    it. With one marker, or where a batch's estimates do not differ between markers, there is nothing to shrink towards
    and the plain estimates are given.
    """
    known = rows >= 2
    location, scale = np.zeros_like(mean), np.ones_like(mean)
    for batch in range(rows.shape[1]):
        own = known[:, batch] & (squares[:, batch] > 0)
        if own.any():
            found = _of_batch(rows[own, batch], mean[own, batch], squares[own, batch])
            location[own, batch], scale[own, batch] = found[0], np.sqrt(found[1])
    return LocationScale(location, scale)


def _of_batch(rows: Floats, mean: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Location and squared scale (m,) of the markers of one batch."""
    variance = squares / (rows - 1.0)
    if len(mean) < 2:
        return mean, variance
    centre, tau2 = float(mean.mean()), float(mean.var(ddof=1))
    middle, spread = float(variance.mean()), float(variance.var(ddof=1))
    if not (tau2 > 0 and spread > 0):
        return mean, variance
    shape, rate = (2.0 * spread + middle**2) / spread, (middle * spread + middle**3) / spread
    gamma, delta2 = mean, variance
    for _ in range(MOST):
        other = (tau2 * rows * mean + delta2 * centre) / (tau2 * rows + delta2)
        about = squares + rows * (mean - other) ** 2
        new = (0.5 * about + rate) / (0.5 * rows + shape - 1.0)
        change = max(_relative(other, gamma), _relative(new, delta2))
        gamma, delta2 = other, new
        if change < CLOSE:
            break
    return gamma, delta2


def _relative(new: Floats, old: Floats) -> float:
    return float((np.abs(new - old) / np.maximum(np.abs(old), CLOSE)).max())
