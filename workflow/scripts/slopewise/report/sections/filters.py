"""What the filters of many markers left out, in each training set and in the whole cohort, and whom they saw."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import interval, number

FILTERS = {
    "near_constant": "one value in a share of the rows above",
    "missing": "missing in a share of the rows above",
    "duplicates": "equal to another marker in every row",
    "agreement": "lower 95% limit of the ICC below",
    "redundant": "|Spearman correlation| of levels with another, at least",
    "slope_reliability": "mean reliability of the slopes below",
    "slope_test": "q-value of the random slope above",
}
"""Why a filter leaves a marker, or its slope, out; the threshold follows."""
SHOWN = 10
"""Clusters of a table, the largest; slopes/filters.csv has them all."""


def filters_section(frames: Frames, naming: Naming) -> Section:
    """The table of the filters, that of the largest clusters, and the audit in one sentence."""
    survival, markers = frames.further["filter_survival"], len(naming.study.markers)
    folds = survival[survival["scheme"] == "validation"]
    sets = len(folds[["repeat", "held_out"]].drop_duplicates())
    everybody = of_everybody(survival)
    last = everybody.iloc[-1]
    kept = everybody[~everybody["step"].str.startswith("slope_")]["after"]
    clusters = clusters_table(frames, naming)
    return Section(
        "filters",
        "Which markers the filters left out",
        "filters.html.j2",
        {
            "markers": markers,
            "kept": int(kept.iloc[-1]) if len(kept) else markers,
            "slopes": int(last["after"]) if str(last["step"]).startswith("slope_") else -1,
            "sets": sets,
            "leaks": int((survival["verdict"] == "leak").sum()),
            "examined": len(survival[["scheme", "repeat", "held_out"]].drop_duplicates()),
            "tables": [survival_table(frames), *([clusters] if clusters.rows else [])],
        },
    )


def of_everybody(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the training set of all patients."""
    return table[table["scheme"] == "crossfit"]


def survival_table(frames: Frames) -> Table:
    """A row a filter, in the order in which they are applied."""
    survival = frames.further["filter_survival"]
    folds = survival[survival["scheme"] == "validation"].groupby("step")["after"]
    stability = frames.further["filter_stability"]
    index = stability[stability["scheme"] == "validation"].set_index("step")
    lines: list[list[Cell | str]] = []
    for row in of_everybody(survival).to_dict("records"):
        step = str(row["step"])
        lines.append(
            [
                FILTERS[step] if step == "duplicates" else f"{FILTERS[step]} {number(row['threshold'], 2)}",
                "slope" if step.startswith("slope_") else "marker",
                str(row["before"]),
                str(row["after"]),
                _range(folds.get_group(step)) if step in folds.groups else "–",
                _index(index.loc[step]) if step in index.index else "–",
            ]
        )
    columns = ["left out", "what", "markers before", "markers after", "after, in training sets", "stability"]
    return Table("filters", "Filters in the order in which they are applied", columns, lines, frozenset({0, 1}))


def _range(after: pd.Series) -> str:
    low, high = int(after.min()), int(after.max())
    return str(low) if low == high else f"{low} to {high}"


def _index(row: pd.Series) -> Cell | str:
    if not math.isfinite(row["nogueira"]):
        return "–"
    ends = interval(row["ci_low"], row["ci_high"], 2) if math.isfinite(row["ci_low"]) else ""
    return Cell(number(row["nogueira"], 2), ends)


def clusters_table(frames: Frames, naming: Naming) -> Table:
    """The markers that stand for most others in the models of the whole cohort."""
    found = of_everybody(frames.further["filters"])
    found = found[found["step"].isin(["duplicates", "redundant"]) & found["stand_in"].notna()]
    sizes = found.groupby("stand_in").size().rename("others").reset_index()
    sizes = sizes.sort_values(["others", "stand_in"], ascending=[False, True], kind="stable")
    lines: list[list[Cell | str]] = []
    for row in sizes.head(SHOWN).to_dict("records"):
        others = sorted(found.loc[found["stand_in"] == row["stand_in"], "marker"])
        named = ", ".join(naming.marker(name) for name in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        lines.append([naming.marker(str(row["stand_in"])), str(row["others"]), f"{named}{more}"])
    more = f" ({SHOWN} of {len(sizes)}; slopes/filters.csv has them all)" if len(sizes) > SHOWN else ""
    columns = ["marker", "others that it represents", "which"]
    return Table("clusters", f"Markers that represent others{more}", columns, lines, frozenset({0, 2}))
