"""Which predictors a new patient's risk should rest on: those that the report's verdict supports."""

from __future__ import annotations

from dataclasses import dataclass

from slopewise.validate.verdict import Evidence, Verdict, printed, verdict

NAMES = {"c_uno": "Uno's C", "c_harrell": "Harrell's C", "auc": "AUC", "r2": "R²", "log_score": "the log score"}

SUPPORTED = "the slopes gain over the levels in {gain}"
CONFLICTING = "the evidence on whether the slopes add to the levels is conflicting ({gain})"
NOT_SHOWN = "a gain of the slopes over the levels is not shown in {gain}"

BY_VERDICT = {
    Verdict.ADDS: ("slope", SUPPORTED),
    Verdict.ADDS_LITTLE: ("slope", SUPPORTED),
    Verdict.ASSOCIATED: ("level", NOT_SHOWN),
    Verdict.NO_GAIN: ("level", NOT_SHOWN),
    Verdict.WORSE: ("level", "predictions were worse with the slopes than with the levels alone ({gain})"),
    Verdict.DISAGREE: ("level", CONFLICTING),
    Verdict.TOO_FEW: ("level", NOT_SHOWN),
    Verdict.TOO_POOR: ("level", NOT_SHOWN),
    Verdict.UNDECIDED: ("level", NOT_SHOWN),
    Verdict.NO_INTERVAL: ("level", NOT_SHOWN),
    Verdict.DROPPED: ("level", "no slope is in the model beside the levels"),
}
"""The step of the ladder and the reason, by the report's verdict. A model that takes the slopes in without need pays
for it in new patients with their noise, so that only a verdict of a gain supports them."""


@dataclass(frozen=True)
class Recommendation:
    """A step of the ladder (column ``predictors``), the reason, a clause, and the name of the verdict."""

    predictors: str
    reason: str
    verdict: str


def recommended_step(found: Evidence) -> Recommendation:
    """`slope` where the verdict on the same evidence is that the slopes add information to the levels, else `level`."""
    given = verdict(found)
    predictors, reason = BY_VERDICT[given]
    return Recommendation(predictors, reason.format(gain=_gain(found)), given.name)


def _gain(found: Evidence) -> str:
    """The gain in discrimination with its interval, or in the log score where that alone lies above 0."""
    score = found.score
    by_score = not found.gains and score is not None and printed(score.difference_low) > 0
    best = score if by_score and score is not None else found.gain
    interval = f", 95% interval {best.difference_low:.3f} to {best.difference_high:.3f}" if best.has_interval else ""
    return f"{NAMES[best.metric]}: {best.difference:.3f}{interval}"
