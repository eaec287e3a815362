"""Pictures of the ladder: a dot and an interval for each set of predictors, and for what each adds to its reference."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from slopewise.figures.canvas import BLUE, INK, LEGEND_LINE, LINE, MUTED, TITLE, VERMILLION, drawing, legend, panel, svg

ROW = 36.0
"""Units from one row to the next: a line of text and below it the dot with its interval."""


def _rows(count: int, title: str) -> tuple[Figure, Axes]:
    """Axes with room for `count` rows, the first on top; y is the row's number."""
    figure, axes = panel(TITLE + LEGEND_LINE + 12 + 24 + count * ROW, title, left=4, bottom=24, lines=1)
    axes.set_ylim(count - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(False)
    axes.grid(True, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
    return figure, axes


def _label(axes: Axes, row: int, text: str, value: str, strong: bool) -> None:
    """The row's words at the left edge and its value at the right, above the dot."""
    for x, shown, side in ((0, text, "left"), (1, value, "right")):
        axes.annotate(
            shown, (x, row), xycoords=("axes fraction", "data"), xytext=(4 * (x - 1), 4), textcoords="offset points",
            ha=side, color=INK, fontweight="bold" if strong else "normal",
        )  # fmt: skip


@drawing
def concordance(performance: pd.DataFrame, labels: Mapping[str, str], strong: str, title: str, name: str) -> str:
    """Validated value with its interval and the apparent value, one row a step; `labels` says which steps, in order.

    `performance`: one metric's rows of ``outcome/performance`` (predictors, validated, ci_low, ci_high, apparent); the
    step `strong` stands out.
    """
    rows = performance.set_index("predictors").reindex(list(labels))
    figure, axes = _rows(len(rows), title)
    for place, (step, row) in enumerate(rows.iterrows()):
        axes.plot([row["ci_low"], row["ci_high"]], [place + 0.14] * 2, color=BLUE, linewidth=2.2)
        axes.plot(
            row["apparent"],
            place + 0.14,
            "D",
            markersize=5.2,
            color=VERMILLION,
            markerfacecolor="none",
            markeredgewidth=1.2,
        )
        axes.plot(row["validated"], place + 0.14, "o", markersize=7, color=BLUE)
        _label(axes, place, labels[str(step)], f"{row['validated']:.3f}", str(step) == strong)
    values = rows[["validated", "ci_low", "ci_high", "apparent"]].to_numpy(dtype=float)
    low, high = pd.Series(values.ravel()).min(), pd.Series(values.ravel()).max()
    edge = 0.04 * (high - low) or 0.01
    axes.set_xlim(low - edge, high + edge)
    legend(
        axes,
        [
            ("validated, 95% interval", {"color": BLUE, "marker": "o", "markersize": 6}),
            ("apparent", {"color": VERMILLION, "marker": "D", "markerfacecolor": "none", "linestyle": "none"}),
        ],
        columns=2,
    )
    told = "; ".join(
        f"{labels[str(step)]} {row['validated']:.3f} ({row['ci_low']:.3f} to {row['ci_high']:.3f}), apparent "
        f"{row['apparent']:.3f}"
        for step, row in rows.iterrows()
    )
    return svg(figure, name, f"{title}, validated with 95% interval: {told}.")


@drawing
def added_value(differences: pd.DataFrame, negligible: float, title: str, name: str, strong: int = -1) -> str:
    """A difference with its interval in each row, zero marked, and the band of differences too small to matter.

    `differences`: label, difference, difference_low, difference_high, in the order of drawing.
    """
    figure, axes = _rows(len(differences), title)
    axes.axvspan(-negligible, negligible, color=LINE, alpha=0.45, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1)
    for place, row in enumerate(differences.itertuples()):
        axes.plot([row.difference_low, row.difference_high], [place + 0.14] * 2, color=BLUE, linewidth=2.2)
        axes.plot(row.difference, place + 0.14, "o", markersize=7, color=BLUE)
        _label(axes, place, row.label, _signed(row.difference), place == strong)
    values = differences[["difference", "difference_low", "difference_high"]].to_numpy(dtype=float)
    reach = max(1.5 * negligible, float(pd.Series(values.ravel()).abs().max()) * 1.08)
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_formatter(lambda value, _position: _signed(value, 2))
    figure.text(
        0, 1 - (TITLE + 12) / (72 * figure.get_figheight()), f"grey band: under {negligible:g}, small", color=MUTED
    )
    told = "; ".join(
        f"{row.label} {_signed(row.difference)} ({_signed(row.difference_low)} to {_signed(row.difference_high)})"
        for row in differences.itertuples()
    )
    return svg(figure, name, f"{title}, with 95% interval: {told}.")


def _signed(value: float, digits: int = 3) -> str:
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return f"{'+' if value > 0 else '−'}{text}"
