"""The pieces that a section hands to its template: tables, pictures, legends of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from markupsafe import Markup


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, and a second, smaller line below it (an interval)."""

    text: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table for people. `name` is the file it is saved as; `words` are the columns of words, set left.

    `marks` says what each row is about, where a reader can choose: ``{"marker": [...]}``, ``{"group": [...]}``; one
    entry a row, empty for a row that is about none. Rows beyond the first `most` stay in the tables of the study.
    """

    name: str
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell | str]]
    words: frozenset[int] = frozenset({0})
    marks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    most: int = 400
    whole: bool = False
    """Whether all rows stand on the page of a study of many markers, too."""

    def mark(self, row: int) -> dict[str, str]:
        """What a row is about: ``{"marker": "albumin"}``."""
        return {kind: entries[row] for kind, entries in self.marks.items() if entries[row]}

    @property
    def cells(self) -> list[list[Cell]]:
        """All rows with every entry a `Cell`."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Picture:
    """A figure: its panels (SVG elements that `figures` made, safe as they are) and the caption below them.

    `markers` names the marker of each panel, where every panel has one; panels from `first` on are folded away.
    `groups` are the groups of patients that the panels show, which a reader can highlight. `notes` says in a sentence
    below each panel what it shows.
    """

    name: str
    caption: str
    panels: Sequence[str]
    markers: Sequence[str] = ()
    groups: Sequence[str] = ()
    first: int = 12
    notes: Sequence[str] = ()

    @property
    def drawn(self) -> list[tuple[str, Markup, str]]:
        """The panels with markers and notes. `figures.canvas.svg` escapes every text that comes from data."""
        markers, notes = self.markers or [""] * len(self.panels), self.notes or [""] * len(self.panels)
        return [(marker, Markup(panel), note) for marker, panel, note in zip(markers, self.panels, notes, strict=True)]

    @property
    def paired(self) -> bool:
        """Whether each marker has two panels, one after the other, which then stand side by side."""
        return len(self.markers) > 1 and list(self.markers[::2]) == list(self.markers[1::2])


@dataclass(frozen=True)
class Section:
    """A section of the report: its anchor, its title, its template and what the template is given.

    `layer` is where it stands: 1 is what everybody reads, 2 the evidence, which is closed until somebody opens it.
    """

    anchor: str
    title: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    layer: int = 2

    def top_rows(self, most: int) -> Section:
        """The section with at most so many rows of each of its tables on the page; the tables stay whole."""
        return replace(self, context={name: _cut(value, most) for name, value in self.context.items()})


def _cut(item: Any, most: int) -> Any:
    """What a template is given, with its tables cut."""
    if isinstance(item, Table):
        return item if item.whole else replace(item, most=min(item.most, most))
    if isinstance(item, dict):
        return {name: _cut(value, most) for name, value in item.items()}
    return [_cut(value, most) for value in item] if isinstance(item, list) else item
