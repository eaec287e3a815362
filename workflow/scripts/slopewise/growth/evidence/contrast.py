"""Linear combinations of the fixed effects with Satterthwaite's degrees of freedom, as `lmerTest::contest1D`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.fit import GrowthFit
from slopewise.growth.inference import satterthwaite, t_tests

Floats = NDArray[np.float64]


def contrasts(fit: GrowthFit, rows: Floats) -> pd.DataFrame:
    """estimate, se, df, statistic (t), p_value, ci_low, ci_high (95%) of each row of `rows` (k, p) @ beta.

    Missing where a row takes an aliased effect. The fit must still have its data.
    """
    assert fit.batch is not None
    estimate = rows @ fit.estimates.beta[0]
    variance = np.einsum("ka,ab,kb->k", rows, fit.estimates.beta_covariance[0], rows)
    df = satterthwaite(fit.batch, fit.index, rows)
    se = np.where(np.isfinite(df), np.sqrt(np.maximum(variance, 0.0)), np.nan)
    estimate = np.where(np.isfinite(df), estimate, np.nan)
    return pd.DataFrame(t_tests(estimate, se, df))
