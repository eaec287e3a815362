"""Growth models side by side: what each says of the spread between and within patients, in one table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.growth.fit import GrowthFit

RESIDUAL = "Residual"


def variance_components(fit: GrowthFit) -> pd.DataFrame:
    """The pairs of random effects of a fit and its residual, as ``growth/covariance`` has them.

    Columns term_1, term_2, covariance (outcome units squared), sd_or_correlation (the standard deviation where the
    two terms are the same, their correlation otherwise; missing where a variance is zero), ci_low and ci_high of the
    latter (missing: Wald intervals of variance components mislead, METHODS section 2).
    """
    names = list(fit.covariance.columns)
    covariance = fit.covariance.to_numpy()
    sd = np.sqrt(np.diag(covariance))
    rows = []
    for i, first in enumerate(names):
        rows.append((first, first, covariance[i, i], sd[i]))
        for j in range(i + 1, len(names)):
            scale = sd[i] * sd[j]
            correlation = covariance[i, j] / scale if scale > 0 else np.nan
            rows.append((first, names[j], covariance[i, j], correlation))
    rows.append((RESIDUAL, RESIDUAL, fit.residual_sd**2, fit.residual_sd))
    frame = pd.DataFrame(rows, columns=["term_1", "term_2", "covariance", "sd_or_correlation"])
    return frame.assign(ci_low=np.nan, ci_high=np.nan)
