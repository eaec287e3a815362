"""Linear combinations of the fixed effects with Satterthwaite's degrees of freedom, as `lmerTest::contest1D`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.fit import GrowthFit
from slopewise.growth.inference import satterthwaite

Floats = NDArray[np.float64]


def contrasts(fit: GrowthFit, rows: Floats) -> pd.DataFrame:
    """estimate, se, df, statistic (t), p_value, ci_low, ci_high (95%) of each row of `rows` (k, p) @ beta.

    Missing where a row takes an aliased effect. The fit must still have its data.
    """
    from scipy.stats import t

    assert fit.batch is not None
    estimate = rows @ fit.estimates.beta[0]
    variance = np.einsum("ka,ab,kb->k", rows, fit.estimates.beta_covariance[0], rows)
    df = satterthwaite(fit.batch, fit.index, rows)
    se = np.where(np.isfinite(df), np.sqrt(np.maximum(variance, 0.0)), np.nan)
    estimate = np.where(np.isfinite(df), estimate, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = estimate / se
        half = t.ppf(0.975, df) * se
        p_value = 2.0 * t.sf(np.abs(statistic), df)
    return pd.DataFrame(
        {
            "estimate": estimate,
            "se": se,
            "df": df,
            "statistic": statistic,
            "p_value": p_value,
            "ci_low": estimate - half,
            "ci_high": estimate + half,
        }
    )
