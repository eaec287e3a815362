"""Axes in the unit of the measurements, where the curves are on the scale of a transform."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, LogLocator, MaxNLocator, NullLocator

from slopewise.cohort.rows import TRANSFORMS
from slopewise.shipped.units import INVERSES

WIDE = 4.0
"""Marks of a logarithm are at 1, 2 and 5 where the ends differ by more than this factor, else at even steps."""
MARKS = 5


def measured_axis(axes: Axes, transform: str) -> None:
    """Write the marks of the vertical axis as they were measured; curves and limits stay on the transform's scale."""
    if transform == "none":
        return
    low, high = axes.get_ylim()
    marks = marks_within(low, high, transform)
    axes.yaxis.set_major_locator(FixedLocator(TRANSFORMS[transform].apply(marks).tolist()))
    axes.yaxis.set_major_formatter(lambda _value, position: f"{marks[position]:.6g}" if position is not None else "")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(low, high)


def marks_within(low: float, high: float, transform: str) -> Any:
    """Round numbers of the measurements whose transforms lie in [low, high]: (k,), rising."""
    ends = INVERSES[transform](np.array([low, high]))
    if transform == "log" and ends[1] > WIDE * ends[0]:
        found = np.array(LogLocator(subs=(1.0, 2.0, 5.0)).tick_values(*ends))
    else:
        found = np.array(MaxNLocator(MARKS).tick_values(*ends))
    found = found[TRANSFORMS[transform].defined(found) & (found >= ends[0]) & (found <= ends[1])]
    return np.round(found, 12)
