"""Pictures of the comparison of growth models: the residual variogram, and the variance and correlation they imply."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, GREEN, INK, VERMILLION, Dash, drawing, legend, panel, svg

CURVES: dict[str, tuple[str, str, Dash]] = {
    "random_intercept": ("random intercept", VERMILLION, (0, (5, 2))),
    "random_slope": ("random slope", BLUE, "-"),
    "serial": ("serial correlation", GREEN, (0, (1.5, 1.5))),
}


@drawing
def variogram(rows: pd.DataFrame, label: str, time_label: str, name: str) -> str:
    """Half mean squared differences by lag, seen (dots) and implied (lines); `rows` of ``growth/variogram``."""
    unit = time_label.split(" since ")[0]
    return _curves(rows, "lag", label, f"distance in time ({unit})", name, "Residual variogram")


@drawing
def implied(rows: pd.DataFrame, label: str, time_label: str, name: str) -> str:
    """Variance about the average course by time, seen (dots) and implied (lines); `rows` of ``growth/implied``."""
    return _curves(rows, "time", label, time_label, name, "Variance about the average course")


def _curves(rows: pd.DataFrame, across: str, label: str, axis: str, name: str, what: str) -> str:
    shown = [model for model in CURVES if model in rows and rows[model].notna().any()]
    figure, axes = panel(250, label, lines=2, left=48)
    for model in shown:
        _, colour, dash = CURVES[model]
        axes.plot(rows[across], rows[model], color=colour, linestyle=dash)
    axes.plot(rows[across], rows["seen"], "o", color=INK, markersize=4.5)
    axes.set_ylim(bottom=0)
    axes.set_xlabel(axis)
    entries = [(CURVES[model][0], {"color": CURVES[model][1], "linestyle": CURVES[model][2]}) for model in shown]
    legend(axes, [("seen", {"color": INK, "marker": "o", "linestyle": "none"}), *entries], columns=2)
    first, last = rows.iloc[0], rows.iloc[-1]
    told = ", ".join(f"{CURVES[model][0]} {first[model]:.3g} to {last[model]:.3g}" for model in shown)
    return svg(
        figure,
        name,
        f"{what} of {label}: seen {first['seen']:.3g} at {first[across]:.3g} and {last['seen']:.3g} at "
        f"{last[across]:.3g} ({axis}); implied: {told}.",
    )


DARKEST = 0.55
"""Strength of the colour at a correlation of 1: a number on it stays legible, on light paper and on dark."""


@drawing
def correlation(rows: pd.DataFrame, model: str, label: str, time_label: str, name: str) -> str:
    """Correlation of two values of a patient by their times, a number in each field; `rows` of ``growth/correlation``.

    The stronger the colour, the higher; a negative correlation has another colour, besides its sign.
    """
    words = CURVES[model][0]
    figure, axes = panel(330, f"{label}: {words}", left=40, bottom=44)
    wide = rows.pivot(index="time_2", columns="time_1", values=model)
    times, values = wide.columns.to_numpy(dtype=float), wide.to_numpy()
    for (up, across), value in np.ndenumerate(values):
        if np.isfinite(value):
            axes.bar(
                across, 0.94, width=0.94, bottom=up - 0.47, color=BLUE if value >= 0 else VERMILLION,
                alpha=float(np.clip(DARKEST * abs(value), 0, 1)), linewidth=0,
            )  # fmt: skip
            text = f"{value:.2f}".replace("-", "−").replace("0.", ".", 1)
            axes.text(across, up, text, ha="center", va="center", fontsize=10)
    axes.grid(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(-0.5, len(times) - 0.5)
    axes.set_ylim(-0.5, len(times) - 0.5)
    shown = [f"{time:.2g}" if abs(time) < 100 else f"{time:.0f}" for time in times]
    axes.set_xticks(range(len(times)), labels=shown)
    axes.set_yticks(range(len(times)), labels=shown)
    axes.set_xlabel(time_label)
    corners = ((0, 1), (len(times) - 2, len(times) - 1), (0, len(times) - 1))
    told = ", ".join(f"{values[i, j]:.2f} of {shown[i]} and {shown[j]}" for i, j in corners)
    return svg(
        figure, name, f"{label}: correlation of two values of a patient by their times ({time_label}), {words}: {told}."
    )
