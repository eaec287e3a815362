"""Units of time: what a column's name says, what steps between visits look like, and what a wrong guess would mean."""

from __future__ import annotations

from slopewise.cohort.clock import DAYS
from slopewise.cohort.named_units import ENDINGS, UNITS, words

TYPICAL = (("days", 6.5, 7.5), ("days", 13.0, 15.0), ("days", 20.0, 1e12), ("months", 2.5, 20.0), ("years", 0.0, 2.5))
"""Steps between visits, and the unit in which visits are most often so far apart: weekly and fortnightly visits are
written in days, quarterly and half-yearly ones in months."""


def without_unit(column: str) -> str:
    """A column's name without the unit in it, in lower case: ``fuyears`` and ``fu_years`` are ``fu``."""
    every = frozenset().union(*UNITS.values()) - {"age", "alter"}
    kept = []
    for word in words(column):
        if word in every and len(word) > 1:
            continue
        ending = next((end for ends in ENDINGS.values() for end in ends if word.endswith(end)), "")
        kept.append(word.removesuffix(ending) if ending else word)
    return " ".join(filter(None, kept))


def unit_of_steps(gap: float, span: float) -> tuple[str, str]:
    """A unit for visits that lie `gap` apart and go on for `span`, both without a unit, and what it and others mean."""
    unit = next(unit for unit, low, high in TYPICAL if low <= gap < high or unit == "years")
    others = [other for other in ("days", "months", "years") if other != unit]
    plausible = [other for other in others if DAYS[other] * gap > 0.1 and DAYS[other] * span < 60 * DAYS["years"]]
    also = "; ".join(f"in {other} it would be {duration(span, other)}" for other in plausible)
    told = f"in {unit} the visits go on for {duration(span, unit)}" + (f"; {also}" if also else "")
    return unit, told


def duration(value: float, unit: str) -> str:
    """A duration in words, in the unit that makes it readable: 1,096 days are 3 years."""
    days = value * DAYS[unit]
    for name, least in (("years", 1.95), ("months", 2.95), ("days", 2.0), ("hours", 2.0)):
        if days >= least * DAYS[name]:
            return f"{days / DAYS[name]:,.2g} {name}" if days / DAYS[name] < 100 else f"{days / DAYS[name]:,.0f} {name}"
    return f"{days / DAYS['minutes']:,.2g} minutes"
