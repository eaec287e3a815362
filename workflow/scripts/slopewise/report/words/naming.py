"""What things are called in the report: markers, units, ladder steps and the terms of a model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.design.recipe import level_order
from slopewise.report.words.kinds import WORDS, Words
from slopewise.report.words.numbers import in_words
from slopewise.shipped.units import INVERSES
from slopewise.study.kinds import Kind
from slopewise.study.model import Study
from slopewise.study.units import UNNAMED, column_unit, transformed_unit

SINGULAR = {
    **{unit: unit.removesuffix("s") for unit in ("minutes", "hours", "days", "weeks", "months", "years")},
    "none": "unit of time",
}

STEP_NAMES = {
    "clinical": "covariates alone",
    "baseline": "first value",
    "last": "last value",
    "delta": "first value and change",
    "ols": "first value and least-squares slope",
    "level": "level",
    "slope": "level and slope",
    "slope_only": "slope alone",
}
"""Ladder steps in order, with what a patient's markers enter as; the covariates are in each."""

STEPS_AT_LENGTH = {
    "clinical": "the covariates and no marker",
    "baseline": "each marker’s first value",
    "last": "each marker’s last value up to the landmark",
    "delta": "the first value and the change from first to last",
    "ols": "the first value and the slope of a straight line through the patient’s own values",
    "level": "the growth model’s value at the landmark",
    "slope": "the growth model’s value and slope at the landmark",
    "slope_only": "the growth model’s slope without the level",
}

QUANTITIES = {
    "first": "first value",
    "last": "last value",
    "delta": "change",
    "ols": "least-squares slope",
    "level": "level",
    "slope": "slope",
    "bend": "nonlinear term of the level",
    "product": "level × slope",
}
RATES = ("ols", "slope")

FIRST = 12
"""Markers whose pictures and words are seen at once; the others' are folded, or chosen one at a time."""

IN_FINDING = 3
"""Markers that the finding of a study without an outcome describes."""

PICTURED = 24
"""Of up to so many markers all have pictures and words, of more `FIRST`, so that a report stays short; the tables of
models and slopes have all of them."""


@dataclass(frozen=True)
class Naming:
    """Words for one study."""

    study: Study

    @property
    def landmark(self) -> float:
        """The landmark as a number; infinite where level and slope are each patient's at their last visit."""
        return self.study.landmark_time

    @property
    def has_landmark(self) -> bool:
        """Whether there is one moment from which one predicts."""
        return math.isfinite(self.landmark)

    @property
    def up_to(self) -> str:
        """Up to when what predicts was measured: ``2 years after time zero, the landmark``."""
        at = self.duration(self.landmark)
        return f"{at} after time zero, the landmark" if self.has_landmark else at

    @property
    def end(self) -> str:
        """Up to when measurements count: ``the landmark``, or ``the last visit`` where there is none."""
        return "the landmark" if self.has_landmark else "the last visit"

    @property
    def moment(self) -> str:
        """Where levels and slopes are taken: the `end`, or ``oil_b 0`` of a predictor other than time."""
        return self.end if self.predictor == "time" else f"{self.predictor} 0"

    @property
    def predictor(self) -> str:
        """The column whose slope is wanted: ``time``, or another one that stands in its place."""
        return self.study.growth.slope_of

    @property
    def zero(self) -> str:
        """Where a starting value is: ``at time zero``, ``at ses 0``."""
        return "at time zero" if self.predictor == "time" else f"at {self.predictor} 0"

    @property
    def unit(self) -> str:
        """The analysis unit, one of it: ``year``."""
        if self.predictor != "time":
            return f"unit of {self.predictor}"
        return SINGULAR[self.study.data.analysis_unit]

    @property
    def kind(self) -> Kind:
        """The kind of outcome."""
        return self.study.kind

    def at_length(self, step: str) -> str:
        """What a patient's markers enter as in a step of the ladder, in a sentence's words."""
        words = STEPS_AT_LENGTH[step].replace("up to the landmark", f"up to {self.end}")
        words = words.replace("at the landmark", f"at {self.moment}")
        if step == "ols" and self.predictor != "time":
            words += f" against {self.predictor}"
        return words

    @property
    def words(self) -> Words:
        """What differs between kinds of outcome."""
        return WORDS[self.kind.name]

    @property
    def cause(self) -> str:
        """The event in words, ``transplant or death``; the outcome, ``remission: yes`` or its column."""
        return next(iter(self.study.causes), "")

    @property
    def moments(self) -> tuple[float, ...]:
        """The horizons of the outcome's tables; one that is missing where the outcome has no time."""
        return self.study.horizons

    def at(self, horizon: float, otherwise: str = "") -> str:
        """``3 years``; `otherwise` where the outcome has no time."""
        return otherwise if math.isnan(horizon) else self.duration(horizon)

    @property
    def covariates(self) -> str:
        """The outcome model's covariates in words."""
        return in_words(list(self.study.outcome.covariates)) or "no covariate"

    @property
    def units(self) -> str:
        """The analysis unit in the plural; ``units of time`` where the clock is a plain number."""
        unit = self.study.data.analysis_unit
        return "units of time" if unit == "none" else unit

    def duration(self, value: float) -> str:
        """``2 years``; the landmark of a study without one is ``each patient’s last visit``."""
        if math.isinf(value):
            return "each patient’s last visit"
        unit = SINGULAR[self.study.data.analysis_unit] if value == 1 else self.study.data.analysis_unit
        return f"{value:g}" if self.study.data.analysis_unit == "none" else f"{value:g} {unit}"

    def horizons(self) -> str:
        """``3, 5 and 8 years``."""
        values = [f"{value:g}" for value in self.study.outcome.horizons]
        return f"{in_words(values)} {self.units}"

    @property
    def time_zero(self) -> str:
        """What the clock starts from."""
        zero = self.study.data.time_zero
        if zero == "first_visit":
            return f"each patient’s first visit{self._from_zero}"
        if isinstance(zero, float | int):
            return f"{zero:g} in the column {self.study.data.time}"
        return f"each patient’s value of the column {zero.column}{self._from_zero}"

    @property
    def _from_zero(self) -> str:
        """What counts from a dated time zero already, where the study mixes dates and durations."""
        data, outcome = self.study.data, self.study.outcome
        if self.study.visits_from_zero:
            return f", the date from which the visits count ({data.time}, in {data.time_unit})"
        if self.study.followup_from_zero:
            return f", the date from which {outcome.time} counts (in {outcome.time_unit})"
        return ""

    @property
    def time_axis(self) -> str:
        """Label of a time axis that starts at time zero."""
        if self.predictor != "time":
            return self.predictor
        if self.study.data.analysis_unit == "none":
            return self.study.data.time
        return f"{self.study.data.analysis_unit} since time zero"

    def marker(self, name: str) -> str:
        """A marker's label."""
        return self.study.markers[name].label or name

    def unit_of(self, name: str) -> str:
        """A marker's unit after its transform, which it names: ``log mg/dl``; ``units`` where the study names none."""
        marker = self.study.markers[name]
        return transformed_unit(marker.transform, marker.unit) or UNNAMED

    def clinical_unit(self, name: str) -> str:
        """The unit in which a marker was measured, before its transform: ``mg/dl``."""
        marker = self.study.markers[name]
        return column_unit(marker.transform, marker.unit) or UNNAMED

    def is_transformed(self, name: str) -> bool:
        """Whether the model's values of a marker are on another scale than its measurements."""
        return self.study.markers[name].transform != "none"

    def is_logarithm(self, name: str) -> bool:
        """Whether a slope of a marker is a relative change of what was measured."""
        return self.study.markers[name].transform == "log"

    def measured(self, name: str, value: float) -> float:
        """A value of a marker on the model's scale as it would have been measured; a mean becomes a geometric one."""
        return float(INVERSES[self.study.markers[name].transform](np.array(value)))

    def slope_unit(self, name: str) -> str:
        """``log mg/dl per year``."""
        return f"{self.unit_of(name)} per {self.unit}"

    @property
    def pictured(self) -> list[str]:
        """The markers with pictures and words: all up to `PICTURED` of them, else the first of the study file."""
        names = list(self.study.markers)
        return names if len(names) <= PICTURED else names[: max(FIRST, self.study.report.detailed)]

    @property
    def in_finding(self) -> list[str]:
        """The markers whose courses and tests the finding describes, which the evidence does not say again."""
        return [] if self.kind.predicts else self.pictured[:IN_FINDING]

    @property
    def detailed(self) -> list[str]:
        """The first markers, at most ``report.detailed``: those whose growth model's checks are pictured."""
        return list(self.study.markers)[: self.study.report.detailed]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """(name, label) of the markers that a reader can choose among; a label that stands twice gets its name."""
        labels = [self.marker(name) for name in self.pictured]
        return [
            (name, f"{label} ({name})" if labels.count(label) > 1 else label)
            for name, label in zip(self.pictured, labels, strict=True)
        ]

    def listed(self, markers: list[str]) -> str:
        """Markers by name; from seven on their number."""
        return in_words([self.marker(name) for name in markers]) if len(markers) < 7 else f"{len(markers)} markers"

    def all_markers(self) -> str:
        """``log_bilirubin, albumin and log_prothrombin``; from seven on their number."""
        return self.listed(list(self.study.markers))

    def term(self, term: str, patients: pd.DataFrame) -> str:
        """A term of the outcome model: ``albumin, slope``, ``sex: m against f``, ``age``."""
        marker, _, quantity = term.rpartition(".")
        if marker in self.study.markers and quantity in QUANTITIES:
            return f"{self.marker(marker)}, {QUANTITIES[quantity]}"
        name, bracket, level = term.partition("[")
        if bracket and name in patients:
            levels = level_order(patients[name].dropna())
            return f"{name}: {level.rstrip(']')} against {levels[0]}"
        return term

    def term_unit(self, term: str) -> str:
        """What one unit of a term is: ``log mg/dl per year``; empty for a covariate."""
        marker, _, quantity = term.rpartition(".")
        if marker not in self.study.markers or quantity not in QUANTITIES or quantity in ("bend", "product"):
            return ""
        return self.slope_unit(marker) if quantity in RATES else self.unit_of(marker)
