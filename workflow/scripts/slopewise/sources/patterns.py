"""Which cells of a column fit a pattern, for millions of cells at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slopewise.run.short_repr import ShortRepr


class Cells(ShortRepr):
    """The texts of a column, made ready once for several patterns."""

    def __init__(self, cells: Sequence[str] | NDArray[np.object_]) -> None:
        import pyarrow as pa

        self.texts = cells
        self._ready: Any = None
        with suppress(UnicodeEncodeError, pa.ArrowException):  # half of a surrogate pair, which UTF-8 cannot hold
            self._ready = pa.array(cells, pa.large_string())

    def hold(self, mark: str) -> NDArray[np.bool_]:
        """Which texts hold a character."""
        import pyarrow.compute as pc

        if self._ready is None:
            return np.array([mark in cell for cell in self.texts], dtype=bool)
        return _booleans(pc.match_substring(self._ready, mark))

    def fit(self, pattern: re.Pattern[str]) -> NDArray[np.bool_]:
        """Which texts, as a whole, fit the pattern, which is one for RE2 as well: no look-around, ASCII classes."""
        import pyarrow.compute as pc

        if self._ready is None:
            return np.array([pattern.fullmatch(cell) is not None for cell in self.texts], dtype=bool)
        flags = "(?i)" if pattern.flags & re.IGNORECASE else ""
        return _booleans(pc.match_substring_regex(self._ready, rf"{flags}\A(?:{pattern.pattern})\z"))

    def numbers(self, chosen: NDArray[np.bool_], decimal: str) -> NDArray[np.float64]:
        """The `chosen` texts (k,), each of which is a number with this decimal mark, as the nearest float64 (k,)."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._ready is not None:
            texts = self._ready if chosen.all() else self._ready.filter(pa.array(chosen))
            texts = texts if decimal == "." else pc.replace_substring(texts, decimal, ".")
            try:
                return np.asarray(pc.cast(texts, pa.float64()).to_numpy(zero_copy_only=False), dtype=np.float64)
            except pa.ArrowInvalid:  # a spelling that Arrow does not take, such as +1
                pass
        spelt = np.asarray(self.texts, dtype=object)[chosen]
        return np.array([float(cell.replace(decimal, ".")) for cell in spelt], dtype=np.float64)


def fits(cells: Sequence[str] | NDArray[np.object_], pattern: re.Pattern[str]) -> NDArray[np.bool_]:
    """Whether each text, as a whole, fits the pattern, as `Cells.fit` takes it."""
    return Cells(cells).fit(pattern)


def _booleans(found: Any) -> NDArray[np.bool_]:
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
