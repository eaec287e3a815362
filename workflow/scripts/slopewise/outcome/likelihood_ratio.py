"""Does a step of the ladder fit better than the step it extends? Likelihood ratio tests on the cross-fitted slopes.

Levels and slopes are made without the outcome, so that given them the models of a step and of its reference are nested
models of the same patients. 2(l₁ − l₀) is referred to χ² with the number of terms that the step adds (partial
likelihood of a Cox model); a linear model has the F test of the same hypothesis. A step that does not contain its
reference, and a penalised one, whose likelihood is not at its maximum, have no test. The uncertainty of the first stage
does not enter: under the hypothesis that slopes add nothing it changes no distribution, since it never saw the outcome.
Where covariates are imputed, the tests of the imputations are combined.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from slopewise.outcome.cox import CoxFit
from slopewise.outcome.fit import OutcomeFit
from slopewise.outcome.glm import GlmFit
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.models import Part
from slopewise.outcome.pooling import combined_test

Floats = NDArray[np.float64]
COLUMNS = ["predictors", "cause", "versus", "statistic", "df", "df_residual", "p_value", "message"]
PENALISED = "penalised: the likelihood of a shrunken model is not at its maximum"
NOTHING = "no term of the step is in its model beside those of the reference"
NO_MAXIMUM = "a likelihood has no maximum, or was not reached"


def likelihood_ratios(fit: OutcomeFit) -> pd.DataFrame:
    """The table ``outcome/likelihood_ratio``: a row for each cause and each step that contains its reference.

    `statistic` is χ² (`df_residual` missing) or F; missing where `message` says why there is no test.
    """
    rows = []
    models = fit.fitted.models
    for step in LADDER:
        if step.reference is None:
            continue
        larger, smaller = models[step.name], models[step.reference]
        if not set(smaller.recipe.every_term) <= set(larger.recipe.every_term):
            continue
        for place, cause in enumerate(fit.data.causes):
            names, parts = (step.name, step.reference), (larger.parts[place], smaller.parts[place])
            several = len(fit.fitted.completed) > 1
            found = _pooled_test(fit, names, place) if several else _test(fit, names, parts)
            rows.append((step.name, cause, step.reference, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


def _pooled_test(fit: OutcomeFit, names: tuple[str, str], cause: int) -> tuple[float, float, float, float, str]:
    """The same of the models on each imputation, combined (`pooling.combined_test`): F."""
    statistics, df = [], 0.0
    for number in range(len(fit.fitted.completed)):
        parts = tuple(fit.fitted.each[name][number][cause] for name in names)
        statistic, df, residual, p, message = _test(fit, names, (parts[0], parts[1]), number)
        if message:
            return statistic, df, residual, p, message
        if np.isfinite(residual):  # F of a linear model, as the likelihood ratio
            patients = len(fit.data.patients)
            statistic = patients * float(np.log1p(statistic * df / residual))
        statistics.append(statistic)
    value, residual, p = combined_test(np.array(statistics), int(df))
    return value, df, residual, p, ""


def _test(
    fit: OutcomeFit, names: tuple[str, str], parts: tuple[Part, Part], number: int = 0
) -> tuple[float, float, float, float, str]:
    """Statistic, degrees of freedom, p, and why there is none; `number`: the imputation that the models are of."""
    none = (np.nan, np.nan, np.nan, np.nan)
    if any(part.penalty is not None for part in parts):
        return (*none, PENALISED)
    free = [[term for term, out in zip(part.terms, part.aliased, strict=True) if not out] for part in parts]
    df = len(free[0]) - len(free[1])
    if df < 1 or not set(free[1]) <= set(free[0]):
        return (*none, NOTHING)
    if any(np.isnan(part.standard_errors[~np.array(part.aliased, dtype=bool)]).any() for part in parts):
        return (*none, NO_MAXIMUM)
    larger, smaller = parts
    if isinstance(larger, CoxFit) and isinstance(smaller, CoxFit):
        statistic = 2.0 * (larger.loglik - smaller.loglik)
        return statistic, float(df), np.nan, float(chdtrc(df, max(statistic, 0.0))), ""
    eta = [_fitted(fit, name, part, number) for name, part in zip(names, parts, strict=True)]
    if fit.data.kind.dichotomous:
        lost = [_deviance(fit.data.outcome, one) for one in eta]
        return lost[1] - lost[0], float(df), np.nan, float(chdtrc(df, max(lost[1] - lost[0], 0.0))), ""
    assert isinstance(larger, GlmFit)
    squares = [float(((fit.data.outcome - one) ** 2).sum()) for one in eta]
    statistic = (squares[1] - squares[0]) / df / (squares[0] / larger.df)
    return statistic, float(df), larger.df, float(fdtrc(df, larger.df, max(statistic, 0.0))), ""


def _fitted(fit: OutcomeFit, name: str, part: Part, number: int) -> Floats:
    """Linear predictor (n,) of a step for its training patients, with the predictors that `part` was trained on."""
    step = next(one for one in LADDER if one.name == name)
    rows = np.arange(len(fit.data.patients))
    raw = fit.data.raw(step, rows, fit.level, fit.slope, fit.fitted.completed[number])
    return part.linear_predictor(fit.fitted.models[name].recipe.standardise(raw))


def _deviance(outcome: Floats, eta: Floats) -> float:
    """−2 log likelihood of a logistic model with log odds `eta` (n,)."""
    return float(2.0 * (np.logaddexp(0.0, eta) - outcome * eta).sum())
