"""Does the landmark split a planned visit? Then who was seen a little late has one visit less than who came early."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.clock import DAYS
from slopewise.cohort.findings import WARNING, Findings
from slopewise.study.model import Study

SHARE = 1.0 / 6.0
"""The window on each side of the landmark, as a share of the time from one visit to the next."""
BINS = 3
"""So many bins make a window."""
FEWEST = 5
NICE = (5.0, 2.0, 1.0)


@dataclass(frozen=True)
class _Visits:
    """Times of all rows since the landmark (N,), in the analysis unit, and the window's width."""

    since: NDArray[np.float64]
    width: float

    def between(self, low: float, high: float) -> int:
        """Rows later than `low` windows and up to `high` windows after the landmark."""
        return int(((self.since > low * self.width) & (self.since <= high * self.width)).sum())

    def splits(self, fewest: float) -> bool:
        """Whether the landmark lies on a visit: many rows on each side, and twice as dense as around them."""
        before, after = self.between(-1, 0), self.between(0, 1)
        around = self.between(-3, 3) - before - after
        return min(before, after) >= fewest and before + after >= around


def warn_of_split_visit(
    study: Study, rows: pd.DataFrame, file: str, findings: Findings, runs: Callable[[float], bool] | None = None
) -> None:
    """Warn when the landmark sits on a planned visit, so that half of the patients come before it and half after.

    The window is a sixth of the usual time between the visits before and after the landmark (two months for yearly
    visits, eight hours for visits every other day). The landmark splits a visit when the windows on both sides hold
    many rows (at least 5, and 5% of the patients) and together as many as the two windows before and the two after
    them, so that rows are twice as dense there. The action proposes the nearest landmark, later if possible, around
    which rows are few (at most a tenth of the fullest third of a window); `runs` says whether a study at a landmark
    can run, and none is proposed that cannot.
    """
    s, unit = study.landmark_time, study.data.analysis_unit
    spacing = _spacing(rows, s) if math.isfinite(s) and unit != "none" else 0.0
    if spacing <= 0:
        return
    times = rows["time"].to_numpy(dtype=float)
    fewest = max(FEWEST, 0.05 * rows["patient"].nunique())

    def seen(landmark: float) -> _Visits:
        return _Visits(np.round(times - landmark, 9), SHARE * spacing)

    visits = seen(s)
    if not visits.splits(fewest):
        return
    action = (
        "no landmark between this visit and its neighbours leaves a study that can run; patients who were seen a "
        "little late have one visit fewer than the others"
    )
    for proposal in _between_visits(visits, s):
        if not seen(proposal).splits(fewest) and (runs is None or runs(proposal)):
            action = f"consider landmark: {proposal:g}, {'past' if proposal > s else 'before'} that visit"
            break
    width = _duration(visits.width * DAYS[unit])
    message = (
        f"the landmark {s:g} {unit} splits a visit: {visits.between(-1, 0)} rows in the {width} before, "
        f"{visits.between(0, 1)} in the {width} after"
    )
    findings.add(WARNING, file, message, action, column=study.data.time)


def _spacing(rows: pd.DataFrame, s: float) -> float:
    """The median time between a patient's last visit up to s and the next one; 0 where few have both."""
    before = rows.loc[rows["time"] <= s].groupby("patient", sort=False)["time"].max()
    after = rows.loc[rows["time"] > s].groupby("patient", sort=False)["time"].min()
    gaps = (after - before).dropna()
    return float(gaps.median()) if len(gaps) >= FEWEST else 0.0


def _between_visits(visits: _Visits, s: float) -> Iterator[float]:
    """Round landmarks near s around which rows are few: those after it, then those before it, nearest first."""
    reach = 3 * BINS
    edges = np.arange(-reach - BINS, reach + BINS) / BINS
    counts = np.array([visits.between(low, low + 1.0 / BINS) for low in edges])
    fullest = counts[np.abs(edges + 0.5 / BINS) < 1].max()
    step = _round_step(visits.width)
    for side in (1.0, -1.0):
        own = sorted((edge for edge in edges if side * edge > 0), key=abs)
        few = [edge for edge in own if counts[np.flatnonzero(edges == edge)[0]] <= fullest / 10]
        emptiest = sorted(own, key=lambda edge: counts[np.flatnonzero(edges == edge)[0]])[:1]
        for edge in [*few, *emptiest]:
            place = s + edge * visits.width
            landmark = round(math.ceil(round(place / step, 6)) * step, 9)
            if landmark > 0 and landmark != s:
                yield landmark


def _round_step(width: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is clearly smaller than the window."""
    power = 10.0 ** math.floor(math.log10(width / 1.5))
    return next(nice * power for nice in NICE if nice * power <= width / 1.5 * (1 + 1e-9))


def _duration(days: float) -> str:
    """A duration in whole days, hours or minutes."""
    for unit, size in (("days", 1.0), ("hours", 1.0 / 24), ("minutes", 1.0 / 1440)):
        if days >= 2 * size:
            return f"{days / size:.0f} {unit}"
    return f"{days * 1440:.2g} minutes"
