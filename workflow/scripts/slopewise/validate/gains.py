"""Gains of a step of the ladder over the one before, and the metric that a headline rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from slopewise.study.kinds import KINDS


@dataclass(frozen=True)
class Gain:
    """One row of ``outcome/performance``: a step's validated metric and its difference to the step it is compared
    with."""

    step: str
    versus: str
    metric: str
    horizon: float
    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float

    @staticmethod
    def of(step: str, metric: str, row: pd.Series) -> Gain:
        """From a row of ``outcome/performance``."""
        names = ("horizon", "validated", "ci_low", "ci_high", "difference", "difference_low", "difference_high")
        return Gain(step, str(row["versus"]), metric, *(float(row[name]) for name in names))

    @property
    def has_interval(self) -> bool:
        """Whether resamples of the predictions gave the difference an interval."""
        return math.isfinite(self.difference_low) and math.isfinite(self.difference_high)


def headlines(performance: pd.DataFrame) -> list[str]:
    """All metrics of ``outcome/performance`` that a headline may rest on, the one that it does rest on first."""
    known = set(performance["metric"])
    chosen = next(kind.headlines for kind in KINDS.values() if known & set(kind.headlines))
    return [metric for metric in chosen if metric in known]


def headline_metric(performance: pd.DataFrame) -> str:
    """The metric the headline rests on: Uno's C, or Harrell's where censoring weights were refused; AUC; R²."""
    return headlines(performance)[0]


def slopes_of(coefficients: pd.DataFrame, kept: bool) -> list[str]:
    """Markers whose slope is in the shipped model of the step ``slope`` (`kept`), or was left out of it."""
    rows = coefficients[(coefficients["predictors"] == "slope") & (coefficients["scale"] == "unit")]
    terms = rows.loc[rows["estimate"].notna() == kept, "term"]
    return [term.removesuffix(".slope") for term in terms if term.endswith(".slope")]
