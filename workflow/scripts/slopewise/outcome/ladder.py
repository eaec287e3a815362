"""The ladder of predictor sets, and the plain arrays that all its steps share.

Every step has the covariates and, for each marker, the quantities named here; all steps use the same patients.
`level` is the reference of `slope`: the question is what a slope adds to knowing where the patient stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.outcome.predictors import CovariateCoding
from slopewise.run import InputError
from slopewise.study import Study

Floats = NDArray[np.float64]
FACTS = ("first", "last", "delta", "ols")
"""Quantities that need no model; ``level`` and ``slope`` come from the growth model."""


@dataclass(frozen=True)
class Step:
    """One step of the ladder: its name in the column ``predictors``, its quantities of each marker, its reference."""

    name: str
    quantities: tuple[str, ...]
    reference: str | None


STEPS: tuple[Step, ...] = (
    Step("clinical", (), None),
    Step("baseline", ("first",), "clinical"),
    Step("last", ("last",), "baseline"),
    Step("delta", ("first", "delta"), "baseline"),
    Step("ols", ("first", "ols"), "baseline"),
    Step("level", ("level",), "last"),
    Step("slope", ("level", "slope"), "level"),
    Step("slope_only", ("slope",), "clinical"),
)


def values(summary: pd.DataFrame, scores: pd.DataFrame, markers: Sequence[str]) -> pd.DataFrame:
    """Every quantity of every marker, one row a patient of `scores` (sorted), columns ``{marker}.{quantity}``.

    `summary` has the facts of the data (patient, marker, first, last, delta, slope_ols), `scores` one row per patient
    and marker with level and slope. What a patient has not is missing.
    """
    facts = summary.rename(columns={"slope_ols": "ols"})
    patients = pd.Index(sorted(scores["patient"].astype(str).unique()), name="patient", dtype=object)
    columns: dict[str, Floats] = {}
    for marker in markers:
        for frame, names in ((facts, FACTS), (scores, ("level", "slope"))):
            own = frame[frame["marker"] == marker]
            own = own.set_index(own["patient"].astype(str))
            if own.index.has_duplicates:
                raise ValueError(f"marker {marker}: a patient has more than one row")
            for name in names:
                columns[f"{marker}.{name}"] = own[name].reindex(patients).to_numpy(dtype=float)
    return pd.DataFrame(columns, index=patients)


@dataclass(frozen=True)
class LadderData:
    """The cohort as arrays, made once. Rows follow `patients` (sorted as text), markers follow `markers`.

    `followup` (n,) since the landmark; `event` (n,) 0 or 1; `covariates` (n, c) coded; `facts` (n, M, 4) first, last,
    delta, OLS slope, missing where a patient has none; `terms` fixes the rows of the coefficients: (step, term).
    """

    patients: tuple[str, ...]
    markers: tuple[str, ...]
    coding: CovariateCoding
    cause: str
    horizons: tuple[float, ...]
    followup: Floats
    event: NDArray[np.int8]
    covariates: Floats
    facts: Floats
    terms: tuple[tuple[str, str], ...]

    def step_terms(self, step: Step) -> tuple[str, ...]:
        """Terms of one step: the covariates', then each marker's quantities."""
        return _step_terms(step, self.coding, self.markers)

    def raw(self, step: Step, rows: NDArray[np.int64], level: Floats, slope: Floats) -> Floats:
        """Predictors (rows, k) of a step as they are, NaN where missing; `level`, `slope` (n, M)."""
        blocks = [self.covariates[rows]]
        for marker in range(len(self.markers)):
            for name in step.quantities:
                if name in FACTS:
                    column = self.facts[rows, marker, FACTS.index(name)]
                else:
                    column = (level if name == "level" else slope)[rows, marker]
                blocks.append(column[:, None])
        return np.concatenate(blocks, axis=1)


def _step_terms(step: Step, coding: CovariateCoding, markers: Sequence[str]) -> tuple[str, ...]:
    return (*coding.terms, *(f"{marker}.{name}" for marker in markers for name in step.quantities))


def cause_of(study: Study) -> str:
    """The name of the event in the column ``cause``: its labels, e.g. ``transplant or death``."""
    return " or ".join(study.outcome.events.values())


def ladder_data(study: Study, patients: pd.DataFrame, slopes: pd.DataFrame) -> LadderData:
    """Arrays of the cohort from the tables ``cohort/patients`` and ``slopes/slopes``."""
    cohort = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    names, markers = tuple(cohort["patient"]), tuple(study.markers)
    coding = CovariateCoding.learn(cohort, study.outcome.covariates)
    # Level and slope are given per fit; here the table only lends its patients.
    wide = values(slopes, slopes, markers).reindex(list(names))
    facts = np.stack(
        [[wide[f"{marker}.{name}"].to_numpy() for name in FACTS] for marker in markers],
    ).transpose(2, 0, 1)
    _check_exclusions(study, names, markers, facts)
    return LadderData(
        patients=names,
        markers=markers,
        coding=coding,
        cause=cause_of(study),
        horizons=tuple(float(h) for h in study.outcome.horizons),
        followup=cohort["followup"].to_numpy(dtype=float),
        event=(cohort["event"].to_numpy() == 1).astype(np.int8),
        covariates=coding.matrix(cohort),
        facts=np.ascontiguousarray(facts),
        terms=tuple((step.name, term) for step in STEPS for term in _step_terms(step, coding, markers)),
    )


def _check_exclusions(study: Study, names: Sequence[str], markers: Sequence[str], facts: Floats) -> None:
    """A study that excludes patients without a marker, or with one visit, must not meet any here."""
    never = np.isnan(facts[:, :, 0])
    single = ~never & np.isnan(facts[:, :, 2:]).any(axis=2)
    for rule, lacking, what in (("missing_marker", never, "no value"), ("one_visit", single, "one visit only")):
        if getattr(study.outcome, rule) == "exclude" and lacking.any():
            patient, marker = np.argwhere(lacking)[0]
            raise InputError(
                f"patient {names[patient]}, marker {markers[marker]}: {what} up to the landmark, although "
                f"outcome.{rule} is exclude. Make the cohort again, or set outcome.{rule}: population."
            )
