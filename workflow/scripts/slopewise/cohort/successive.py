"""Each patient's successive values of a marker, from rows in any order."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


class Successive:
    """The rows (index: the line of the file; columns patient and time) in the order of patients and times."""

    def __init__(self, rows: pd.DataFrame) -> None:
        codes, times = pd.factorize(rows["patient"].to_numpy())[0], rows["time"].to_numpy(dtype=float)
        same, later = codes[1:] == codes[:-1], codes[1:] > codes[:-1]
        sorted_already = bool((later | (same & (times[1:] >= times[:-1]))).all()) and not np.isnan(times).any()
        self._order = np.arange(len(codes)) if sorted_already else np.lexsort((times, codes))
        self._codes = codes[self._order]
        self._lines = rows.index.to_numpy()[self._order]

    def pairs(self, values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """The known values of rows (n,) with a known one of the patient before, that one, and the line; each (m,)."""
        ordered = values[self._order]
        known = np.flatnonzero(np.isfinite(ordered))
        same = self._codes[known[1:]] == self._codes[known[:-1]]
        at = known[1:][same]
        return ordered[at], ordered[known[:-1][same]], self._lines[at]
