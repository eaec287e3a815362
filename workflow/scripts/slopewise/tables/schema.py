"""What a table is: its columns, their kinds and its keys."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import pandera.pandas as pa

Kind = str | tuple[str, ...]
"""A kind of column, or the words that are allowed in it."""
TEXT, INTEGER, NUMBER, FULL, FLAG = "text", "integer", "number", "full", "flag"
"""Kinds of column: text, integers, numbers that may be missing, numbers that may not, true or false."""


@dataclass(frozen=True)
class Schema:
    """One table: its columns with their kind (or the allowed words), its keys in order of sorting.

    `further` says whether columns beyond the named ones may follow (a column a marker, covariates). Of the sets of
    columns in `either` a frame has exactly one more; an empty one, the last, is that of a study without an outcome.
    `positional` tables keep the order in which they were made.
    """

    columns: dict[str, Kind]
    keys: tuple[str, ...]
    further: bool = False
    positional: bool = False
    either: tuple[dict[str, Kind], ...] = ()

    def of(self, frame: pd.DataFrame) -> Schema:
        """The table with the set of `either` of which the frame has anything; the last, where it has of none."""
        if not self.either:
            return self
        chosen = next((part for part in self.either if set(part) & set(frame)), self.either[-1])
        return replace(self, columns={**self.columns, **chosen}, either=())

    def holds(self, frame: pd.DataFrame) -> bool:
        """Whether a frame whose columns have their types passes `schema`, which takes far longer to say so."""
        for name, kind in self.columns.items():
            if isinstance(kind, tuple) and not frame[name].isin(kind).all():
                return False
            if kind == FULL and frame[name].isna().any():
                return False
        is_complete = self.further or len(frame.columns) == len(self.columns)
        return is_complete and (self.positional or not frame.duplicated(list(self.keys)).any())

    @cached_property
    def schema(self) -> pa.DataFrameSchema:
        """The pandera schema that a frame of this table must pass: it finds what is wrong with one that does not."""
        import pandera.pandas as pa

        return pa.DataFrameSchema(
            {name: _column(kind) for name, kind in self.columns.items()},
            strict=not self.further,
            unique=None if self.positional else list(self.keys),
            ordered=False,
        )


def _column(kind: Kind) -> pa.Column:
    import pandera.pandas as pa

    if isinstance(kind, tuple):
        return pa.Column("string", pa.Check.isin(kind))
    return {
        TEXT: pa.Column("string", nullable=True),
        INTEGER: pa.Column("int64"),
        NUMBER: pa.Column("float64", nullable=True),
        FULL: pa.Column("float64"),
        FLAG: pa.Column("bool"),
    }[kind]
