"""Who was seen for how long, and whether those seen for a short time change otherwise."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures.dropout import pattern
from slopewise.report.frames import Frames
from slopewise.report.naming import FIRST, Naming
from slopewise.report.numbers import counts_of_parts, figure_interval, figures, number
from slopewise.report.parts import Cell, Picture, Section, Table


def dropout_section(frames: Frames, naming: Naming) -> Section:
    """Slopes by the time of the last visit: a sentence a marker, the pattern picture, a table."""
    limit = naming.study.report.small_cells
    markers = [marker for marker in naming.detailed if (frames.dropout["marker"] == marker).any()]
    seen = frames.dropout_pattern[frames.dropout_pattern["patients"] >= max(limit, 2)]
    panels = [
        pattern(
            seen[seen["marker"] == marker], _labels(frames, naming, marker), naming.marker(marker), naming.time_axis,
            f"dropout-{place}",
        )
        for place, marker in enumerate(markers)
    ]  # fmt: skip
    return Section(
        "dropout",
        "Who was seen for how long",
        "dropout.html.j2",
        {
            "sentences": [dropout_sentence(frames, naming, marker) for marker in markers],
            "picture": Picture("dropout", CAPTION, panels, markers=markers, first=FIRST),
            "table": dropout_table(frames, naming),
            "moment": naming.moment if naming.has_landmark else "",
        },
    )


CAPTION = (
    "Mean values as they were measured, by when patients were seen last; bands are 95% intervals. Lines that run apart "
    "while all were still seen mean that those who stop being seen differ."
)


def _labels(frames: Frames, naming: Naming, marker: str) -> dict[int, str]:
    rows = frames.dropout[frames.dropout["marker"] == marker]
    unit = "" if naming.study.data.analysis_unit == "none" else f" {naming.study.data.analysis_unit}"
    return {
        int(row.part): f"last seen at {row.last_from:.3g} to {row.last_to:.3g}{unit}"
        if row.last_from < row.last_to
        else f"last seen at {row.last_to:.3g}{unit}"
        for row in rows.itertuples()
    }


def _large_enough(rows: pd.DataFrame, naming: Naming) -> pd.DataFrame:
    """The rows, without the means of parts so small that they would tell of single patients."""
    means = ["slope", "slope_low", "slope_high", "reliability"]
    few = rows["patients"] < max(naming.study.report.small_cells, 2)
    return rows.assign(**{name: rows[name].mask(few) for name in means})


def dropout_sentence(frames: Frames, naming: Naming, marker: str) -> str:
    """The slopes of those seen shortest beside those seen longest, and the difference with its interval."""
    rows = frames.dropout[frames.dropout["marker"] == marker].sort_values("part")
    name = naming.marker(marker)
    if len(rows) < 2:
        return (
            f"{name[0].upper()}{name[1:]}: all patients were seen last at the same time; there is nothing to compare."
        )
    labels = _labels(frames, naming, marker)
    short, long = (_large_enough(rows, naming).iloc[place] for place in (0, -1))
    if not (math.isfinite(short["slope"]) and math.isfinite(long["slope"])):
        return (
            f"{name[0].upper()}{name[1:]}: too few patients were seen so shortly, or so long, to compare their slopes."
        )
    difference = short["slope"] - long["slope"]
    half = math.hypot(short["slope_high"] - short["slope"], long["slope_high"] - long["slope"])
    ends = figure_interval(difference - half, difference + half)
    return (
        f"{name[0].upper()}{name[1:]}: patients {labels[int(short['part'])]} have slopes of {figures(short['slope'])} "
        f"{naming.slope_unit(marker)} on average, those {labels[int(long['part'])]} of {figures(long['slope'])}: "
        f"{figures(difference)} apart (95% interval {ends})."
    )


def dropout_table(frames: Frames, naming: Naming) -> Table:
    """A row a part of each marker's patients."""
    limit = naming.study.report.small_cells
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        rows: pd.DataFrame = frames.dropout[frames.dropout["marker"] == marker].sort_values("part")
        labels = _labels(frames, naming, marker)
        counts = counts_of_parts(rows["patients"].astype(int).tolist(), limit)
        for row, patients in zip(_large_enough(rows, naming).itertuples(), counts, strict=True):
            slope = Cell(figures(row.slope), figure_interval(row.slope_low, row.slope_high))
            what = [naming.marker(marker), labels[int(row.part)], patients]
            lines.append([*what, slope, number(row.reliability, 2)])
    columns = ["marker", "patients", "how many", "mean slope, 95% interval", "mean reliability"]
    return Table("dropout", "Slopes by the time of the last visit", columns, lines, frozenset({0, 1}))
