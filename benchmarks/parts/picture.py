"""The picture of the growth engine's timings: the same numbers make the same bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

from parts.page import duration

STYLE = {
    "svg.hashsalt": "slopewise",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.which": "major",
    "grid.color": "#e4e4e4",
    "axes.axisbelow": True,
    "figure.facecolor": "white",
}
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#7f7f7f"  # told apart by colour-blind readers too


def draw(results: dict[str, Any], path: Path) -> None:
    """Left: one fit in each program. Right: time against the number of patients, and what memory alone would take."""
    mpl.use("svg")
    import matplotlib.pyplot as plt

    with mpl.rc_context(STYLE):
        figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 3.4), layout="constrained")
        seconds = results["one"]["seconds"]
        names = {"fit": "slopewise", "lme4": "lme4 lmer", "statsmodels": "statsmodels\nMixedLM"}
        shown = [name for name in names if name in seconds]
        bars = left.barh([names[name] for name in shown], [seconds[name] for name in shown], color=GREY, height=0.55)
        bars[0].set_color(BLUE)
        for bar, name in zip(bars, shown, strict=True):
            ratio = "" if name == "fit" else f"  ({seconds[name] / seconds['fit']:,.0f} ×)"
            middle = bar.get_y() + bar.get_height() / 2
            left.text(seconds[name] * 1.15, middle, f"{duration(seconds[name])}{ratio}", va="center")
        left.set(xscale="log", xlim=(1e-4, 60), xlabel="seconds of one processor", title="One fit, 1,000 patients")
        left.invert_yaxis()
        left.grid(axis="y", visible=False)

        sizes = results["patients"]
        number = [size["patients"] for size in sizes]
        prepared = [size["sorting"] + size["products"] for size in sizes]
        right.plot(number, prepared, "s-", color=ORANGE, label="sorting, design, cross-products (once)")
        right.plot(number, [size["fit"] for size in sizes], "o-", color=BLUE, label="fit")
        memory = [size["bound"]["fit"] for size in sizes]
        right.plot(number, memory, "--", color=GREY, label="what its memory traffic alone would take")
        right.set(xscale="log", yscale="log", xlabel="patients, 5 visits each", ylabel="seconds of one processor")
        right.set_title("Larger cohorts")
        right.set_ylim(top=300 * max(prepared))  # room for the legend
        right.legend(frameon=False, loc="upper left")
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
        plt.close(figure)
