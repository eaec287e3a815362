"""Does the scatter about a patient's own course differ between strata (`residual_by`), and by how much?

The residual variance of stratum k is r_k times that of the first. The likelihood ratio against one variance for all
(same fixed and random effects; both by REML, where the model is) has K - 1 degrees of freedom: nothing lies at a
boundary. Intervals of each ratio are where the deviance, everything else at its best, has risen by the 0.95 quantile of
chi-square 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from slopewise.growth.data import GrowthData
from slopewise.growth.evidence.profile import RISE, end_of
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import everybody, fit_everybody
from slopewise.growth.strata import LIMIT, deviance_with_ratio


def residual_table(data: GrowthData, fit: GrowthFit) -> pd.DataFrame:
    """The marker's rows of ``growth/residuals``: a stratum a row; empty where there are no strata.

    Columns stratum, rows, residual_sd (outcome units), ratio (of SDs, to the first stratum), ci_low and ci_high of it,
    and the same in every row: deviance_equal, deviance, lrt, df, p_value. `fit` is the fit of `data` to everybody.
    """
    names = data.layout.stratum_names
    if len(names) < 2 or not np.isfinite(fit.deviance):
        return pd.DataFrame()
    layout = replace(data.layout, stratum_names=(), strata=np.zeros_like(data.layout.strata))
    plain = replace(data, layout=layout, specification=replace(data.specification, residual_by=None))
    equal = fit_everybody(plain, fit.structure)
    size = np.bincount(data.strata, minlength=len(names))
    seen = int((size > 0).sum())
    lrt = max(0.0, equal.deviance - fit.deviance)
    rows = []
    for k, name in enumerate(names):
        low, high = ratio_interval(data, fit, k) if size[k] else (np.nan, np.nan)
        sd = float(fit.sigma * np.sqrt(fit.ratios[k])) if size[k] else np.nan
        ratio = float(np.sqrt(fit.ratios[k])) if size[k] else np.nan
        rows.append((name, int(size[k]), sd, ratio, low, high))
    columns = ["stratum", "rows", "residual_sd", "ratio", "ci_low", "ci_high"]
    p = float(chdtrc(seen - 1, lrt)) if seen > 1 else np.nan
    return pd.DataFrame(rows, columns=columns).assign(
        deviance_equal=equal.deviance, deviance=fit.deviance, lrt=lrt, df=seen - 1, p_value=p
    )


def ratio_interval(data: GrowthData, fit: GrowthFit, k: int) -> tuple[float, float]:
    """95% profile interval of stratum k's residual SD over that of the first with rows; missing for that one."""
    first = int(np.flatnonzero(np.bincount(data.strata, minlength=len(fit.ratios)))[0])
    if k == first:
        return np.nan, np.nan
    assert fit.batch is not None
    columns = fit.batch.columns_of(fit.index)
    asked = fit.results.structure.copy()
    count = everybody(data)

    def above(log: float) -> float:
        found = deviance_with_ratio(data, fit.design, columns, count, asked, (k, log))
        return found - fit.deviance - RISE

    best = float(np.log(fit.ratios[k]))
    low, high = (end_of(above, best, step, limit) for step, limit in ((-0.3, -LIMIT), (0.3, LIMIT)))
    return float(np.exp(low / 2)), float(np.exp(high / 2))
