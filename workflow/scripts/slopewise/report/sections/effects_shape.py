"""What the section of every kind of effect consists of: questions with their answers, pictures and tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Picture, Section, Table
from slopewise.report.words.naming import Naming

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
