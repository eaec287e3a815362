"""Pictures of many markers: the test of slopes against their association with the outcome, and who resembles whom."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, MUTED, VERMILLION, drawing, legend, panel, svg

SMALLEST = 1e-30
"""q-values below this are drawn at it."""
NAMED = 5
"""Marks with a name."""


@drawing
def volcano(rows: pd.DataFrame, effect: str, name: str) -> str:
    """Each marker's association with the outcome (across) against the test of its random slope (up), as −log10 q.

    rows: label, estimate (per SD of the slope), q_slope, in_model; without a missing number.
    """
    figure, axes = panel(330, "Slopes: spread and association", lines=2, left=40)
    up = -np.log10(np.clip(rows["q_slope"].to_numpy(dtype=float), SMALLEST, 1.0))
    across, chosen = rows["estimate"].to_numpy(dtype=float), rows["in_model"].to_numpy(dtype=bool)
    axes.axvline(0.0, color=FAINT, linewidth=1)
    axes.axhline(-np.log10(0.05), color=FAINT, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot(across[~chosen], up[~chosen], "o", color=MUTED, alpha=0.45, markersize=3.5, markeredgewidth=0)
    axes.plot(across[chosen], up[chosen], "D", color=VERMILLION, markersize=5.5, markeredgewidth=0)
    reach = 1.15 * max(float(np.abs(across).max()), 0.1)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-0.3, max(2.0, 1.08 * float(up.max())))
    axes.set_xlabel(f"{effect} per SD of the slope")
    looks = {"linestyle": "none"}
    entries = [
        ("slope in the model", {"color": VERMILLION, "marker": "D", **looks}),
        ("slope not in the model", {"color": MUTED, "marker": "o", **looks}),
        ("q of the random slope 0.05", {"color": FAINT, "linestyle": (0, (4, 3))}),
    ]
    legend(axes, entries, columns=2)
    strongest = rows.assign(size=np.abs(across)).sort_values("size", ascending=False, kind="stable").head(NAMED)
    told = "; ".join(f"{row.label} {row.estimate:.2f}, q {row.q_slope:.2g}" for row in strongest.itertuples())
    return svg(
        figure,
        name,
        f"{len(rows)} markers, {effect} per SD of the slope against −log10 of the q-value of the random slope; "
        f"{int(chosen.sum())} slopes are in the model. Largest associations: {told}.",
    )


@drawing
def resemblance(correlation: np.ndarray, labels: list[str], name: str) -> str:
    """|Spearman| (k, k) of the levels of k markers, in the order of `labels`; the numbers name rows of the table."""
    figure, axes = panel(330, "Levels that resemble each other", left=30, bottom=44)
    count = len(labels)
    for up in range(count):
        for across in range(count):
            strength = float(np.clip(abs(correlation[up, across]), 0.0, 1.0))
            axes.bar(across, 0.94, width=0.94, bottom=up - 0.47, color=BLUE, alpha=strength, linewidth=0)
    axes.grid(False)
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_xticks(range(count), labels=[str(place + 1) for place in range(count)], fontsize=8)
    axes.set_yticks(range(count), labels=[str(place + 1) for place in range(count)], fontsize=8)
    axes.set_xlabel("rank in the table")
    upper = np.triu(np.abs(correlation), 1)
    order = np.argsort(-upper, axis=None, kind="stable")[: min(3, count * (count - 1) // 2)]
    pairs = [(labels[place // count], labels[place % count], upper.flat[place]) for place in order.tolist()]
    told = "; ".join(f"{first} and {second} {value:.2f}" for first, second, value in pairs)
    return svg(figure, name, f"Absolute Spearman correlation of the levels of {count} markers. Highest: {told}.")
