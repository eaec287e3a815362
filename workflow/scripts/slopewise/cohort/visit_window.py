"""Does the landmark split a planned visit? Then who was seen a little late has one visit less than who came early."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from slopewise.cohort.clock import DAYS, in_unit
from slopewise.cohort.findings import WARNING, Findings
from slopewise.study import Study

WINDOW_DAYS = 60.0
BIN_DAYS = 20.0


def warn_of_split_visit(study: Study, rows: pd.DataFrame, file: str, findings: Findings) -> None:
    """Warn when the landmark sits on a planned visit, so that half of the patients come before it and half after.

    It does when the 60 days on each side hold many visits (at least 5, and 5% of the patients) and both together as
    many as the 120 days before and the 120 days after them, so that visits are twice as dense there. Proposes a
    landmark past that visit's window: the first 20 days after s with at most a tenth of the visits that the fullest
    20 days around s have.
    """
    s, unit = study.landmark_time, study.data.analysis_unit
    if unit == "none" or not math.isfinite(s):
        return
    days = np.round((rows["time"].to_numpy() - s) * DAYS[unit], 6)

    def between(low: float, high: float) -> int:
        return int(((days > low) & (days <= high)).sum())

    before, after = between(-WINDOW_DAYS, 0), between(0, WINDOW_DAYS)
    around = between(-3 * WINDOW_DAYS, 3 * WINDOW_DAYS) - before - after
    if min(before, after) < max(5, 0.05 * rows["patient"].nunique()) or before + after < around:
        return
    starts = np.arange(-3, 10) * BIN_DAYS
    counts = np.array([between(start, start + BIN_DAYS) for start in starts])
    past = (starts > 0) & (counts <= counts[:6].max() / 10)
    start = starts[past][0] if past.any() else starts[starts > 0][counts[starts > 0].argmin()]
    proposal = _round_up(s + float(in_unit(np.array(start), "days", unit)), unit)
    message = f"the landmark {s:g} {unit} splits a visit: {before} rows in the 60 days before, {after} in the 60 after"
    findings.add(WARNING, file, message, f"consider landmark: {proposal:g}, past that visit", column=study.data.time)


def _round_up(time: float, unit: str) -> float:
    """A round number at or after `time`: tenths of years, whole months and weeks, tens of days."""
    step = {"years": 0.1, "months": 1.0, "weeks": 1.0, "days": 10.0}[unit]
    return round(math.ceil(round(time / step, 6)) * step, 6)
