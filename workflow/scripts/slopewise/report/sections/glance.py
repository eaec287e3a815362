"""Each marker's checks in one row of small pictures with a grade; the full figures are in the sections behind them."""

from __future__ import annotations

from dataclasses import dataclass

from slopewise.figures.canvas import without_drawing
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Draw, Lines, marker_table
from slopewise.report.material.parts import Section, Table
from slopewise.report.sections.dropout import can_drop_out
from slopewise.report.sections.evidence import evidence_panels
from slopewise.report.sections.fit import fit_panels
from slopewise.report.words.grades import CHECKS, Grade, grades
from slopewise.report.words.naming import Naming

MOST = 12
"""Of more markers than this the table shows those with the most trouble."""


@dataclass(frozen=True)
class Small:
    """A small picture: the name of the panel it repeats (none where there is no data), its check and where it leads."""

    panel: str
    check: str
    grade: Grade
    anchor: str


def glance_section(frames: Frames, naming: Naming) -> Section:
    """The rows of pictures of the markers that are shown in detail; where there are others, a table of all."""
    graded = grades(frames, naming)
    draws = {**evidence_panels(frames, naming), **fit_panels(frames, naming)}
    rows = [
        (naming.marker(marker), marker, max(of.values()), _row(marker, of, draws, frames, naming))
        for marker, of in graded.items()
        if marker in naming.detailed
    ]
    return Section(
        "glance",
        "Each marker’s checks at a glance",
        "glance.html.j2",
        {
            "rows": rows,
            "table": grades_table(graded, naming) if len(graded) > len(rows) else None,
            "markers": naming.choices,
        },
    )


def _row(marker: str, graded: dict[str, Grade], draws: dict[str, Draw], frames: Frames, naming: Naming) -> list[Small]:
    """The small pictures of a marker: a check's panels, or the check alone where it has none.

    A check whose section the study does not have is left out.
    """
    place = naming.detailed.index(marker)
    found = []
    for check in CHECKS:
        if check.anchor == "dropout" and not can_drop_out(frames, naming):
            continue
        with without_drawing():
            shown = [name for name in check.panels if draws[name](marker, naming.marker(marker), "") is not None]
        panels = [f"{name}-{place}" for name in shown] or [""]
        found += [Small(panel, check.name, graded[check.name], check.anchor) for panel in panels]
    return found


def grades_table(graded: dict[str, dict[str, Grade]], naming: Naming) -> Table:
    """Every marker's grades, the gravest first."""
    lines: Lines = [
        (marker, [max(of.values()).word, *(of[check.name].word for check in CHECKS)]) for marker, of in graded.items()
    ]
    columns = ["marker", "verdict", *(check.name for check in CHECKS)]
    table = marker_table("growth-grades", "The checks of every marker", columns, lines, naming, frozenset(range(12)))
    return Table(table.name, table.caption, columns, table.rows, table.words, table.marks, MOST)
