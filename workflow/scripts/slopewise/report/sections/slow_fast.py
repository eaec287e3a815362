"""The same level, a low and a high slope: what a slope means in patients of 100."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figure_interval, figures, interval, number, signed, signed_figures
from slopewise.report.words.scales import percent_change
from slopewise.validate.examples import RARE, reference_horizon


def slow_fast_sentence(frames: Frames, naming: Naming) -> str:
    """The marker whose slope changes the prediction most at the horizon of the counts; empty where no slope is in."""
    rows = at_horizon(own_rows(frames, naming), reference_horizon(naming.moments))
    if rows.empty:
        return ""
    row = rows.loc[rows["difference"].abs().idxmax()]
    marker = str(row["marker"])
    slow, fast = (change(naming, marker, float(row[name])) for name in ("slope_10", "slope_90"))
    level = f"{naming.marker(marker)} at {level_of(naming, marker, float(row['level']))} (the median)"
    of = denominator(own_rows(frames, naming))
    away, ends = difference_of(row, naming, of)
    apart = f"a difference of {away}{f' (95% interval {ends})' if ends else ''}"
    if naming.kind.numeric:
        return (
            f"For patients with {level} and otherwise like those of the study the mean prediction is "
            f"{figures(row['risk_10'])} at a slope of {slow} (the 10th percentile) and {figures(row['risk_90'])} at "
            f"{fast} (the 90th): {apart}."
        )
    within = naming.at(float(row["horizon"])) and f" within {naming.at(float(row['horizon']))}"
    return (
        f"Of {of} patients with {level} and otherwise like those of the study, {number(of * row['risk_10'], 0)} have "
        f"the {naming.words.event}{within} at a slope of {slow} (the 10th percentile) and "
        f"{number(of * row['risk_90'], 0)} at {fast} (the 90th): {apart}."
    )


def own_rows(frames: Frames, naming: Naming) -> pd.DataFrame:
    """The rows of ``outcome/slow_fast`` about the event."""
    rows = frames.further["slow_fast"]
    return rows[rows["cause"] == naming.cause]


def denominator(rows: pd.DataFrame) -> int:
    """Of how many patients all are counted: of 1,000 where a risk is small, else of 100."""
    return 100 if rows[["risk_10", "risk_90"]].min().min() >= RARE else 1000


def level_of(naming: Naming, marker: str, level: float) -> str:
    """``1.5 mg/dl``, in the unit measured."""
    return f"{figures(naming.measured(marker, level))} {naming.clinical_unit(marker)}"


def change(naming: Naming, marker: str, slope: float) -> str:
    """``+9.9% per year``; of a marker without logarithms ``−0.2 g/dl per year``."""
    if naming.is_logarithm(marker):
        return f"{percent_change(slope)} per {naming.unit}"
    return f"{signed_figures(slope)} {naming.slope_unit(marker)}"


def difference_of(row: pd.Series, naming: Naming, of: int) -> tuple[str, str]:
    """The difference of the two predictions and its interval: in `of` patients, or in units of a numeric outcome."""
    low, high = float(row["low"]), float(row["high"])
    if naming.kind.numeric:
        return signed_figures(row["difference"]), figure_interval(low, high) if math.isfinite(low) else ""
    ends = interval(of * low, of * high, 1, plus=True) if math.isfinite(low) else ""
    return signed(of * row["difference"], 1), ends


def slow_fast_table(frames: Frames, naming: Naming) -> Table | None:
    """A row for each marker and horizon."""
    rows, lines, marked = own_rows(frames, naming), [], []
    if rows.empty:
        return None
    of = denominator(rows)
    for marker in [name for name in naming.study.markers if (rows["marker"] == name).any()]:
        for _, row in rows[rows["marker"] == marker].sort_values("horizon").iterrows():
            if naming.kind.numeric:
                shown = [figures(row[name]) for name in ("risk_10", "risk_90")]
            else:
                shown = [number(of * row[name], 1) for name in ("risk_10", "risk_90")]
            cells = [
                Cell(shown[place], change(naming, marker, float(row[name])))
                for place, name in enumerate(("slope_10", "slope_90"))
            ]
            head = Cell(naming.marker(marker), f"at {level_of(naming, marker, float(row['level']))}")
            when = [naming.at(float(row["horizon"]))] if naming.kind.timed else []
            lines.append([head, *when, *cells, Cell(*difference_of(row, naming, of))])
            marked.append(marker)
    what = "mean prediction" if naming.kind.numeric else f"of {of} patients, so many have the event ({naming.cause})"
    columns = ["marker, median level", *(["within"] if naming.kind.timed else []), "10th percentile of slopes",
               "90th percentile of slopes", "difference, 95% interval"]  # fmt: skip
    caption = f"The same level at {naming.moment}, a low and a high slope: {what}"
    return Table("slow-fast", caption, columns, lines, frozenset({0}), {"marker": marked})
