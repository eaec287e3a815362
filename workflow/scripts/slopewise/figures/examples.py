"""Pictures of example patients: measured values with the model's line, and the risk without and with the slopes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from slopewise.figures.canvas import SERIES, VERMILLION, drawing, legend, panel, svg
from slopewise.figures.scales import measured_axis
from slopewise.shipped.units import INVERSES

DASHED = (0, (4, 2))


@drawing
def course(
    rows: pd.DataFrame, labels: Mapping[str, str], label: str, transform: str, landmark: float, axis: str, name: str
) -> str:
    """One marker: `rows` of ``outcome/examples`` with its averages of measurements and its lines.

    `labels`: the examples in order with their names. Marks of the axis are in the unit before the `transform`.
    An infinite `landmark` is not drawn.
    """
    figure, axes = panel(250, label, lines=2, left=44)
    told = []
    for (example, words), (colour, mark, _) in zip(labels.items(), SERIES, strict=False):
        own = rows[rows["example"] == example]
        line = own[own["quantity"] == "line"].sort_values("time")
        seen = own[own["quantity"] == "measured"].sort_values("time")
        axes.fill_between(line["time"], line["low"], line["high"], color=colour, alpha=0.12, linewidth=0)
        axes.plot(line["time"], line["value"], color=colour)
        axes.plot(seen["time"], seen["value"], mark, color=colour, markersize=4.5, linestyle="none")
        if len(line):
            first, last = line.iloc[0], line.iloc[-1]
            start, end = INVERSES[transform](np.array([first["value"], last["value"]], dtype=float))
            values = f"from {start:.3g} at {first['time']:.2g} to {end:.3g} at {last['time']:.2g}"
            told.append(f"{words}: {values}")
    measured_axis(axes, transform)
    if np.isfinite(landmark):
        axes.axvline(landmark, color=VERMILLION, linewidth=1, linestyle=DASHED)
    axes.set_xlabel(axis)
    legend(axes, _looks(labels), columns=2)
    return svg(figure, name, f"{label} of the example patients, {axis}. The model's line: {'; '.join(told)}.")


@drawing
def risk(rows: pd.DataFrame, labels: Mapping[str, str], title: str, axis: str, name: str) -> str:
    """Risk over time since the landmark, dashed without the slopes, solid with them; `rows` of ``outcome/examples``."""
    figure, axes = panel(250, title, lines=2, left=44)
    told = []
    for (example, words), (colour, _, _) in zip(labels.items(), SERIES, strict=False):
        ends = []
        for step, dash in (("level", DASHED), ("slope", "-")):
            own = rows[(rows["example"] == example) & (rows["predictors"] == step)].sort_values("time")
            axes.plot([0.0, *own["time"]], [0.0, *own["value"]], color=colour, linestyle=dash)
            ends.append(f"{own['value'].iloc[-1]:.0%}")
        told.append(f"{words}: {ends[0]} without the slopes, {ends[1]} with them")
    axes.set_ylim(0, max(0.1, min(1.0, 1.08 * float(rows["value"].max()))))
    axes.set_xlim(0, float(rows["time"].max()))
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    axes.set_xlabel(axis)
    legend(axes, _looks(labels), columns=2)
    last = f"{rows['time'].max():g}"
    return svg(figure, name, f"{title} of the example patients by {last} ({axis}). {'; '.join(told)}.")


def _looks(labels: Mapping[str, str]) -> list[tuple[str, dict[str, object]]]:
    return [
        (words, {"color": colour, "marker": mark, "markersize": 4.5})
        for words, (colour, mark, _) in zip(labels.values(), SERIES, strict=False)
    ]
