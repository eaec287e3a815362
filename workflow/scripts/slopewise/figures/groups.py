"""A picture of a few groups: their points, their own lines, their lines under partial pooling, everybody's line."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import INK, MUTED, SERIES, drawing, legend, panel, svg
from slopewise.figures.scales import measured_axis


@drawing
def lines(
    measurements: pd.DataFrame, marker: str, across: str, groups: pd.DataFrame, average: tuple[float, float],
    label: str, transform: str, group: str, name: str,
) -> str:  # fmt: skip
    """Points of each group (a mark and colour each), least squares dotted, partial pooling solid, the average dashed.

    `groups`: the marker's rows of ``growth/lines``, in the order of patients; `average`: intercept and slope. Marks of
    the axis are in the unit before the `transform`.
    """
    figure, axes = panel(360, label, lines=2 if len(groups) <= 3 else 3, left=44)
    patients = sorted(measurements["patient"].unique())
    looks = [*SERIES, (INK, "X", "-")]
    for (colour, mark, _dash), patient, row in zip(looks, patients, groups.itertuples(), strict=False):
        own = measurements[(measurements["patient"] == patient) & measurements[marker].notna()]
        own = own.sort_values([across, marker])
        axes.plot(own[across], own[marker], linestyle="none", marker=mark, color=colour, markersize=4.5, alpha=0.75)
        ends = np.array([row.first, row.last])
        axes.plot(ends, row.intercept_ols + row.slope_ols * ends, color=colour, linewidth=1.3, linestyle=(0, (1, 1.6)))
        axes.plot(ends, row.intercept + row.slope * ends, color=colour, linewidth=2.2)
    whole = np.array([groups["first"].min(), groups["last"].max()])
    axes.plot(whole, average[0] + average[1] * whole, color=INK, linewidth=1.6, linestyle=(0, (5, 2)))
    measured_axis(axes, transform)
    axes.set_xlabel(across)
    entries = [
        (f"{group} {place + 1}", {"color": colour, "marker": mark, "linestyle": "none"})
        for place, (colour, mark, _dash) in enumerate(looks[: len(groups)])
    ]
    kinds = [
        ("own least squares", {"color": MUTED, "linestyle": (0, (1, 1.6)), "linewidth": 1.3}),
        ("partial pooling", {"color": MUTED, "linewidth": 2.2}),
        ("average line", {"color": INK, "linestyle": (0, (5, 2)), "linewidth": 1.6}),
    ]
    legend(axes, [*entries, *kinds], columns=3)
    told = "; ".join(
        f"{group} {row.group}: least-squares slope {row.slope_ols:.3g}, partially pooled {row.slope:.3g}"
        for row in groups.itertuples()
    )
    scale = "" if transform == "none" else f" (of the {transform})"
    return svg(figure, name, f"{label} over {across}, by {group}. Average slope{scale} {average[1]:.3g}. {told}.")
