"""A picture of fast change: the share of patients beyond the limit, counted three ways."""

from __future__ import annotations

import pandas as pd

from slopewise.figures.canvas import BLUE, FAINT, INK, drawing, panel, svg

WAYS = (("share_ols", "least-squares line"), ("share_slope", "model’s slope"), ("share", "probability"))


@drawing
def shares(rows: pd.DataFrame, label: str, unit: str, name: str) -> str:
    """Shares of one marker; `rows` of ``slopes/fast_share``, one a limit. A missing share has no point."""
    lines = [(row, way, words) for _, row in rows.iterrows() for way, words in WAYS]
    figure, axes = panel(64 + 26 * len(lines), label, left=112)
    several = len(rows) > 1
    ticks = []
    for place, (row, way, words) in enumerate(lines):
        if way == "share":
            axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=BLUE, linewidth=2)
        axes.plot([row[way]], [place], "o", color=BLUE if way == "share" else FAINT, markersize=5.5)
        ticks.append(f"{row['side']}: {words}" if several else words)
    axes.set_yticks(range(len(lines)), labels=ticks)
    axes.tick_params(axis="y", labelcolor=INK)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.grid(False, axis="y")
    most = max(0.1, *(float(row[way]) for row, way, _ in lines if pd.notna(row[way])), float(rows["ci_high"].max()))
    axes.set_xlim(0, min(1.0, 1.08 * most))
    axes.xaxis.set_major_formatter(lambda value, _place: f"{100 * value:.0f}%")
    axes.set_xlabel("; ".join(f"slope {row['side']} {row['limit']:g} {unit}" for _, row in rows.iterrows()))
    told = "; ".join(
        f"{row['side']} {row['limit']:g} {unit}: {_told(row, 'share')} by probabilities, "
        f"{_told(row, 'share_slope')} by the model's slopes, {_told(row, 'share_ols')} by least-squares lines"
        for _, row in rows.iterrows()
    )
    return svg(figure, name, f"Share of patients with fast change of {label}, {told}.")


def _told(row: pd.Series, way: str) -> str:
    """A share as text, the one by probabilities with its interval."""
    if pd.isna(row[way]):
        return "not shown"
    ends = f" ({row['ci_low']:.1%} to {row['ci_high']:.1%})" if way == "share" else ""
    return f"{row[way]:.1%}{ends}"
