"""Gains of a step over the one before, as the tables hold them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.words.kinds import WORDS
from slopewise.report.words.numbers import interval, number, signed

HEADLINES = {name: words for words_of in WORDS.values() for name, words in words_of.headlines.items()}
"""The metrics a headline may rest on, by their names."""


@dataclass(frozen=True)
class Gain:
    """One row of the performance table: a step's validated C and its difference to the step it is compared with."""

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

    def difference_words(self) -> str:
        """``+0.025 (95% interval +0.010 to +0.040)``."""
        if not self.has_interval:
            return signed(self.difference)
        return (
            f"{signed(self.difference)} (95% interval {interval(self.difference_low, self.difference_high, plus=True)})"
        )

    def value_words(self) -> str:
        """``0.825 (95% interval 0.790 to 0.858)``."""
        ends = interval(self.low, self.high)
        return f"{number(self.value)} (95% interval {ends})" if math.isfinite(self.low) else number(self.value)


def concordance(frames: Frames) -> str:
    """The metric the headline rests on: Uno's C, or Harrell's where censoring weights were refused; AUC; R²."""
    return headlines(frames)[0]


def headlines(frames: Frames) -> list[str]:
    """All metrics of the study that a headline may rest on."""
    known = set(frames.performance["metric"])
    chosen = next(words.headlines for words in WORDS.values() if known & set(words.headlines))
    return [metric for metric in chosen if metric in known]


def gain(frames: Frames, step: str, metric: str) -> Gain:
    """The row of `metric` for a ladder step."""
    return Gain.of(step, metric, frames.metric(metric).loc[step])


def slopes_dropped(frames: Frames) -> list[str]:
    """Markers whose slope is not in the shipped model of the step ``slope``."""
    rows = frames.coefficients
    rows = rows[(rows["predictors"] == "slope") & (rows["scale"] == "unit") & rows["estimate"].isna()]
    return [term.removesuffix(".slope") for term in rows["term"] if term.endswith(".slope")]


def slopes_kept(frames: Frames) -> list[str]:
    """Markers whose slope is in the shipped model of the step ``slope``."""
    rows = frames.coefficients
    rows = rows[(rows["predictors"] == "slope") & (rows["scale"] == "unit") & rows["estimate"].notna()]
    return [term.removesuffix(".slope") for term in rows["term"] if term.endswith(".slope")]


def reliabilities(frames: Frames, markers: list[str]) -> pd.DataFrame:
    """The reliability table in the order of `markers`, those without a reliability left out."""
    rows = frames.reliability.dropna(subset=["reliability"])
    known = set(rows["marker"])
    return rows.set_index("marker").loc[[marker for marker in markers if marker in known]].reset_index()
