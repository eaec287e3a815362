"""Pictures of inverse probability weights: balance before and after (a love plot), and the weights over visits."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import (
    BLUE,
    INK,
    LEGEND_LINE,
    LINE,
    MUTED,
    TITLE,
    VERMILLION,
    drawing,
    legend,
    panel,
    svg,
)

ROW = 34.0
SMALL = 0.1
"""A standardised difference up to which groups are usually called balanced."""


@drawing
def love_plot(rows: pd.DataFrame, label: str, name: str) -> str:
    """Standardised differences of each column without weights and with them (``effects/balance``)."""
    height = TITLE + LEGEND_LINE + 52 + len(rows) * ROW
    figure, axes = panel(height, label, left=8, bottom=40, lines=1)
    place = np.arange(len(rows))
    axes.axvspan(-SMALL, SMALL, color=LINE, alpha=0.5, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    before, after = (rows[column].to_numpy(dtype=float) for column in ("before", "after"))
    axes.plot(before, place + 0.14, "o", color=VERMILLION, markerfacecolor="none", markersize=6, linestyle="none")
    axes.plot(after, place + 0.14, "o", color=BLUE, markersize=6, linestyle="none")
    for row, column in zip(place, rows["column"], strict=True):
        axes.annotate(
            str(column), (0, row), xycoords=("axes fraction", "data"), xytext=(-2, 5), textcoords="offset points",
            ha="left", color=INK,
        )  # fmt: skip
    axes.set_ylim(len(rows) - 0.5, -0.6)
    axes.set_yticks([])
    reach = max(0.3, 1.1 * float(np.nanmax(np.abs(np.concatenate([before, after])))))
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("difference in standard deviations")
    looks = [
        ("without weights", {"color": VERMILLION, "marker": "o", "markerfacecolor": "none", "linestyle": "none"}),
        ("with weights", {"color": BLUE, "marker": "o", "linestyle": "none"}),
    ]
    legend(axes, looks, columns=2)
    pairs = zip(rows["column"], before, after, strict=True)
    values = "; ".join(f"{column} {first:.2f} without weights, {last:.2f} with them" for column, first, last in pairs)
    return svg(figure, name, f"{label}: standardised differences between those then treated and the others: {values}.")


@drawing
def weights(rows: pd.DataFrame, label: str, name: str) -> str:
    """Mean, smallest and largest weight of each visit on a scale of ratios (``effects/weights``, visits alone)."""
    figure, axes = panel(250, label, left=46, lines=1)
    visit = rows["visit"].astype(int).to_numpy()
    axes.vlines(visit, rows["minimum"], rows["maximum"], color=BLUE, alpha=0.35, linewidth=5)
    axes.plot(visit, rows["mean"], "o", color=BLUE, markersize=5)
    axes.axhline(1.0, color=MUTED, linewidth=0.8)
    axes.set_yscale("log")
    ends = float(rows["minimum"].min()), float(rows["maximum"].max())
    ticks = [tick for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 1000)
             if ends[0] / 1.5 <= tick <= ends[1] * 1.5]  # fmt: skip
    axes.set_yticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_ylim(ends[0] / 1.3, ends[1] * 1.3)
    axes.set_xlabel("rows of a patient before this one")
    legend(axes, [("mean", {"color": BLUE, "marker": "o", "linestyle": "none"}),
                  ("smallest to largest", {"color": BLUE, "alpha": 0.35, "linewidth": 5})], columns=2)  # fmt: skip
    words = (
        f"{label}: mean weights of visits lie between {rows['mean'].min():.3g} and {rows['mean'].max():.3g}, all "
        f"weights between {ends[0]:.3g} and {ends[1]:.3g}."
    )
    return svg(figure, name, words)
