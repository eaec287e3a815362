"""Growth models side by side: is a random slope needed, and what does each model say of the spread between patients?

Pooled regression, random intercept, and correlated random intercept and slope have the same fixed effects and are
three structures of one random formula, so that one reduction of the rows serves all of them and their refits
(docs/methods.md, section 2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc

from slopewise.growth.data import GrowthData
from slopewise.growth.engine.estimates import STRUCTURES
from slopewise.growth.engine.moments import reduce_response, share_rows
from slopewise.growth.engine.run import run
from slopewise.growth.evidence.effort import Effort
from slopewise.growth.evidence.profile import component_intervals
from slopewise.growth.fit import GrowthFit, active_terms, design_of, residual_variances
from slopewise.growth.fitting import everybody, fit_batch
from slopewise.growth.model import GrowthModel
from slopewise.run.short_repr import ShortRepr

RESIDUAL = "Residual"
STRUCTURE_OF = {"pooled": "excluded", "random_intercept": "intercept", "random_slope": "correlated"}
"""The three models, each one step richer than the one before, by the structure that is imposed on the random slope."""

AT_ONCE = 20  # bootstrap draws that are held in memory together
EXCEEDANCES = 20
"""Draws as large as the observed ratio at which the bootstrap ends: p is then known to a standard error of 22%."""


def textbook_model(model: GrowthModel) -> GrowthModel:
    """The study's fixed effects with a correlated random intercept and slope, REML, our engine."""
    return replace(model, random=f"~ {model.time}", structure="correlated", reml=True, engine="slopewise")


@dataclass(frozen=True, repr=False)
class SideBySide(ShortRepr):
    """The models of one marker that could be fitted, by REML and by ML, on the same rows."""

    data: GrowthData
    reml: Mapping[str, GrowthFit]
    ml: Mapping[str, GrowthFit]


def fit_side_by_side(data: GrowthData) -> SideBySide:
    """Fit the models of `STRUCTURE_OF`; `data` are those of `textbook_model`.

    A model whose random effects cannot be identified (no patient with two times, say) is left out.
    """
    first = fit_batch(data, everybody(data))
    if data.design is None:  # a formula that learns from rows has learnt: the rows of a simulated response are the same
        data = replace(data, design=first.designs[0], columns=first.columns_of(0))
    found = first.structure[0]
    known = {"correlated": 3, "intercept": 2, "excluded": 1}[found]
    names = list(STRUCTURE_OF)[:known]
    likelihood = replace(data, specification=replace(data.specification, reml=False))
    return SideBySide(data, _fitted(data, names), _fitted(likelihood, names))


def _fitted(data: GrowthData, names: list[str]) -> dict[str, GrowthFit]:
    batch = fit_batch(data, everybody(data, len(names)), [STRUCTURE_OF[name] for name in names])
    return {name: GrowthFit.from_batch(batch, j) for j, name in enumerate(names)}


def comparison_rows(models: SideBySide) -> pd.DataFrame:
    """The marker's rows of ``growth/comparison`` without its bootstrap p and q-values.

    lrt: twice the gain in REML log-likelihood over the model one step simpler; its p by the boundary mixture (Stram &
    Lee 1994): half chi-square 0 and half 1 for the intercept, half 1 and half 2 for the correlated slope. AIC and BIC
    from ML, n the number of rows. icc and the two R2: `explained`.
    """
    rows = []
    lower: GrowthFit | None = None
    for name, fit in models.reml.items():
        added = {"pooled": 0, "random_intercept": 1, "random_slope": 2}[name]
        lrt = np.nan if lower is None else likelihood_ratio(lower, fit)
        parameters = len(fit.beta) + {"pooled": 0, "random_intercept": 1, "random_slope": 3}[name] + len(fit.ratios)
        rows.append(
            {
                "model": name,
                **information(fit, models.ml[name], parameters),
                "lrt": lrt,
                "p_value": boundary_p(lrt, added),
                "p_value_naive": naive_p(lrt, added),
                "p_value_bootstrap": np.nan,
                "q_value": np.nan,
                **explained(fit),
            }
        )
        lower = fit
    return pd.DataFrame(rows)


def likelihood_ratio(lower: GrowthFit, fit: GrowthFit) -> float:
    """Twice the gain in log-likelihood over a model inside this one; missing where a fit missed its optimum.

    A richer model cannot fit worse: beyond rounding that tells of a search that stopped too early, and no test of it
    would mean anything.
    """
    gain = lower.deviance - fit.deviance
    return max(0.0, gain) if gain > -1e-6 * max(1.0, abs(lower.deviance)) else float("nan")


def information(reml: GrowthFit, ml: GrowthFit, parameters: int) -> dict[str, float]:
    """parameters, deviance_ml, deviance_reml, aic, bic of a model."""
    return {
        "parameters": parameters,
        "deviance_ml": ml.deviance,
        "deviance_reml": reml.deviance,
        "aic": ml.deviance + 2.0 * parameters,
        "bic": ml.deviance + float(np.log(ml.n_rows)) * parameters,
    }


def boundary_p(lrt: float, added: int) -> float:
    """P of a likelihood ratio at the boundary: half chi-square `added` - 1, half chi-square `added`."""
    if not np.isfinite(lrt):
        return float("nan")
    if lrt <= 0.0:
        return 1.0
    below = chdtrc(added - 1, lrt) if added > 1 else 0.0
    return float(0.5 * (below + chdtrc(added, lrt)))


def naive_p(lrt: float, added: int) -> float:
    """P of the same ratio as if nothing lay at a boundary: too large."""
    return float(chdtrc(added, lrt)) if np.isfinite(lrt) else float("nan")


def bootstrap_p(
    models: SideBySide, draws: int, rng: np.random.Generator, threads: int = 1, effort: Effort | None = None
) -> float:
    """P of the random slope by data sets simulated from the fitted random-intercept model, each refitted twice.

    Sequential (Besag & Clifford 1991, 10.1093/biomet/78.2.301): at the draw that brings the number of ratios as large
    as the observed one to `EXCEEDANCES`, p is that number over the draws so far; where `draws` end before, p is (1 +
    as large) / (draws + 1). Missing where there is no draw or no random slope. The same for any number of threads,
    and `rng` moves on as if all were drawn. With `effort` there are as many draws as it says, and `rng` moves on by
    those that were made.
    """
    if not draws or "random_slope" not in models.reml:
        return float("nan")
    null = models.reml["random_intercept"]
    observed = likelihood_ratio(null, models.reml["random_slope"])
    if not np.isfinite(observed):
        return float("nan")
    ratio = _ratio_of(models.data, null.results.psi[0], models.reml["random_slope"].results.psi[0])
    draws = draws if effort is None else effort.draws(draws, boundary_p(observed, 2))
    least = observed - 1e-7 * max(1.0, abs(observed))  # a ratio of zero is computed as zero up to rounding
    larger: list[int] = []  # of the draws so far
    with ThreadPoolExecutor(max(1, threads)) as pool:
        for start in range(0, draws, AT_ONCE):
            simulated = null.simulate(rng, min(AT_ONCE, draws - start))
            for found in pool.map(ratio, simulated) if threads > 1 else map(ratio, simulated):
                larger.append((larger[-1] if larger else 0) + int(found >= least))
            if larger[-1] >= EXCEEDANCES:
                if effort is None:
                    _pass_over(models.data, draws - start - len(simulated), rng)
                break
    return sequential_p(np.array(larger), EXCEEDANCES)


def sequential_p(larger: NDArray[np.int64], exceedances: int) -> float:
    """Besag & Clifford's p; larger (draws,): how many of the draws up to each were as large as what was observed."""
    if larger[-1] >= exceedances:
        return exceedances / (1 + int(np.searchsorted(larger, exceedances)))
    return (1 + int(larger[-1])) / (len(larger) + 1)


def _ratio_of(
    data: GrowthData, null: NDArray[np.float64], slope: NDArray[np.float64]
) -> Callable[[NDArray[np.float64]], float]:
    """The likelihood ratio of the random slope for another response (rows,) on these rows.

    X, Z and their cross-products are worked out once, where there is one residual variance. null, slope (2, 2): Psi of
    both models of the observed response, standardised: the searches start from the first, with a small variance of the
    slope.
    """
    twice, structures = everybody(data, 2), ["intercept", "correlated"]
    if len(data.layout.stratum_names) > 1:

        def refitted(values: NDArray[np.float64]) -> float:
            deviance = fit_batch(data.with_values(values), twice, structures).deviance
            return float(deviance[0] - deviance[1])

        return refitted
    assert data.design is not None and data.columns is not None
    asked = np.array([STRUCTURES.index(name) for name in structures], dtype=np.int64)
    shared = share_rows(data.columns, data.weights, data.starts, data.design.x_columns, data.design.z_columns)

    begin = np.stack([null, np.diag([null[0, 0], max(0.05 * null[0, 0], 0.1 * slope[1, 1])])])

    def ratio(values: NDArray[np.float64]) -> float:
        deviance = run(reduce_response(shared, values), twice, asked, data.specification.reml, 1, begin).deviance
        return float(deviance[0] - deviance[1])

    return ratio


def _pass_over(data: GrowthData, draws: int, rng: np.random.Generator) -> None:
    """Move `rng` on as `GrowthFit.simulate` would for `draws` responses, so that what comes after stays the same."""
    assert data.design is not None
    each = len(data.patients) * len(data.design.random_names) + len(data.values)
    for _ in range(draws):
        rng.standard_normal(each)


def explained(fit: GrowthFit) -> dict[str, float]:
    """icc, r2_marginal, r2_conditional (Nakagawa & Schielzeth 2013; random slopes: Johnson 2014).

    With vf the variance of X beta over the rows, vr the mean of z'Sigma z over them and s2 the residual variance (its
    mean over the rows, where it is not the same for all):
    icc = vr / (vr + s2), marginal R2 = vf / (vf + vr + s2), conditional R2 = (vf + vr) / (vf + vr + s2).
    """
    assert fit.batch is not None
    x, z = design_of(fit)
    fixed = float(np.var(x @ fit.estimates.beta[0], ddof=1)) if len(x) > 1 else 0.0
    random = float(np.einsum("ni,ij,nj->n", z, fit.estimates.covariance[0], z).mean())
    residual = float(residual_variances(fit).mean())
    total = fixed + random + residual
    return {
        "icc": random / (random + residual),
        "r2_marginal": fixed / total,
        "r2_conditional": (fixed + random) / total,
    }


def q_values(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Benjamini & Hochberg's (1995) adjusted p-values; missing ones stay missing and do not count."""
    adjusted, known = np.full(len(p), np.nan), np.flatnonzero(np.isfinite(p))
    falling = known[np.argsort(p[known], kind="stable")][::-1]
    share = len(falling) / np.arange(len(falling), 0, -1)
    adjusted[falling] = np.minimum.accumulate(np.minimum(p[falling] * share, 1.0))
    return adjusted


def variance_components(fit: GrowthFit) -> pd.DataFrame:
    """The pairs of random effects of a fit and its residual, as ``growth/covariance`` has them.

    Columns term_1, term_2, covariance (outcome units squared), sd_or_correlation (the standard deviation where the
    two terms are the same, their correlation otherwise; missing where a variance is zero), ci_low and ci_high of the
    latter by profile likelihood (`profile.component_intervals`; missing with more than two random effects). With
    `residual_by` there is a residual for each stratum, named in term_2.
    """
    names = active_terms(fit)
    covariance = fit.covariance.loc[names, names].to_numpy()
    sd = np.sqrt(np.diag(covariance))
    rows = []
    for i, first in enumerate(names):
        rows.append((first, first, covariance[i, i], sd[i]))
        for j in range(i + 1, len(names)):
            scale = sd[i] * sd[j]
            correlation = covariance[i, j] / scale if scale > 0 else np.nan
            rows.append((first, names[j], covariance[i, j], correlation))
    for stratum, ratio in zip(fit.stratum_names or (RESIDUAL,), fit.ratios, strict=True):
        rows.append((RESIDUAL, stratum, fit.sigma**2 * ratio, fit.sigma * np.sqrt(ratio)))
    frame = pd.DataFrame(rows, columns=["term_1", "term_2", "covariance", "sd_or_correlation"])
    ends = component_intervals(fit)
    pairs = list(zip(frame["term_1"], frame["term_2"], strict=True))
    low, high = zip(*(ends.get(pair, (np.nan, np.nan)) for pair in pairs), strict=True)
    return frame.assign(ci_low=low, ci_high=high)
