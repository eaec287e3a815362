"""An effect that `slopewise init --kind` proposes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from slopewise.cli.columns import scalar

MARKERS = "{MARKERS}"


@dataclass(frozen=True)
class ProposedEffect:
    """The keys of `effects` as lines of the study file, the columns that they name, and a line for the terminal.

    date_format: how the dates of a moment are written; empty where there are none. `MARKERS` in a line stands for the
    markers' names, which `with_markers` writes.
    """

    lines: tuple[str, ...] = ()
    columns: frozenset[str] = frozenset()
    said: str = ""
    date_format: str = ""

    def with_markers(self, names: Sequence[str]) -> ProposedEffect:
        """The same with the markers by their names."""
        return replace(self, lines=tuple(line.replace(MARKERS, ", ".join(map(scalar, names))) for line in self.lines))
