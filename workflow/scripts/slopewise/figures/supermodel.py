"""Pictures of the landmark supermodel: how a coefficient changes with the landmark."""

from __future__ import annotations

import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, INK, LEGEND_LINE, MUTED, TITLE, drawing, legend, panel, svg


@drawing
def coefficient_by_landmark(rows: pd.DataFrame, title: str, label: str, name: str) -> str:
    """One term: each landmark's own coefficient with its interval, the changing one with its band, and the common one.

    `rows`: one term's rows of ``supermodel`` on one scale.
    """
    figure, axes = panel(TITLE + 2 * LEGEND_LINE + 12 + 200, title, left=48, bottom=40, lines=2)
    own = rows[rows["model"] == "separate"].sort_values("landmark")
    changing = rows[rows["model"] == "changing"].sort_values("landmark").dropna(subset=["estimate"])
    common = rows.loc[rows["model"] == "common", "estimate"]
    axes.axhline(0, color=INK, linewidth=1)
    if len(changing):
        low, high = _ends(changing)
        axes.fill_between(changing["landmark"], low, high, color=BLUE, alpha=0.14, linewidth=0)
        axes.plot(changing["landmark"], changing["estimate"], color=BLUE, linewidth=2)
    if len(common.dropna()):
        axes.axhline(float(common.iloc[0]), color=MUTED, linewidth=1.2, linestyle=(0, (4, 2)))
    for row, low, high in zip(own.itertuples(), *_ends(own), strict=True):
        axes.plot([row.landmark] * 2, [low, high], color=FAINT, linewidth=1.6)
        axes.plot(row.landmark, row.estimate, "o", markersize=5.5, color=MUTED)
    axes.set_xticks(list(own["landmark"]), labels=[f"{value:g}" for value in own["landmark"]])
    reach = float(own["landmark"].max() - own["landmark"].min()) or 1.0
    axes.set_xlim(float(own["landmark"].min()) - 0.08 * reach, float(own["landmark"].max()) + 0.08 * reach)
    axes.set_xlabel(label)
    legend(
        axes,
        [
            ("changing, 95% band", {"color": BLUE, "linewidth": 2}),
            ("one for all", {"color": MUTED, "linestyle": (0, (4, 2))}),
            ("each alone", {"color": MUTED, "marker": "o", "linestyle": "", "markersize": 5}),
        ],
        columns=2,
    )
    told = "; ".join(f"landmark {row.landmark:g} {row.estimate:+.3f}" for row in changing.itertuples())
    return svg(figure, name, f"{title}: log hazard ratio per SD, {told}.")


def _ends(rows: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """The bootstrap's intervals, and the sandwich's where there are none."""
    return (
        rows["ci_low_bootstrap"].fillna(rows["ci_low"]),
        rows["ci_high_bootstrap"].fillna(rows["ci_high"]),
    )
