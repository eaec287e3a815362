"""The pattern picture of drop-out: mean courses as seen, by when patients were seen last."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from slopewise.figures.canvas import SERIES, drawing, legend, panel, svg
from slopewise.figures.scales import measured_axis
from slopewise.shipped.units import INVERSES


@drawing
def pattern(
    rows: pd.DataFrame, labels: Mapping[int, str], title: str, transform: str, time_label: str, name: str
) -> str:
    """Mean values over time, a line each part of the patients (`labels`); `rows` of ``slopes/dropout_pattern``.

    Marks of the axis are in the unit before the `transform`: of a logarithm they are geometric means.
    """
    figure, axes = panel(300, title, lines=3, left=52)
    entries, told = [], []
    for (part, words), (colour, mark, dash) in zip(labels.items(), SERIES, strict=False):
        own = rows[rows["part"] == part].sort_values("time")
        if own.empty:
            continue
        if len(own) > 1:
            axes.fill_between(own["time"], own["mean_low"], own["mean_high"], color=colour, alpha=0.12, linewidth=0)
        axes.plot(own["time"], own["mean"], color=colour, marker=mark, linestyle=dash, markersize=5)
        entries.append((words, {"color": colour, "marker": mark, "linestyle": dash, "markersize": 5}))
        first, last = INVERSES[transform](own["mean"].to_numpy(dtype=float)[[0, -1]])
        told.append(f"{words}: {first:.3g} first, {last:.3g} last")
    measured_axis(axes, transform)
    axes.set_xlabel(time_label)
    legend(axes, entries, columns=1)
    return svg(figure, name, f"{title}: mean values by when patients were seen last. {'; '.join(told)}.")
