"""Pictures of coefficients over time: scaled Schoenfeld residuals with a smooth curve."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, INK, MUTED, drawing, legend, panel, svg


@drawing
def residuals(points: pd.DataFrame, coefficient: float, title: str, label: str, name: str) -> str:
    """One term's residuals over the time of each event, the smooth curve with its band, and the model's coefficient.

    `points`: one term's rows of ``outcome/schoenfeld``; the curve may be missing. Residuals far out are cut off.
    """
    figure, axes = panel(250, title, left=46, lines=1)
    axes.plot(points["time"], points["residual"], "o", markersize=3, color=FAINT, alpha=0.55, markeredgewidth=0)
    axes.axhline(0, color=INK, linewidth=1)
    axes.axhline(coefficient, color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
    curve = points.dropna(subset=["smooth"]).drop_duplicates("time")
    if len(curve):
        axes.fill_between(curve["time"], curve["ci_low"], curve["ci_high"], color=BLUE, alpha=0.14, linewidth=0)
        axes.plot(curve["time"], curve["smooth"], color=BLUE, linewidth=2)
    shown = np.quantile(points["residual"].dropna(), [0.02, 0.98]) if points["residual"].notna().any() else [-1, 1]
    band = curve[["ci_low", "ci_high"]].to_numpy(dtype=float)
    low, high = min(shown[0], coefficient, *band.ravel(), 0.0), max(shown[1], coefficient, *band.ravel(), 0.0)
    room = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xlim(0, 1.02 * float(points["time"].max()))
    axes.set_xlabel(label)
    legend(
        axes,
        [
            ("over time, 95% band", {"color": BLUE, "linewidth": 2}),
            ("in the model", {"color": MUTED, "linestyle": (0, (4, 2))}),
        ],
        columns=2,
    )
    told = ""
    if len(curve):
        places = curve.iloc[[0, len(curve) // 2, -1]]
        told = ", ".join(f"{row.smooth:.2f} at {row.time:.3g}" for row in places.itertuples())
    return svg(figure, name, f"{title}: log hazard ratio per SD over time, {told}; {coefficient:.2f} in the model.")
