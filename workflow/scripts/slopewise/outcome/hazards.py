"""Do hazard ratios stay the same over time? The score test of Grambsch & Therneau and scaled Schoenfeld residuals.

A term of the model is let change with g(t), one minus the Kaplan–Meier curve just before t, and the score of that
change is tested at 0 (Grambsch & Therneau 1994, 10.1093/biomet/81.3.515, in the exact form of R's `cox.zph` since
survival 3.0): with x̄(t), V(t) mean and variance of the predictors over the risk set and d(t) the events,
U = Σ g (x − x̄), I = Σ V ⊗ [[1, g], [g, g²]], and U'(I⁻¹)U of the tested part is χ².
A scaled Schoenfeld residual β + d (Σ V)⁻¹ (x − x̄) is about the coefficient at its moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc

from slopewise.design.splines import bends
from slopewise.metrics.ipcw import kaplan_meier
from slopewise.outcome.cox import independent

Floats = NDArray[np.float64]
GLOBAL = ""
"""The term of the test of all terms together."""

SMALLEST = 1e-9
"""The share of its information on a change that a term keeps, below which it is rounding."""

PICTURED = "slope"
"""The ladder step whose residuals are kept for the picture."""


@dataclass(frozen=True)
class ScoreTest:
    """`statistic`, `df`, `p_value` (k + 1,) of each term and, last, of all; residuals in the order of their times.

    `time`, `moment` (events,) the events and g there; `residual` (events, k) scaled Schoenfeld residuals, missing where
    a stratum tells nothing of a term; `variance` (k, k) of one residual.
    """

    statistic: Floats
    df: NDArray[np.int64]
    p_value: Floats
    time: Floats
    moment: Floats
    residual: Floats
    variance: Floats


def score_test(
    x: Floats,
    followup: ArrayLike,
    event: ArrayLike,
    beta: Floats,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> ScoreTest:
    """Test every coefficient `beta` (k,) of a Cox model (Efron's ties) of `x` (n, k), and all together."""
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    late = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, dtype=float)
    stratum = np.zeros(len(time), dtype=np.int64) if strata is None else np.asarray(strata, dtype=np.int64)
    k = x.shape[1]
    moment = _moments(time, happened, late)
    moment = moment - moment[happened].mean()
    eta = x @ beta
    risk = np.exp(eta - eta.max())
    score, info = np.zeros(k), np.zeros((3, k, k))
    residual, used, rows = np.zeros((len(time), k)), np.zeros((stratum.max() + 1, k)), []
    for own in np.unique(stratum):
        for at in np.unique(time[happened & (stratum == own)]):
            members = (stratum == own) & (late < at) & (time >= at)
            dying = members & happened & (time == at)
            g = moment[dying][0]
            mean, variance = _efron(x[members], risk[members], dying[members])
            gap = x[dying] - mean
            residual[dying] = gap
            score += g * gap.sum(axis=0)
            for power in range(3):
                info[power] += g**power * variance
            rows.append(np.flatnonzero(dying))
        used[own] = (happened & (stratum == own)).sum() * (np.ptp(x[stratum == own], axis=0) > 0)
    events = np.concatenate(rows)
    events = events[np.argsort(time[events], kind="stable")]
    statistic, df = _statistics(score, info)
    variance = info[0] / np.maximum(np.minimum(used[:, :, None], used[:, None, :]).sum(axis=0), 1.0)
    return ScoreTest(
        statistic,
        df,
        chdtrc(df, statistic),
        time[events],
        moment[events],
        _scaled(residual[events], variance, used[stratum[events]] > 0) + beta,
        np.linalg.inv(variance),
    )


def _moments(time: Floats, event: NDArray[np.bool_], late: Floats) -> Floats:
    """One minus Kaplan–Meier's curve just before each time, (n,); strata count together."""
    if np.isneginf(late).all():
        return 1.0 - kaplan_meier(time, event).before(time)
    alive, steps = 1.0, []
    for at in np.unique(time[event]):
        steps.append((at, alive))
        alive *= 1.0 - (event & (time == at)).sum() / ((late < at) & (time >= at)).sum()
    place = np.searchsorted([at for at, _ in steps], time, side="left")
    return 1.0 - np.append([before for _, before in steps], alive)[place]


def _efron(x: Floats, risk: Floats, dying: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Mean of the predictors (k,) over the events of one moment, and the sum of variances (k, k), after Efron."""
    deaths, centre = int(dying.sum()), x.mean(axis=0)
    moved = x - centre
    mean, variance = np.zeros(x.shape[1]), np.zeros((x.shape[1], x.shape[1]))
    for number in range(deaths):
        weight = risk * np.where(dying, 1.0 - number / deaths, 1.0)
        weight /= weight.sum()
        own = weight @ moved
        mean += own / deaths
        variance += (moved * weight[:, None]).T @ moved - np.outer(own, own)
    return mean + centre, variance


def _statistics(score: Floats, info: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """χ² of each term and of all together with their degrees of freedom, (k + 1,); missing where nothing can be said.

    Nothing can be concluded of a term that distinguishes patients at one moment alone. The
    test of all together is of the others.
    """
    k = len(score)
    rest = info[2] - info[1].T @ np.linalg.solve(info[0], info[1])
    told = np.flatnonzero(np.diag(rest) > SMALLEST * np.diag(info[2]))
    told = told[independent(rest[np.ix_(told, told)], SMALLEST)]
    found, df = np.full(k + 1, np.nan), np.ones(k + 1, dtype=np.int64)
    found[told] = score[told] ** 2 / np.diag(rest)[told]
    if len(told):
        found[k] = score[told] @ np.linalg.solve(rest[np.ix_(told, told)], score[told])
    df[k] = len(told)
    return found, df


def _scaled(residual: Floats, variance: Floats, used: NDArray[np.bool_]) -> Floats:
    """(Σ V / d)⁻¹ of each residual (events, k), among the terms that its stratum tells of."""
    scaled = np.full(residual.shape, np.nan)
    for pattern in np.unique(used, axis=0):
        if pattern.any():
            rows = (used == pattern).all(axis=1)
            found = np.linalg.solve(variance[np.ix_(pattern, pattern)], residual[rows][:, pattern].T).T
            scaled[np.ix_(rows, pattern)] = found
    return scaled


def smoothed(test: ScoreTest, term: int) -> pd.DataFrame:
    """A term's residuals over time with a natural spline (4 df) of g(t) through them and its 95% band.

    Columns time, residual, smooth, ci_low, ci_high; the band as in R's `plot.cox.zph` (residuals of one variance).
    Without a curve where events have fewer than five different moments.
    """
    seen = ~np.isnan(test.residual[:, term])
    time, y, g = test.time[seen], test.residual[seen, term], test.moment[seen]
    table = pd.DataFrame({"time": time, "residual": y, "smooth": np.nan, "ci_low": np.nan, "ci_high": np.nan})
    if len(np.unique(g)) < 5:
        return table
    knots = np.linspace(g.min(), g.max(), 4)
    basis = np.column_stack([np.ones(len(g)), g, bends(g, tuple(knots))])
    q, r = np.linalg.qr(basis)
    if np.abs(np.diag(r)).min() < 1e-9 * np.abs(np.diag(r)).max():
        return table
    smooth = q @ (q.T @ y)
    half = 1.96 * np.sqrt(test.variance[term, term] * (q * q).sum(axis=1))
    return table.assign(smooth=smooth, ci_low=smooth - half, ci_high=smooth + half)


@dataclass(frozen=True)
class HazardCheck:
    """Tables ``outcome/proportional_hazards`` and ``outcome/schoenfeld``; without rows where nothing can be said."""

    tests: pd.DataFrame
    residuals: pd.DataFrame


TESTS = ["predictors", "cause", "term", "statistic", "df", "p_value"]
RESIDUALS = ["predictors", "cause", "term", "time", "residual", "smooth", "ci_low", "ci_high"]


def empty_tests() -> pd.DataFrame:
    """``outcome/proportional_hazards`` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in zip(TESTS, "OOOfif", strict=True)})


def empty_residuals() -> pd.DataFrame:
    """``outcome/schoenfeld`` without rows."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in zip(RESIDUALS, "OOOfffff", strict=True)})


def tests_frame(predictors: str, cause: str, terms: Sequence[str], found: ScoreTest) -> pd.DataFrame:
    """Rows of ``outcome/proportional_hazards`` of one model; the term of the global test is empty.

    A term that could not be tested has none.
    """
    rows = zip([*terms, GLOBAL], found.statistic, found.df, found.p_value, strict=True)
    told = [(predictors, cause, *row) for row in rows if np.isfinite(row[1])]
    return pd.DataFrame(told, columns=TESTS) if told else empty_tests()


def residuals_frame(predictors: str, cause: str, terms: Sequence[str], found: ScoreTest) -> pd.DataFrame:
    """Rows of ``outcome/schoenfeld`` of one model."""
    parts = [smoothed(found, j).assign(predictors=predictors, cause=cause, term=term) for j, term in enumerate(terms)]
    return pd.concat(parts, ignore_index=True)[RESIDUALS]
