"""500 data sets whose patients differ in level alone: 40 patients, 1 to 5 visits, no slope to be found.

A correlated intercept and slope ends on the boundary in most of them, where a plain optimiser stops too early. The
same numbers come from `numpy.random.RandomState` everywhere; `python growth_no_slope.py > no_slope_data.csv` writes
them for growth_no_slope.R, which keeps lme4's deviances.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd

SETS = 500


def data_set(number: int) -> pd.DataFrame:
    """Columns patient, time, y of data set `number`."""
    random = np.random.RandomState(number)  # its stream never changes
    visits = random.randint(1, 6, size=40)
    patient = np.repeat(np.arange(40), visits)
    time = np.round(random.uniform(0, 4, len(patient)), 6)
    level = random.standard_normal(40)[patient]
    y = np.round(1 + 0.2 * time + level + 0.7 * random.standard_normal(len(patient)), 9)
    return pd.DataFrame({"patient": [f"{i:02d}" for i in patient], "time": time, "y": y})


if __name__ == "__main__":
    sets = [data_set(number).assign(set=number) for number in range(SETS)]
    pd.concat(sets).to_csv(sys.stdout, index=False, float_format="%.9f")
