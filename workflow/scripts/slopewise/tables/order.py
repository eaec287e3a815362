"""Rows in the order of some columns; of millions of rows most tables have it already, and looking is cheaper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def in_order(frame: pd.DataFrame, keys: Sequence[str]) -> bool:
    """Whether rows are sorted by `keys`, the first of which counts most; never where a key has a missing value."""
    tied = np.ones(max(len(frame) - 1, 0), dtype=bool)
    for key in keys:
        values = frame[key].to_numpy()
        if pd.isna(values).any():
            return False
        before, after = values[:-1], values[1:]
        if not (~tied | np.asarray(before <= after, dtype=bool)).all():
            return False
        tied &= np.asarray(before == after, dtype=bool)
    return True


def ordered(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The rows sorted by `keys`, those alike in all of them in their order; the frame itself if it is in order."""
    return frame if in_order(frame, keys) else frame.sort_values(list(keys), kind="stable")
