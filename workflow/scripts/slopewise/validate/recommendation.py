"""Which predictors a new patient's risk should rest on, by what the validation found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

LOG_SCORE = "log_score"
HEADLINES = {"c_uno": "Uno's C", "c_harrell": "Harrell's C", "auc": "AUC", "r2": "R²"}
"""The metrics a recommendation may rest on, the first that was computed, by their names."""


@dataclass(frozen=True)
class Recommendation:
    """A step of the ladder (column ``predictors``) and the reason, a clause."""

    predictors: str
    reason: str


def recommended_step(performance: pd.DataFrame) -> Recommendation:
    """`slope` where the validated gain of the slopes over the levels is shown for a cause, else `level`.

    `performance` is ``outcome/performance``. Shown: the 95% interval of the gain in discrimination or in the log
    score, at the largest horizon, lies above 0 as it is printed (three decimals), which is what the report's verdict
    means by a gain. A model that takes the slopes in without need pays for it in new patients with their
    noise.
    """
    headline = next(name for name in HEADLINES if (performance["metric"] == name).any())
    rows = performance[(performance["predictors"] == "slope") & (performance["versus"] == "level")]
    rows = rows[rows["metric"].isin([headline, LOG_SCORE])].sort_values("horizon", kind="stable")
    rows = rows.groupby(["metric", "cause"], sort=False).tail(1)
    shown = rows[rows["difference_low"].round(3) > 0]
    if len(shown):
        return Recommendation("slope", f"the slopes gain over the levels in {_gain(shown)}")
    return Recommendation("level", f"a gain of the slopes over the levels is not shown in {_gain(rows)}")


def _gain(rows: pd.DataFrame) -> str:
    """The largest gain among the rows of the first metric, with its interval, in words."""
    first = next(name for name in (*HEADLINES, LOG_SCORE) if (rows["metric"] == name).any())
    best = rows[rows["metric"] == first].sort_values("difference", kind="stable").iloc[-1]
    name = {**HEADLINES, LOG_SCORE: "the log score"}[first]
    interval = f", 95% interval {best['difference_low']:.3f} to {best['difference_high']:.3f}"
    return f"{name}: {best['difference']:.3f}{interval if pd.notna(best['difference_low']) else ''}"
