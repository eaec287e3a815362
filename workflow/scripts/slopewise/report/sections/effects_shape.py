"""What the section of every kind of effect consists of: questions with their answers, pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import marker_cell
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import chance_text, figure_interval, signed_figures

Figure = tuple[str, str, str]
"""A number of the first page, its interval, and what it is."""
Asked = tuple[str, list[str]]
"""A question and the sentences that answer it."""
HEADLINE_MARKERS = 3
"""Markers whose effects stand on the first page."""


@dataclass(frozen=True)
class MarkerPart:
    """What is said of one marker: questions with their answers, and the numbers of patients and values behind them."""

    marker: str
    asked: Sequence[Asked]
    on: str


def rows_of(frames: Frames, name: str, marker: str) -> pd.DataFrame:
    """The marker's rows of a table of ``effects/``."""
    return frames.of(f"effects_{name}", marker)


def estimated(frames: Frames, naming: Naming) -> list[str]:
    """The markers with words and pictures for which an effect could be estimated."""
    known = set(frames.further["effects_design"]["marker"])
    return [marker for marker in naming.pictured if marker in known]


def has_posterior(frames: Frames, naming: Naming, marker: str | None = None) -> bool:
    """Whether effects of single patients and their shares are of a posterior, those of one marker or of any."""
    if naming.study.growth.engine != "bayes":
        return False
    return len(frames.further["effects_posterior"] if marker is None else rows_of(frames, "posterior", marker)) > 0


WHAT = {"average": "average", "spread": "standard deviation between patients", "residuals": "residuals"}


def posterior_table(frames: Frames, naming: Naming, name: str) -> Table:
    """A row for each average effect, spread and number of the residuals; none where there is no posterior."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_posterior"].iterrows() if has_posterior(frames, naming) else ():
        chance = chance_text(float(row["above_zero"])) if row["above_zero"] == row["above_zero"] else "–"
        lines.append(
            [marker_cell(naming, row["marker"]), row["effect"], WHAT[row["what"]], signed_figures(row["mean"]),
             Cell(signed_figures(row["median"]), figure_interval(row["ci_low"], row["ci_high"])), chance]
        )  # fmt: skip
    columns = ["marker", "effect", "quantity", "posterior mean", "median, 95% credible interval", "probability above 0"]
    return Table(name, "The posterior of the effects", columns, lines, frozenset({0, 1, 2}))


def effect_section(
    anchor: str,
    title: str,
    parts: Sequence[MarkerPart],
    pictures: Sequence[Picture],
    tables: Sequence[Table],
    note: str,
) -> Section:
    """The section; a picture without a panel and a table without a row are left out. `note`: how it was computed."""
    context = {
        "parts": list(parts),
        "pictures": [picture for picture in pictures if picture.panels],
        "tables": [table for table in tables if table.rows],
        "note": note,
    }
    return Section(anchor, title, "effects.html.j2", context, layer=1)
