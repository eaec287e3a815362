"""Panels of single markers, each with the sentence that says what it shows, and tables of lines about one marker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Picture, Table
from slopewise.report.words.naming import Naming
from slopewise.validate.evidence import component as component_of


@dataclass(frozen=True)
class Detailed:
    """How many of a study's markers have their checks pictured; nothing to say where all have."""

    shown: int
    markers: int

    @staticmethod
    def of(naming: Naming) -> Detailed:
        return Detailed(len(naming.detailed), len(naming.study.markers))


Draw = Callable[[str, str, str], tuple[str, str] | None]
"""From a marker, its label and the name of the panel to the panel and its sentence; nothing without data."""


def pictures(name: str, caption: str, naming: Naming, panels: Mapping[str, Draw]) -> Picture | None:
    """The named panels, each with its sentence, of each of the first ``report.detailed`` markers, side by side.

    Nothing where no marker has data.
    """
    found = [
        (marker, named(made[0], f"{panel_name}-{index}"), made[1])
        for index, marker in enumerate(naming.detailed)
        for panel_name, panel in panels.items()
        if (made := panel(marker, naming.marker(marker), f"{panel_name}-{index}")) is not None
    ]
    if not found:
        return None
    shown, drawn, notes = zip(*found, strict=True)
    return Picture(name, caption, drawn, markers=shown, notes=notes, first=len(drawn))


def named(panel: str, name: str) -> str:
    """A panel that a link, or a small picture, can refer to by `name`."""
    return panel.replace("<svg ", f'<svg id="{name}" ', 1)


Lines = list[tuple[str, Sequence[Cell | str]]]
"""A marker and the cells that follow its name, line by line."""


def marker_cell(naming: Naming, marker: str) -> Cell | str:
    """The head of a row with numbers on the model's scale: below the name of a transformed marker stands its unit."""
    return (
        Cell(naming.marker(marker), naming.unit_of(marker)) if naming.is_transformed(marker) else naming.marker(marker)
    )


def marker_table(
    name: str, caption: str, columns: Sequence[str], lines: Lines, naming: Naming, words: frozenset[int],
    scaled: bool = False,
) -> Table:  # fmt: skip
    """A table whose lines open with the name of the marker that they are about; of many markers it shows the first.

    `scaled`: it has numbers on the model's scale and no column of units.
    """
    rows = [[marker_cell(naming, marker) if scaled else naming.marker(marker), *cells] for marker, cells in lines]
    about = [marker for marker, _ in lines]
    shown = set(naming.pictured)
    most = Table.most
    if len(shown) < len(naming.study.markers):
        most = next((place for place, marker in enumerate(about) if marker not in shown), len(about))
    return Table(name, caption, columns, rows, words, {"marker": about}, most)


def component(frames: Frames, marker: str, one: str) -> float:
    """A standard deviation of the random-slope model, or of the random intercept where there is no other."""
    return component_of(frames.covariance, marker, one)
