"""What every database gives: the names of a query's columns, and its rows in batches within a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from slopewise.sources.databases.refusal import timed_out

BATCH = 20_000
"""Rows that are in memory at a time."""

Rows = tuple[list[str], Iterator[Sequence[Any]]]
"""Names of columns, and batches of at most `BATCH` rows."""
Session = Callable[[str, float], Rows]
"""A transaction that has begun: from a query's text and its seconds to its rows. Raises `Refusal`, at the latest when
a batch is asked for."""


class Deadline:
    """The moment at which a query of `seconds` is given up."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() > self.end

    def check(self) -> None:
        """Raise `Refusal` when it is over."""
        if self.passed:
            raise timed_out(self.seconds)
