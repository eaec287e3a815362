"""Parallel arms: what can be said of how patients differ under each treatment, where nobody had both.

Each arm has its own mean course (`growth.fixed`), its own covariance of level and slope, and its own residual variance.
The restricted likelihoods of the arms then add up, and their sum is compared with that of one covariance and one
residual variance for both, under the same fixed effects. The interval of the ratio of two SDs joins the arms' profile
intervals (square-and-add on the log scale; Zou & Donner 2008, 10.1002/sim.3095), since the arms are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from slopewise.effects.coding import TREATED, Coded
from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.evidence.contrast import contrasts
from slopewise.growth.evidence.profile import RESIDUAL, component_intervals
from slopewise.growth.fit import active_terms
from slopewise.growth.fitting import fit_everybody
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.model import Study


@dataclass(frozen=True, repr=False)
class Arms(ShortRepr):
    """Fits of the two arms, and one of both with the same covariance and residual variance."""

    reference: GrowthFit
    versus: GrowthFit
    equal: GrowthFit


def compare_arms(study: Study, one: Coded) -> dict[str, pd.DataFrame]:
    """The marker's rows of ``effects/design``, ``average`` and ``arms``."""
    arms, formula = fit_arms(study, one)
    counts = one.rows_by.to_numpy()
    design = {
        "design": "parallel",
        "reference": one.reference,
        "versus": one.versus,
        "patients": len(counts),
        "patients_both": 0,
        "rows": int(counts.sum()),
        "rows_reference": int(counts[:, 0].sum()),
        "rows_versus": int(counts[:, 1].sum()),
        "replicated": int((counts > 1).any(axis=1).sum()),
        "residual": "by arm",
        "formula": formula,
    }
    return {
        "design": pd.DataFrame([design]),
        "average": _average(one, arms.equal),
        "arms": arms_table(arms),
    }


def fit_arms(study: Study, one: Coded) -> tuple[Arms, str]:
    """The fits, and the fixed effects of both arms together; `InputError` where an arm is one patient."""
    slope_of = study.growth.slope_of
    time = "time" if slope_of in study.effects.columns else slope_of
    terms = (*one.columns, *one.covariates)
    own = " + ".join(("1", *terms))
    both = "~ " + " + ".join((TREATED, *terms, *(f"{TREATED}:{term}" for term in terms)))
    frames = [one.frame[one.frame[TREATED] == code] for code in (0.0, 1.0)]
    for frame, name in zip(frames, (one.reference, one.versus), strict=True):
        if frame["patient"].nunique() < 2:
            raise InputError(f"effects.treatment: one patient alone has {name!r}; an arm needs several")
    model = GrowthModel(fixed=f"~ {own}", random=f"~ {time}", time=time)
    joint = GrowthModel(fixed=both, random=f"~ {time}", time=time)
    reference, versus = (fit_everybody(model.data(frame, one.marker)) for frame in frames)
    if reference.structure != versus.structure:
        structure = "intercept" if "excluded" not in (reference.structure, versus.structure) else "excluded"
        reference, versus = (fit_everybody(model.data(frame, one.marker), structure) for frame in frames)
    equal = fit_everybody(joint.data(one.frame, one.marker), reference.structure)
    return Arms(reference, versus, equal), both


def _average(one: Coded, fit: GrowthFit) -> pd.DataFrame:
    """Differences of the arms in the mean value and the mean slope, with Satterthwaite's intervals.

    Both are averages over the rows: everybody under one treatment less everybody under the other, at the same times and
    covariates.
    """
    recipe = fit.design.fixed
    under = [one.frame.assign(**{TREATED: code}) for code in (1.0, 0.0)]
    value, other = (recipe.matrix(frame).mean(axis=0) for frame in under)
    slope, other_slope = (recipe.derivative(frame).mean(axis=0) for frame in under)
    rows, terms = [value - other], [one.versus]
    if np.abs(slope - other_slope).max() > 0:
        rows, terms = [*rows, slope - other_slope], [*terms, f"{one.versus}: slope"]
    return contrasts(fit, np.array(rows)).assign(effect="treatment", term=terms)


def arms_table(arms: Arms) -> pd.DataFrame:
    """The marker's rows of ``effects/arms``: SDs of level, slope and residual, their ratio; the test of all at once."""
    names = active_terms(arms.equal)
    parts = [("level", *_sd_of(arms, names[0]))] if names else []
    if len(names) > 1:
        parts.append(("slope", *_sd_of(arms, names[1])))
    parts.append(("residual", *_sd_of(arms, RESIDUAL)))
    rows = []
    for component, first, second in parts:
        low, high = ratio_interval(first, second)
        ratio = second[0] / first[0] if first[0] > 0 else np.nan
        rows.append(
            {"component": component, "reference": first[0], "versus": second[0], "ratio": ratio, "ci_low": low,
             "ci_high": high}
        )  # fmt: skip
    lrt = max(0.0, arms.equal.deviance - arms.reference.deviance - arms.versus.deviance)
    if arms.equal.aliased or arms.reference.aliased or arms.versus.aliased:
        lrt = np.nan  # the arms' restricted likelihoods are not those of one design
    df = len(names) * (len(names) + 1) // 2 + 1
    p_value = float(chdtrc(df, lrt)) if np.isfinite(lrt) else np.nan
    return pd.DataFrame([*rows, {"component": "all", "lrt": lrt, "df": float(df), "p_value": p_value}])


Estimate = tuple[float, float, float]
"""An SD with the ends of its profile interval."""


def _sd_of(arms: Arms, name: str) -> tuple[Estimate, Estimate]:
    """The SD of a random effect, or of the residuals, in each arm."""
    found = []
    for fit in (arms.reference, arms.versus):
        low, high = component_intervals(fit).get((name, name), (np.nan, np.nan))
        sd = fit.sigma
        if name != RESIDUAL:
            place = list(fit.design.random_names).index(name)
            sd = float(np.sqrt(max(fit.estimates.covariance[0, place, place], 0.0)))
        found.append((sd, low, high))
    return found[0], found[1]


def ratio_interval(first: Estimate, second: Estimate) -> tuple[float, float]:
    """The 95% interval of the second SD over the first, from their independent intervals; 0 or infinite at an end."""
    with np.errstate(divide="ignore", invalid="ignore"):
        a, a_low, a_high = np.log(first)
        b, b_low, b_high = np.log(second)
        if not np.isfinite(a) or not np.isfinite(b):
            return (0.0 if np.isfinite(a) else np.nan), np.nan
        low = b - a - np.sqrt((b - b_low) ** 2 + (a_high - a) ** 2)
        high = b - a + np.sqrt((b_high - b) ** 2 + (a - a_low) ** 2)
        return float(np.exp(low)), float(np.exp(high))
