"""Which cells of a column fit a pattern, for millions of cells at once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def fits(cells: Sequence[str] | NDArray[np.object_], pattern: re.Pattern[str]) -> NDArray[np.bool_]:
    """Whether each text, as a whole, fits the pattern, which is one for RE2 as well: no look-around, ASCII classes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        texts = pa.array(cells, pa.large_string())
    except (UnicodeEncodeError, pa.ArrowException):  # half of a surrogate pair, which UTF-8 cannot hold
        return np.array([pattern.fullmatch(cell) is not None for cell in cells], dtype=bool)
    flags = "(?i)" if pattern.flags & re.IGNORECASE else ""
    found = pc.match_substring_regex(texts, rf"{flags}\A(?:{pattern.pattern})\z")
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
