"""Does the model fit? Residuals against fitted values, normal quantiles of residuals and random effects, visits.

Residuals are those of the random-slope model about each patient's own line (of the random-intercept model where no
slope is identified), in residual standard deviations. A random effect is divided by the standard deviation of its
prediction, sqrt(Sigma_kk - Var(b_k | y)), which differs between patients (Lange & Ryan 1989).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth.compare import SideBySide, residual_variances
from slopewise.growth.diagnose import classes
from slopewise.growth.fit import GrowthFit
from slopewise.growth.model import GrowthModel
from slopewise.growth.pooling import fitted_values

Floats = NDArray[np.float64]

POINTS, EXTREMES = 300, 20
"""Residuals that are kept for the picture: evenly over the fitted values, and the largest."""

QUANTILES, TAIL = 60, 12
"""Quantiles that are kept: evenly, and the lowest and highest values one by one."""

SPREAD = 8  # classes of fitted values

LEAST = 0.05
"""A prediction with less than this share of the random effect's variance says nothing of its distribution."""


def richest(models: SideBySide) -> GrowthFit:
    """The fit with the most random effects."""
    return models.reml["random_slope"] if "random_slope" in models.reml else models.reml["random_intercept"]


def residual_rows(fit: GrowthFit) -> pd.DataFrame:
    """Fitted values (marker units) and residuals (in SDs) of some rows (``growth/scatter``), by fitted value."""
    fitted, residual = _standard_residuals(fit)
    order = np.lexsort((residual, fitted))
    even = order[np.unique(np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(int))]
    largest = np.argsort(-np.abs(residual), kind="stable")[:EXTREMES]
    kept = np.union1d(even, largest)
    kept = kept[np.lexsort((residual[kept], fitted[kept]))]
    return pd.DataFrame({"fitted": fitted[kept], "residual": residual[kept]})


def residual_classes(fit: GrowthFit) -> pd.DataFrame:
    """By classes of fitted value: fitted (mean), rows, mean and SD of the residuals, in residual SDs."""
    fitted, residual = _standard_residuals(fit)
    return pd.DataFrame(
        [
            {
                "fitted": float(fitted[chosen].mean()),
                "rows": len(chosen),
                "mean": float(residual[chosen].mean()),
                "sd": float(np.sqrt((residual[chosen] ** 2).mean())),
            }
            for chosen in classes(fitted, SPREAD)
        ]
    )


def _standard_residuals(fit: GrowthFit) -> tuple[Floats, Floats]:
    assert fit.batch is not None
    fitted = fitted_values(fit)
    return fitted, (fit.batch.data.values - fitted) / np.sqrt(residual_variances(fit))


def standardised(fit: GrowthFit) -> dict[str, Floats]:
    """What should be standard normal: residual, intercept and slope, each (n,)."""
    assert fit.batch is not None
    found = {"residual": _standard_residuals(fit)[1]}
    seen = np.flatnonzero(fit.batch.data.n_rows > 0)
    b, conditional = fit.batch.random_effects(fit.index, seen)
    covariance = fit.estimates.covariance[0]
    for k, name in enumerate(("intercept", "slope")[: 1 if fit.structure == "intercept" else 2]):
        left = covariance[k, k] - conditional[:, k, k]
        usable = left > LEAST * covariance[k, k]
        if covariance[k, k] > 0 and usable.any():
            found[name] = b[usable, k] / np.sqrt(left[usable])
    return found


def quantiles(values: Floats) -> pd.DataFrame:
    """Normal quantile, value seen, and where 95% of such a value lie if all are standard normal (``low``, ``high``)."""
    n = len(values)
    tail = np.arange(min(TAIL, n))
    even = np.linspace(0, n - 1, min(QUANTILES, n)).round().astype(int)
    return _in_order(values).iloc[np.unique(np.concatenate([tail, even, n - 1 - tail]))]


def _in_order(values: Floats) -> pd.DataFrame:
    """`quantiles` of all values. The k-th of n uniform values has the distribution beta(k, n - k + 1)."""
    from scipy.stats import beta, norm

    n = len(values)
    rank = np.arange(1.0, n + 1.0)
    low, high = (norm.ppf(beta.ppf(share, rank, n - rank + 1)) for share in (0.025, 0.975))
    normal = norm.ppf((rank - 0.5) / n)
    return pd.DataFrame({"normal": normal, "seen": np.sort(values), "low": low, "high": high})


def shape(values: Floats) -> dict[str, float]:
    """number, skewness, excess kurtosis, shares beyond 2 and 3 and outside the band, largest absolute value."""
    from scipy.stats import kurtosis, skew

    spread = float(values.std()) if len(values) > 2 else 0.0
    every = _in_order(values)
    outside = (every["seen"] < every["low"]) | (every["seen"] > every["high"])
    return {
        "number": len(values),
        "skewness": float(skew(values)) if spread > 0 else np.nan,
        "kurtosis": float(kurtosis(values)) if spread > 0 else np.nan,
        "beyond_2": float((np.abs(values) > 2).mean()),
        "beyond_3": float((np.abs(values) > 3).mean()),
        "outside": float(outside.mean()),
        "largest": float(np.abs(values).max()),
    }


def normality(fit: GrowthFit) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The marker's rows of ``growth/quantiles`` and ``growth/normality``, both with the column ``what``."""
    values = standardised(fit)
    points = [quantiles(own).assign(what=what) for what, own in values.items()]
    return pd.concat(points), pd.DataFrame([{"what": what, **shape(own)} for what, own in values.items()])


def visits_and_slopes(models: SideBySide, model: GrowthModel, rows: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Is being seen often informative? Whether slopes differ with the number of visits (``growth/visits``).

    `model` and `rows`: the random-slope model and its `patient_rows`; `frame`: the marker's rows. Columns correlation:
    Spearman's, of visits and predicted slopes of patients with two times (interval by Fisher's transform, Bonett &
    Wright 2000); estimate: the slope's change with one more visit, the coefficient of visits × time added to the fixed
    effects, so that few visits weigh little; Satterthwaite's df. All missing where everybody was seen equally often.
    """
    from scipy.stats import spearmanr

    long = rows[rows["last"] > rows["first"]]
    empty = dict.fromkeys(
        ("correlation", "correlation_low", "correlation_high", "estimate", "se", "df", "p_value", "ci_low", "ci_high"),
        np.nan,
    )
    found = {"patients": len(long), "fewest": int(rows["visits"].min()), "most": int(rows["visits"].max()), **empty}
    if _varies(long["visits"]) and _varies(long["slope"]):
        rho = float(spearmanr(long["visits"], long["slope"]).statistic)
        found["correlation"] = rho
        if len(long) > 3 and abs(rho) < 1:
            half = 1.959963984540054 * np.sqrt((1 + rho**2 / 2) / (len(long) - 3))
            found["correlation_low"] = float(np.tanh(np.arctanh(rho) - half))
            found["correlation_high"] = float(np.tanh(np.arctanh(rho) + half))
    if _varies(rows["visits"]):
        found |= _visits_in_the_model(models, model, frame)
    return pd.DataFrame([found])


def _varies(column: pd.Series) -> bool:
    return len(column) > 0 and bool((column != column.iloc[0]).any())


def _visits_in_the_model(models: SideBySide, model: GrowthModel, frame: pd.DataFrame) -> dict[str, float]:
    """The coefficient of visits × time with its inference; empty where the data do not identify it."""
    data = models.data
    name = "visits"
    while name in frame.columns or name in model.fixed:
        name += "_"
    larger = replace(model, fixed=f"{model.fixed} + {name} + {name}:{model.time}")
    own = larger.data(frame.assign(**{name: data.n_rows[data.codes]}), data.response, data.layout.patient)
    table = own.fit_batch(np.ones((1, len(own.patients)), np.int64), ["correlated"]).fit(0).fixed_effects
    rows = table[table["term"].isin([f"{name}:{model.time}", f"{model.time}:{name}"])]
    wanted = ("estimate", "se", "df", "p_value", "ci_low", "ci_high")
    return {column: float(rows[column].iloc[0]) for column in wanted} if len(rows) else {}
