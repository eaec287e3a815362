"""Pictures of markers: what was measured, and what a patient's slope becomes when it is borrowed from all patients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

from slopewise.figures.canvas import BLUE, FAINT, INK, LINE, MUTED, SERIES, VERMILLION, drawing, legend, panel, svg
from slopewise.figures.scales import measured_axis
from slopewise.shipped.units import INVERSES


@drawing
def trajectories(
    measurements: pd.DataFrame,
    population: pd.DataFrame,
    marker: str,
    label: str,
    transform: str,
    landmark: float,
    sample: Sequence[str],
    time_label: str,
    name: str,
) -> str:
    """Measured courses of the `sample` of patients, faint; the model's population line, bold; the landmark, dashed.

    `measurements` is ``cohort/measurements``, `population` is ``growth/population``; `marker` is the column. Marks of
    the axis are in the unit before the `transform`. An infinite `landmark` is not drawn.
    """
    figure, axes = panel(230, label)
    rows = measurements[measurements["patient"].isin(list(sample)) & measurements[marker].notna()]
    # In the order of their values: the order of patients would tell who is who to somebody with the list of patients.
    courses = [part[["time", marker]].to_numpy() for _, part in rows.groupby("patient", sort=True)]
    courses.sort(key=lambda course: course.ravel().tolist())
    axes.add_collection(
        LineCollection([course for course in courses if len(course) > 1], colors=FAINT, linewidths=0.8, alpha=0.55)
    )
    single = [course[0] for course in courses if len(course) == 1]
    if single:
        axes.plot(*np.transpose(single), ".", color=FAINT, markersize=3.5, alpha=0.7)
    mean = population[population["marker"] == marker]
    axes.plot(mean["time"], mean["mean"], color=BLUE, linewidth=2.6)
    low, high = rows["time"].min(), rows["time"].max()
    if np.isfinite(landmark):
        axes.axvline(landmark, color=VERMILLION, linewidth=1.2, linestyle=(0, (4, 2)))
        high = max(landmark, high)
        axes.annotate(
            "landmark", (landmark, 1), xycoords=("data", "axes fraction"), xytext=(-4, -10),
            textcoords="offset points", ha="right", color=VERMILLION, fontsize=10,
        )  # fmt: skip
    axes.set_xlim(low - 0.02 * (high - low), high + 0.03 * (high - low))
    axes.set_ylim(*_room(np.concatenate([rows[marker].to_numpy(), mean["mean"].to_numpy()])))
    measured_axis(axes, transform)
    axes.set_xlabel(time_label)
    first, last = INVERSES[transform](mean["mean"].to_numpy(dtype=float)[[0, -1]])
    end = f"the landmark {landmark:g}" if np.isfinite(landmark) else f"{mean['time'].iloc[-1]:g}"
    return svg(
        figure,
        name,
        f"{label}: measured courses of {len(courses)} patients, faint. The average course of the "
        "growth "
        f"model goes from {first:.2f} at {mean['time'].iloc[0]:g} to {last:.2f} at {end} "
        f"({time_label}).",
    )


def _room(values: np.ndarray, share: float = 0.06) -> tuple[float, float]:
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    edge = share * (high - low) or 1.0
    return low - edge, high + edge


@drawing
def shrinkage(slopes: pd.DataFrame, label: str, population: float | None, name: str) -> str:
    """Each patient's cross-fitted slope (partial pooling) over the same patient's least-squares slope (no pooling).

    `slopes` is one marker's rows of ``slopes/slopes``. The diagonal is no pooling, the level line complete pooling
    (everybody has the `population` slope). Up to a tenth of the least-squares slopes, the most extreme, lies outside.
    """
    figure, axes = panel(290, label, lines=1, left=40)
    own = slopes[slopes["slope_ols"].notna() & slopes["slope"].notna()].sort_values(["slope_ols", "slope"])
    groups = (("2 visits", own["visits"] <= 2), ("3 visits", own["visits"] == 3), ("4 or more", own["visits"] >= 4))
    for (_, chosen), (colour, mark, _dash) in zip(groups, SERIES, strict=False):
        part = own[chosen]
        axes.plot(
            part["slope_ols"], part["slope"], linestyle="none", marker=mark, markersize=3.4, color=colour,
            markerfacecolor="none" if mark == "o" else colour, alpha=0.75, markeredgewidth=0.8,
        )  # fmt: skip
    if len(own):
        low, high = np.percentile(own["slope_ols"], [5, 95])
        low, high = min(low, own["slope"].min()), max(high, own["slope"].max())
        edge = 0.05 * (high - low) or 1.0
        axes.set_xlim(low - edge, high + edge)
        axes.set_ylim(low - edge, high + edge)
        axes.plot([low, high], [low, high], color=FAINT, linewidth=1)
    if population is not None:
        axes.axhline(population, color=INK, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_xlabel("least-squares slope")
    marks = [
        (text, {"color": colour, "marker": mark, "linestyle": "none", "markersize": 4.5,
                "markerfacecolor": "none" if mark == "o" else colour})
        for (text, _), (colour, mark, _dash) in zip(groups, SERIES, strict=False)
    ]  # fmt: skip
    legend(axes, marks)
    spread = (own["slope_ols"].std(), own["slope"].std())
    return svg(
        figure,
        name,
        f"{label}: cross-fitted slope against the patient's least-squares slope, a mark for each patient with two "
        "visits "
        f"or more. Standard deviation {spread[0]:.3g} of the least-squares slopes, {spread[1]:.3g} of the cross-fitted "
        "ones: the "
        "mixed "
        "model pulls the slopes towards the average, the more so the fewer visits there are.",
    )


@drawing
def reliability(groups: pd.DataFrame, labels: dict[str, str], name: str, until: str = "the landmark") -> str:
    """Mean reliability of a slope by the number of visits, a line a marker.

    `groups`: marker, visits (the group's label, in order), reliability (missing where too few patients are in a group).
    """
    figure, axes = panel(250 + 16 * -(-len(labels) // 2), "Mean reliability", lines=-(-len(labels) // 2))
    order = list(dict.fromkeys(groups.dropna(subset=["reliability"])["visits"]))
    for (marker, _), (colour, mark, dash) in zip(labels.items(), SERIES, strict=False):
        part = groups[(groups["marker"] == marker) & groups["reliability"].notna()]
        axes.plot(
            [order.index(visits) for visits in part["visits"]], part["reliability"],
            color=colour, marker=mark, linestyle=dash, markersize=5,
        )  # fmt: skip
    axes.set_xticks(range(len(order)), labels=order)
    axes.set_xlim(-0.3, len(order) - 0.7)
    axes.set_ylim(0, 1)
    axes.set_xlabel(f"visits up to {until}")
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.axhline(1, color=LINE, linewidth=0.8)
    legend(
        axes,
        [
            (label, {"color": colour, "marker": mark, "linestyle": dash, "markersize": 5})
            for label, (colour, mark, dash) in zip(labels.values(), SERIES, strict=False)
        ],
        columns=2,
    )
    told = "; ".join(
        f"{label} " + ", ".join(f"{row.reliability:.2f} with {row.visits}" for row in part.itertuples())
        for marker, label in labels.items()
        if len(part := groups[(groups["marker"] == marker) & groups["reliability"].notna()])
    )
    return svg(figure, name, f"Mean reliability of the slopes by number of visits: {told}.")
