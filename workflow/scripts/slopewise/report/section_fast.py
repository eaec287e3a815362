"""Fast change: which share of the cohort has a slope beyond the study's limit, as far as the data can tell."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import fast as draw
from slopewise.report.frames import Frames
from slopewise.report.naming import FIRST, Naming
from slopewise.report.numbers import as_given, count, interval, number, percent
from slopewise.report.parts import Cell, Picture, Section, Table


def fast_section(frames: Frames, naming: Naming) -> Section:
    """Shares beyond the limits: words, a picture, a table. No patient is named."""
    rows = frames.fast_share
    markers = [marker for marker in naming.pictured if (rows["marker"] == marker).any()]
    panels = [
        draw.shares(rows[rows["marker"] == marker], naming.marker(marker), naming.slope_unit(marker), f"fast-{place}")
        for place, marker in enumerate(markers)
    ]
    return Section(
        "fast",
        "Who changes fast",
        "fast.html.j2",
        {
            "words": [words for marker in markers for words in share_words(frames, naming, marker)],
            "picture": Picture("fast-share", CAPTION, panels, markers=markers, first=FIRST),
            "table": share_table(frames, naming),
            "moment": naming.moment,
            "patients": naming.study.report.patients,
        },
    )


CAPTION = (
    "The share of patients whose slope is beyond the limit, counted three ways: by each patient’s own straight line "
    "(noise makes it too large), by the mixed model’s slope (shrinkage makes it too small), and as the mean of the "
    "patients’ probabilities, with its 95% interval."
)


def limit_words(row: pd.Series, naming: Naming) -> str:
    """``below −0.2 g/dl per year``."""
    return f"{row['side']} {as_given(float(row['limit']))} {naming.slope_unit(str(row['marker']))}"


def share_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """One sentence or two a limit."""
    said, small = [], naming.study.report.small_cells
    name = naming.marker(marker)
    for _, row in frames.fast_share[frames.fast_share["marker"] == marker].iterrows():
        if not math.isfinite(row["share"]):
            said.append(f"{name}: no growth model could be fitted, so nothing can be said of fast change.")
            continue
        ends = interval(100 * row["ci_low"], 100 * row["ci_high"], 0)
        patients = int(row["patients"])
        likely, sure = count(int(row["likely"]), small), count(int(row["sure"]), small)
        said.append(
            f"{name[0].upper()}{name[1:]}: {percent(row['share'])} of {count(patients, small)} patients (95% interval "
            f"{ends}%) have a slope {limit_words(row, naming)}. For {likely} of them that is more likely than not, for "
            f"{sure} the probability is above 90%: how many there are is known better than who they are."
        )
    return said


def share_table(frames: Frames, naming: Naming) -> Table:
    """A row a limit."""
    small = naming.study.report.small_cells
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        for _, row in frames.fast_share[frames.fast_share["marker"] == marker].iterrows():
            share = Cell(percent(row["share"], 1), f"{interval(100 * row['ci_low'], 100 * row['ci_high'], 1)}%")
            single = [percent(row["share_slope"], 1), percent(row["share_ols"], 1)]
            counts = [count(int(row[key]), small) for key in ("patients", "likely", "sure")]
            expected = number(row["share"] * row["patients"], 1)
            what = [naming.marker(marker), limit_words(row, naming), counts[0]]
            lines.append([*what, share, expected, *counts[1:], *single])
    columns = [
        "marker", "limit", "patients", "share beyond, 95% interval", "patients expected", "probability above 50%",
        "above 90%", "share by the mixed model’s slope", "share by the own straight line",
    ]  # fmt: skip
    return Table("fast-change", "Fast change", columns, lines, frozenset({0, 1}))
