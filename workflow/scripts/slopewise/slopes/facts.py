"""Facts of each patient's own rows, and what of the scores is published."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth import GrowthBatch
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.scores import SCORES


def population_course(
    data: MarkerData, batch: GrowthBatch, measurements: pd.DataFrame, points: int = 41
) -> pd.DataFrame:
    """The table ``growth/population``: x(t)'β̂ averaged over the cohort's covariates, up to the landmark."""
    predictor = data.growth.specification.time
    seen = measurements[predictor]
    end = data.landmark if predictor == "time" and np.isfinite(data.landmark) else float(seen.max())
    times = np.linspace(min(0.0, float(seen.min())), end, points)
    mean = [float((batch.design(data.covariates, float(t))[0] @ batch.beta[0]).mean()) for t in times]
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
    """What a marker's own rows up to the landmark say about each patient, without any model.

    Columns patient, marker, visits (distinct times with a value; rows, of a `predictor` other than time), span
    (of the predictor: analysis units), first and last in time, delta = last − first, delta_relative
    (exp(delta) − 1 for a log-transformed marker, else delta/first where first > 0, else empty) and slope_ols, the
    patient's least-squares slope by the predictor (empty with fewer than two distinct values of it).
    delta is empty with one time: nothing has been seen to change.
    """
    known = measurements.loc[measurements[marker].notna()]
    rows = pd.DataFrame(
        {"patient": known["patient"], "when": known["time"], "time": known[predictor], "value": known[marker]}
    )
    rows = rows.sort_values(["patient", "when"], kind="stable")
    groups = rows.groupby("patient", sort=True)
    table = pd.DataFrame(
        {
            "visits": groups["time"].nunique() if predictor == "time" else groups.size(),
            "span": groups["time"].max() - groups["time"].min(),
            "first": groups["value"].first(),
            "last": groups["value"].last(),
        }
    )
    table["delta"] = (table["last"] - table["first"]).where(groups["when"].max() > groups["when"].min())
    if logarithmic:
        table["delta_relative"] = np.expm1(table["delta"])
    else:
        table["delta_relative"] = (table["delta"] / table["first"]).where(table["first"] > 0)
    centred_time = rows["time"] - groups["time"].transform("mean")
    centred_value = rows["value"] - groups["value"].transform("mean")
    products = (centred_time * centred_value).groupby(rows["patient"]).sum()
    squares = (centred_time**2).groupby(rows["patient"]).sum()
    table["slope_ols"] = (products / squares).where(table["span"] > 0)
    cohort = pd.Index(sorted(str(patient) for patient in patients["patient"]), name="patient")
    table = table.reindex(cohort).reset_index()
    table["visits"] = table["visits"].fillna(0).astype("int64")
    return table.assign(marker=marker)
