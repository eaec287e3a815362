"""Residual diagnostics: trends left in residuals, residuals against fitted values, quantiles, influence, visits.

A mark or a line is a patient (or a row), in the order of its values: the order of patients would tell who is who.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from slopewise.figures.canvas import (
    BLUE,
    FAINT,
    INK,
    LINE,
    MUTED,
    VERMILLION,
    drawing,
    legend,
    panel,
    svg,
)

LINES = 300
"""Patients (or rows) with a line or a mark; of more they are taken evenly over their order."""

REST = {"linestyle": "none", "marker": "o", "markersize": 3.4, "markeredgewidth": 0.0}

FEW = 60
"""With fewer marks than these none is left out of the frame, and they are larger."""


def size_of(marks: int) -> dict[str, float]:
    """How large marks are drawn, by their number."""
    return {"markersize": 5.0 if marks < FEW else 3.4 if marks < 5 * FEW else 2.8}


def thinned(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows, evenly over their order."""
    if len(rows) <= most:
        return rows
    return rows.iloc[np.unique(np.linspace(0, len(rows) - 1, most).round().astype(int))]


def segments(axes: Axes, x: np.ndarray, y: np.ndarray, **look: Any) -> None:
    """One path of many pieces; x and y are (pieces, points). A path each would take several times the room."""
    gap = np.full((len(x), 1), np.nan)
    axes.plot(np.hstack([x, gap]).ravel(), np.hstack([y, gap]).ravel(), **look)


def dots(axes: Axes, x: np.ndarray, y: np.ndarray, size: float | None = None, **look: Any) -> None:
    """Round marks as one path of points with round ends; a mark each would take three times the room."""
    width = (size or size_of(len(x))["markersize"]) * 0.9
    segments(axes, np.column_stack([x, x]), np.column_stack([y, y]), linewidth=width, solid_capstyle="round", **look)


def reach(values: np.ndarray, share: float = 0.005, edge: float = 0.06) -> tuple[float, float]:
    """Limits of an axis that leave the most extreme `share` of many values out at either end."""
    share = share if len(values) >= 2 * FEW else 0.0
    low, high = np.nanquantile(values, [share, 1 - share])
    room = edge * (high - low) or 1.0
    return float(low - room), float(high + room)


@drawing
def trend_lines(rows: pd.DataFrame, label: str, time_label: str, name: str) -> str:
    """The trend left in each patient's residuals of the random-intercept model; `rows` of ``growth/patients``."""
    figure, axes = panel(230, label)
    own = rows[rows["trend"].notna()].sort_values(["trend", "residual"])
    drawn = thinned(own, LINES)
    ends = drawn[["first", "last"]].to_numpy()
    left = drawn["residual"].to_numpy()[:, None] + drawn["trend"].to_numpy()[:, None] * (
        ends - drawn["middle"].to_numpy()[:, None]
    )
    segments(axes, ends, left, color=FAINT, linewidth=0.8, alpha=0.8)
    axes.axhline(0, color=BLUE, linewidth=1.6)
    if len(drawn):
        axes.set_ylim(*reach(left.ravel(), 0.01))
    axes.set_xlabel(time_label)
    up = int((own["trend"] > 0).sum())
    return svg(
        figure,
        name,
        f"{label}: the trend that a random intercept leaves in the residuals of each of {len(own)} patients, as a line "
        f"from the first to the last row ({time_label}); {up / max(len(own), 1):.0%} rise.",
    )


@drawing
def trend_spread(rows: pd.DataFrame, label: str, name: str) -> str:
    """How the patients' residual trends spread (bars), beside what noise alone would give (line)."""
    figure, axes = panel(240, label, lines=1)
    own = rows[rows["trend"].notna() & (rows["trend_noise"] > 0)]
    trend, noise = np.sort(own["trend"].to_numpy()), own["trend_noise"].to_numpy()
    low, high = reach(trend, 0.02)
    bins = int(np.clip(2 * np.sqrt(len(trend)), 8, 30))
    counts, edges = np.histogram(trend, bins=bins, range=(low, high))
    width = edges[1] - edges[0]
    axes.bar(edges[:-1], counts / max(len(trend), 1), width=width, align="edge", color=FAINT, alpha=0.6, linewidth=0)
    grid = np.linspace(low, high, 81)
    density = np.exp(-0.5 * (grid[:, None] / noise) ** 2) / (noise * np.sqrt(2 * np.pi))
    axes.plot(grid, width * density.mean(axis=1), color=VERMILLION, linestyle=(0, (5, 2)))
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:.0%}")
    axes.set_xlabel("trend of the residuals")
    bars = {"color": FAINT, "linewidth": 6, "alpha": 0.6}
    legend(axes, [("seen", bars), ("noise alone", {"color": VERMILLION, "linestyle": (0, (5, 2))})], columns=2)
    return svg(
        figure,
        name,
        f"{label}: distribution of the trends in the residuals of {len(trend)} patients. Their standard deviation is "
        f"{trend.std(ddof=1) if len(trend) > 1 else float('nan'):.3g}; noise alone would give "
        f"{np.sqrt((noise**2).mean()):.3g}.",
    )


@drawing
def residuals(points: pd.DataFrame, classes: pd.DataFrame, label: str, name: str) -> str:
    """Residuals in their own SDs over fitted values; by classes their mean and the mean plus and minus their SD."""
    figure, axes = panel(250, label, lines=1)
    dots(axes, points["fitted"].to_numpy(), points["residual"].to_numpy(), color=FAINT, alpha=0.7)
    axes.axhline(0, color=LINE, linewidth=1)
    axes.plot(classes["fitted"], classes["mean"], color=BLUE)
    for sign in (-1, 1):
        axes.plot(
            classes["fitted"], classes["mean"] + sign * classes["sd"], color=VERMILLION, linewidth=1.3,
            linestyle=(0, (5, 2)),
        )  # fmt: skip
    axes.set_xlabel("fitted value")
    dashed = {"color": VERMILLION, "linestyle": (0, (5, 2)), "linewidth": 1.3}
    legend(axes, [("a row", {"color": FAINT, **REST}), ("mean", {"color": BLUE}), ("mean ± SD", dashed)])
    first, last = classes.iloc[0], classes.iloc[-1]
    return svg(
        figure,
        name,
        f"{label}: standardised residuals against fitted values. They scatter by "
        f"{first['sd']:.2f} about {first['fitted']:.3g} and by {last['sd']:.2f} about {last['fitted']:.3g}.",
    )


LOOKS = {
    "residual": ("residuals", BLUE, "o"),
    "intercept": ("starting values", BLUE, "o"),
    "slope": ("slopes", VERMILLION, "s"),
}


@drawing
def quantiles(rows: pd.DataFrame, label: str, name: str) -> str:
    """Quantiles seen over those of the normal distribution, with the band in which each lies with probability 95%."""
    figure, axes = panel(290, label, lines=1)
    kinds = [what for what in LOOKS if (rows["what"] == what).any()]
    own = {what: rows[rows["what"] == what].sort_values("normal") for what in kinds}
    for kind, part in own.items():
        colour = FAINT if len(kinds) == 1 else LOOKS[kind][1]
        axes.fill_between(part["normal"], part["low"], part["high"], color=colour, alpha=0.16, linewidth=0)
    ends = [rows["normal"].min(), rows["normal"].max()]
    axes.plot(ends, ends, color=FAINT, linewidth=1)
    for kind in kinds:
        _, colour, mark = LOOKS[kind]
        axes.plot(
            own[kind]["normal"], own[kind]["seen"], linestyle="none", marker=mark, markersize=3.6, color=colour,
            markerfacecolor="none" if mark == "o" else colour, markeredgewidth=0.8, alpha=0.85,
        )  # fmt: skip
    axes.set_xlabel("quantile of the normal distribution")
    marks = [
        (LOOKS[kind][0], {"color": LOOKS[kind][1], "marker": LOOKS[kind][2], "linestyle": "none", "markersize": 4.5,
                          "markerfacecolor": "none" if LOOKS[kind][2] == "o" else LOOKS[kind][1]})
        for kind in kinds
    ]  # fmt: skip
    legend(axes, marks)
    told = "; ".join(
        f"{LOOKS[kind][0]} from {part['seen'].iloc[0]:.2f} to {part['seen'].iloc[-1]:.2f} where "
        f"{part['normal'].iloc[0]:.2f} to {part['normal'].iloc[-1]:.2f} is normal"
        for kind, part in own.items()
    )
    return svg(figure, name, f"{label}: normal quantile plot, in standard deviations: {told}.")


@drawing
def influence(rows: pd.DataFrame, slope_sd: float, label: str, name: str) -> str:
    """Without this patient: the average slope's change in standard errors, and the slopes' SD in per cent."""
    figure, axes = panel(270, label, left=46)
    own = rows[rows["slope_change_se"].notna()].sort_values(["slope_change_se", "slope_sd_change"])
    across, up = own["slope_change_se"].to_numpy(), own["slope_sd_change"].to_numpy() / slope_sd
    axes.axhline(0, color=FAINT, linewidth=0.9)
    axes.axvline(0, color=FAINT, linewidth=0.9)
    wide, high = 1.15 * np.abs(across).max(initial=0.05), 1.15 * np.abs(up).max(initial=0.005)
    extreme = np.argsort(-np.maximum(np.abs(across) / wide, np.abs(up) / high), kind="stable")[: LINES // 2]
    kept = np.union1d(extreme, np.arange(0, len(own), max(1, len(own) // (LINES // 2))))
    dots(axes, across[kept], up[kept], color=BLUE, alpha=0.75)
    axes.yaxis.set_major_formatter(lambda value, _position: f"{value:+.0%}".replace("-", "−").replace("+0%", "0%"))
    axes.set_xlim(-wide, wide)
    axes.set_ylim(-high, high)
    axes.set_xlabel("change of the average slope (standard errors)")
    axes.annotate(
        "change of the slopes’ SD", (0, 1), xycoords="axes fraction", xytext=(-40, 5), textcoords="offset points",
        color=MUTED, fontsize=11,
    )  # fmt: skip
    return svg(
        figure,
        name,
        f"{label}: what leaving out each of {len(own)} patients changes. The average slope moves by "
        f"{across.min(initial=0):.2f} to {across.max(initial=0):.2f} standard errors, the standard deviation of the "
        f"slopes by {up.min(initial=0):.1%} to {up.max(initial=0):.1%}.",
    )


@drawing
def visits(rows: pd.DataFrame, change: float, label: str, name: str) -> str:
    """Predicted slopes over the number of visits; the line rises by `change` a visit, from the mixed model."""
    figure, axes = panel(250, label, left=46)
    own = rows[(rows["last"] > rows["first"]) & rows["slope"].notna()].sort_values(["visits", "slope"])
    number, slope = own["visits"].to_numpy(dtype=float), own["slope"].to_numpy()
    drawn = thinned(own, LINES)
    dots(axes, drawn["visits"].to_numpy(dtype=float), drawn["slope"].to_numpy(), color=BLUE, alpha=0.75)
    if np.isfinite(change) and len(own):
        ends = np.array([number.min(), number.max()])
        axes.plot(ends, slope.mean() + change * (ends - number.mean()), color=INK, linewidth=1.6, linestyle=(0, (4, 2)))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axes.set_xlabel("visits with a value")
    return svg(
        figure,
        name,
        f"{label}: predicted slope of {len(own)} patients with two visits or more, against the number of visits. One "
        f"more visit goes with a slope that is {change:.3g} higher.",
    )
