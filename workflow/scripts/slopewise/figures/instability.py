"""Pictures of instability: predictions, and calibration curves, of the models of resampled patients."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, drawing, panel, svg, top_of, unit_axis


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


@drawing
def curves(rows: pd.DataFrame, title: str, what: str, unit: bool, name: str) -> str:
    """One step: `rows` of ``outcome/calibration_instability`` at one horizon. With `unit` predictions are risks."""
    figure, axes = panel(290, f"{title}: observed {what}", left=46)
    own = rows[rows["y"].notna()].sort_values("x")
    reached = own[["x", "y", "low", "high"]].to_numpy(dtype=float)
    ends = (0.0, top_of(reached[~np.isnan(reached)].tolist())) if unit else (np.nanmin(reached), np.nanmax(reached))
    axes.plot(ends, ends, color=FAINT, linewidth=1)
    axes.fill_between(own["x"], own["low"], own["high"], color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(own["x"], own["y"], color=BLUE)
    if unit:
        unit_axis(axes, top=ends[1])
    axes.set_xlabel(f"predicted {what}")
    form = "{:.0%}" if unit else "{:.3g}"
    points = own.iloc[[0, len(own) // 2, -1]]
    told = "; ".join(
        "{} predicted {} observed ({} to {})".format(*(form.format(row[key]) for key in ("x", "y", "low", "high")))
        for _, row in points.iterrows()
    )
    return svg(figure, name, f"Instability of calibration, {title}. {told}.")
