"""Pictures of predicted risks: do they come true, are they worth acting on, do they separate patients?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from slopewise.figures.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LINE,
    MUTED,
    SERIES,
    VERMILLION,
    drawing,
    grouped,
    legend,
    panel,
    svg,
    top_of,
    unit_axis,
)


@drawing
def calibration(
    curves: pd.DataFrame, risks: pd.DataFrame, labels: Mapping[str, str], title: str, name: str, unit: bool = True
) -> str:
    """Observed over predicted risk at one horizon; the last step of `labels` with its interval and its risks below.

    `curves`: one horizon's rows of ``outcome/calibration``; `risks`: predictors, risk of each patient at that horizon.
    Without `unit` they are predictions of a continuous outcome, and the axes hold what there is.
    """
    what = "risk" if unit else "outcome"
    figure, axes = panel(325, f"{title}: observed {what}", lines=1)
    strip = risks.loc[risks["predictors"] == list(labels)[-1], "risk"].to_numpy(dtype=float)
    low, high = (0.0, _top(curves, labels, strip)) if unit else _reach(curves, labels)
    if unit:
        unit_axis(axes, top=high)
    else:
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
    axes.plot([low, high], [low, high], color=FAINT, linewidth=1)
    told = []
    for (step, label), (colour, _, dash) in zip(labels.items(), SERIES, strict=False):
        own = curves[curves["predictors"] == step].sort_values("x")
        if step == list(labels)[-1]:
            axes.fill_between(own["x"], own["ci_low"], own["ci_high"], color=colour, alpha=0.14, linewidth=0)
        axes.plot(own["x"], own["y"], color=colour, linestyle=dash)
        if len(own):
            points = own.iloc[[0, len(own) // 2, -1]]
            pairs = ", ".join(
                f"{x:.0%} predicted {y:.0%} observed" if unit else f"{x:.3g} predicted {y:.3g} observed"
                for x, y in zip(points["x"], points["y"], strict=True)
            )
            told.append(f"{label}: {pairs}")
    counts, edges = np.histogram(strip, bins=40, range=(low, high))
    if counts.max() > 0:
        axes.bar(
            edges[:-1], 0.12 * (high - low) * counts / counts.max(), width=(high - low) / 48, bottom=low, align="edge",
            color=FAINT, alpha=0.55, linewidth=0,
        )  # fmt: skip
    axes.set_xlabel(f"predicted {what}")
    legend(
        axes, [(label, {"color": c, "linestyle": d}) for label, (c, _, d) in zip(labels.values(), SERIES, strict=False)]
    )
    return svg(figure, name, f"Calibration, {title}. On the diagonal predictions are calibrated. {'. '.join(told)}.")


def _top(curves: pd.DataFrame, labels: Mapping[str, str], risks: np.ndarray) -> float:
    """The end of both axes of a calibration curve: where the risks and the curves of `labels` end."""
    shown = curves.loc[curves["predictors"].isin(list(labels)), ["x", "y"]].to_numpy(dtype=float)
    return top_of([*risks.tolist(), *shown.ravel().tolist()])


def _reach(curves: pd.DataFrame, labels: Mapping[str, str]) -> tuple[float, float]:
    """From the smallest to the largest value of the curves of `labels`, with some room."""
    values = curves.loc[curves["predictors"].isin(list(labels)), ["x", "y"]].to_numpy(dtype=float)
    low, high = (float(np.nanmin(values)), float(np.nanmax(values))) if np.isfinite(values).any() else (0.0, 1.0)
    room = 0.15 * (high - low) or 1.0
    return low - room, high + room


@drawing
def decision(curves: pd.DataFrame, labels: Mapping[str, str], title: str, name: str, most: float = 1.0) -> str:
    """Net benefit over the threshold of risk from which one would act, at one horizon.

    `curves`: one horizon's rows of ``outcome/decision_curve``, with ``treat_all`` and ``treat_none`` among predictors.
    `most`: the highest predicted risk; nobody has one beyond it, and the axis ends there.
    """
    curves = curves[curves["x"] <= top_of([most])]
    figure, axes = panel(306, f"{title}: net benefit", lines=3)
    everybody = curves[curves["predictors"] == "treat_all"].sort_values("x")
    axes.axhline(0, color=INK, linewidth=1)
    axes.plot(everybody["x"], everybody["y"], color=MUTED, linewidth=1.2, linestyle=(0, (1, 1)))
    looks, told = [], []
    for (step, label), (colour, _, dash) in zip(labels.items(), SERIES, strict=False):
        own = curves[curves["predictors"] == step].sort_values("x")
        if step == list(labels)[-1]:
            axes.fill_between(own["x"], own["ci_low"], own["ci_high"], color=colour, alpha=0.14, linewidth=0)
        axes.plot(own["x"], own["y"], color=colour, linestyle=dash)
        looks.append((label, {"color": colour, "linestyle": dash}))
        if len(own):
            middle = own.iloc[len(own) // 2]
            told.append(f"{label} {middle['y']:.3f} at a threshold of {middle['x']:.0%}")
    steps = curves[curves["predictors"].isin(list(labels))]
    top = float(np.nanmax([steps["y"].max(), everybody["y"].max(), 0.05]))
    axes.set_ylim(-0.12 * top, 1.06 * top)
    if len(steps):
        axes.set_xlim(0, float(steps["x"].max()) * 1.01)
    axes.xaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    axes.set_xlabel("risk from which one would act")
    legend(
        axes,
        [
            *looks,
            ("act on all", {"color": MUTED, "linewidth": 1.2, "linestyle": (0, (1, 1))}),
            ("act on none", {"color": INK, "linewidth": 1}),
        ],
        columns=2,
    )
    return svg(figure, name, f"Decision curves, {title}. Net benefit: {'; '.join(told)}; acting on nobody 0.")


GROUPS = ((BLUE, "-"), (GREEN, (0, (5, 2))), (VERMILLION, (0, (1.5, 1.2))))
"""Colour and dash of the low, middle and high third."""


@drawing
def survival(
    curves: pd.DataFrame, at_risk: pd.DataFrame, groups: Sequence[str], title: str, time_label: str, name: str
) -> str:
    """Kaplan–Meier curves of risk groups with their 95% bands, and the numbers at risk below the time axis.

    `curves`: group, time, survival, ci_low, ci_high (a row at each step); `at_risk`: group, time, shown (text, small
    counts already masked), one row per group and time.
    """
    figure, axes = panel(350, title, bottom=108, lines=1, left=52)
    ticks = sorted(at_risk["time"].unique())
    for group, (colour, dash) in zip(groups, GROUPS, strict=False):
        own = curves[curves["group"] == group].sort_values("time")
        axes.fill_between(
            own["time"], own["ci_low"], own["ci_high"], step="post", color=colour, alpha=0.11, linewidth=0,
            gid=grouped(group),
        )  # fmt: skip
        axes.step(own["time"], own["survival"], where="post", color=colour, linestyle=dash, gid=grouped(group))
    unit_axis(axes, "y")
    axes.set_xlim(0, max(ticks) * 1.02)
    axes.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    axes.set_xlabel(time_label)
    looks = [
        (group, {"color": c, "linestyle": d, "gid": grouped(group)})
        for group, (c, d) in zip(groups, GROUPS, strict=False)
    ]
    legend(axes, looks)
    axes.annotate(
        "at risk",
        (0, 0),
        xycoords="axes fraction",
        xytext=(-52, -52),
        textcoords="offset points",
        fontsize=11,
        color=MUTED,
    )
    for line, (group, (colour, _)) in enumerate(zip(groups, GROUPS, strict=False)):
        for row in at_risk[at_risk["group"] == group].itertuples():
            axes.annotate(
                row.shown, (row.time, 0), xycoords=("data", "axes fraction"), xytext=(0, -68 - 16 * line),
                textcoords="offset points", ha="center", fontsize=11, color=colour, gid=grouped(group),
            )  # fmt: skip
        axes.annotate(
            group, (0, 0), xycoords="axes fraction", xytext=(-52, -68 - 16 * line), textcoords="offset points",
            fontsize=11, color=colour, gid=grouped(group),
        )  # fmt: skip
    told = []
    for group in groups:
        own = curves[(curves["group"] == group) & (curves["time"] <= max(ticks))].sort_values("time")
        if len(own):
            told.append(f"{group} risk {own['survival'].iloc[-1]:.0%}")
    axes.axhline(0, color=LINE, linewidth=0.7)
    return svg(figure, name, f"{title}. Free of the event at {max(ticks):g} ({time_label}): {', '.join(told)}.")
