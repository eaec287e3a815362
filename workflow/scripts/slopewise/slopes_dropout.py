"""Do those who were seen for a short time change otherwise? Slopes, and courses as seen, by the time of the last visit.

The pattern picture of drop-out (Verbeke & Molenberghs 2000, chapter 17): a mixed model takes what is missing as
missing at random given the values seen. Patterns that lie apart are a reason to doubt that, not a proof against it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
PARTS, BINS = 3, 6
REACH = 1.959963984540054


def dropout(
    slopes: pd.DataFrame, measurements: pd.DataFrame, markers: Sequence[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables ``slopes/dropout`` and ``slopes/dropout_pattern``, from ``slopes/slopes`` and the cohort's rows.

    For each marker its patients are split in up to `PARTS` by the time of their last row with it, ties together.
    Means with normal 95% intervals over patients; patterns in up to `BINS` bins of time with equally many rows.
    """
    lengths, patterns = [], []
    for marker in markers:
        rows = measurements.loc[measurements[marker].notna(), ["patient", "time", marker]]
        last = rows.groupby("patient")["time"].max()
        part = pd.Series(_parts(last.to_numpy(dtype=float), PARTS), index=last.index)
        own = slopes[slopes["marker"] == marker].set_index("patient").reindex(last.index)
        for place in sorted(part.unique()):
            who = part.index[part == place]
            lengths.append(
                {
                    "marker": marker,
                    "part": int(place),
                    "last_from": float(last[who].min()),
                    "last_to": float(last[who].max()),
                    "patients": len(who),
                    **_mean(own.loc[who, "slope"].to_numpy(dtype=float), "slope"),
                    "reliability": float(own.loc[who, "reliability"].mean()),
                }
            )
        binned = rows.assign(part=rows["patient"].map(part), bin=_parts(rows["time"].to_numpy(dtype=float), BINS))
        for (place, _), cell in binned.groupby(["part", "bin"], sort=True):
            # one value a patient, so that a bin's patients count once each
            values = cell.groupby("patient")[marker].mean().to_numpy(dtype=float)
            patterns.append(
                {
                    "marker": marker,
                    "part": int(str(place)),
                    "time": float(cell["time"].mean()),
                    "patients": len(values),
                    **_mean(values, "mean"),
                }
            )
    return pd.DataFrame(lengths, columns=LENGTHS), pd.DataFrame(patterns, columns=PATTERN)


LENGTHS = ["marker", "part", "last_from", "last_to", "patients", "slope", "slope_low", "slope_high", "reliability"]
PATTERN = ["marker", "part", "time", "patients", "mean", "mean_low", "mean_high"]


def _parts(values: Floats, number: int) -> NDArray[np.int64]:
    """The part 1.. of each value (n,), cut at quantiles; equal values share a part and no part is empty."""
    cuts = np.unique(np.quantile(values, np.arange(1, number) / number, method="inverted_cdf"))
    raw = np.searchsorted(cuts, values, side="left")
    return np.unique(raw, return_inverse=True)[1].reshape(-1) + 1


def _mean(values: Floats, name: str) -> dict[str, float]:
    """Mean and normal 95% interval; the interval is missing for fewer than two values."""
    mean = float(values.mean())
    half = REACH * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
