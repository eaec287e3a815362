"""Net benefit at the thresholds that the study names, in patients per 1,000."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import MISSING, interval, number, percent, signed

PATIENTS = 1000
RULES = {"treat_all": "everybody treated", "level": STEP_NAMES["level"], "slope": STEP_NAMES["slope"]}


def net_benefit_table(frames: Frames, naming: Naming) -> Table | None:
    """A row a horizon and threshold: treating everybody, by the level, by level and slope, and their difference."""
    lines: list[list[Cell | str]] = []
    for horizon in naming.moments:
        curve = at_horizon(frames.decision_curve, horizon)
        for threshold in naming.study.outcome.thresholds:
            at = curve[(curve["x"] - threshold).abs() < 1e-9].set_index("predictors")
            if not set(RULES) <= set(at.index):
                continue
            gain = PATIENTS * (float(at.loc["slope", "y"]) - float(at.loc["level", "y"]))
            cells: list[Cell | str] = [_benefit(at.loc[rule]) for rule in RULES]
            lines.append([naming.at(horizon), percent(threshold), *cells, signed(gain, 0)])
    if not lines:
        return None
    timed = any(line[0] for line in lines)
    columns = ["time", "threshold", *RULES.values(), "slope adds"]
    caption = (
        f"Net benefit per {PATIENTS:,} patients, validated with 95% interval: true positives, less false positives "
        "weighted by the odds of the threshold; nobody treated: 0"
    )
    rows = lines if timed else [line[1:] for line in lines]
    return Table("net-benefit", caption, columns if timed else columns[1:], rows, frozenset({0} if timed else set()))


def _benefit(row: pd.Series) -> Cell | str:
    value, low, high = (PATIENTS * float(row[name]) for name in ("y", "ci_low", "ci_high"))
    return Cell(number(value, 0), interval(low, high, 0)) if math.isfinite(value) else MISSING
