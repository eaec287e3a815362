"""Pictures of pooling: every patient under no, partial and complete pooling, intervals, and what visits are worth."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, GREEN, INK, MUTED, SERIES, VERMILLION, drawing, legend, panel, svg
from slopewise.figures.diagnostics import REST, dots, reach, segments, size_of, thinned

ARROWS = 300
"""Patients whose way from no to partial pooling is drawn: evenly over their slopes."""

BARS = 280
"""Patients with an interval: evenly over their slopes."""


@drawing
def three(rows: pd.DataFrame, start: str, label: str, slope_unit: str, name: str) -> str:
    """Each patient's value at one moment and slope: no pooling, partial pooling and complete pooling."""
    figure, axes = panel(300, f"{label}: slope, {slope_unit}", lines=2, left=46)
    own = rows[rows["slope_ols"].notna() & rows["slope"].notna()].sort_values(["slope", "intercept"])
    drawn = thinned(own, ARROWS)
    across, up = drawn[["intercept_ols", "intercept"]].to_numpy(), drawn[["slope_ols", "slope"]].to_numpy()
    segments(axes, across, up, color=FAINT, linewidth=0.6, alpha=0.6)
    dots(axes, across[:, 0], up[:, 0], color=VERMILLION, alpha=0.7)
    axes.plot(across[:, 1], up[:, 1], color=BLUE, alpha=0.8, **{**REST, **size_of(len(drawn)), "marker": "s"})
    pooled = drawn[["intercept_pooled", "slope_pooled"]].drop_duplicates().sort_values("slope_pooled").head(12)
    axes.plot(
        pooled["intercept_pooled"], pooled["slope_pooled"], linestyle="none", marker="D", markersize=6.5, color=INK
    )
    if len(drawn):
        axes.set_xlim(*reach(np.concatenate([across.ravel(), pooled["intercept_pooled"]]), 0.02))
        axes.set_ylim(*reach(np.concatenate([up.ravel(), pooled["slope_pooled"]]), 0.03))
    axes.set_xlabel(start)
    legend(
        axes,
        [
            ("no pooling", {"color": VERMILLION, **REST, "markersize": 5}),
            ("partial pooling", {"color": BLUE, **REST, "marker": "s", "markersize": 5}),
            ("complete pooling", {"color": INK, "linestyle": "none", "marker": "D", "markersize": 6}),
        ],
        columns=2,
    )
    return svg(
        figure,
        name,
        f"{label}: value and slope of {len(own)} patients. Slopes of least-squares lines have a standard "
        f"deviation of {own['slope_ols'].std():.3g}, those of the mixed model {own['slope'].std():.3g} {slope_unit}; "
        "a thin line leads from the one to the other.",
    )


@drawing
def caterpillar(rows: pd.DataFrame, average: float, label: str, slope_unit: str, told: str, name: str) -> str:
    """Each patient's slope with its 95% interval given the data, by rank; the average slope dashed.

    `told`: the sentence for those who cannot see it; it must not count too few patients.
    """
    figure, axes = panel(270, f"{label}, {slope_unit}", lines=2, left=46)
    own = rows[rows["slope"].notna()].sort_values(["slope", "slope_se"]).reset_index(drop=True)
    drawn = thinned(own, BARS)
    place, slope = np.arange(len(drawn)), drawn["slope"].to_numpy()
    half = _half(drawn).to_numpy()
    side = np.where(slope - half > average, 1, np.where(slope + half < average, -1, 0))
    width = float(np.clip(130 / max(len(drawn), 1), 0.5, 2.4))
    looks = {0: (FAINT, "average inside"), 1: (VERMILLION, "above"), -1: (BLUE, "below")}
    for way, (colour, _) in looks.items():
        part = side == way
        ends = np.column_stack([slope - half, slope + half])[part]
        segments(axes, np.column_stack([place, place])[part], ends, color=colour, linewidth=width, alpha=0.9)
    dots(axes, place, slope, size=float(np.clip(260 / max(len(drawn), 1), 1.2, 4)), color=INK)
    axes.axhline(average, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_xticks([])
    axes.set_xlabel("patients by slope")
    marks = [(words, {"color": colour, "linewidth": 3}) for colour, words in looks.values()]
    legend(axes, [*marks, ("average slope", {"color": INK, "linewidth": 1, "linestyle": (0, (4, 2))})], columns=2)
    return svg(figure, name, f"{label}: slopes in order, with 95% intervals given the data. {told}")


def _half(rows: pd.DataFrame) -> pd.Series:
    """Half the width of each slope's 95% interval given the data."""
    return 1.959964 * rows["slope_se"]


def beyond(rows: pd.DataFrame, average: float) -> tuple[int, int]:
    """How many patients' 95% intervals lie above the average slope, and how many below."""
    half = _half(rows)
    return int((rows["slope"] - half > average).sum()), int((rows["slope"] + half < average).sum())


GROUPS = (("2 visits", 2, 2), ("3 or 4", 3, 4), ("5 or more", 5, 10**9))


@drawing
def pulled(rows: pd.DataFrame, label: str, time_unit: str, name: str) -> str:
    """How much of a patient's own deviation is pulled back (1 − reliability), over the span, by number of visits."""
    figure, axes = panel(260, label, lines=1)
    own = rows[(rows["last"] > rows["first"]) & rows["reliability"].notna()].sort_values(["reliability", "visits"])
    drawn = thinned(own, ARROWS)
    looks = []
    for (words, least, most), (colour, mark, _) in zip(GROUPS, SERIES, strict=False):
        part = drawn[(drawn["visits"] >= least) & (drawn["visits"] <= most)]
        part = part.assign(span=part["last"] - part["first"]).sort_values(["span", "reliability"])
        fill = "none" if mark == "o" else colour
        look = {"linestyle": "none", "marker": mark, "color": colour, "markerfacecolor": fill, "markeredgewidth": 0.8}
        axes.plot(part["span"], 1 - part["reliability"], alpha=0.75, **size_of(len(own)), **look)
        if len(part):
            looks.append((words, {**look, "markersize": 4.5}))
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1.0], labels=["0", "20", "40", "60", "80", "100%"])
    axes.set_xlim(left=0)
    axes.set_xlabel(f"span from first to last visit{time_unit}")
    legend(axes, looks)
    return svg(
        figure,
        name,
        f"{label}: share by which the slope is pulled towards the average, over the span of a patient’s visits, for "
        f"{len(own)} patients with two times or more; the median is {1 - own['reliability'].median():.0%}.",
    )


@drawing
def planned(rows: pd.DataFrame, label: str, unit: str, name: str) -> str:
    """Reliability that the model promises for evenly spaced visits over half, once and twice the median span."""
    figure, axes = panel(260, label, lines=2)
    looks, told = [], []
    for (span, part), (colour, dash) in zip(
        rows.groupby("span", sort=True),
        ((VERMILLION, (0, (1.5, 1.5))), (BLUE, "-"), (GREEN, (0, (5, 2)))),
        strict=False,
    ):
        axes.plot(part["visits"], part["reliability"], color=colour, linestyle=dash, marker="o", markersize=3)
        looks.append((f"over {span:.2g}{unit}", {"color": colour, "linestyle": dash}))
        ends = part.iloc[[0, -1]]
        told.append(
            f"over {span:.2g}{unit} from {ends['reliability'].iloc[0]:.2f} with {ends['visits'].iloc[0]} visits to "
            f"{ends['reliability'].iloc[1]:.2f} with {ends['visits'].iloc[1]}"
        )
    axes.set_ylim(0, 1)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_xticks([2, 4, 6, 8, 10, 12])
    axes.set_xlabel("visits, evenly spaced")
    legend(axes, looks, columns=2)
    return svg(figure, name, f"{label}: reliability of a slope by number of visits: {'; '.join(told)}.")
