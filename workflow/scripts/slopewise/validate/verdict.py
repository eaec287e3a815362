"""Whether slopes add to levels: one verdict from all the evidence that the report prints.

Two questions are kept apart (docs/methods.md, section 5). *Association*: at the same level, does the slope go with the
outcome? Answered by the likelihood ratio with cross-fitted slopes, the coefficients' two-stage intervals and the
permutation test. *Prediction*: does it improve what is predicted in patients whom no model has seen? Answered by the
gain in discrimination and in the log score. A gain in C is insensitive beside a strong predictor, so that its absence
denies nothing. An effect is denied only where the data exclude one that would matter: the gain is below the margin,
and every coefficient's interval excludes `RELEVANT` per SD of the true slopes. Otherwise the data cannot tell, and the
number of events that would be needed says why.

A gain is compared with what slopes that carry nothing would bring, the mean over the permutations: in small samples
that is a loss. The intervals of several slopes are widened to as many comparisons (Bonferroni) before one counts.

Numbers are compared as they are printed: no verdict turns on a digit that a reader does not see.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from scipy.special import ndtri

from slopewise.validate.gains import Gain

ALPHA = 0.05
RELEVANT = 1.35
"""A hazard or odds ratio per SD of the true slopes that would matter: between a small and a moderate effect."""

RELEVANT_CORRELATION = 0.14
"""The same for a continuous outcome, as a standardised coefficient: two hundredths of the outcome's variance."""

POWER = 0.8
POOR = 0.5
"""Below this reliability less than half of what tells the slopes apart is signal."""


class Verdict(Enum):
    """What all the evidence says of the step ``slope`` against ``level``."""

    ADDS = "adds"
    ADDS_LITTLE = "adds little"
    ASSOCIATED = "associated"
    NO_GAIN = "no gain"
    WORSE = "worse"
    DISAGREE = "disagree"
    TOO_FEW = "too few events"
    TOO_POOR = "slopes too poorly measured"
    UNDECIDED = "undecided"
    NO_INTERVAL = "no interval"
    DROPPED = "dropped"


@dataclass(frozen=True)
class Effect:
    """A slope's coefficient beside its level, per SD of the true slopes, with its two-stage interval."""

    marker: str
    estimate: float
    low: float
    high: float

    @property
    def has_interval(self) -> bool:
        """Whether there is one."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def widened(self, comparisons: int) -> Effect:
        """The same with an interval for so many comparisons: each side as much longer as normal quantiles are."""
        times = float(ndtri(1 - ALPHA / (2 * comparisons)) / ndtri(1 - ALPHA / 2))
        low, high = (self.estimate + times * (end - self.estimate) for end in (self.low, self.high))
        return Effect(self.marker, self.estimate, low, high)


@dataclass(frozen=True)
class Evidence:
    """All that the verdict rests on.

    `score` is the gain in log score at the largest horizon, None where the metric is a proper score itself. p-values
    are missing where there is no test. `reliability` is the best of the slopes in the model; `informative` counts
    events (the rarer outcome, patients if continuous).
    """

    kept: int
    gain: Gain
    score: Gain | None
    margin: float
    ratio_p: float
    permutation_p: float
    null_gain: float
    effects: tuple[Effect, ...]
    reliability: float
    informative: int
    continuous: bool
    penalised: bool
    information: float = 1.0
    """What one of the counted is worth, an event of a survival time being 1: the share of the more frequent outcome
    where it is binary, the inverse of the variance that is left where it is continuous."""
    seen_once: float = math.nan
    """Share of the patients with fewer than two visits, of the marker in the model that has most of them."""

    @property
    def bound(self) -> float:
        """The effect that would matter, on the scale of the coefficients."""
        return RELEVANT_CORRELATION if self.continuous else math.log(RELEVANT)

    @property
    def needed(self) -> int:
        """Events (patients, if continuous) for a power of `POWER` against the effect that would matter, with slopes
        measured without error: (z₀.₉₇₅ + z₀.₈)² / effect² (Schoenfeld 1983, 10.2307/2531021), over the `information`
        of each (of a binary outcome Hsieh, Bloch & Larsen 1998, whose n π (1 − π) is the rarer outcome's number times
        the share of the other)."""
        return math.ceil((ndtri(1 - ALPHA / 2) + ndtri(POWER)) ** 2 / self.bound**2 / self.information)

    @property
    def is_thin(self) -> bool:
        """Whether there are fewer than half of the events needed, from which no interval is believed to exclude an
        effect that would matter: it is narrower than they can make it."""
        return 2 * self.informative < self.needed

    @property
    def needed_here(self) -> float:
        """The same with slopes of this reliability, which carry that share of the information."""
        return self.needed / self.reliability if self.reliability > 0 else math.inf

    @property
    def tests(self) -> dict[str, bool]:
        """What each test of association says, by its name; tests that could not be made are left out."""
        found = {}
        if math.isfinite(self.ratio_p):
            found["the likelihood ratio test"] = printed(self.ratio_p) < ALPHA
        known = [effect.widened(self.kept) for effect in self.effects if effect.has_interval]
        if known and not self.penalised:
            found["the interval of the coefficient" if self.kept == 1 else "the intervals of the coefficients"] = any(
                self.excludes_none(effect) for effect in known
            )
        if math.isfinite(self.permutation_p):
            found["the permutation test"] = printed(self.permutation_p) < ALPHA
        return found

    def excludes_none(self, effect: Effect) -> bool:
        """Whether the interval of a coefficient, as it is printed, lies on one side of no effect."""
        none = 0.0 if self.continuous else 1.0
        return effect.has_interval and (self.shown(effect.low) > none or self.shown(effect.high) < none)

    def excludes_relevant(self, effect: Effect) -> bool:
        """Whether it excludes effects that would matter, in either direction."""
        ends = self.shown(-self.bound), self.shown(self.bound)
        return effect.has_interval and ends[0] < self.shown(effect.low) and self.shown(effect.high) < ends[1]

    def shown(self, value: float) -> float:
        """A coefficient as it is printed: a ratio, or a standardised coefficient, in three figures."""
        return float(f"{value if self.continuous else math.exp(min(value, 700.0)):.2e}")

    @property
    def is_poor(self) -> bool:
        """Whether the reliability, as it is printed, says that less than half is signal."""
        return round(self.reliability, 2) < POOR

    @property
    def by_chance(self) -> float:
        """What slopes that carry nothing would bring, as it is printed; 0 where no permutation says it."""
        return printed(self.null_gain) if math.isfinite(self.null_gain) else 0.0

    @property
    def gains(self) -> bool:
        """Whether the whole interval of the gain in discrimination lies above zero, and above what chance brings."""
        return printed(self.gain.difference_low) > max(0.0, self.by_chance)

    @property
    def is_small(self) -> bool:
        """Whether the interval excludes a gain in discrimination of the margin or more."""
        return printed(self.gain.difference_high) < self.margin

    @property
    def predicts(self) -> bool:
        """Whether discrimination or the log score gains with its whole interval."""
        return self.gains or (self.score is not None and printed(self.score.difference_low) > 0)

    @property
    def loses(self) -> bool:
        """Whether the gain lies below 0, and below that of slopes that carry nothing, with its whole interval."""
        return printed(self.gain.difference_high) < min(self.by_chance, 0.0)


def printed(value: float) -> float:
    """As a difference is printed, with three decimals; a missing one stays missing."""
    return round(value, 3) if math.isfinite(value) else value


def verdict(found: Evidence) -> Verdict:
    """One verdict from all the evidence."""
    if found.kept == 0:
        return Verdict.DROPPED
    tests = list(found.tests.values())
    for_it = sum(tests)
    if found.predicts:
        # A gain that the tests of association do not support, half of them at least, is as likely chance as knowledge.
        if 2 * for_it < len(tests):
            return Verdict.DISAGREE
        return Verdict.ADDS_LITTLE if found.is_small else Verdict.ADDS
    if 2 * for_it > len(tests):
        return Verdict.DISAGREE if found.loses else Verdict.ASSOCIATED
    if for_it:
        return Verdict.DISAGREE
    if not found.gain.has_interval:
        return Verdict.NO_INTERVAL
    if found.loses:
        return Verdict.WORSE
    if found.is_small and _excluded(found):
        return Verdict.NO_GAIN
    if found.informative < found.needed:
        return Verdict.TOO_FEW
    if found.is_poor and found.informative < found.needed_here:
        return Verdict.TOO_POOR
    return Verdict.UNDECIDED


def _excluded(found: Evidence) -> bool:
    """Whether an effect that would matter is excluded: by the coefficients' intervals, or where a penalty leaves none
    by the power that the study had against it. An interval that does so from fewer than half of the events needed is
    narrower than the events can make it, and is not believed."""
    if found.is_thin:
        return False
    if found.penalised or not found.effects:
        return found.informative >= found.needed_here
    return all(found.excludes_relevant(effect) for effect in found.effects)
