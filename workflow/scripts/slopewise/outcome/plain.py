"""Numbers as JSON has them: what is missing or not finite becomes None."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def or_none(value: float) -> float | None:
    """A number."""
    return value if np.isfinite(value) else None


def matrix_or_none(values: NDArray[np.float64]) -> list[list[float | None]]:
    """A matrix, row by row."""
    plain = values.astype(object)
    plain[~np.isfinite(values)] = None
    found: list[list[float | None]] = plain.tolist()
    return found
