"""What `slopewise check` counts for an effect: values of a patient under each treatment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from slopewise.cohort import Cohort
from slopewise.effects.coding import coded
from slopewise.effects.inputs import EffectRows
from slopewise.study.model import Study


@dataclass(frozen=True)
class EffectCounts:
    """A table of counts: its title, its columns (the first `words` are words) and its rows."""

    title: str
    columns: list[str]
    rows: list[list[str]]
    words: int = 1


def _treatment(study: Study, cohort: Cohort) -> EffectCounts:
    rows = EffectRows.of(study, cohort.measurements, cohort.patients)
    lines = []
    for marker in study.markers:
        one = coded(rows, marker)
        for code, level in ((0.0, one.reference), (1.0, one.versus)):
            values = one.rows_by[code]
            counts = [int((values == number).sum()) for number in (0, 1, 2)] + [int((values > 2).sum())]
            lines.append([marker, level, *map(str, counts), str(int(values.sum()))])
    return EffectCounts(
        "Can effects of single patients be estimated? Patients by number of values under each treatment",
        ["marker", "treatment", "none", "1", "2", "3 or more", "rows"],
        lines,
        words=2,
    )


COUNTS: dict[str, Callable[[Study, Cohort], EffectCounts]] = {"treatment": _treatment}
"""By the kind of effect."""


def effect_counts(study: Study, cohort: Cohort) -> EffectCounts | None:
    """The counts of the study's effect; None for a study without one."""
    counts = COUNTS.get(study.effects.kind)
    return None if counts is None else counts(study, cohort)
