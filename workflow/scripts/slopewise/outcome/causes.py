"""What each patient has had: the codes of events."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray


def event_codes(cohort: pd.DataFrame, kind: str) -> NDArray[np.int8]:
    """0 or the number of the cause of each patient of ``cohort/patients``; a binary outcome is its own code."""
    if kind == "continuous":
        return np.zeros(len(cohort), dtype=np.int8)
    return cohort["event" if kind == "survival" else "outcome"].to_numpy().astype(np.int8)
