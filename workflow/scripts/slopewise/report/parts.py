"""The pieces that a section hands to its template: tables, pictures, legends of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and a second, smaller line below it (an interval)."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table for people. `name` is the file it is saved as; `words` are the columns of words, set left."""

    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    words: frozenset[int] = frozenset({0})

    @property
    def cells(self) -> list[list[Cell]]:
        """All rows with every entry a `Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Picture:
    """A figure: its panels (SVG elements that `figures` made, safe as they are) and the caption below them."""

    name: str
    caption: str
    panels: Sequence[str]

    @property
    def drawn(self) -> list[Markup]:
        """The panels as markup. `figures.canvas.svg` escapes every text that comes from data."""
        return [Markup(panel) for panel in self.panels]


@dataclass(frozen=True)
class Section:
    """A section of the report: its anchor, its title, its template and what the template is given."""

    anchor: str
    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
