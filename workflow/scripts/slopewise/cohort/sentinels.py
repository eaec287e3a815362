"""Numbers that stand for a missing value: -9, 99, 999, -9999 and their like, where they stand apart from all others."""

from __future__ import annotations

import numpy as np

CODES = frozenset(
    sign * float(digit * length) for sign in (1, -1) for digit in ("9", "8", "7") for length in range(1, 8)
) | {-1.0, 0.0}
"""Numbers that people write for a missing value."""
HUGE = 1e20
"""Larger numbers measure nothing."""
FEWEST = 5
"""Other values without which nothing stands apart."""
SEVERAL = 10
"""Different values without which 0 is one of a few."""
OFTEN = 3
"""Patients do not share an extreme value so often."""


def sentinels(values: np.ndarray) -> dict[float, int]:
    """The codes of missing values among the numbers of a column, and how often each occurs; NaN are passed over.

    A code stands apart: it lies beyond the other values by more than their whole range, or is negative where no other
    is. So 99 is an age, and 999 is none. Of a code that occurs at least `OFTEN` times half of the range is enough; 0
    must stand beside `SEVERAL` different values.
    """
    present = values[np.isfinite(values)]
    suspect = np.isin(present, list(CODES)) | (np.abs(present) > HUGE)
    others = present[~suspect]
    if len(others) < FEWEST or not suspect.any():
        return {}
    low, high = float(others.min()), float(others.max())
    width = max(high - low, 1e-12)
    found = {}
    for code in np.unique(present[suspect]):
        count = int((present == code).sum())
        apart = width / 2 if count >= OFTEN else width
        if code == 0 and len(np.unique(others)) < SEVERAL:
            continue  # one value beside 0 is a yes or no
        if code > high + apart or code < low - apart or code < 0 <= low:
            found[float(code)] = count
    return found


def as_code(number: float) -> str:
    """A code as it is written in a file: 999, not 999.0."""
    return str(int(number)) if number.is_integer() and abs(number) < HUGE else repr(number)
