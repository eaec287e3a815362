"""The range of training values as it may leave the study: rounded outwards."""

from __future__ import annotations

import math

import numpy as np


def span(values: np.ndarray) -> list[float] | None:
    """The range of training values, rounded outwards to two digits of its width: no patient's own value is told.

    None where there is no value.
    """
    seen = values[np.isfinite(values)]
    if not len(seen):
        return None
    low, high = float(seen.min()), float(seen.max())
    width = high - low if high > low else max(abs(low), 1.0)
    unit = 10.0 ** (math.floor(math.log10(width)) - 1)
    return [float(f"{math.floor(low / unit) * unit:.12g}"), float(f"{math.ceil(high / unit) * unit:.12g}")]
