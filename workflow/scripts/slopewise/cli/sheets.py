"""A table of plain cells, as it is written for spreadsheets, LaTeX and Word."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sheet:
    """A table of plain cells: `words` are the columns of words, set left; `notes` stand below it."""

    name: str
    caption: str
    columns: list[str]
    rows: list[list[str]]
    words: frozenset[int]
    notes: str = ""
