"""Do those who were seen for a short time change otherwise? Slopes, and courses as seen, by the time of the last visit.

The pattern picture of drop-out (Verbeke & Molenberghs 2000, chapter 17): a mixed model takes what is missing as
missing at random given the values seen. Patterns that lie apart are a reason to doubt that, not a proof against it.

Slopes by part come from the study's growth model with part and part x time added to its fixed effects, fitted to
everybody; intervals have Satterthwaite's degrees of freedom. Means of predicted slopes would not do: those with few
visits are pulled to the average, the more the shorter they were seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.evidence.alike import under
from slopewise.growth.evidence.contrast import contrasts
from slopewise.growth.fitting import fit_everybody
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import MarkerData

Floats = NDArray[np.float64]
PARTS, BINS = 3, 6

REMEMBERED = 8
"""Sets of rows with a value whose cells are kept."""

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
    lengths: list[dict[str, object]] = []
    patterns: list[dict[str, object]] = []
    course = Courses(measurements)
    reliability = dict(list(slopes.set_index("patient").groupby("marker")["reliability"]))
    seen: dict[bytes, Floats] = {}
    for data in markers:
        cells, values = course.of(data.marker)
        reliable = reliability[data.marker].reindex(cells.names).to_numpy(dtype=float)
        estimated = slopes_by_part(model, data, pd.Series(cells.part, index=cells.names), seen)
        for place in np.unique(cells.part).tolist():
            who = cells.part == place
            lengths.append(
                {
                    "marker": data.marker,
                    "part": place,
                    "last_from": float(cells.last[who].min()),
                    "last_to": float(cells.last[who].max()),
                    "patients": int(who.sum()),
                    **estimated[place],
                    "reliability": float(pd.Series(reliable[who]).mean()),
                }
            )
        patterns += [{"marker": data.marker, **row} for row in cells.means(values)]
    return pd.DataFrame(lengths, columns=LENGTHS), pd.DataFrame(patterns, columns=PATTERN)


@dataclass(frozen=True, repr=False)
class Cells(ShortRepr):
    """Patients by the time of their last row, and their rows by part and bin of time; the same for all markers that
    have a value in the same rows.

    names, part, last (p,): of the patients with a row; cell (c, 2): part and bin, time (c,): the mean of its rows;
    group (rows,): the place of each row's cell and patient among all such pairs, whose cells are `of` (pairs,).
    """

    names: pd.Index
    part: NDArray[np.int64]
    last: Floats
    cell: NDArray[np.int64]
    time: Floats
    group: NDArray[np.int64]
    of: NDArray[np.int64]

    def means(self, values: Floats) -> list[dict[str, object]]:
        """Rows of ``slopes/dropout_pattern`` from the values (rows,) of a marker."""
        each = (
            pd.Series(values).groupby(self.group).mean().to_numpy()
        )  # one a patient: a bin's patients count once each
        rows = []
        for place, (part, _) in enumerate(self.cell.tolist()):
            own = each[self.of == place]
            rows.append({"part": part, "time": float(self.time[place]), "patients": len(own), **_mean(own)})
        return rows


class Courses:
    """The rows of all markers, in the order of the table."""

    def __init__(self, measurements: pd.DataFrame) -> None:
        self._measurements = measurements
        who, names = pd.factorize(measurements["patient"].to_numpy(dtype=object), sort=True)
        self._who, self._names = who.astype(np.int64), np.asarray(names, dtype=object)
        self._time = measurements["time"].to_numpy(dtype=float)
        self._cells: dict[bytes, Cells] = {}

    def of(self, marker: str) -> tuple[Cells, Floats]:
        """The cells of the marker's rows, and its values (rows,)."""
        values = self._measurements[marker].to_numpy(dtype=float)
        kept = ~np.isnan(values)
        key = kept.tobytes()
        if key not in self._cells:
            if len(self._cells) >= REMEMBERED:
                del self._cells[next(iter(self._cells))]
            self._cells[key] = self._of_rows(kept)
        return self._cells[key], values[kept]

    def _of_rows(self, kept: NDArray[np.bool_]) -> Cells:
        who, time = self._who[kept], self._time[kept]
        seen, code = np.unique(who, return_inverse=True)
        last = np.full(len(seen), -np.inf)
        np.maximum.at(last, code, time)
        part = parts(last)
        cell, which = np.unique(np.column_stack([part[code], _quantile_parts(time, BINS)]), axis=0, return_inverse=True)
        pair, group = np.unique(which.reshape(-1) * len(seen) + code, return_inverse=True)
        means = np.array([time[which.reshape(-1) == place].mean() for place in range(len(cell))])
        return Cells(pd.Index(self._names[seen]), part, last, cell, means, group, pair // len(seen))


def slopes_by_part(
    model: GrowthModel, data: MarkerData, part: pd.Series, seen: dict[bytes, Floats] | None = None
) -> dict[int, dict[str, float]]:
    """For each part 1.. (`part`: of each patient): slope, df, its interval; difference from the last part, likewise.

    `seen` keeps the combinations of fixed effects, which markers with the same rows share.

    Part and part x time are indicators of all parts but the last, so that the slope of those seen longest, whose
    courses tell it best, is that of the predictor alone. A part whose rows do not tell its slope has none.
    """
    seen = {} if seen is None else seen
    names = {int(place): f"part_{place}_" for place in sorted(part.unique())[:-1]}
    predictor = model.time
    terms = [model.fixed]
    if predictor not in data.growth.specification.fixed.variables:
        terms.append(predictor)
    for name in names.values():
        terms += [name, f"{name}:{predictor}"]
    larger = replace(model, fixed=" + ".join(terms), reml=True, engine="slopewise")
    own = data.growth
    who = np.array([part.get(patient, 0) for patient in own.patients])
    ready = under(larger, own, **{name: (who == place)[own.codes].astype(float) for place, name in names.items()})
    fit = fit_everybody(ready)
    key = fit.design.fixed.key.encode() + who.tobytes()
    if key not in seen:
        if len(seen) >= REMEMBERED:
            del seen[next(iter(seen))]
        seen[key] = np.array([_row(fit, data, who, names, place) for place in sorted(set(part.tolist()))])
    slopes = dict(zip(sorted(set(part.tolist())), seen[key], strict=True))
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


def _row(
    fit: GrowthFit, data: MarkerData, who: NDArray[np.int64], names: Mapping[int, str], place: int
) -> Floats:  # fmt: skip
    """c (p,) with c'beta the average slope of the patients of one part; who (m,): the part of each, 0 without rows."""
    inside = who == place
    moments = np.asarray(data.at)[inside]
    covariates = data.covariates[inside].assign(**{fit.specification.time: moments})
    covariates = covariates.assign(**{name: float(place == other) for other, name in names.items()})
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
