"""What each patient has had: the codes of events."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.study.kinds import Kind


def event_codes(cohort: pd.DataFrame, kind: Kind) -> NDArray[np.int8]:
    """0 or the number of the cause of each patient of ``cohort/patients``; a binary outcome is its own code."""
    if kind.numeric:
        return np.zeros(len(cohort), dtype=np.int8)
    return cohort["event" if kind.timed else "outcome"].to_numpy().astype(np.int8)
