"""A picture of instability: the predictions of the models of resampled patients over those of all patients."""

from __future__ import annotations

import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, drawing, panel, svg


@drawing
def band(rows: pd.DataFrame, title: str, what: str, unit: bool, name: str) -> str:
    """One step: `rows` of ``outcome/instability`` of its parts. With `unit` predictions are risks."""
    figure, axes = panel(270, title, left=46)
    own = rows.sort_values("predicted")
    ends = [float(own[["predicted", "low"]].min().min()), float(own[["predicted", "high"]].max().max())]
    axes.plot(ends, ends, color=FAINT, linewidth=1)
    axes.fill_between(own["predicted"], own["low"], own["high"], color=BLUE, alpha=0.18, linewidth=0)
    for end in ("low", "high"):
        axes.plot(own["predicted"], own[end], "o-", color=BLUE, markersize=3.5, linewidth=1.2)
    if unit:
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    axes.set_xlabel(f"{what} by the models of all patients")
    form = "{:.0%}" if unit else "{:.3g}"
    shown = [tuple(form.format(row[key]) for key in ("predicted", "low", "high")) for _, row in own.iterrows()]
    told = "; ".join(f"{predicted}: {low} to {high}" for predicted, low, high in shown)
    return svg(figure, name, f"Instability of predictions, {title}. Of a {what} of {told}.")
