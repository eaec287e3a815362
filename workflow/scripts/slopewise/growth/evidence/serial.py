"""Is it a trend of the patient's own, or are neighbouring residuals alike? Growth models with serial correlation.

Four models with the same fixed effects, by REML: random intercept; random intercept and slope; random intercept with
an Ornstein-Uhlenbeck (exponential) process and independent error; and all three together. Within patient i

    V_i = Z_i Sigma Z_i' + v (w exp(-|t_j - t_k| / range) + (1 - w) I)

with v the residual variance, w the share of it that is serially correlated. The likelihood ratio of the last two
models tests the slope in the presence of serial correlation (Diggle, Heagerty, Liang & Zeger 2002, chapter 5): where
it is small, the data cannot tell a trend from a correlation that fades slowly.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
class _Patients(ShortRepr):
    """The k patients with the same number n of rows, who have u different sets of times: V_i is made once for each.

    distance (u, n, n), z (u, n, 2); of (k,): which set is a patient's; rows (k, n, p + 1): x and then y.
    """

    distance: Floats
    z: Floats
    of: NDArray[np.int64]
    rows: Floats


@dataclass(frozen=True)
class _Problem:
    """Standardised rows of one marker, grouped by number of rows; `constant` turns deviances into the user's."""

    groups: tuple[_Patients, ...]
    freedom: int
    unit: float
    span: float
    constant: float

    def deviance(self, theta: Floats, share: float, reach: float) -> tuple[float, float]:
        """REML deviance, residual variance profiled out, and that variance; theta: Cholesky factor of Psi (1 or 3)."""
        root = np.array([[theta[0], 0.0], [theta[1], theta[2]]]) if len(theta) == 3 else theta.reshape(1, 1)
        logs, p = 0.0, self.groups[0].rows.shape[2] - 1
        cross, right, square = np.zeros((p, p)), np.zeros(p), 0.0
        for group in self.groups:
            n = group.rows.shape[1]
            half = group.z[:, :, : len(root)] @ root
            v = half @ half.transpose(0, 2, 1) + (1.0 - share) * np.eye(n)
            if share > 0.0:
                v += share * np.exp(-group.distance / reach)
            try:
                factor = np.linalg.cholesky(v)
            except np.linalg.LinAlgError:
                return np.inf, np.nan
            logs += 2.0 * float(np.log(np.diagonal(factor, axis1=1, axis2=2)).sum(axis=1)[group.of].sum())
            if len(factor) == len(group.of):
                white = np.linalg.solve(factor, group.rows)
            else:
                white = np.linalg.inv(factor)[group.of] @ group.rows
            wx, wy = white[:, :, :p], white[:, :, p]
            cross += np.einsum("kni,knj->ij", wx, wx)
            right += np.einsum("kni,kn->i", wx, wy)
            square += float((wy**2).sum())
        left = square - float(right @ np.linalg.solve(cross, right))
        variance = left / self.freedom
        determinant = float(np.linalg.slogdet(cross)[1])
        value = logs + determinant + self.freedom * (1.0 + np.log(2.0 * np.pi * variance))
        return value + self.constant, variance


def compare_serial(intercept: GrowthFit, slope: GrowthFit) -> SerialComparison:
    """Fit the two models with serial correlation beside the two fits without (REML, same rows, one random intercept).

    Time is the column whose slope the models have. Twins at one time share the whole process.
    """
    problem = _standardised(slope)
    plain = _search(problem, np.array([1.0]))
    both = _search(problem, np.array([1.0, 0.0, 0.5]), plain)
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
    time = z[:, 1]
    scale = float(np.sqrt(((time - time.mean()) ** 2).mean())) or 1.0
    z = np.column_stack([np.ones(len(y)), (time - time.mean()) / scale])
    sizes, starts = data.n_rows, data.starts
    groups = []
    longest = 0.0
    for n in np.unique(sizes[sizes > 0]):
        rows = starts[:-1][sizes == n][:, None] + np.arange(n)
        times, first, of = np.unique(time[rows], axis=0, return_index=True, return_inverse=True)
        if len(times) == len(rows):  # no two patients have the same times
            times, first, of = time[rows], np.arange(len(rows)), np.arange(len(rows))
        longest = max(longest, float(np.ptp(times, axis=1).max()))
        distance = np.abs(times[:, :, None] - times[:, None, :])
        own = np.concatenate([orthonormal[rows], (y[rows] / unit)[:, :, None]], axis=2)
        groups.append(_Patients(distance, z[rows[first]], of.reshape(-1), own))
    jacobian = 2.0 * float(np.log(np.abs(np.diag(upper))).sum())
    constant = 2.0 * freedom * float(np.log(unit)) + jacobian
    return _Problem(tuple(groups), freedom, unit, longest or 1.0, constant)


def _search(problem: _Problem, root: Floats, known: SerialFit | None = None) -> SerialFit:
    """The lowest deviance over Psi, share and range, from several starts (and from the process that is `known`)."""
    from scipy.optimize import minimize

    size = len(root)
    shortest = min(_gaps(problem), default=problem.span) / 5.0
    bounds = [*([(-100.0, 100.0)] * size), (0.0, 0.999), (np.log(shortest), np.log(LONGEST * problem.span))]

    def objective(theta: Floats) -> float:
        value = problem.deviance(theta[:size], float(theta[size]), float(np.exp(theta[size + 1])))[0]
        return value if np.isfinite(value) else 1e12

    ends = []
    starts = [(known.share, known.range / problem.span)] if known is not None and known.share > 0 else []
    for share, reach in (*starts, *STARTS[: 2 - len(starts)]):
        start = np.array([*root, share, np.clip(np.log(reach * problem.span), *bounds[-1])])
        ends.append(minimize(objective, start, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-10, "gtol": 1e-5}))
    end = min(ends, key=lambda result: float(result.fun))
    share, reach = float(end.x[size]), float(np.exp(end.x[size + 1]))
    value, variance = problem.deviance(end.x[:size], share, reach)
    return SerialFit(value, share, reach if share > 0 else np.nan, problem.unit * float(np.sqrt(variance)))


def _gaps(problem: _Problem) -> Iterator[float]:
    """The smallest positive distance of two rows of one patient, by group."""
    for group in problem.groups:
        positive = group.distance[group.distance > 0]
        if len(positive):
            yield float(positive.min())
