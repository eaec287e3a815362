"""Pictures of the comparison of growth models: the residual variogram and the variance that a model implies."""

from __future__ import annotations

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
