"""The likelihood of a model of up to four random effects and serial correlation, with one SD held: its profile.

Random effects have the covariance BB', B lower triangular with the effect in question first, so that its SD is the
first element of B, and 0 is a value like others. The rest of B, the residual SD and phi (`growth.whitening`) are free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.effects.series.engine.marginal import marginal_deviance
from slopewise.growth.engine.layout import expanded
from slopewise.growth.evidence.profile import RISE, end_of
from slopewise.growth.whitening import MOST, SerialGrowthFit, WhitenedRows
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

STEP = 1e-4  # of atanh phi, for its derivative
AWAY = 0.03  # least start of an element of B on its diagonal, as a share of the largest: zero is stationary


@dataclass(frozen=True, repr=False)
class Likelihood(ShortRepr):
    """The deviance of one marker: columns Z (the effect in question first), X and y, not yet whitened.

    They are scaled: `sd_unit` is what an SD of 1 of the first effect means in the user's units, `constant` turns the
    deviance into the user's.
    """

    rows: WhitenedRows
    columns: Floats  # (rows, q + p + 1), divided by the residuals' weights
    starts: NDArray[np.int64]
    effects: int
    reml: bool
    constant: float
    sd_unit: float

    @staticmethod
    def of(fit: SerialGrowthFit, change: Floats) -> tuple[Likelihood, Floats]:
        """The likelihood whose first effect is the first row of `change` (q, q) times the fit's; and its B at the fit.

        change: the new effects as combinations of the old; it must be invertible. B is scaled as z is.
        """
        data = fit.rows.data
        design = data.design
        assert design is not None and data.columns is not None
        kept = ~fit.fit.results.aliased[0]
        x = expanded(data.columns, design.x_columns)[:, kept]
        z = expanded(data.columns, design.z_columns) @ np.linalg.inv(change)
        orthonormal, upper = np.linalg.qr(x)
        y = data.values - orthonormal @ (orthonormal.T @ data.values)
        unit, scale = float(np.sqrt(y @ y / len(y))), np.sqrt((z**2).mean(axis=0))
        reml = fit.fit.specification.reml
        constant = 2.0 * (len(y) - (x.shape[1] if reml else 0)) * float(np.log(unit))
        constant -= float(np.log(data.weights).sum())
        if reml:
            constant += 2.0 * float(np.log(np.abs(np.diag(upper))).sum())
        whole = np.column_stack([z / scale, orthonormal, y / unit]) * np.sqrt(data.weights)[:, None]
        starts = np.concatenate([[0], np.cumsum(data.n_rows[data.n_rows > 0])]).astype(np.int64)
        columns = np.ascontiguousarray(whole)
        own = Likelihood(fit.rows, columns, starts, len(scale), reml, constant, unit / float(scale[0]))
        sigma = change @ fit.fit.covariance.to_numpy() @ change.T * np.outer(scale, scale) / unit**2
        return own, np.concatenate([_triangle(sigma).ravel(), [np.log(fit.fit.sigma / unit)]])

    def at(self, b: Floats, log_sd: float, phi: float) -> tuple[float, Floats, float]:
        """Deviance, and its derivatives by B (q, q) and by log sigma; infinite where it cannot be computed."""
        spacing, by_b = self.rows.spacing, np.zeros(b.shape)
        correlation = np.zeros(len(self.columns)) if spacing is None else spacing.correlation(phi)
        shape = (self.columns, correlation, self.starts, self.effects)
        value, by_log = marginal_deviance(*shape, b, log_sd, self.reml, by_b)
        return float(value) + self.constant, by_b, float(by_log)


def _triangle(sigma: Floats) -> Floats:
    """B, lower triangular with a first element of 0 or more, of Sigma = BB', which may be singular."""
    values, vectors = np.linalg.eigh(sigma)
    upper: Floats = np.asarray(np.linalg.qr((vectors * np.sqrt(np.maximum(values, 0.0))).T, mode="r"))
    lower: Floats = upper.T * np.where(np.diag(upper) < 0, -1.0, 1.0)
    return lower


def sd_interval(fit: SerialGrowthFit, change: Floats) -> tuple[float, float]:
    """95% profile interval of the SD of the effect that is the first row of `change` times the fit's random effects."""
    own, start = Likelihood.of(fit, change)
    q = len(change)
    below = np.tril(np.ones((q, q), dtype=bool))
    below[0, 0] = False
    serial = fit.rows.spacing is not None
    b, best = start[:-1].reshape(q, q), np.empty(0)
    largest = max(float(np.abs(b).max()), 0.1)
    moved = b.copy()
    diagonal = np.diag_indices(q)
    moved[diagonal] = np.maximum(moved[diagonal], AWAY * largest)
    best = np.concatenate([moved[below], [start[-1]], [np.arctanh(fit.phi)] if serial else []])
    last = best.copy()

    def lowest(value: float) -> float:
        nonlocal last
        ends = [_minimum(own, value, first, below, serial) for first in (last, best)]
        found, last = min(ends, key=lambda end: end[0])
        return found

    middle = float(b[0, 0])
    base = min(fit.deviance, lowest(middle))

    def above(value: float) -> float:
        return lowest(value) - base - RISE

    step = max(0.3 * middle, 0.05 * largest)
    low = end_of(above, middle, -step, 0.0)
    last = best.copy()
    return own.sd_unit * low, own.sd_unit * end_of(above, middle, step, np.inf)


def _minimum(
    own: Likelihood, value: float, start: Floats, below: NDArray[np.bool_], serial: bool
) -> tuple[float, Floats]:
    """The lowest deviance with the first SD held at `value`, from `start`: free elements of B, log sigma, atanh phi."""
    from scipy.optimize import minimize

    size, most = int(below.sum()), float(np.arctanh(MOST))

    def objective(x: Floats) -> tuple[float, Floats]:
        b = np.zeros(below.shape)
        b[below], b[0, 0] = x[:size], value
        phi = float(np.tanh(x[-1])) if serial else 0.0
        found, by_b, by_log = own.at(b, float(x[size]), phi)
        if not np.isfinite(found):
            return 1e12, np.zeros(len(x))
        gradient = np.concatenate([by_b[below], [by_log], [0.0] if serial else []])
        if serial:
            ends = [own.at(b, float(x[size]), float(np.tanh(x[-1] + side * STEP)))[0] for side in (1, -1)]
            gradient[-1] = (ends[0] - ends[1]) / (2.0 * STEP)
        return found, gradient

    least = -most if own.rows.spacing is not None and own.rows.spacing.even else 0.0
    bounds = [(None, None)] * size + [(start[size] - 5.0, start[size] + 5.0)] + ([(least, most)] if serial else [])
    end = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-11, "gtol": 1e-5})
    return float(end.fun), end.x
