"""The pictures of docs/concepts, drawn from the PBC study's results: `make demo`, then `python docs/make_figures.py`.

The same results give the same bytes. No patient is named: a line or a dot is a patient, unlabelled.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd

matplotlib.use("svg")
import matplotlib.pyplot as plt

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "pbc"
FOLDER = ROOT / "docs" / "concepts"
BLUE, ORANGE, GREEN, GREY, PALE = "#0072B2", "#D55E00", "#009E73", "#6b6b6b", "#d9d9d9"
MARKER = "log_bilirubin"
LANDMARK = 2.0


def style() -> None:
    """One look for all; ids in the SVG that do not change from run to run."""
    plt.rcParams.update(
        {
            "svg.hashsalt": "slopewise",
            "svg.fonttype": "none",
            "font.family": "sans-serif",
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "figure.facecolor": "white",
        }
    )


def save(name: str) -> None:
    """Write the current figure, without a date."""
    plt.tight_layout()
    plt.savefig(FOLDER / f"{name}.svg", metadata={"Date": None, "Creator": None})
    plt.close()


def landmark() -> None:
    """Patients as lines: visits before and after the landmark, how each line ends, who is no longer at risk."""
    people = pd.read_csv(ROOT / "data/pbcseq/patients.csv").assign(end=lambda f: f["futime"] / 365.25)
    visits = pd.read_csv(ROOT / "data/pbcseq/measurements.csv").assign(time=lambda f: f["day"] / 365.25)
    rng = np.random.default_rng(5)
    early = people[people["end"] <= LANDMARK].sample(4, random_state=rng)
    later = people[people["end"].between(LANDMARK, 9)].sample(12, random_state=rng)
    shown = pd.concat([early, later]).sort_values("end").reset_index(drop=True)
    _, axes = plt.subplots(figsize=(7.6, 4.6))
    for row, patient in shown.iterrows():
        own = visits.loc[visits["id"] == patient["id"], "time"]
        at_risk = patient["end"] > LANDMARK
        used, unused = own[own <= LANDMARK], own[own > LANDMARK]
        axes.plot([0, patient["end"]], [row, row], color=PALE, linewidth=1.5, zorder=1)
        axes.scatter(used, [row] * len(used), s=22, color=BLUE if at_risk else GREY, zorder=2)
        axes.scatter(unused, [row] * len(unused), s=18, facecolors="white", edgecolors=GREY, zorder=2)
        mark, colour = ("X", ORANGE) if patient["status"] > 0 else ("|", GREY)
        axes.scatter([patient["end"]], [row], s=55, marker=mark, color=colour, zorder=3)
    axes.axvline(LANDMARK, color="black", linestyle="--", linewidth=1)
    axes.axhline(len(early) - 0.5, color=PALE, linewidth=0.8)
    axes.text(LANDMARK + 0.08, len(shown) - 0.2, "landmark", va="bottom")
    axes.text(5.2, 1.5, "left before the landmark: not at risk", color=GREY, va="center")
    handles = [
        axes.scatter([], [], s=22, color=BLUE, label="visit that enters"),
        axes.scatter([], [], s=18, facecolors="white", edgecolors=GREY, label="visit after the landmark, set aside"),
        axes.scatter([], [], s=55, marker="X", color=ORANGE, label="transplant or death"),
        axes.scatter([], [], s=55, marker="|", color=GREY, label="end of follow-up without it"),
    ]
    axes.legend(handles=handles, loc="lower right", frameon=False, fontsize=9, bbox_to_anchor=(1.0, 0.25))
    axes.set(xlabel="years since the start", ylabel="patients", yticks=[], ylim=(-0.8, len(shown) + 0.6))
    save("landmark")


def cross_fitting() -> None:
    """Who trains and who is scored in one repeat; what a patient's own data do to the own slope."""
    folds = pd.read_parquet(RESULTS / "folds.parquet")
    own = folds[(folds["scheme"] == "crossfit") & (folds["repeat"] == 1)].sort_values(["fold", "patient"])
    _, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.8), width_ratios=(1, 1.15))
    for fit in range(1, 6):
        for fold, members in own.groupby("fold"):
            bottom = int((own["fold"] < fold).sum())
            colour = ORANGE if fold == fit else PALE
            left.bar(fit, len(members) - 1.5, bottom=bottom, width=0.8, color=colour)
            if fold == fit:
                left.text(fit, bottom + len(members) / 2, "scored", ha="center", va="center", fontsize=8)
    left.set(xlabel="fit", ylabel="patients, by fold", xticks=range(1, 6), title="Grey trains, orange is scored")
    scores = pd.read_parquet(RESULTS / "slopes" / "crossfit.parquet")
    scores = scores[(scores["scheme"] == "crossfit") & (scores["marker"] == MARKER)]
    inside = scores[scores["repeat"] == 0].set_index("patient")["slope"]
    outside = scores[scores["repeat"] > 0].groupby("patient")["slope"].mean().reindex(inside.index)
    right.axhline(0, color=GREY, linewidth=0.8)
    right.scatter(inside, inside - outside, s=14, color=BLUE, alpha=0.6, linewidths=0)
    right.set(
        xlabel="slope by a model that saw the patient",
        ylabel="slope − cross-fitted slope",
        title="log bilirubin per year",
    )
    save("cross-fitting")


def reliability() -> None:
    """Shrinkage of slopes and its cause: reliability by number of visits."""
    slopes = pd.read_parquet(RESULTS / "slopes" / "slopes.parquet")
    own = slopes[slopes["marker"] == MARKER]
    _, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.8))
    for low, high, colour, label in ((2, 2, ORANGE, "2 visits"), (3, 3, BLUE, "3"), (4, 9, GREEN, "4 or more")):
        part = own[own["visits"].between(low, high)]
        left.scatter(part["slope_ols"], part["slope"], s=14, color=colour, alpha=0.7, linewidths=0, label=label)
    left.axline((0, 0), slope=1, color=GREY, linewidth=0.8)
    left.axhline(own["slope"].mean(), color=GREY, linewidth=0.8, linestyle="--")
    left.set(xlabel="slope of the patient's own line", ylabel="cross-fitted slope", xlim=(-2, 2.5), ylim=(-0.9, 1.2))
    left.legend(frameon=False, fontsize=9, loc="upper left")
    left.set_title("Shrinkage: log bilirubin per year")
    groups = [(str(n), own.loc[own["visits"] == n, "reliability"]) for n in range(1, 5)]
    right.boxplot([g for _, g in groups], widths=0.55, showfliers=False, medianprops={"color": BLUE, "linewidth": 2})
    right.set_xticklabels([f"{n}\n({len(g)})" for n, g in groups])
    right.set(xlabel="visits up to the landmark (patients)", ylabel="reliability", ylim=(0, 1), title="What visits buy")
    save("reliability")


if __name__ == "__main__":
    style()
    landmark()
    cross_fitting()
    reliability()
