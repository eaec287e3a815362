"""Table 1 of those who left before the analysis, beside those who are analysed, with missing values."""

from __future__ import annotations

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import MISSING, count, percent
from slopewise.report.words.scales import mean_and_sd, value_label

GROUPS = ("analysed", "excluded")


def excluded_table(frames: Frames, naming: Naming) -> Table | None:
    """Mean (SD) or number (share) of both groups with the missing values of each; None where (nearly) nobody left.

    Where one count of a group is small, no level of its characteristic is counted: it would follow from the others.
    """
    limit, table = naming.study.report.small_cells, frames.further["excluded"].fillna({"level": ""})
    sizes = table.groupby("group")["patients"].max()
    if not len(table) or sizes.min() < max(limit, 2):
        return None
    rows: list[list[Cell | str]] = []
    shown = naming.pictured
    for (what, name), part in table.groupby(["kind", "characteristic"], sort=False):
        if what in ("first", "last") and name not in shown:
            continue
        for level, own in part.groupby("level", sort=True):
            by_group = own.set_index("group")
            cells = [
                cell
                for group in GROUPS
                for cell in (_value(by_group.loc[group], part[part["group"] == group], naming),
                             _missing(by_group.loc[group], limit))
            ]  # fmt: skip
            rows.append([_label(str(what), str(name), str(level), naming), *cells])
    analysed, left = (count(int(sizes[group]), limit) for group in GROUPS)
    columns = ["characteristic", f"analysed ({analysed})", "missing", f"left out ({left})", "missing, left out"]
    caption = f"Patients who are analysed and patients who left before {naming.end}: mean (SD) or number (share)"
    return Table("patients-left-out", caption, columns, rows)


def _label(what: str, name: str, level: str, naming: Naming) -> Cell | str:
    if what == "visits":
        return f"visits up to {naming.end}"
    if what == "covariate":
        return f"{name}: {level}" if level else name
    return value_label(name, f"{what} value", naming)


def _value(row: pd.Series, levels: pd.DataFrame, naming: Naming) -> str:
    """Mean (SD), or the number with the level and its share of those with a value."""
    known, limit = int(row["known"]), naming.study.report.small_cells
    if known < max(limit, 2):
        return MISSING
    if not row["level"]:
        marker = str(row["characteristic"]) if row["kind"] in ("first", "last") else ""
        return mean_and_sd(float(row["mean"]), float(row["sd"]), naming, marker)
    if ((levels["count"] > 0) & (levels["count"] < limit)).any():
        return MISSING
    return f"{int(row['count'])} ({percent(row['count'] / known)})"


def _missing(row: pd.Series, limit: int) -> str:
    return count(int(row["patients"] - row["known"]), limit)
