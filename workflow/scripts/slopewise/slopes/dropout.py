"""Do those who were seen for a short time change otherwise? Slopes, and courses as seen, by the time of the last visit.

The pattern picture of drop-out (Verbeke & Molenberghs 2000, chapter 17): a mixed model takes what is missing as
missing at random given the values seen. Patterns that lie apart are a reason to doubt that, not a proof against it.

Slopes by part come from the study's growth model with part and part x time added to its fixed effects, fitted to
everybody; intervals have Satterthwaite's degrees of freedom. Means of predicted slopes would not do: those with few
visits are pulled to the average, the more the shorter they were seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.evidence.contrast import contrasts
from slopewise.growth.evidence.tables import rows_of
from slopewise.growth.fitting import fit_everybody
from slopewise.slopes.marker import MarkerData

Floats = NDArray[np.float64]
PARTS, BINS = 3, 6

LENGTHS = ["marker", "part", "last_from", "last_to", "patients", "slope", "df", "slope_low", "slope_high"]
LENGTHS += ["difference", "difference_low", "difference_high", "p_value", "reliability"]
PATTERN = ["marker", "part", "time", "patients", "mean", "mean_low", "mean_high"]


def dropout(
    model: GrowthModel, markers: Iterable[MarkerData], measurements: pd.DataFrame, slopes: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables ``slopes/dropout`` and ``slopes/dropout_pattern``.

    For each marker its patients are split in up to `PARTS` by the time of their last row with it (`parts`); `slopes`
    are ``slopes/slopes``, for the mean reliability of each part. slope: average slope of the part's patients, at the
    landmark (at each patient's last value, where there is none), difference: that less the slope of the part seen
    longest, both with 95% intervals; missing where they cannot be estimated. Patterns are means with 95% t intervals
    over patients, in up to `BINS` bins of time with equally many rows.
    """
    lengths, patterns = [], []
    for data in markers:
        marker = data.marker
        rows = measurements.loc[measurements[marker].notna(), ["patient", "time", marker]]
        last = rows.groupby("patient")["time"].max()
        part = pd.Series(parts(last.to_numpy(dtype=float)), index=last.index.astype(str))
        last.index = part.index
        own = slopes[slopes["marker"] == marker].set_index("patient").reindex(part.index)
        estimated = slopes_by_part(model, data, part)
        for place in sorted(part.unique()):
            who = part.index[part == place]
            lengths.append(
                {
                    "marker": marker,
                    "part": int(place),
                    "last_from": float(last[who].min()),
                    "last_to": float(last[who].max()),
                    "patients": len(who),
                    **estimated[int(place)],
                    "reliability": float(own.loc[who, "reliability"].mean()),
                }
            )
        binned = rows.assign(
            part=rows["patient"].astype(str).map(part), bin=_quantile_parts(rows["time"].to_numpy(dtype=float), BINS)
        )
        for (place, _), cell in binned.groupby(["part", "bin"], sort=True):
            # one value a patient, so that a bin's patients count once each
            values = cell.groupby("patient")[marker].mean().to_numpy(dtype=float)
            patterns.append(
                {
                    "marker": marker,
                    "part": int(str(place)),
                    "time": float(cell["time"].mean()),
                    "patients": len(values),
                    **_mean(values),
                }
            )
    return pd.DataFrame(lengths, columns=LENGTHS), pd.DataFrame(patterns, columns=PATTERN)


def slopes_by_part(model: GrowthModel, data: MarkerData, part: pd.Series) -> dict[int, dict[str, float]]:
    """For each part 1.. (`part`: of each patient): slope, df, its interval; difference from the last part, likewise.

    Part and part x time are indicators of all parts but the last, so that the slope of those seen longest, whose
    courses tell it best, is that of the predictor alone. A part whose rows do not tell its slope has none.
    """
    names = {int(place): f"part_{place}_" for place in sorted(part.unique())[:-1]}
    predictor = model.time
    indicators = {name: (part == place).astype(float) for place, name in names.items()}
    terms = [model.fixed]
    if predictor not in data.growth.specification.fixed.variables:
        terms.append(predictor)
    for name in names.values():
        terms += [name, f"{name}:{predictor}"]
    larger = replace(model, fixed=" + ".join(terms), reml=True, engine="slopewise")
    own = data.growth
    frame = rows_of(own)
    who = frame[own.layout.patient].astype(str)
    frame = frame.assign(**{name: who.map(of).to_numpy() for name, of in indicators.items()})
    ready = larger.data(frame, own.response, own.layout.patient)
    fit = fit_everybody(ready)
    slopes = {int(place): _row(fit, data, part, indicators, int(place)) for place in sorted(part.unique())}
    longest = slopes[max(slopes)]
    found = contrasts(fit, np.array([*slopes.values(), *(row - longest for row in slopes.values())]))
    if not np.isfinite(fit.deviance):
        found.loc[:, :] = np.nan
    table = {}
    for k, place in enumerate(slopes):
        slope, apart = found.iloc[k], found.iloc[k + len(slopes)]
        if place == max(slopes):
            apart = apart * np.nan
        table[place] = {
            "slope": slope["estimate"], "df": slope["df"], "slope_low": slope["ci_low"], "slope_high": slope["ci_high"],
            "difference": apart["estimate"], "difference_low": apart["ci_low"], "difference_high": apart["ci_high"],
            "p_value": apart["p_value"],
        }  # fmt: skip
    return table


def _row(fit: GrowthFit, data: MarkerData, part: pd.Series, indicators: Mapping[str, pd.Series], place: int) -> Floats:
    """c (p,) with c'beta the average slope of the patients of one part."""
    inside = np.array([part.get(patient) == place for patient in data.patients])
    moments = np.asarray(data.at)[inside]
    covariates = data.covariates[inside].assign(**{fit.specification.time: moments})
    for name, of in indicators.items():
        covariates = covariates.assign(**{name: np.array([of[data.patients[i]] for i in np.flatnonzero(inside)])})
    row: Floats = fit.design.fixed.derivative(covariates).mean(axis=0)
    return row


def parts(values: Floats) -> NDArray[np.int64]:
    """The part 1.. of each value (n,), the times of last visits: about thirds, ties together.

    Where so many share one time that thirds cannot be distinguished, the parts are before it, at it and after it.
    There is one part alone only where all values are the same.
    """
    cuts = np.unique(np.quantile(values, np.arange(1, PARTS) / PARTS, method="inverted_cdf"))
    if len(cuts) == 1:
        raw = np.sign(values - cuts[0]).astype(np.int64)
    else:
        raw = np.searchsorted(cuts, values, side="left").astype(np.int64)
    return np.unique(raw, return_inverse=True)[1].reshape(-1).astype(np.int64) + 1


def _quantile_parts(values: Floats, number: int) -> NDArray[np.int64]:
    """The part 1.. of each value (n,), cut at quantiles; equal values share a part and no part is empty."""
    cuts = np.unique(np.quantile(values, np.arange(1, number) / number, method="inverted_cdf"))
    raw = np.searchsorted(cuts, values, side="left")
    return np.unique(raw, return_inverse=True)[1].reshape(-1).astype(np.int64) + 1


def _mean(values: Floats) -> dict[str, float]:
    """Mean and 95% t interval; the interval is missing for fewer than two values."""
    mean, n = float(values.mean()), len(values)
    half = float(stdtrit(n - 1, 0.975)) * float(values.std(ddof=1)) / np.sqrt(n) if n > 1 else np.nan
    return {"mean": mean, "mean_low": mean - half, "mean_high": mean + half}
