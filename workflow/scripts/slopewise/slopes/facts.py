"""Facts of each patient's own rows, and what of the scores is published."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth import GrowthBatch
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.scores import SCORES

REMEMBERED = 8
"""Sets of rows with a value whose facts are kept."""


def population_course(
    data: MarkerData, batch: GrowthBatch, measurements: pd.DataFrame, points: int = 41
) -> pd.DataFrame:
    """The table ``growth/population``: x(t)'β̂ averaged over the cohort's covariates, up to the landmark."""
    predictor = data.growth.specification.time
    seen = measurements[predictor]
    end = data.landmark if predictor == "time" and np.isfinite(data.landmark) else float(seen.max())
    times = np.linspace(min(0.0, float(seen.min())), end, points)
    n = len(data.covariates)
    every = data.covariates.iloc[np.tile(np.arange(n), points)]  # one evaluation of the formula for all times
    x = batch.design(every, np.repeat(times, n))[0].reshape(points, n, -1)
    mean = [float((own @ batch.beta[0]).mean()) for own in x]
    return pd.DataFrame({"marker": data.marker, "time": times, "mean": mean})


def published(scores: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The table ``slopes/slopes``: cross-fitted scores as the mean over repeats, beside the facts of the data."""
    crossfitted = scores[(scores["scheme"] == "crossfit") & (scores["repeat"] > 0)]
    mean = crossfitted.groupby(["patient", "marker"], sort=True)[list(SCORES)].mean().reset_index()
    return facts.merge(mean, on=["patient", "marker"], how="left", validate="one_to_one")


def difference_reliability(first: NDArray[np.float64], last: NDArray[np.float64], icc: float) -> float:
    """The share of the variance of last − first between patients (n,) that is not measurement error.

    `icc`: the intraclass correlation of single repeated scans, so that a scan has the error variance
    (1 − icc) times the mean variance of the two. Then (Lord 1963; Kelley 1947 shrinks each difference by it towards
    the mean) 1 − (1 − icc)(s1² + s2²) / (s1² + s2² − 2 s12), at least 0. Missing with fewer than 3 patients and where
    differences do not vary.
    """
    known = np.isfinite(first) & np.isfinite(last)
    if known.sum() < 3 or not np.isfinite(icc):
        return float("nan")
    change = float((last - first)[known].var(ddof=1))
    both = float(first[known].var(ddof=1) + last[known].var(ddof=1))
    return max(0.0, 1.0 - (1.0 - icc) * both / change) if change > 0 else float("nan")


def facts(
    measurements: pd.DataFrame, patients: pd.DataFrame, marker: str, logarithmic: bool, predictor: str = "time"
) -> pd.DataFrame:
    """`RowFacts.of` of one marker."""
    return RowFacts(measurements, patients, predictor).of(marker, logarithmic)


@dataclass(frozen=True, repr=False)
class _Known(ShortRepr):
    """What the times of the rows with a value say, the same for all markers that have a value in these rows.

    code (rows,): the place of each row's patient among the p patients with a row; starts, ends (p,): the first and last
    row of each; visits, span (p,); apart (p,): whether the last row is later than the first; centred (rows,) the
    predictor less its patient's mean, squares (p,) the sums of its squares.
    """

    code: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    names: NDArray[np.object_]
    visits: NDArray[np.int64]
    span: NDArray[np.float64]
    apart: NDArray[np.bool_]
    centred: NDArray[np.float64]
    squares: NDArray[np.float64]


class RowFacts:
    """What the rows of `measurements` up to the landmark say about each of `patients`, without any model.

    The rows are sorted once for all markers.
    """

    def __init__(self, measurements: pd.DataFrame, patients: pd.DataFrame, predictor: str = "time") -> None:
        who, names = pd.factorize(measurements["patient"].to_numpy(dtype=object), sort=True)
        when = measurements["time"].to_numpy(dtype=float)
        order = np.lexsort((when, who))
        self._measurements, self._order, self._predictor = measurements, order, predictor
        self._who, self._names, self._when = who[order], np.asarray(names, dtype=object), when[order]
        self._along = measurements[predictor].to_numpy(dtype=float)[order]
        self._cohort = pd.Index(sorted(str(patient) for patient in patients["patient"]), name="patient")
        self._known: dict[bytes, _Known] = {}

    def of(self, marker: str, logarithmic: bool) -> pd.DataFrame:
        """One row a patient of the cohort.

        Columns patient, marker, visits (distinct times with a value; rows, of a predictor other than time), span
        (of the predictor: analysis units), first and last in time, delta = last − first, delta_relative
        (exp(delta) − 1 for a log-transformed marker, else delta/first where first > 0, else empty) and slope_ols, the
        patient's least-squares slope by the predictor (empty with fewer than two distinct values of it).
        delta is empty with one time: nothing has been seen to change.
        """
        values = self._measurements[marker].to_numpy(dtype=float)[self._order]
        kept = ~np.isnan(values)
        values, own = values[kept], self._rows(kept)
        first, last = values[own.starts], values[own.ends]
        delta = np.where(own.apart, last - first, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = np.expm1(delta) if logarithmic else np.where(first > 0, delta / first, np.nan)
            mean = pd.Series(values).groupby(own.code).transform("mean").to_numpy()
            products = pd.Series(own.centred * (values - mean)).groupby(own.code).sum().to_numpy()
            slope = np.where(own.span > 0, products / own.squares, np.nan)
        table = pd.DataFrame(
            {
                "visits": own.visits, "span": own.span, "first": first, "last": last, "delta": delta,
                "delta_relative": relative, "slope_ols": slope,
            },
            index=pd.Index(own.names, name="patient"),
        ).reindex(self._cohort).reset_index()  # fmt: skip
        table["visits"] = table["visits"].fillna(0).astype("int64")
        return table.assign(marker=marker)

    def _rows(self, kept: NDArray[np.bool_]) -> _Known:
        key = kept.tobytes()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = self._of_rows(kept)
        return self._known[key]

    def _of_rows(self, kept: NDArray[np.bool_]) -> _Known:
        who, when, along = self._who[kept], self._when[kept], self._along[kept]
        seen, starts, code = np.unique(who, return_index=True, return_inverse=True)
        ends = np.append(starts[1:], len(who))[: len(starts)] - 1
        groups = pd.Series(along).groupby(code)
        centred = along - groups.transform("mean").to_numpy()
        visits = groups.nunique() if self._predictor == "time" else groups.size()
        return _Known(
            code=code.astype(np.int64),
            starts=starts,
            ends=ends,
            names=self._names[seen],
            visits=np.asarray(visits, dtype=np.int64),
            span=(groups.max() - groups.min()).to_numpy(dtype=float),
            apart=when[ends] > when[starts],
            centred=centred,
            squares=pd.Series(centred**2).groupby(code).sum().to_numpy(dtype=float),
        )
