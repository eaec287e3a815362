"""The evidence that the verdict rests on, gathered from the tables of a study with an outcome."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from slopewise.study.model import Study
from slopewise.validate.gains import Gain, headline_metric, slopes_of
from slopewise.validate.verdict import POWER, RELEVANT, RELEVANT_CORRELATION, Effect, Evidence


class Tables(Protocol):
    """The tables of one cause; the report's frames are such, too."""

    @property
    def patients(self) -> pd.DataFrame:
        """``cohort/patients``."""

    @property
    def covariance(self) -> pd.DataFrame:
        """``growth/covariance``."""

    @property
    def slopes(self) -> pd.DataFrame:
        """``slopes/slopes``."""

    @property
    def reliability(self) -> pd.DataFrame:
        """``slopes/reliability``."""

    @property
    def coefficients(self) -> pd.DataFrame:
        """``outcome/coefficients``."""

    @property
    def likelihood_ratio(self) -> pd.DataFrame:
        """``outcome/likelihood_ratio``."""

    @property
    def performance(self) -> pd.DataFrame:
        """``outcome/performance``."""

    @property
    def permutation(self) -> pd.DataFrame:
        """``outcome/permutation``."""


NAMES = {
    "patients": "cohort/patients",
    "covariance": "growth/covariance",
    "slopes": "slopes/slopes",
    "reliability": "slopes/reliability",
    "coefficients": "outcome/coefficients",
    "likelihood_ratio": "outcome/likelihood_ratio",
    "performance": "outcome/performance",
    "permutation": "outcome/permutation",
}
"""The table that each attribute of `Tables` is."""

BY_CAUSE = ("coefficients", "likelihood_ratio", "performance")


@dataclass(frozen=True, repr=False)
class EvidenceTables:
    """`Tables` as they are read from their files; of competing events the rows of the study's own event."""

    patients: pd.DataFrame
    covariance: pd.DataFrame
    slopes: pd.DataFrame
    reliability: pd.DataFrame
    coefficients: pd.DataFrame
    likelihood_ratio: pd.DataFrame
    performance: pd.DataFrame
    permutation: pd.DataFrame

    @classmethod
    def of(cls, tables: dict[str, pd.DataFrame], study: Study) -> EvidenceTables:
        """From whole tables by their names in `NAMES`."""
        cause = study.causes[0]
        return cls(
            **{name: table[table["cause"] == cause] if name in BY_CAUSE else table for name, table in tables.items()}
        )


def evidence(tables: Tables, study: Study, metric: str | None = None) -> Evidence:
    """The evidence from the tables of a study with an outcome; the gain in `metric`, the headline's where None."""
    metric = headline_metric(tables.performance) if metric is None else metric
    kept = slopes_of(tables.coefficients, kept=True)
    ratio = tables.likelihood_ratio.set_index("predictors")["p_value"]
    permutation = tables.permutation.set_index("predictors") if len(tables.permutation) else None
    known = tables.reliability[tables.reliability["marker"].isin(kept)]["reliability"].dropna()
    return Evidence(
        kept=len(kept),
        gain=Gain.of("slope", metric, slope_row(tables.performance, metric)),
        score=score_gain(tables.performance, study),
        margin=study.outcome.margin,
        ratio_p=float(ratio.get("slope", math.nan)),
        permutation_p=math.nan if permutation is None else float(permutation["p_value"]["slope"]),
        null_gain=math.nan if permutation is None else float(permutation["null_mean"]["slope"]),
        effects=tuple(effect_of(tables, study, marker) for marker in kept),
        reliability=float(known.max()) if len(known) else math.nan,
        informative=informative(tables.patients, study),
        continuous=study.kind.numeric,
        penalised=bool(tables.coefficients["penalty"].notna().any()),
        information=information(tables, study),
        seen_once=seen_once(tables.slopes, kept, study.report.small_cells),
    )


def slope_row(performance: pd.DataFrame, metric: str, horizon: float = math.nan) -> pd.Series:
    """The row of the step ``slope``; at one horizon, where the metric has several."""
    rows = performance[(performance["metric"] == metric) & (performance["predictors"] == "slope")]
    return (rows if math.isnan(horizon) else rows[rows["horizon"] == horizon]).iloc[0]


def seen_once(slopes: pd.DataFrame, markers: list[str], limit: int) -> float:
    """The share of patients with fewer than two visits, of the marker of which it is largest; missing where they are
    fewer than `limit`, since the share would tell their number."""
    own = slopes[slopes["marker"].isin(markers)]
    few = (own["visits"] < 2).groupby(own["marker"]).agg(["sum", "mean"])
    return float(few.loc[few["sum"] >= limit, "mean"].max()) if len(few) else math.nan


def score_gain(performance: pd.DataFrame, study: Study) -> Gain | None:
    """The gain in log score at the largest horizon; None where it was not measured."""
    if "log_score" not in set(performance["metric"]):
        return None
    return Gain.of("slope", "log_score", slope_row(performance, "log_score", max(study.horizons)))


def informative(patients: pd.DataFrame, study: Study) -> int:
    """Events; the rarer of two outcomes; patients of a continuous outcome."""
    column = next((name for name in ("event", "outcome") if name in patients), None)
    return study.kind.informative(0 if column is None else int((patients[column] == 1).sum()), len(patients))


def information(tables: Tables, study: Study) -> float:
    """What one of `informative` is worth beside an event of a survival time; see `Evidence`."""
    if study.kind.dichotomous:
        return 1.0 - informative(tables.patients, study) / len(tables.patients)
    if study.kind.numeric:
        explained = float(slope_row(tables.performance, "r2")["validated"])
        return 1.0 / (1.0 - min(max(explained, 0.0), 0.99)) if math.isfinite(explained) else 1.0
    return 1.0


def effect_of(tables: Tables, study: Study, marker: str) -> Effect:
    """A slope's coefficient per SD of the true slopes: per unit, which cross-fitting does not attenuate, times the
    SD of the random slopes (and, of a continuous outcome, over the SD of the outcome)."""
    rows = tables.coefficients[tables.coefficients["predictors"] == "slope"]
    row = rows[(rows["term"] == f"{marker}.slope") & (rows["scale"] == "unit")].iloc[0]
    size = slope_sd(tables, study, marker)
    if study.kind.numeric:
        size /= float(tables.patients["outcome"].std())
    low, high = row["ci_low_bootstrap"], row["ci_high_bootstrap"]
    if not math.isfinite(low):
        low, high = row["ci_low"], row["ci_high"]
    return Effect(marker, float(row["estimate"]) * size, float(low) * size, float(high) * size)


def slope_sd(tables: Tables, study: Study, marker: str) -> float:
    """SD of the random slopes in the fit on everybody; that of the predicted slopes where the covariance has none."""
    value = component(tables.covariance, marker, study.growth.slope_of)
    if math.isfinite(value):
        return value
    return float(tables.slopes.loc[tables.slopes["marker"] == marker, "slope"].std())


def component(covariance: pd.DataFrame, marker: str, one: str) -> float:
    """A standard deviation of the random-slope model, or of the random intercept where there is no other; missing
    where ``growth/covariance`` has neither."""
    rows = covariance[(covariance["marker"] == marker) & (covariance["term_1"] == one) & (covariance["term_2"] == one)]
    for model in ("random_slope", "random_intercept"):
        own = rows[rows["model"] == model]
        if len(own):
            return float(own["sd_or_correlation"].iloc[0])
    return math.nan


def evidence_table(found: Evidence) -> pd.DataFrame:
    """``outcome/evidence``: a row for each number that the verdict rests on, with its interval where it has one.

    Effects of slopes are ratios (of a continuous outcome standardised coefficients) per SD of the true slopes, beside
    the levels; ``needed`` is for slopes measured without error, ``needed_here`` for slopes of this reliability.
    """
    nothing = math.nan
    gains = [one for one in (found.gain, found.score) if one is not None]
    rows: list[tuple[object, ...]] = [
        ("gain", "", one.metric, one.horizon, one.difference, one.difference_low, one.difference_high) for one in gains
    ]
    for effect in found.effects:
        ends = [effect.estimate, effect.low, effect.high]
        shown = ends if found.continuous else [math.exp(min(end, 700.0)) for end in ends]
        rows.append(("effect", effect.marker, "", nothing, *shown))
    numbers = {
        "likelihood_ratio_p": found.ratio_p,
        "permutation_p": found.permutation_p,
        "permuted_gain": found.null_gain,
        "reliability": found.reliability,
        "informative": found.informative,
        "relevant_effect": RELEVANT_CORRELATION if found.continuous else RELEVANT,
        "power": POWER,
        "needed": found.needed,
        "needed_here": found.needed_here if math.isfinite(found.needed_here) else nothing,
        "margin": found.margin,
        "seen_once": found.seen_once,
    }
    rows += [(name, "", "", nothing, float(value), nothing, nothing) for name, value in numbers.items()]
    return pd.DataFrame(rows, columns=["quantity", "marker", "metric", "horizon", "value", "low", "high"])
