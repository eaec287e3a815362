"""Pictures of average slopes: a stratum a line, with its interval."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, INK, drawing, panel, shortened, svg

ROW = 26.0
"""Units between two strata."""


@drawing
def slopes(rows: pd.DataFrame, label: str, axis: str, name: str) -> str:
    """Average slopes with 95% intervals; `rows`: those of one marker of ``growth/slopes_by_stratum`` without contrasts.

    Everybody comes first, in ink; the dashed line is a slope of 0 where it lies near.
    """
    figure, axes = panel(62 + ROW * len(rows), label, left=104)
    shown = rows.reset_index(drop=True)
    for place, row in enumerate(shown.itertuples()):
        colour = BLUE if row.by else INK
        axes.plot([row.ci_low, row.ci_high], [place, place], color=colour, linewidth=2)
        axes.plot([row.estimate], [place], "o", color=colour, markersize=5.5)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks(range(len(shown)), labels=[shortened(_named(row), 16) for row in shown.itertuples()])
    axes.tick_params(axis="y", labelcolor=INK)
    axes.grid(False, axis="y")
    ends = [end for end in (*shown["ci_low"], *shown["ci_high"]) if math.isfinite(end)]
    if ends and min(ends) - 0.5 * (max(ends) - min(ends)) <= 0 <= max(ends) + 0.5 * (max(ends) - min(ends)):
        axes.axvline(0, color=FAINT, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_xlabel(axis)
    told = "; ".join(
        f"{_named(row)} {row.estimate:.3g} ({row.ci_low:.3g} to {row.ci_high:.3g})" for row in shown.itertuples()
    )
    return svg(figure, name, f"Average slopes of {label} with 95% intervals, {axis}: {told}.")


def _named(row: object) -> str:
    by, stratum = str(getattr(row, "by", "")), str(getattr(row, "stratum", ""))
    return stratum if not by or stratum.startswith(f"{by} = ") else f"{by} {stratum}"
