"""The verdict in words: the headline, what it rests on, and a table with each piece of evidence and what it says."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES, difference_words, gain, value_words
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import (
    MINUS,
    MISSING,
    count,
    figures,
    in_words,
    interval,
    number,
    p_value,
    percent,
    signed,
)
from slopewise.validate.gains import Gain, headlines
from slopewise.validate.verdict import ALPHA, RELEVANT, RELEVANT_CORRELATION, Effect, Evidence, Verdict, printed

MOST_EFFECTS = 2
"""So many slopes’ coefficients stand in the finding; of more, in the table."""

SEEN_ONCE = 0.1
"""Share of the patients with fewer than two visits from which it is named as a reason."""


def headline(said: Verdict, naming: Naming) -> str:
    """The first sentence of the report: does the slope add to the level?"""
    names = list(naming.study.markers)
    one = len(names) == 1
    change = f"the rate of change of {naming.marker(names[0])}" if one else "the markers’ rates of change"
    if naming.predictor != "time":
        whose = f"the slope of {naming.marker(names[0])}" if one else "the markers’ slopes"
        change = f"{whose} with respect to {naming.predictor}"
    levels, adds, is_ = ("its level", "adds", "is") if one else ("their levels", "add", "are")
    first = change[0].upper() + change[1:]
    level, raises = ("the same level", "raises") if one else ("the same levels", "raise")
    c, margin = naming.words.short, f"{naming.study.outcome.margin:g}"
    return {
        Verdict.ADDS: f"{first} {adds} information to {levels}.",
        Verdict.ADDS_LITTLE: f"{first} {adds} information to {levels}, but {raises} {c} by less than {margin}.",
        Verdict.ASSOCIATED: f"At {level}, {change} {is_} associated with the outcome; better prediction is not shown.",
        Verdict.NO_GAIN: f"Adding {change} to {levels} does not raise {c} by {margin} or more.",
        Verdict.WORSE: f"Predictions were worse when {change} {'was' if one else 'were'} added to {levels}.",
        Verdict.DISAGREE: f"The evidence on whether {change} {adds} information to {levels} is conflicting.",
        Verdict.TOO_FEW: f"There are too few {counted(naming)} to show whether {change} {adds} information to "
        f"{levels}.",
        Verdict.TOO_POOR: (
            f"The slopes were measured too imprecisely to show whether {change} {adds} information to {levels}."
        ),
        Verdict.UNDECIDED: f"These data cannot show whether {change} {adds} information to {levels}.",
        Verdict.NO_INTERVAL: f"What {change} {adds} to {levels} was estimated, but without an interval.",
        Verdict.DROPPED: "Whether slopes add to levels could not be examined: no slope could be distinguished from its "
        "level.",
    }[said]


def counted(naming: Naming) -> str:
    """What carries the information."""
    return naming.words.informative


def answer(said: Verdict, found: Evidence, level: Gain, naming: Naming) -> str:
    """The numbers behind the headline, and what they mean."""
    at = naming.duration(naming.landmark) if naming.predictor == "time" else naming.moment
    c, explained = HEADLINES[found.gain.metric], naming.words.explained
    if said is Verdict.DROPPED:
        return (
            f"With the covariates and the levels at {at}, {c} ({explained}) is {value_words(level)} in patients "
            "whom the models had not seen. No marker’s slope entered the outcome model together with its level; the "
            "reasons are given below."
        )
    slope = found.gain
    numbers = (
        f"In patients whom the models had not seen, {c} ({explained}) is {number(level.value)} with the covariates "
        f"and the levels at {at}, and {number(slope.value)} when the slopes are added: a difference of "
        f"{difference_words(slope)}."
    )
    return f"{numbers} {_meaning(said, found, naming)}"


def _meaning(said: Verdict, found: Evidence, naming: Naming) -> str:
    margin, c = f"{found.margin:g}", naming.words.short
    slope = found.gain
    tests = f"{effect_sentence(found, naming)}{agreement(found)}{_like_chance(found, c)}"
    if said in (Verdict.ADDS, Verdict.ADDS_LITTLE):
        whose = "The whole interval" if found.gains else "The whole interval of the gain in log score"
        by = f"{whose} lies above zero"
        size = f", but the gain in {c} is less than {margin}" if printed(slope.difference) < found.margin else ""
        return f"{by}{size}. {tests}"
    if said is Verdict.ASSOCIATED:
        gains = (
            f"The gain in {c} has no interval (validation.bootstrap is 0)."
            if not slope.has_interval
            else f"The gain in {c} is less than {margin}."
            if found.is_small
            else f"The interval of the gain in {c} includes 0."
        )
        return f"{tests} {gains} {c} is insensitive to additions to a strong predictor."
    if said is Verdict.NO_GAIN:
        return f"The interval excludes a gain of {margin} or more, and {_effect_excluded(found, naming)}. {tests}"
    if said is Verdict.WORSE:
        null = (
            f", and below the {signed(found.null_gain)} by which uninformative slopes change {c} on average "
            "(permutation test)"
            if math.isfinite(found.null_gain)
            else ""
        )
        return f"The whole interval lies below zero{null}. {tests}"
    if said is Verdict.DISAGREE:
        where = (
            "above zero"
            if printed(slope.difference_low) > 0
            else "below zero" if printed(slope.difference_high) < 0 else "on both sides of zero"
        )  # fmt: skip
        return f"The interval lies {where}. {tests}"
    if said is Verdict.TOO_FEW:
        return (
            f"There are {_events(found, naming)} {counted(naming)}; {found.needed} would be needed to see "
            f"{_effect_words(naming)} with a power of 80% if the slopes were measured without error. {tests}"
        )
    if said is Verdict.TOO_POOR:
        once = (
            f" ({percent(found.seen_once)} of the patients had fewer than two visits)"
            if found.seen_once >= SEEN_ONCE
            else ""
        )
        whose, least = ("slope is", "") if found.kept == 1 else ("slopes is at most", "at least ")
        return (
            f"The reliability of the {whose} {number(found.reliability, 2)}{once}, so {least}"
            f"{_round(found.needed_here)} {counted(naming)} would be needed to detect {_effect_words(naming)} with a "
            f"power of 80%; there are {_events(found, naming)}. {tests}"
        )
    if said is Verdict.UNDECIDED:
        room = (
            f"A gain in {c} of {margin} or more is excluded; a relevant effect of the slopes is not."
            if found.is_small
            else f"The interval includes both 0 and a relevant gain of {margin} or more."
        )
        return f"{room} {tests}"
    return "Without an interval (validation.bootstrap is 0) a gain cannot be distinguished from chance."


def _like_chance(found: Evidence, c: str) -> str:
    """That a loss is one that slopes without information would make, too; else empty."""
    if found.loses or not printed(found.gain.difference_high) < 0:
        return ""
    return (
        f" The whole interval of the difference lies below zero, but uninformative slopes change {c} by "
        f"{signed(found.null_gain)} on average (permutation test)."
    )


def _events(found: Evidence, naming: Naming) -> str:
    """How many there are; few of them are not told."""
    return count(found.informative, naming.study.report.small_cells)


def _round(value: float) -> str:
    return "infinitely many" if math.isinf(value) else f"{value:.0f}"


def _effect_words(naming: Naming) -> str:
    if naming.kind.numeric:
        return f"a standardised coefficient of {RELEVANT_CORRELATION:g}"
    return f"{_article(naming.words.effect)} of {RELEVANT:g} per SD of the slopes"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _effect_excluded(found: Evidence, naming: Naming) -> str:
    if found.penalised or not found.effects:
        return f"{_events(found, naming)} {counted(naming)} give a power of 80% to detect {_effect_words(naming)}"
    one = "the interval of the slope’s coefficient excludes" if found.kept == 1 else (
        "the intervals of the slopes’ coefficients exclude"
    )  # fmt: skip
    return f"{one} {_effect_words(naming)}"


def effect_sentence(found: Evidence, naming: Naming) -> str:
    """The coefficients of up to `MOST_EFFECTS` slopes with their intervals; nothing of shrunken ones."""
    known = [effect for effect in found.effects if math.isfinite(effect.estimate)]
    if found.penalised or not 0 < len(known) <= MOST_EFFECTS:
        return ""
    parts = []
    for effect in known:
        ends = f" (95% interval {_shown(effect.low, naming)} to {_shown(effect.high, naming)})"
        of = f" for {naming.marker(effect.marker)}" if found.kept > 1 else ""
        parts.append(f"{_shown(effect.estimate, naming)}{ends if effect.has_interval else ''}{of}")
    where = "adjusted for the level" if found.kept == 1 else "adjusted for the levels"
    what = "standardised coefficient of the slope" if naming.kind.numeric else _effect_name(naming)
    return f"The {what} {where} is {in_words(parts)}. "


def agreement(found: Evidence) -> str:
    """What the tests of association say, together or against each other."""
    tests = found.tests
    yes, no = [name for name, one in tests.items() if one], [name for name, one in tests.items() if not one]
    if not tests:
        return "There is no test of whether the slopes are associated with the outcome at equal levels."
    where = "of the slopes at equal levels" if found.kept > 1 else "of the slope at an equal level"
    finds, find = ("finds", "find")
    if yes and no:
        return (
            f"{_first(in_words(yes))} {find if len(yes) > 1 else finds} an association {where}, "
            f"{in_words(no)} {'do' if len(no) > 1 else 'does'} not."
        )
    names = _first(in_words(yes or no))
    verb = (find if len(yes or no) > 1 else finds) + (" an" if yes else " no")
    return f"{names} {verb} association {where}."


def _first(text: str) -> str:
    return text[:1].upper() + text[1:]


def second_opinion(frames: Frames, found: Evidence, said: Verdict) -> str:
    """The same comparison by the other concordance; empty where there is none, or nothing was compared."""
    others = [name for name in headlines(frames.performance) if name != found.gain.metric]
    if not others or said is Verdict.DROPPED:
        return ""
    other = gain(frames, "slope", others[0])
    words = f"By {HEADLINES[others[0]]} the difference is {difference_words(other)}"
    sides = {_side(found.gain), _side(other)}
    return f"{words}." if len(sides) == 1 else f"{words}, which points to another conclusion: interpret both with care."


def _side(own: Gain) -> int:
    return (printed(own.difference_low) > 0) - (printed(own.difference_high) < 0)


def evidence_table(found: Evidence, naming: Naming) -> Table:
    """Each piece of evidence, its figure, and what it says."""
    margin, c = f"{found.margin:g}", HEADLINES[found.gain.metric]
    rows: list[list[Cell | str]] = [
        [f"gain in {c}", _difference(found.gain), _gain_says(found.gain, found.margin)],
    ]
    if found.score is not None:
        rows.append([f"gain in log score per patient{_when(found.score, naming)}", _difference(found.score),
                     _gain_says(found.score, None)])  # fmt: skip
    rows.append(["likelihood ratio test", p_value(found.ratio_p), _test_says(found.ratio_p, found)])
    for effect in found.effects:
        rows.append([f"{_effect_name(naming)}, {naming.marker(effect.marker)}", _effect_cell(effect, naming),
                     _effect_says(effect, found)])  # fmt: skip
    null = f"uninformative slopes: {signed(found.null_gain)}" if math.isfinite(found.null_gain) else ""
    rows.append(["permutation test of the gain", Cell(p_value(found.permutation_p), null),
                 _test_says(found.permutation_p, found)])  # fmt: skip
    rows.append(["reliability of the slopes (the best)", number(found.reliability, 2),
                 "less than half is signal" if found.is_poor else "half or more is signal"])  # fmt: skip
    needed = (
        f"a power of 80% to detect {_effect_words(naming)} requires {found.needed}, or {_round(found.needed_here)} "
        "with this reliability"
    )
    rows.append([counted(naming), _events(found, naming), needed])
    caption = (
        f"Evidence for the finding; a gain in {naming.words.short} under {margin} is called small (outcome.margin)"
    )
    return Table("evidence", caption, ["evidence", "estimate, 95% interval", "interpretation"], rows, frozenset({0, 2}))


def _when(own: Gain, naming: Naming) -> str:
    return "" if math.isnan(own.horizon) else f" at {naming.duration(own.horizon)}"


def _difference(own: Gain) -> Cell:
    return Cell(signed(own.difference), interval(own.difference_low, own.difference_high, plus=True))


def _gain_says(own: Gain, margin: float | None) -> str:
    if not own.has_interval:
        return "no interval"
    if printed(own.difference_low) > 0:
        return "a gain"
    if printed(own.difference_high) < 0:
        return "a loss"
    if margin is not None and printed(own.difference_high) < margin:
        return f"no gain of {margin:g} or more"
    return "includes 0" if margin is None else f"includes 0 and {margin:g} or more"


def _test_says(p: float, found: Evidence) -> str:
    if not math.isfinite(p):
        return "not done: the models are penalised" if found.penalised else "not done"
    return "an association" if printed(p) < ALPHA else "none found"


def _effect_name(naming: Naming) -> str:
    if naming.kind.numeric:
        return "standardised coefficient of the slope"
    return f"{naming.words.effect} per SD of the true slopes"


def _effect_cell(effect: Effect, naming: Naming) -> Cell:
    if not math.isfinite(effect.estimate):
        return Cell(MISSING)

    ends = f"{_shown(effect.low, naming)} to {_shown(effect.high, naming)}" if math.isfinite(effect.low) else ""
    return Cell(_shown(effect.estimate, naming), ends)


def _effect_says(effect: Effect, found: Evidence) -> str:
    if found.penalised:
        return "penalised: no test"
    if not effect.has_interval:
        return "no interval"
    if found.excludes_none(effect):
        alone = found.excludes_none(effect.widened(found.kept))
        return "an association" if alone else f"an association, before adjustment for {found.kept} slopes"
    if found.excludes_relevant(effect) and found.is_thin:
        return "no association, but implausibly narrow for so few events"
    if found.excludes_relevant(effect):
        return "a relevant effect is excluded"
    return "includes none and a relevant effect"


def below_chance(frames: Frames, naming: Naming, metric: str) -> str:
    """A remark on steps whose discrimination lies below what no knowledge gives, interval and all; else empty."""
    nothing = 0.0 if naming.kind.numeric else 0.5
    rows = frames.metric(metric)
    low = [STEP_NAMES[str(step)] for step, high in rows["ci_high"].items() if printed(float(high)) < nothing]
    if not low:
        return ""
    return (
        f"The interval of {HEADLINES[metric]} lies below {nothing:g} for {in_words(low)}: in patients whom the models "
        f"had not seen, their predictions were worse than chance. In small samples this happens to models that fit "
        f"noise; do not reverse their predictions."
    )


def reversal(frames: Frames, naming: Naming) -> list[str]:
    """Where a slope’s coefficient beside the level has the other sign than alone: why, in a sentence a marker.

    Signs are those of the printed figures: a ratio that is printed as 1.00 lies on neither side.
    """
    rows = frames.coefficients[frames.coefficients["scale"] == "sd"].set_index(["predictors", "term"])
    said = []
    for marker in naming.study.markers:
        keys = [(step, f"{marker}.slope") for step in ("slope", "slope_only")]
        if not all(key in rows.index for key in keys):
            continue
        beside, alone = (rows.loc[key] for key in keys)
        sides = [_side_of_none(float(row["estimate"]), naming) for row in (beside, alone)]
        if sides[0] * sides[1] >= 0:
            continue
        name, effect = naming.marker(marker), naming.words.effect
        said.append(
            f"The slope of {name} has {_article(effect)} of {_shown(float(beside['estimate']), naming)} per SD "
            f"adjusted for the level and of {_shown(float(alone['estimate']), naming)} alone. This is not a "
            "contradiction: "
            + _why(naming)
            + ("" if any(_is_clear(row, naming) for row in (beside, alone)) else UNCLEAR)
        )
    return said


UNCLEAR = " Both intervals include no effect, so that the difference in sign may also be due to chance."


def _why(naming: Naming) -> str:
    """How the same slope can go with more of the outcome alone and with less of it beside the level."""
    if not naming.study.is_in_time:
        return (
            "beside the level, patients of the same level are compared; alone, the slope also reflects the level, "
            "with which it is correlated."
        )
    return (
        "of two patients at the same level now, the one with the steeper rise started lower and the one with the "
        "steeper fall started higher, so that at a given level the slope also reflects where the patient started; "
        "alone it reflects the level as well."
    )


def _shown(value: float, naming: Naming) -> str:
    return figures(value if naming.kind.numeric else math.exp(min(value, 700.0)))


def _side_of_none(value: float, naming: Naming) -> int:
    """1 above no effect as it is printed, −1 below, 0 for neither."""
    if not math.isfinite(value):
        return 0
    shown = float(_shown(value, naming).replace(MINUS, "-"))
    none = 0.0 if naming.kind.numeric else 1.0
    return (shown > none) - (shown < none)


def _is_clear(row: pd.Series, naming: Naming) -> bool:
    """Whether the coefficient's interval, of the bootstrap if there is one, lies on one side of no effect."""
    kind = "_bootstrap" if math.isfinite(row["ci_low_bootstrap"]) else ""
    sides = [_side_of_none(float(row[f"{end}{kind}"]), naming) for end in ("ci_low", "ci_high")]
    return sides[0] * sides[1] > 0
