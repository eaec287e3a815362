"""What is said of markers that nearly everybody had measured twice at most."""

from __future__ import annotations

import math
from collections.abc import Iterator

from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import in_words, number
from slopewise.slopes.facts import difference_reliability

MORE_THAN_TWO = 0.05
"""Share of patients with more than two visits up to which differences stand in place of slopes."""
NAMED = 3
"""Markers that are named; of more the number is."""


def _named(markers: list[str]) -> str:
    return in_words(markers) if len(markers) <= NAMED else f"{len(markers)} markers"


def two_visits(frames: Frames, naming: Naming) -> Iterator[tuple[str, str]]:
    """Markers that nearly everybody had measured twice at most: the difference in place of the slope."""
    markers = [marker for marker in naming.study.markers if _twice_at_most(frames, marker)]
    if not markers or naming.predictor != "time":
        return
    until = " up to the landmark" if naming.has_landmark else ""
    reliabilities = [value for marker in markers if math.isfinite(value := _of_difference(frames, marker))]
    yield (
        "Two visits",
        f"Nearly all patients have at most two visits{until} with {_named([naming.marker(one) for one in markers])}. "
        "From two values a slope of each patient cannot be distinguished from scatter about a level of each patient: "
        f"rely on the difference between the two (the step delta).{_kelley(reliabilities)}",
    )


def _twice_at_most(frames: Frames, marker: str) -> bool:
    visits = frames.of("slopes", marker)["visits"]
    return bool((visits == 2).any()) and float((visits > 2).mean()) <= MORE_THAN_TWO


def _of_difference(frames: Frames, marker: str) -> float:
    """The reliability of the difference, by the marker's repeated scans; missing without them."""
    reproduced = frames.further["agreement"].set_index("marker")["icc"]
    if marker not in reproduced.index:
        return math.nan
    own = frames.of("slopes", marker)
    own = own[own["visits"] == 2]
    first, last = (own[name].to_numpy(dtype=float) for name in ("first", "last"))
    return difference_reliability(first, last, float(reproduced[marker]))


def _kelley(reliabilities: list[float]) -> str:
    """What shrinking the difference by its reliability would do."""
    if not reliabilities:
        return " How much of it is measurement error is not known without repeated scans (filters.retest)."
    low, high = min(reliabilities), max(reliabilities)
    shown = number(low, 2) if number(low, 2) == number(high, 2) else f"{number(low, 2)} to {number(high, 2)}"
    return (
        f" By the repeated scans its reliability is {shown}: shrunken towards its mean by that factor it ranks "
        "patients as the plain difference does, and its coefficient is that of the plain difference divided by the "
        "factor."
    )
