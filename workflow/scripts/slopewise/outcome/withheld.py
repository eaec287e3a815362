"""What the filters of each training set withhold from its outcome models (``slopes/filters``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pandas as pd

from slopewise.folds import Key


@dataclass(frozen=True)
class Withheld:
    """What one training set withholds: for each of its `markers`, or of those whose `slopes` alone are, the filter."""

    markers: Mapping[str, str] = field(default_factory=dict)
    slopes: Mapping[str, str] = field(default_factory=dict)

    def reasons(self, terms: Sequence[str], covariates: Sequence[str]) -> dict[str, str]:
        """The terms of a step that must not enter, each with the reason; `covariates` are not of a marker."""
        found: dict[str, str] = {}
        if not (self.markers or self.slopes):
            return found
        known = set(covariates)
        for term in terms:
            if term in known:
                continue
            marker, quantity = term.rsplit(".", 1)
            if marker in self.markers:
                found[term] = f"{term} left out: {marker} was left out by the filter {self.markers[marker]}"
            elif quantity == "slope" and marker in self.slopes:
                found[term] = f"{term} left out: by the filter {self.slopes[marker]}"
        return found


@dataclass(frozen=True)
class FilterTable:
    """What every training set withholds; none where the study has no filters."""

    sets: Mapping[Key, Withheld] = field(default_factory=dict)

    @classmethod
    def of(cls, table: pd.DataFrame) -> FilterTable:
        """From the table ``slopes/filters``."""
        sets: dict[Key, Withheld] = {}
        for found, own in table.groupby(["scheme", "repeat", "held_out"]):
            scheme, repeat, held_out = cast(Key, found)
            withheld = {
                what: {str(row.marker): str(row.step) for row in own[own["withholds"] == what].itertuples()}
                for what in ("marker", "slope")
            }
            sets[str(scheme), int(repeat), int(held_out)] = Withheld(withheld["marker"], withheld["slope"])
        return cls(sets)

    def at(self, key: Key) -> Withheld:
        """That of one training set."""
        return self.sets.get(key, Withheld())
