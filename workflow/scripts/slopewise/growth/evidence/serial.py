"""Is it a trend of the patient's own, or are neighbouring residuals alike? Growth models with serial correlation.

Four models with the same fixed effects, by REML: random intercept; random intercept and slope; random intercept with
an Ornstein-Uhlenbeck (exponential) process and independent error; and all three together. Within patient i

    V_i = Z_i Sigma Z_i' + v (w exp(-|t_j - t_k| / range) + (1 - w) I)

with v the residual variance, w the share of it that is serially correlated. The likelihood ratio of the last two
models tests the slope in the presence of serial correlation (Diggle, Heagerty, Liang & Zeger 2002, chapter 5): where
it is small, the data cannot tell a trend from a correlation that fades slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.run import serial_point
from slopewise.growth.evidence.compare import boundary_p
from slopewise.growth.fit import GrowthFit, design_of
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

LONGEST = 20.0
"""Bound of the process's range, in spans of the longest patient: beyond it the process is a random walk."""

STARTS = ((0.3, 0.1), (0.8, 1.0))
"""Starting values of (share, range in longest spans)."""


@dataclass(frozen=True)
class SerialFit:
    """One of the four models: deviance (REML, lme4's constant), share w, range (time units), residual SD."""

    deviance: float
    share: float
    range: float
    sd: float


@dataclass(frozen=True)
class SerialComparison:
    """The models with serial correlation and without; `lrt`, `p_value` of the slope given serial correlation.

    deviance: of random_intercept, random_slope, serial, slope_and_serial.
    """

    deviance: dict[str, float]
    serial: SerialFit
    both: SerialFit
    lrt: float
    p_value: float


@dataclass(frozen=True, repr=False)
class _Problem(ShortRepr):
    """Standardised rows of one marker by patient and time; `constant` turns deviances into the user's.

    z (rows, 2), xy (rows, p + 1) with X orthonormal, time (rows,) in its own units, starts (m + 1,).
    """

    z: Floats
    xy: Floats
    time: Floats
    starts: NDArray[np.int64]
    unit: float
    span: float
    constant: float


def compare_serial(intercept: GrowthFit, slope: GrowthFit) -> SerialComparison:
    """Fit the two models with serial correlation beside the two fits without (REML, same rows, one random intercept).

    Time is the column whose slope the models have. Twins at one time share the whole process.
    """
    problem = _standardised(slope)
    plain = _search(problem, 1)
    both = _search(problem, 2, plain)
    # A richer model cannot fit worse: what the search missed, the fits without serial correlation have.
    serial = plain if plain.deviance <= intercept.deviance else _without(intercept)
    candidates = [both, _without(slope), serial]
    best = min(candidates, key=lambda fit: fit.deviance)
    lrt = max(0.0, serial.deviance - best.deviance)
    deviance = {
        "random_intercept": intercept.deviance,
        "random_slope": slope.deviance,
        "serial": serial.deviance,
        "slope_and_serial": best.deviance,
    }
    return SerialComparison(deviance, serial, best, lrt, boundary_p(lrt, 2))


def _without(fit: GrowthFit) -> SerialFit:
    return SerialFit(fit.deviance, 0.0, np.nan, fit.sigma)


def _standardised(fit: GrowthFit) -> _Problem:
    assert fit.batch is not None
    data = fit.batch.data
    x, z = design_of(fit)
    x = x[:, ~fit.results.aliased[0]]
    orthonormal, upper = np.linalg.qr(x)
    y = data.values - orthonormal @ (orthonormal.T @ data.values)
    unit = float(np.sqrt(y @ y / len(y)))
    freedom = len(y) - x.shape[1]
    order = np.lexsort((z[:, 1], data.codes))
    time = np.ascontiguousarray(z[order, 1])
    scale = float(np.sqrt(((time - time.mean()) ** 2).mean())) or 1.0
    starts = np.concatenate([[0], np.cumsum(data.n_rows[data.n_rows > 0])]).astype(np.int64)
    jacobian = 2.0 * float(np.log(np.abs(np.diag(upper))).sum())
    return _Problem(
        z=np.column_stack([np.ones(len(y)), (time - time.mean()) / scale]),
        xy=np.column_stack([orthonormal, y / unit])[order],
        time=time,
        starts=starts,
        unit=unit,
        span=float((time[starts[1:] - 1] - time[starts[:-1]]).max()) or 1.0,
        constant=2.0 * freedom * float(np.log(unit)) + jacobian,
    )


def _search(problem: _Problem, q: int, known: SerialFit | None = None) -> SerialFit:
    """The lowest deviance over Psi (q, q), share and range, from several starts (and from the process `known`)."""
    from scipy.optimize import minimize

    shortest = _shortest_gap(problem) / 5.0
    bounds = [(0.0, 0.999), (np.log(shortest), np.log(LONGEST * problem.span))]
    columns = np.ascontiguousarray(np.column_stack([problem.z[:, :q], problem.xy]))

    def at(theta: Floats, psi: Floats) -> tuple[float, float, Floats]:
        return serial_point(columns, problem.time, problem.starts, q, float(theta[0]), float(theta[1]), psi)

    ends = []
    starts = [(known.share, known.range / problem.span)] if known is not None and known.share > 0 else []
    for share, reach in (*starts, *STARTS[: 2 - len(starts)]):
        psi = np.eye(q)

        def objective(theta: Floats, psi: Floats = psi) -> tuple[float, Floats]:
            value, _, gradient = at(theta, psi)
            return (value, gradient) if np.isfinite(value) else (1e12, np.zeros(2))

        start = np.array([share, np.clip(np.log(reach * problem.span), *bounds[1])])
        options = {"ftol": 1e-11, "gtol": 1e-5}
        end = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        ends.append((float(end.fun), end.x, psi))
    _, best, psi = min(ends, key=lambda end: end[0])
    value, variance, _ = at(best, psi)
    share, reach = float(best[0]), float(np.exp(best[1]))
    sd = problem.unit * float(np.sqrt(variance))
    return SerialFit(value + problem.constant, share, reach if share > 0 else np.nan, sd)


def _shortest_gap(problem: _Problem) -> float:
    """The smallest positive distance of two rows of one patient; the longest span where there is none."""
    gaps = np.diff(problem.time)
    gaps[problem.starts[1:-1] - 1] = 0.0
    return float(gaps[gaps > 0].min(initial=problem.span))
