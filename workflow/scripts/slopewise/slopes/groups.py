"""A few groups side by side: each one's own line, its line under partial pooling, and everybody's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.growth import GrowthBatch
from slopewise.growth.fit import GrowthFit
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.scores import score

MOST = 6
"""Groups whose lines can be told apart in one picture."""


def group_lines(data: MarkerData, batch: GrowthBatch) -> pd.DataFrame:
    """The marker's rows of ``growth/lines``: group (1, 2, ... in the order of patients), intercept, slope and the same
    by least squares alone (`_ols`; missing with fewer than two values of the predictor), and first, last: the range
    of the predictor in the group.

    From the study's model on everybody, with each group's own random effects. Empty with more than `MOST` groups, or
    where the model has no straight lines of their own.
    """
    fit = GrowthFit.from_batch(batch, 0)
    time = fit.specification.time
    names = {"Intercept", time}
    if not 1 < len(data.patients) <= MOST or not names <= set(fit.beta.index) or fit.structure == "excluded":
        return pd.DataFrame()
    if set(fit.design.random_names) - names or set(fit.design.fixed.formula.variables) != {time}:
        return pd.DataFrame()
    who = np.arange(len(data.patients))
    scored = score(data, batch, np.zeros_like(who), who)
    rows = []
    for place in who:
        own = data.growth.codes == place
        x, y = data.growth.frame[time].to_numpy(dtype=float)[own], data.growth.values[own]
        known = len(x) > 1 and np.ptp(x) > 0
        slope = float(np.polyfit(x, y, 1)[0]) if known else np.nan
        rows.append(
            {
                "group": int(place) + 1,
                "intercept": float(scored["intercept"][place]),
                "slope": float(scored["slope"][place]),
                "intercept_ols": float(y.mean() - slope * x.mean()) if known else np.nan,
                "slope_ols": slope,
                "first": float(x.min()) if len(x) else np.nan,
                "last": float(x.max()) if len(x) else np.nan,
            }
        )
    return pd.DataFrame(rows)
