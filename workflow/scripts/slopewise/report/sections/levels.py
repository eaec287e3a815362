"""How well the level is known: its standard error, and the gap between the last value and the landmark."""

from __future__ import annotations

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import MISSING, count_of, figures


def gaps(frames: Frames, naming: Naming, marker: str) -> pd.DataFrame:
    """By patient with a value of the marker up to the landmark: gap to the landmark (analysis units) and level_se.

    The gap is missing where there is no landmark: the level is then that at the last visit.
    """
    rows = frames.measurements[frames.measurements[marker].notna()]
    last = rows.groupby("patient")["time"].max()
    own = frames.of("slopes", marker).dropna(subset="last").set_index("patient")
    known = own[["level_se"]].assign(gap=float("nan"))
    if naming.has_landmark:
        known["gap"] = naming.landmark - last.reindex(known.index)
    return known


def level_table(frames: Frames, naming: Naming) -> Table:
    """A row a marker: the gap, the standard error of the level, and that of the halves with a short and a long gap."""
    limit, rows = naming.study.report.small_cells, []
    for marker in naming.study.markers:
        known, own = gaps(frames, naming, marker), frames.of("slopes", marker)
        short, long = _halves(known, limit)
        rows.append(
            [
                naming.marker(marker), _quartiles(known["gap"], limit), _quartiles(known["level_se"], limit),
                figures(short), figures(long), figures(own["level"].std()),
                count_of(int(own["last"].isna().sum()), len(own), limit), naming.unit_of(marker),
            ]
        )  # fmt: skip
    columns = [
        "marker", f"gap to {naming.end} ({naming.units}), median, quartiles", "SE of the level, median, quartiles",
        "SE, gap up to the median", "SE, longer gap", "SD of levels between patients", "without a value", "unit",
    ]  # fmt: skip
    markers = list(naming.study.markers)
    return Table("levels", f"Levels at {naming.moment}", columns, rows, frozenset({0, 7}), {"marker": markers})


def level_sentences(frames: Frames, naming: Naming) -> list[str]:
    """The gap and the standard error of each marker that is pictured, in words; none where levels have no landmark."""
    if not naming.has_landmark or naming.predictor != "time":
        return []
    limit, said = naming.study.report.small_cells, []
    for marker in naming.pictured[:FIRST]:
        known = gaps(frames, naming, marker)
        if len(known) < max(limit, 2):
            continue
        short, long = _halves(known, limit)
        halves = f", {figures(short)} with a shorter gap and {figures(long)} with a longer one" if long == long else ""
        said.append(
            f"The last value of {naming.marker(marker)} lies {figures(known['gap'].median())} {naming.units} before "
            f"the landmark (median). The standard error of the level is {figures(known['level_se'].median())} "
            f"{naming.unit_of(marker)} (median{halves})."
        )
    return said


def _halves(known: pd.DataFrame, limit: int) -> tuple[float, float]:
    """The median standard error where the gap is at most its median, and where it is longer; missing for few."""
    if known["gap"].isna().all():
        return float("nan"), float("nan")
    longer = known["gap"] > known["gap"].median()
    if min(longer.sum(), (~longer).sum()) < max(limit, 2):
        return float("nan"), float("nan")
    return float(known.loc[~longer, "level_se"].median()), float(known.loc[longer, "level_se"].median())


def _quartiles(values: pd.Series, limit: int) -> Cell | str:
    if values.notna().sum() < max(limit, 2):
        return MISSING
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    return Cell(figures(middle), f"{figures(low)} to {figures(high)}")
