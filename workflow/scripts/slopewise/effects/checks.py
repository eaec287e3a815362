"""Whether periods, sequences or time change what a treatment does: likelihood-ratio tests by maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from slopewise.effects.coding import TREATED, Coded
from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.fitting import fit_everybody


def checks(one: Coded, fit: GrowthFit) -> pd.DataFrame:
    """The marker's rows of ``effects/checks``: a term less for period and sequence, treatment by time one more.

    `fit`: the model of the effect; random effects and residual variances stay those of it.
    """
    refit = _refitted(one, fit)
    whole = refit(one.formula())
    rows = []
    for name in one.columns:
        rows.append({"what": name, **_ratio(refit(one.formula(name)), whole)})
    if one.many_visits:
        rows.append({"what": "time", **_ratio(whole, refit(one.formula(more=(f"{TREATED}:time",))))})
    return pd.DataFrame(rows)


def _refitted(one: Coded, fit: GrowthFit) -> Callable[[str], GrowthFit]:
    """The fit by ML with other fixed effects."""
    spec = fit.specification
    model = GrowthModel(
        fixed=spec.fixed.text, random=spec.random.text, reml=False, time=spec.time, residual_by=spec.residual_by
    )

    def refit(formula: str) -> GrowthFit:
        return fit_everybody(replace(model, fixed=formula).data(one.frame, one.marker), fit.structure)

    return refit


def _ratio(lower: GrowthFit, upper: GrowthFit) -> dict[str, float]:
    """lrt, df, p_value of two fits of which the second has further fixed effects; missing where it has none."""
    df = len(upper.beta) - len(lower.beta)
    if df < 1:
        return {"lrt": np.nan, "df": 0.0, "p_value": np.nan}
    lrt = max(0.0, lower.deviance - upper.deviance)
    return {"lrt": lrt, "df": float(df), "p_value": float(chdtrc(df, lrt))}
