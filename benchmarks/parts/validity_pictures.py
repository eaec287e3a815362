"""The pictures of the simulations' page: the same tables make the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

from parts.monte_carlo import Store
from parts.picture import BLUE, GREY, ORANGE, STYLE
from parts.validity_outcome import EFFECT

GREEN = "#009e73"
COLOURS = {"bootstrap": BLUE, "mixture": GREEN, "naive": GREY, "F test": ORANGE}
MARKS = {"bootstrap": "o", "mixture": "s", "naive": "v", "F test": "D"}


def draw_all(store: Store) -> None:
    """Every picture whose table is there."""
    mpl.use("svg")
    for name, draw in (
        ("type_one", _no_slope),
        ("power", _power),
        ("coverage", _coverage),
        ("two_stages", _two_stages),
        ("nothing", _nothing),
    ):
        found = store.read(name)
        if len(found):
            with mpl.rc_context(STYLE):
                draw(found, store.folder)


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(figure)


def _figure(width: float, height: float, columns: int = 1) -> Any:
    import matplotlib.pyplot as plt

    return plt.subplots(1, columns, figsize=(width, height), layout="constrained")


def _rows(axis: Any, found: pd.DataFrame, names: Sequence[str], aim: tuple[float, float], colours: Any) -> None:
    """Settings from top to bottom, a mark with two standard errors for each quantity, the aim shaded."""
    settings = list(found["setting"].unique())
    axis.axvspan(*aim, color="#e8f1f8", zorder=0)
    for k, name in enumerate(names):
        own = found[found["quantity"] == name].set_index("setting").loc[settings]
        y = np.arange(len(settings)) + 0.55 * (k / max(len(names) - 1, 1) - 0.5)
        axis.errorbar(own["value"], y, xerr=2 * own["se"], fmt=MARKS.get(name, "o"), ms=4, lw=1, color=colours[name],
                      label=name)  # fmt: skip
    axis.set_yticks(range(len(settings)), settings)
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)


def _no_slope(found: pd.DataFrame, folder: Path) -> None:
    figure, axis = _figure(7.5, 3.6)
    _rows(axis, found, list(COLOURS), (0.035, 0.065), COLOURS)
    axis.axvline(0.05, color="black", lw=0.8)
    axis.set(xlabel="share of data sets rejected at 0.05 (bars: two standard errors; shaded: the aim)")
    axis.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    _save(figure, folder / "no_slope.svg")


def _power(found: pd.DataFrame, folder: Path) -> None:
    import matplotlib.pyplot as plt

    parts = found["setting"].str.extract(r"^(?P<n>\d+) patients.*slope SD (?P<sd>[\d.]+)").astype(float)
    found = found.assign(n=parts["n"].to_numpy(), sd=parts["sd"].to_numpy())
    figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.0), sharey=True, layout="constrained")
    for axis, (n, own) in zip(axes, found.groupby("n"), strict=True):
        for name, colour in COLOURS.items():
            line = own[own["quantity"] == name].sort_values("sd")
            axis.plot(line["sd"], line["value"], marker=MARKS[name], ms=4, lw=1, color=colour, label=name)
        axis.axhline(0.05, color="black", lw=0.8)
        axis.set(title=f"{n:.0f} patients, six visits", xlabel="SD of slopes", ylim=(0, 1.03))
    axes[0].set_ylabel("share rejected at 0.05")
    axes[0].legend(frameon=False, loc="upper left")
    _save(figure, folder / "power.svg")


def _coverage(found: pd.DataFrame, folder: Path) -> None:
    names = ["intercept", "mean slope", "SD of intercepts", "SD of slopes", "correlation", "residual SD"]
    colours = dict(zip(names, [GREY, "black", BLUE, ORANGE, GREEN, "#cc79a7"], strict=True))
    figure, axis = _figure(7.5, 4.0)
    _rows(axis, found[found["quantity"].isin(names)], names, (0.925, 0.98), colours)
    axis.axvline(0.95, color="black", lw=0.8)
    axis.set(xlabel="coverage of 95% intervals (bars: two standard errors; shaded: the aim)")
    axis.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    _save(figure, folder / "coverage.svg")


def _two_stages(sets: pd.DataFrame, folder: Path) -> None:
    figure, axes = _figure(9.6, 3.0, 2)
    axes[0].hist(sets["estimate"], bins=30, color=BLUE)
    axes[0].axvline(EFFECT, color="black", lw=1, label="truth")
    axes[0].axvline(sets["estimate"].mean(), color=ORANGE, lw=1.5, ls="--", label="mean")
    axes[0].set(xlabel="coefficient of the slope × true SD of slopes", ylabel="data sets")
    axes[0].legend(frameon=False)
    every = max(1, len(sets) // 50)
    order = sets.sort_values("estimate").iloc[::every]
    place = np.arange(len(order))
    held = (order["ci_low_bootstrap"] <= EFFECT) & (order["ci_high_bootstrap"] >= EFFECT)
    axes[1].vlines(place, order["ci_low_bootstrap"], order["ci_high_bootstrap"], colors=np.where(held, BLUE, ORANGE))
    axes[1].plot(place, order["estimate"], "k.", ms=3)
    axes[1].axhline(EFFECT, color="black", lw=1)
    axes[1].set(
        xlabel=f"data sets in the order of their estimates (one in {every})", ylabel="two-stage bootstrap interval"
    )
    axes[1].set_title("orange: does not hold the truth", fontsize=9)
    _save(figure, folder / "two_stages.svg")


def _nothing(sets: pd.DataFrame, folder: Path) -> None:
    names = ["level validated", "slope validated", "weak"]
    figure, axis = _figure(7.5, 2.3)
    axis.axvspan(0.47, 0.53, color="#e8f1f8", zorder=0)
    axis.axvline(0.5, color="black", lw=0.8)
    for k, (setting, own) in enumerate(sets.groupby("setting", sort=False)):
        for row, name in enumerate(names):
            y = np.full(len(own), row + 0.3 * k - 0.15)
            axis.plot(own[name], y, "os"[k % 2], ms=3, alpha=0.6, color=(BLUE, ORANGE)[k % 2],
                      label=setting if row == 0 else None)  # fmt: skip
    axis.set_yticks(
        range(len(names)), ["levels, validated", "levels and slopes, validated", "fixed weak penalty, in-sample"]
    )
    axis.invert_yaxis()
    axis.grid(axis="y", visible=False)
    axis.set(xlabel="Harrell's C; a mark is a data set (shaded: the aim for means)")
    axis.legend(frameon=False)
    _save(figure, folder / "nothing.svg")
