"""An effect that `slopewise init --kind` proposes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProposedEffect:
    """The keys of `effects` as lines of the study file, the columns that they name, and a line for the terminal.

    date_format: how the dates of a moment are written; empty where there are none.
    """

    lines: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()
    said: str = ""
    date_format: str = ""
