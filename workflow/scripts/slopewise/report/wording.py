"""From numbers to plain sentences. Every number in a sentence is a cell of a table (or a setting of the study).

Nothing is called significant: a sentence gives the difference, its interval, and what the interval rules out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from slopewise.report.course_words import slope_is_nil
from slopewise.report.frames import Frames
from slopewise.report.kinds import KINDS
from slopewise.report.naming import Naming
from slopewise.report.numbers import count, in_words, interval, number, percent, signed

HEADLINES = {name: words for kind in KINDS.values() for name, words in kind.headlines.items()}
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
    chosen = next(kind.headlines for kind in KINDS.values() if known & set(kind.headlines))
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


def ladder_sentences(frames: Frames, naming: Naming, metric: str) -> list[str]:
    """What the markers add to the covariates, and what more than a first value adds."""
    clinical, first, last, level = (gain(frames, step, metric) for step in ("clinical", "baseline", "last", "level"))
    has = "alone reach" if len(naming.study.outcome.covariates) > 1 else "alone reaches"
    covariates = naming.covariates
    start = (
        f"{covariates[0].upper()}{covariates[1:]} {has} {naming.words.short} of {clinical.value_words()}; "
        f"{naming.words.coin}."
        if naming.study.outcome.covariates
        else f"Without any predictor {naming.words.short} is {number(clinical.value)}; {naming.words.coin}."
    )
    return [
        start,
        f"The markers’ first values change it by {first.difference_words()}, to {number(first.value)}; "
        f"the last values instead of the first by {last.difference_words()}, to {number(last.value)}.",
        f"The growth model’s levels instead of the last values change it by {level.difference_words()}, to "
        f"{number(level.value)}.",
    ]


def reliability_sentence(frames: Frames, naming: Naming) -> str:
    """How much of what tells slopes apart is signal."""
    rows = reliabilities(frames, list(naming.study.markers))
    if not len(rows):
        return "No slope could be estimated, so there is no reliability to report."
    parts = []
    for row in rows.itertuples():
        ends = f" (95% interval {interval(row.ci_low, row.ci_high, 2)})" if math.isfinite(row.ci_low) else ""
        parts.append(f"{number(row.reliability, 2)}{ends} for {naming.marker(row.marker)}")
    singular = [marker for marker in rows["marker"] if frames.is_singular(marker)]
    nil = [marker for marker in singular if slope_is_nil(frames, naming, marker)]
    rank = [marker for marker in singular if marker not in nil]
    apart = (
        f" For {naming.listed(rank)} it is that of the level, since the slope follows from the level." if rank else ""
    )
    apart += f" For {naming.listed(nil)} slopes do not vary between patients in the fit on everybody." if nil else ""
    shown = in_words(parts) if len(parts) < 5 else (
        f"between {number(rows['reliability'].min(), 2)} and {number(rows['reliability'].max(), 2)} over {len(rows)} "
        "markers"
    )  # fmt: skip
    return (
        "The mean reliability of slopes, the share of the variance of patients’ true slopes that the data up to "
        f"{naming.moment} recover, is {shown}. 1 would be a slope without error, 0 the average slope for "
        f"everybody.{apart}"
    )


def reliabilities(frames: Frames, markers: list[str]) -> pd.DataFrame:
    """The reliability table in the order of `markers`, those without a reliability left out."""
    rows = frames.reliability.dropna(subset=["reliability"])
    known = set(rows["marker"])
    return rows.set_index("marker").loc[[marker for marker in markers if marker in known]].reset_index()


def scope_sentence(frames: Frames, naming: Naming) -> str:
    """Who, what, when."""
    limit = naming.study.report.small_cells
    patients, at = count(frames.n_patients, limit), naming.duration(naming.landmark)
    if naming.kind == "continuous":
        return (
            f"Of {patients} patients the outcome ({naming.cause}) is known. It is predicted from what had been "
            f"measured up to {naming.up_to}."
        )
    if naming.kind == "binary":
        return (
            f"Of {patients} patients the outcome is known; {count(frames.n_events, limit)} of them had it "
            f"({naming.cause}). It is predicted from what had been measured up to {naming.up_to}."
        )
    return (
        f"{patients} patients were still at risk {at} after time zero; "
        f"{count(frames.n_events, limit)} of them had the event ({naming.cause}) later. Risks are predicted for "
        f"{naming.horizons()} after that moment, the landmark, from what had been measured up to it."
    )


def order_sentence(level: Gain, naming: Naming) -> str:
    """The headline's metric in plain words."""
    return f"{naming.words.explained}: {percent(level.value)} with the levels."
