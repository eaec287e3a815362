"""Does the model fit? Residuals against fitted values, normal quantiles of residuals and random effects, visits.

Residuals are those of the random-slope model about each patient's own line (of the random-intercept model where no
slope is identified); residuals and predicted random effects are each divided by their own standard deviation under the
model (`standard_residuals`), so that normal data give standard normal values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from slopewise.growth.evidence.alike import under
from slopewise.growth.evidence.compare import SideBySide
from slopewise.growth.evidence.pooling import fitted_values
from slopewise.growth.evidence.standard_residuals import AT_ONCE, DRAWS, StandardResiduals, each_side
from slopewise.growth.evidence.trends import classes
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_everybody
from slopewise.growth.model import GrowthModel
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

POINTS, EXTREMES = 300, 20
"""Residuals that are kept for the picture: evenly over the fitted values, and the largest."""

QUANTILES, TAIL = 60, 12
"""Quantiles that are kept: evenly, and the lowest and highest values one by one."""

SPREAD = 8  # classes of fitted values

JUDGED = 2000
"""Order statistics that are compared with the band: all, or so many evenly spaced ones."""


def richest(models: SideBySide) -> GrowthFit:
    """The fit with the most random effects."""
    return models.reml["random_slope"] if "random_slope" in models.reml else models.reml["random_intercept"]


def residual_rows(fit: GrowthFit) -> pd.DataFrame:
    """Fitted values (marker units) and residuals (in their SDs) of some rows (``growth/scatter``), by fitted value."""
    fitted, residual = _standard_residuals(fit)
    if not len(residual):
        return pd.DataFrame()
    order = np.lexsort((residual, fitted))
    even = order[np.unique(np.linspace(0, len(order) - 1, min(POINTS, len(order))).round().astype(int))]
    largest = np.argsort(-np.abs(residual), kind="stable")[:EXTREMES]
    kept = np.union1d(even, largest)
    kept = kept[np.lexsort((residual[kept], fitted[kept]))]
    return pd.DataFrame({"fitted": fitted[kept], "residual": residual[kept]})


def residual_classes(fit: GrowthFit) -> pd.DataFrame:
    """By classes of fitted value: fitted (mean), rows, mean and root mean square of the residuals, in their own SDs."""
    fitted, residual = _standard_residuals(fit)
    if not len(residual):
        return pd.DataFrame()
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
    """Fitted values and residuals in their own SDs of the rows whose residual says something."""
    own = StandardResiduals.of(fit)
    return fitted_values(fit)[own.rows], own.residuals(own.projected(own.y[:, None]))[:, 0]


def standardised(fit: GrowthFit) -> dict[str, Floats]:
    """What should be standard normal: residual, intercept and slope, each (n,)."""
    own = StandardResiduals.of(fit)
    return {what: values[:, 0] for what, values in _values(own, own.y[:, None], fit.structure).items()}


def _values(own: StandardResiduals, y: Floats, structure: str) -> dict[str, Floats]:
    """Residual, intercept and slope, each (n, k), of k responses y (N, k); absent where none says anything."""
    projected = own.projected(y)
    found = {"residual": own.residuals(projected)}
    for k, name in enumerate(("intercept", "slope")[: 1 if structure == "intercept" else 2]):
        found[name] = own.effects(projected, k)
    return {name: values for name, values in found.items() if len(values)}


@dataclass(frozen=True, repr=False)
class Ordered(ShortRepr):
    """Order statistics of n values: `rank` (r,) from 0, as `seen` (r,), as `drawn` (r, draws) from the fit."""

    n: int
    rank: NDArray[np.int64]
    seen: Floats
    drawn: Floats

    @property
    def band(self) -> tuple[Floats, Floats]:
        """Between these (r,) lie 95% of the drawn values of each rank."""
        each, place = np.sort(self.drawn, axis=1), each_side(self.drawn.shape[1])
        return each[:, place - 1], each[:, -place]

    @property
    def frame(self) -> pd.DataFrame:
        """Columns rank, normal (its normal quantile), seen, low, high."""
        low, high = self.band
        columns = {"rank": self.rank, "normal": ndtri((self.rank + 0.5) / self.n), "seen": self.seen}
        return pd.DataFrame({**columns, "low": low, "high": high})

    def outside(self) -> tuple[float, float]:
        """The share of order statistics outside the band, and the Monte Carlo p-value of a share as large.

        Order statistics go together: a data set leaves the band in 5% of ranks on average, but in many at once or in
        none. The p-value is the share of drawn data sets, the observed one counted, with as many or more outside.
        """
        judged = np.isin(self.rank, _evenly(self.n, JUDGED))
        low, high = (ends[judged, None] for ends in self.band)
        values = np.column_stack([self.seen, self.drawn])[judged]
        share = ((values < low) | (values > high)).mean(axis=0)
        return float(share[0]), float((share >= share[0]).mean())


def ordered(fit: GrowthFit, rng: np.random.Generator, draws: int = DRAWS) -> dict[str, Ordered]:
    """Order statistics of residual, intercept and slope, about `JUDGED` of each, and of `draws` data sets.

    Data sets are drawn from the fit with the same design. Each is brought to the root mean square of the observed one,
    since the variances that both are divided by were estimated from the observed one.
    """
    own = StandardResiduals.of(fit)
    seen = {what: np.sort(values[:, 0]) for what, values in _values(own, own.y[:, None], fit.structure).items()}
    ranks = {what: _ranks(len(values)) for what, values in seen.items()}
    drawn: dict[str, list[Floats]] = {what: [] for what in seen}
    for start in range(0, draws, AT_ONCE):
        for what, values in _values(own, own.simulated(rng, min(AT_ONCE, draws - start)), fit.structure).items():
            scale = np.sqrt((seen[what] ** 2).mean() / (values**2).mean(axis=0))
            drawn[what].append(np.sort(values * scale, axis=0)[ranks[what]])
    return {
        what: Ordered(len(seen[what]), rank, seen[what][rank], np.concatenate(drawn[what], axis=1))
        for what, rank in ranks.items()
    }


def envelopes(fit: GrowthFit, rng: np.random.Generator) -> dict[str, pd.DataFrame]:
    """The `Ordered.frame` of residual, intercept and slope."""
    return {what: own.frame for what, own in ordered(fit, rng).items()}


def _evenly(n: int, most: int) -> NDArray[np.int64]:
    return np.unique(np.linspace(0, n - 1, min(most, n)).round().astype(np.int64))


def _drawn_ranks(n: int) -> NDArray[np.int64]:
    """Ranks that the picture has: evenly, and the lowest and highest one by one."""
    tail = np.arange(min(TAIL, n))
    return np.unique(np.concatenate([tail, _evenly(n, QUANTILES), n - 1 - tail]))


def _ranks(n: int) -> NDArray[np.int64]:
    return np.union1d(_evenly(n, JUDGED), _drawn_ranks(n))


def shape(values: Floats, order: Ordered) -> dict[str, float]:
    """number, skewness, excess kurtosis, shares beyond 2 and 3 and outside the band, the latter's p, largest value.

    Skewness and kurtosis are the estimates that are 0 on average for normal values, however few (Joanes & Gill 1998).
    """
    spread = float(values.std()) if len(values) > 3 else 0.0
    outside, p_value = order.outside()
    return {
        "number": len(values),
        "skewness": float(pd.DataFrame(values).skew().to_numpy()[0]) if spread > 0 else np.nan,
        "kurtosis": float(pd.DataFrame(values).kurt().to_numpy()[0]) if spread > 0 else np.nan,
        "beyond_2": float((np.abs(values) > 2).mean()),
        "beyond_3": float((np.abs(values) > 3).mean()),
        "outside": outside,
        "p_value": p_value,
        "largest": float(np.abs(values).max()),
    }


def normality(fit: GrowthFit, rng: np.random.Generator, draws: int = DRAWS) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The marker's rows of ``growth/quantiles`` and ``growth/normality``, both with the column ``what``.

    draws: data sets that the bands are made of.
    """
    values, orders = standardised(fit), ordered(fit, rng, draws)
    if not values:
        return pd.DataFrame(), pd.DataFrame()
    points = []
    for what, own in orders.items():
        frame = own.frame
        kept = frame[frame["rank"].isin(_drawn_ranks(len(values[what])))]
        points.append(kept.drop(columns="rank").assign(what=what))
    return pd.concat(points), pd.DataFrame([{"what": what, **shape(own, orders[what])} for what, own in values.items()])


def visits_and_slopes(models: SideBySide, model: GrowthModel, rows: pd.DataFrame) -> pd.DataFrame:
    """Is the number of visits informative? Whether slopes differ with the number of visits (``growth/visits``).

    `model` and `rows`: the random-slope model and its `patient_rows`. Columns correlation: Spearman's, of visits and
    predicted slopes of patients with two times (interval by Fisher's transform, Bonett & Wright 2000); estimate: the
    slope's change with one more visit, the coefficient of visits × time added to the fixed effects, so that few visits
    weigh little; Satterthwaite's df. All missing where everybody was seen equally often.
    """
    long = rows[rows["last"] > rows["first"]]
    empty = dict.fromkeys(
        ("correlation", "correlation_low", "correlation_high", "estimate", "se", "df", "p_value", "ci_low", "ci_high"),
        np.nan,
    )
    found = {"patients": len(long), "fewest": int(rows["visits"].min()), "most": int(rows["visits"].max()), **empty}
    if _varies(long["visits"]) and _varies(long["slope"]):
        rho = float(long[["visits", "slope"]].corr(method="spearman").to_numpy()[0, 1])
        found["correlation"] = rho
        if len(long) > 3 and abs(rho) < 1:
            half = 1.959963984540054 * np.sqrt((1 + rho**2 / 2) / (len(long) - 3))
            found["correlation_low"] = float(np.tanh(np.arctanh(rho) - half))
            found["correlation_high"] = float(np.tanh(np.arctanh(rho) + half))
    if _varies(rows["visits"]):
        found |= _visits_in_the_model(models, model)
    return pd.DataFrame([found])


def _varies(column: pd.Series) -> bool:
    return len(column) > 0 and bool((column != column.iloc[0]).any())


def _visits_in_the_model(models: SideBySide, model: GrowthModel) -> dict[str, float]:
    """The coefficient of visits × time with its inference; empty where the data do not identify it."""
    data = models.data
    name = "visits"
    while name in data.frame.columns or name in model.fixed:
        name += "_"
    larger = replace(model, fixed=f"{model.fixed} + {name} + {name}:{model.time}")
    own = under(larger, data, **{name: data.n_rows[data.codes]})
    table = fit_everybody(own, "correlated").fixed_effects
    rows = table[table["term"].isin([f"{name}:{model.time}", f"{model.time}:{name}"])]
    wanted = ("estimate", "se", "df", "p_value", "ci_low", "ci_high")
    return {column: float(rows[column].iloc[0]) for column in wanted} if len(rows) else {}
