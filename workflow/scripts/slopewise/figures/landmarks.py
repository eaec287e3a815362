"""Pictures over the landmarks of a study: what the slope adds at each, and how well level and slope predict there."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from slopewise.figures.canvas import BLUE, LEGEND_LINE, LINE, MUTED, SERIES, TITLE, drawing, legend, panel, svg

HEIGHT = 210.0


def _by_landmark(title: str, landmarks: pd.Series, label: str) -> tuple[Figure, Axes]:
    figure, axes = panel(TITLE + LEGEND_LINE + 12 + HEIGHT, title, left=48, bottom=40, lines=1)
    axes.set_xticks(list(landmarks), labels=[f"{value:g}" for value in landmarks])
    reach = float(landmarks.max() - landmarks.min()) or 1.0
    axes.set_xlim(float(landmarks.min()) - 0.08 * reach, float(landmarks.max()) + 0.08 * reach)
    axes.set_xlabel(label)
    return figure, axes


@drawing
def gain_by_landmark(gains: pd.DataFrame, negligible: float, title: str, label: str, name: str) -> str:
    """What the slope adds to the level at each landmark with its interval, zero and the negligible band marked.

    `gains`: landmark, difference, difference_low, difference_high, sorted; an interval may be missing.
    """
    figure, axes = _by_landmark(title, gains["landmark"], label)
    axes.axhspan(-negligible, negligible, color=LINE, alpha=0.45, linewidth=0)
    axes.axhline(0, color=MUTED, linewidth=1)
    axes.plot(gains["landmark"], gains["difference"], color=BLUE, linewidth=1, linestyle=(0, (2, 2)))
    for row in gains.itertuples():
        axes.plot([row.landmark] * 2, [row.difference_low, row.difference_high], color=BLUE, linewidth=2.2)
        axes.plot(row.landmark, row.difference, "o", markersize=7, color=BLUE)
    shown = gains[["difference", "difference_low", "difference_high"]].abs().max().max()
    reach = max(1.5 * negligible, 1.08 * float(shown))
    axes.set_ylim(-reach, reach)
    legend(
        axes,
        [
            ("difference, 95% interval", {"color": BLUE, "marker": "o", "markersize": 6}),
            (f"under {negligible:g}: small", {"color": LINE, "linewidth": 7}),
        ],
        columns=2,
    )
    told = "; ".join(
        f"landmark {row.landmark:g} {row.difference:+.3f} ({row.difference_low:+.3f} to {row.difference_high:+.3f})"
        for row in gains.itertuples()
    )
    return svg(figure, name, f"{title}, with 95% interval: {told}.")


@drawing
def concordance_by_landmark(values: pd.DataFrame, labels: dict[str, str], title: str, label: str, name: str) -> str:
    """Validated values of some steps at each landmark. `values`: landmark, predictors, validated; `labels` by step."""
    landmarks = pd.Series(sorted(values["landmark"].unique()))
    figure, axes = _by_landmark(title, landmarks, label)
    entries, told = [], []
    for (step, words), (colour, mark, dash) in zip(labels.items(), SERIES, strict=False):
        own = values[values["predictors"] == step].sort_values("landmark")
        axes.plot(own["landmark"], own["validated"], color=colour, marker=mark, linestyle=dash, markersize=5.5)
        entries.append((words, {"color": colour, "marker": mark, "linestyle": dash, "markersize": 5}))
        told.append(f"{words} " + ", ".join(f"{v:.3f}" for v in own["validated"]))
    legend(axes, entries, columns=len(entries))
    return svg(figure, name, f"{title} at landmarks {', '.join(f'{v:g}' for v in landmarks)}: {'; '.join(told)}.")
