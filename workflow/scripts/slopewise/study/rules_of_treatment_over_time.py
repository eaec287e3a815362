"""What the keys of a treatment that follows the patient's state must hold together: roles, formulas, the clock."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slopewise.study.errors import Finding
from slopewise.study.formulas import RESERVED, formula_names

if TYPE_CHECKING:
    from slopewise.study.model import Study

PLACE = ("effects", "treatment_over_time")
ADDED = {
    "treated": "whether a patient is under treatment at a row",
    "exposure": "the time under treatment up to a row",
    "previous": "the treatment at the patient's last row",
    "decision": "whether a row's treatment was decided",
}
"""Columns that are added to the rows, and what they are."""
QUOTABLE = re.compile(r"[A-Za-z0-9_. -]{1,100}")
"""Names that a formula can hold, in backticks if need be."""


def over_time_rules(study: Study) -> Iterator[Finding]:
    """Keys of `effects.treatment_over_time` that do not agree with each other or with the rest of the study."""
    asked = study.effects.treatment_over_time
    if asked is None:
        return
    if not asked.confounders:
        message = "is empty; name what the treatment was decided by, or estimate its effect by effects.treatment"
        yield Finding((*PLACE, "confounders"), message)
    yield from _roles(study)
    yield from _names(study)
    yield from _growth(study)
    if any(horizon <= 0 for horizon in asked.horizons):
        yield Finding((*PLACE, "horizons"), "must be above 0: they are times under treatment")
    if asked.horizons and "slope" not in asked.changes:
        message = "without a change of slope the effect is the same at all times; leave it out, or add slope to changes"
        yield Finding((*PLACE, "horizons"), message)
    try:
        names = formula_names(asked.time_terms)
    except ValueError as error:
        yield Finding((*PLACE, "time_terms"), str(error))
        return
    if names != {"time"}:
        message = "must be a formula of `time` alone; name other columns under confounders or baseline"
        yield Finding((*PLACE, "time_terms"), message)


def _roles(study: Study) -> Iterator[Finding]:
    """A column has one role; the outcome is measured after the treatment."""
    asked = study.effects.treatment_over_time
    assert asked is not None
    later = {getattr(study.outcome, key): f"outcome.{key}" for key in ("time", "event", "column", "entry")}
    of_markers = {marker.column: name for name, marker in study.markers.items()}
    seen = {asked.column: "the treatment"}
    if asked.column in {*of_markers, *study.markers}:
        yield Finding((*PLACE, "column"), f"`{asked.column}` is a marker; name the column of the treatment")
    if asked.column in (study.data.patient, study.data.time):
        role = "patient" if asked.column == study.data.patient else "time"
        yield Finding((*PLACE, "column"), f"`{asked.column}` is data.{role}; name the column of the treatment")
    for key in ("confounders", "baseline"):
        for column in getattr(asked, key):
            path, taken = (*PLACE, key), study.markers.keys()
            if column in seen:
                yield Finding(path, f"`{column}` is {seen[column]} already; name it once")
            elif column in (study.data.patient, study.data.time):
                role = "patient" if column == study.data.patient else "time"
                yield Finding(path, f"`{column}` is data.{role}; leave it out")
            elif column in later:
                message = f"`{column}` is {later[column]}, which is measured after the treatment; leave it out"
                yield Finding(path, message)
            elif column in of_markers and column not in taken:
                yield Finding(path, f"`{column}` is the column of the marker {of_markers[column]}; write the marker")
            elif key == "baseline" and column in taken:
                yield Finding(path, f"`{column}` is a marker, which treatment may change; name it under confounders")
            seen[column] = f"{PLACE[1]}.{key}"


def _names(study: Study) -> Iterator[Finding]:
    """Names that formulas can hold and that no added column has."""
    asked = study.effects.treatment_over_time
    assert asked is not None
    listed = [("column", asked.column), *(("confounders", one) for one in asked.confounders)]
    for key, column in [*listed, *(("baseline", one) for one in asked.baseline)]:
        reserved = RESERVED | ADDED
        if column in reserved and column != study.data.time:
            message = f"the name `{column}` is reserved: it is {reserved[column]}; rename the column"
            yield Finding((*PLACE, key), message)
        elif key == "baseline" and not QUOTABLE.fullmatch(column):
            message = f"`{column}` cannot stand in a formula; rename it with letters, digits, `_`, `.` or `-`"
            yield Finding((*PLACE, key), message)


def _growth(study: Study) -> Iterator[Finding]:
    """The growth model is one of time, without what the treatment changes and without what only mixed models have."""
    asked, growth = study.effects.treatment_over_time, study.growth
    assert asked is not None
    if growth.slope_of != "time":
        yield Finding(("growth", "slope_of"), f"must be time where {'.'.join(PLACE)} is named")
    for key in ("weights", "residual_by"):
        if getattr(growth, key) is not None:
            message = "has no place in a model that is weighted for treatment; leave it out"
            yield Finding(("growth", key), message)
    for key in ("fixed", "random"):
        try:
            names = formula_names(getattr(growth, key))
        except ValueError:
            continue  # a formula cannot be read, which is reported with the formula
        for name in sorted(names & {asked.column, *ADDED}):
            message = f"`{name}` is a term of {'.'.join(PLACE)}, which is added to the formula; leave it out"
            yield Finding(("growth", key), message)
        for name in sorted(names & set(asked.confounders)):
            message = (
                f"`{name}` is a confounder that treatment may change: adjusting for it would take away part of the "
                "effect; leave it out of the formula"
            )
            yield Finding(("growth", key), message)
