"""What the keys of effects must hold together: one kind of effect, and columns that have no other role."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slopewise.study.errors import Finding
from slopewise.study.formulas import RESERVED, formula_names
from slopewise.study.rules_of_treatment_over_time import over_time_rules

if TYPE_CHECKING:
    from slopewise.study.model import Study

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def effect_rules(study: Study) -> Iterator[Finding]:
    """Keys of `effects` that do not agree with each other or with the rest of the study."""
    effects = study.effects
    if len(effects.kinds) > 1:
        named = " and ".join(f"`{kind}`" for kind in effects.kinds)
        yield Finding(
            ("effects", effects.kinds[-1]), f"effects names {named}; a study estimates the effect of one of them"
        )
    for key in ("period", "sequence", "meaningful"):
        if getattr(effects, key) is not None and not effects.treatment:
            yield Finding(("effects", key), "belongs to the effect of a treatment, and the study names none")
    if effects.sequence and not effects.period:
        message = "a sequence of treatments is one over periods; name their column under effects.period"
        yield Finding(("effects", "sequence"), message)
    if effects.kind and study.growth.engine == "statsmodels":
        yield Finding(("growth", "engine"), "effects are estimated by the engine slopewise; use engine: slopewise")
    yield from _column_rules(study)
    yield from _interruption_rules(study)
    yield from over_time_rules(study)


def _interruption_rules(study: Study) -> Iterator[Finding]:
    """A moment on the clock of the study, and a growth model that leaves the changes to the interruption."""
    asked = study.effects.interruption
    if asked is None:
        return
    at, path = asked.at, ("effects", "interruption", "at")
    dated = study.data.time_unit == "date"
    if isinstance(at, str) and not (dated and ISO.fullmatch(at)):
        way = "a date is written 2020-12-31" if dated else "data.time_unit is no date, so write a number"
        yield Finding(path, f"`{at}` is no moment on the clock of data.time: {way}, or name a column: {{column: NAME}}")
    if isinstance(at, float) and dated:
        yield Finding(path, f"`{at:g}` is no date, and data.time_unit is: write it as 2020-12-31")
    if any(horizon <= 0 for horizon in asked.horizons):
        yield Finding(("effects", "interruption", "horizons"), "must be above 0: they are times after the interruption")
    if study.growth.slope_of != "time":
        yield Finding(("growth", "slope_of"), "must be time where effects.interruption is named")
    try:
        names = {key: formula_names(getattr(study.growth, key)) for key in ("fixed", "random")}
    except ValueError:
        return  # a formula cannot be read, which is told with the formula
    if "time" not in names["fixed"]:
        message = "an interruption changes a course over time, so `time` must be among the fixed effects"
        yield Finding(("growth", "fixed"), message)
    for key, found in names.items():
        for name in sorted(found & {"after", "since", "interruption"}):
            message = f"`{name}` is a term of effects.interruption, which is added to the formula; rename the column"
            yield Finding(("growth", key), message)


def _column_rules(study: Study) -> Iterator[Finding]:
    """A column of effects is a column of the data that is neither a marker nor the patient."""
    effects = study.effects
    named = [key for key in ("period", "sequence") if getattr(effects, key) is not None]
    used: list[tuple[tuple[str, ...], str]] = [(("effects", key), getattr(effects, key)) for key in named]
    if effects.treatment:
        used.append((("effects", "treatment", "column"), effects.treatment.column))
    seen: dict[str, str] = {}
    for path, column in used:
        if column in seen:
            yield Finding(path, f"`{column}` is {seen[column]} already; the two need a column each")
        elif column == study.data.patient:
            yield Finding(path, f"`{column}` is data.patient; name the column of the {path[1]}")
        elif column in {marker.column for marker in study.markers.values()} | set(study.markers):
            yield Finding(path, f"`{column}` is a marker; name the column of the {path[1]}")
        elif column in RESERVED:
            yield Finding(path, f"the name `{column}` is reserved: it is {RESERVED[column]}; rename the column")
        seen[column] = ".".join(path)
