"""Pictures of effects: the effect of a treatment in each patient, in order."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, INK, MUTED, VERMILLION, drawing, legend, panel, svg
from slopewise.figures.diagnostics import REST, dots, reach, segments, thinned

BARS = 280
"""Patients with an interval: evenly over their effects."""


@drawing
def effects(rows: pd.DataFrame, average: float, limit: float | None, label: str, unit: str, name: str) -> str:
    """Each patient's effect with its interval, by rank, and the own difference of means (``effects/patients``)."""
    figure, axes = panel(270, f"{label}: effect, {unit}", lines=2, left=46)
    drawn = thinned(rows.sort_values(["estimate", "se"]).reset_index(drop=True), BARS)
    place = np.arange(len(drawn))
    width = float(np.clip(130 / max(len(drawn), 1), 0.5, 2.4))
    ends = drawn[["ci_low", "ci_high"]].to_numpy(dtype=float)
    side = np.where(ends[:, 0] > 0, 1, np.where(ends[:, 1] < 0, -1, 0))
    looks = {0: (FAINT, "zero inside"), 1: (VERMILLION, "above zero"), -1: (BLUE, "below zero")}
    for way, (colour, _) in looks.items():
        part = side == way
        segments(axes, np.column_stack([place, place])[part], ends[part], color=colour, linewidth=width, alpha=0.9)
    own = drawn["own"].to_numpy(dtype=float)
    axes.plot(place, own, color=MUTED, alpha=0.5, **{**REST, "markersize": 2.2})
    dots(axes, place, drawn["estimate"].to_numpy(dtype=float), size=float(np.clip(260 / len(drawn), 1.2, 4)), color=INK)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axhline(average, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    if limit is not None:
        axes.axhline(limit, color=INK, linewidth=1, linestyle=(0, (1, 2)))
    seen = np.concatenate([ends.ravel(), own[np.isfinite(own)], [0.0]])
    axes.set_ylim(*reach(seen, 0.03))
    axes.set_xticks([])
    axes.set_xlabel("patients by effect")
    marks = [(words, {"color": colour, "linewidth": 3}) for colour, words in looks.values()]
    legend(axes, [*marks, ("average", {"color": INK, "linewidth": 1, "linestyle": (0, (4, 2))})], columns=2)
    told = (
        f"{label}: the effect in {len(rows)} patients, from {rows['estimate'].min():.3g} to "
        f"{rows['estimate'].max():.3g} {unit}, around the average of {average:.3g}; by the own "
        f"rows of each alone their standard deviation is {rows['own'].std():.3g}."
    )
    return svg(figure, name, told)
