"""Pictures of an interruption: the course with and without it, and its effect over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, INK, MUTED, VERMILLION, drawing, legend, panel, svg
from slopewise.figures.diagnostics import REST


def averages(curves: pd.DataFrame, width: float) -> pd.DataFrame:
    """since, observed, fitted, without and units by steps of `width` about the moment, over units with one.

    Only steps that half of the patients have: a mean over few units changes with who they are.
    """
    rows = curves[curves["since"].notna()]
    step = np.floor(rows["since"] / width + 1e-9)
    grouped = rows.assign(step=step).groupby("step")
    made = grouped[["since", "observed", "fitted", "without"]].mean()
    made["units"] = grouped["patient"].nunique()
    kept: pd.DataFrame = made[made["units"] >= 0.5 * rows["patient"].nunique()].reset_index(drop=True)
    return kept


@drawing
def counterfactual(curves: pd.DataFrame, label: str, unit: str, time: str, width: float, name: str) -> str:
    """Mean of the interrupted patients about their moment: observed, expected, and expected without interruption."""
    mean = averages(curves, width)
    figure, axes = panel(270, f"{label}, {unit}", lines=1, left=50)
    axes.plot(mean["since"], mean["observed"], color=MUTED, **{**REST, "markersize": 3.5})
    late = mean[mean["since"] >= 0]
    axes.plot(mean["since"], mean["fitted"], color=BLUE)
    axes.plot(late["since"], late["without"], color=VERMILLION, linestyle=(0, (5, 2)))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_xlabel(f"{time} since the interruption")
    legend(
        axes,
        [
            ("observed", {"color": MUTED, "marker": "o", "linestyle": "none", "markersize": 3.5}),
            ("expected", {"color": BLUE}),
            ("without it", {"color": VERMILLION, "linestyle": (0, (5, 2))}),
        ],
    )
    last = late.iloc[-1] if len(late) else mean.iloc[-1]
    told = (
        f"{label}: mean of the patients about their interruption. At {last['since']:.3g} {time} the mean is expected "
        f"at {last['fitted']:.3g} {unit}, and at {last['without']:.3g} without the interruption."
    )
    return svg(figure, name, told)


@drawing
def course(rows: pd.DataFrame, label: str, unit: str, time: str, name: str) -> str:
    """The average effect after the moment with its interval (dark band), and where 95% of patients lie (light band)."""
    figure, axes = panel(270, f"{label}: effect, {unit}", lines=2, left=50)
    axes.fill_between(rows["since"], rows["unit_low"], rows["unit_high"], color=BLUE, alpha=0.12, linewidth=0)
    axes.fill_between(rows["since"], rows["ci_low"], rows["ci_high"], color=BLUE, alpha=0.3, linewidth=0)
    axes.plot(rows["since"], rows["estimate"], color=BLUE)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel(f"{time} since the interruption")
    bands = [
        ("average effect", {"color": BLUE}),
        ("its 95% interval", {"color": BLUE, "alpha": 0.4, "linewidth": 6}),
        ("95% of patients", {"color": BLUE, "alpha": 0.15, "linewidth": 6}),
    ]
    legend(axes, bands, columns=2)
    first, last = rows.iloc[0], rows.iloc[-1]
    told = (
        f"{label}: the average effect is {first['estimate']:.3g} {unit} directly after the interruption and "
        f"{last['estimate']:.3g} (95% interval {last['ci_low']:.3g} to {last['ci_high']:.3g}) {last['since']:.3g} "
        f"{time} after it; 95% of patients lie between {last['unit_low']:.3g} and {last['unit_high']:.3g} then."
    )
    return svg(figure, name, told)


@drawing
def single(rows: pd.DataFrame, title: str, unit: str, span: tuple[float, float], name: str) -> str:
    """One patient's course over time: observed, as the model expects it, and as it expects it without the interruption.

    rows: the patient's rows of ``effects/curves``; span: the ends of the vertical axis, the same for all patients.
    """
    figure, axes = panel(190, title, left=50)
    rows = rows.sort_values("time")
    late = rows[rows["since"] >= 0]
    axes.plot(rows["time"], rows["observed"], color=MUTED, **{**REST, "markersize": 3})
    axes.plot(rows["time"], rows["fitted"], color=BLUE)
    axes.plot(late["time"], late["without"], color=VERMILLION, linestyle=(0, (5, 2)))
    axes.axvline(float((rows["time"] - rows["since"]).iloc[0]), color=INK, linewidth=0.8)
    axes.set_ylim(*span)
    last = late.iloc[-1] if len(late) else rows.iloc[-1]
    told = (
        f"{title}: {last['observed']:.3g} {unit} at its last row, {last['since']:.3g} after the interruption; expected "
        f"are {last['fitted']:.3g}, and {last['without']:.3g} without the interruption."
    )
    return svg(figure, name, told)
