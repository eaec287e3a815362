"""The ladder of predictor sets, and the plain arrays that all its steps share.

Every step has the covariates and, for each marker, the quantities named here; all steps use the same patients.
`level` is the reference of `slope`: the question is what a slope adds to knowing where the patient stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import EVERYBODY, Key
from slopewise.outcome.causes import event_codes
from slopewise.outcome.derived import Derived, quantities
from slopewise.outcome.predictors import CovariateCoding, StratumCoding
from slopewise.outcome.withheld import FilterTable, Withheld
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.kinds import Kind
from slopewise.study.model import Study

Floats = NDArray[np.float64]
FACTS = ("first", "last", "delta", "ols")
"""Quantities that need no model; ``level`` and ``slope`` come from the growth model."""


@dataclass(frozen=True)
class Step:
    """One step of the ladder: its name in the column ``predictors``, its quantities of each marker, its reference."""

    name: str
    quantities: tuple[str, ...]
    reference: str | None


LADDER: tuple[Step, ...] = (
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
    and marker with level and slope. Quantities that a patient lacks are missing.
    """
    facts = summary.rename(columns={"slope_ols": "ols"})
    patients = pd.Index(sorted(scores["patient"].astype(str).unique()), name="patient", dtype=object)
    columns: dict[str, Floats] = {}
    parts = [(names, _spread_out(frame, names, patients, markers)) for frame, names in
             ((facts, FACTS), (scores, ("level", "slope")))]  # fmt: skip
    for place, marker in enumerate(markers):
        for names, wide in parts:
            columns |= {f"{marker}.{name}": wide[k, place] for k, name in enumerate(names)}
    return pd.DataFrame(columns, index=patients)


def _spread_out(frame: pd.DataFrame, names: Sequence[str], patients: pd.Index, markers: Sequence[str]) -> Floats:
    """Columns of a table with a row a patient and marker as an array (columns, markers, patients), NaN where no row."""
    who = patients.get_indexer(pd.Index(frame["patient"].astype(str).to_numpy(dtype=object)))
    which = pd.Index(list(markers), dtype=object).get_indexer(pd.Index(frame["marker"].to_numpy(dtype=object)))
    rows = np.flatnonzero((who >= 0) & (which >= 0))
    place = which[rows] * len(patients) + who[rows]
    twice = np.flatnonzero(np.bincount(place, minlength=1) > 1)
    if len(twice):
        raise ValueError(f"marker {markers[int(twice[0]) // len(patients)]}: a patient has more than one row")
    wide = np.full((len(names), len(markers) * len(patients)), np.nan)
    wide[:, place] = [frame[name].to_numpy(dtype=float)[rows] for name in names]
    return wide.reshape(len(names), len(markers), len(patients))


@dataclass(frozen=True)
class Choices:
    """What is decided once, on the cohort, and imposed on every set of training patients (docs/methods.md, section 4).

    `left_out`: for each step the terms that are not in its models, with the reason. `derived`: for each step its knots
    and centres on the cohort, which the bootstrap keeps, so that a coefficient means the same in every resample;
    validation learns them anew, since a held-out patient must not move them. `repeated`: for each step of a penalised
    model the terms that others determine, which stay in it, with a sentence.
    """

    left_out: Mapping[str, Mapping[str, str]]
    derived: Mapping[str, tuple[Derived, ...]]
    repeated: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, repr=False)
class LadderData(ShortRepr):
    """The cohort as arrays, made once. Rows follow `patients` (sorted as text), markers follow `markers`.

    `causes` (C,): what is predicted, the event and then the competing ones. `followup` (n,) since the landmark,
    missing unless `kind` is survival; `event` (n,) 0 or the number of the cause (a continuous outcome: 0 for all);
    `outcome` (n,) of a binary (0, 1) or continuous outcome, else missing. `horizons` (H,): one that is missing where
    the outcome has no time.
    `stratum` (n,): codes of `strata`. `covariates` (n, c) coded; `facts` (n, M, 4) first, last, delta, OLS slope,
    missing where a patient has none; `terms` fixes the rows of the coefficients of a cause: (step, term). `penalty` is
    ``outcome.penalty`` of the study file, `extra` its ``outcome.terms``. `choices` is None until they are made.
    `imputations`: so many of missing covariates, which are then missing in `covariates`; 0 where nobody may lack any.
    `seed` is the study's.
    `filters`: what each training set withholds; `withheld`: that of the one whose models are to be fitted.
    """

    patients: tuple[str, ...]
    markers: tuple[str, ...]
    coding: CovariateCoding
    kind: Kind
    causes: tuple[str, ...]
    horizons: tuple[float, ...]
    followup: Floats
    event: NDArray[np.int8]
    outcome: Floats
    strata: StratumCoding
    stratum: NDArray[np.int64]
    covariates: Floats
    facts: Floats
    terms: tuple[tuple[str, str], ...]
    penalty: str = "none"
    extra: tuple[str, ...] = ()
    choices: Choices | None = None
    imputations: int = 0
    seed: int = 0
    filters: FilterTable = field(default_factory=FilterTable)
    withheld: Withheld = field(default_factory=Withheld)

    def trained_on(self, key: Key) -> LadderData:
        """The same for the models of one training set, with what its filters withhold."""
        return replace(self, withheld=self.filters.at(key)) if self.filters.sets else self

    @property
    def cause(self) -> str:
        """The name of the event."""
        return self.causes[0]

    @property
    def rows(self) -> tuple[tuple[str, str, str], ...]:
        """The rows of the coefficients, (step, cause, term): all terms of the first cause, then of the next."""
        return tuple((step, cause, term) for cause in self.causes for step, term in self.terms)

    def step_terms(self, step: Step) -> tuple[str, ...]:
        """Terms of one step: the covariates', then each marker's quantities, then what is derived of them."""
        return _step_terms(step, self.coding, self.markers, self.extra)

    def raw(
        self, step: Step, rows: NDArray[np.int64], level: Floats, slope: Floats, covariates: Floats | None = None
    ) -> Floats:
        """Predictors (rows, k) of a step as they are, NaN where missing, no derived ones; `level`, `slope` (n, M).

        `covariates` (rows, c): completed ones, in place of the patients' own.
        """
        blocks = [self.covariates[rows] if covariates is None else covariates]
        for marker in range(len(self.markers)):
            for name in step.quantities:
                if name in FACTS:
                    column = self.facts[rows, marker, FACTS.index(name)]
                else:
                    column = (level if name == "level" else slope)[rows, marker]
                blocks.append(column[:, None])
        return np.concatenate(blocks, axis=1)


def _step_terms(step: Step, coding: CovariateCoding, markers: Sequence[str], extra: Sequence[str]) -> tuple[str, ...]:
    names = [f"{marker}.{name}" for marker in markers for name in step.quantities]
    names += [f"{marker}.{name}" for marker in markers for name in quantities(step.quantities, extra)]
    return (*coding.terms, *names)


def ladder_data(
    study: Study, patients: pd.DataFrame, slopes: pd.DataFrame, filters: pd.DataFrame | None = None
) -> LadderData:
    """Arrays of the cohort from the tables ``cohort/patients``, ``slopes/slopes`` and ``slopes/filters``.

    Its models are everybody's until `LadderData.trained_on` names another training set.
    """
    cohort = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    names, markers = tuple(cohort["patient"]), tuple(study.markers)
    coding = CovariateCoding.learn(cohort, study.outcome.covariates)
    # Level and slope are given per fit; here the table only lends its patients.
    wide = values(slopes, slopes, markers).reindex(list(names))
    facts = np.stack(
        [[wide[f"{marker}.{name}"].to_numpy() for name in FACTS] for marker in markers],
    ).transpose(2, 0, 1)
    _check_exclusions(study, names, markers, facts)
    strata = StratumCoding.learn(cohort, study.outcome.strata)
    missing = np.full(len(names), np.nan)
    timed = study.kind.timed
    outcome = missing if timed else cohort["outcome"].to_numpy(dtype=float)
    table = FilterTable() if filters is None else FilterTable.of(filters)
    return LadderData(
        patients=names,
        markers=markers,
        coding=coding,
        kind=study.kind,
        causes=study.causes,
        horizons=study.horizons,
        followup=cohort["followup"].to_numpy(dtype=float) if timed else missing,
        event=event_codes(cohort, study.kind),
        outcome=outcome,
        strata=strata,
        stratum=strata.codes(cohort),
        covariates=coding.matrix(cohort, missing=study.outcome.imputes),
        facts=np.ascontiguousarray(facts),
        terms=tuple(
            (step.name, term) for step in LADDER for term in _step_terms(step, coding, markers, study.outcome.terms)
        ),
        extra=study.outcome.terms,
        penalty=study.outcome.penalty,
        imputations=study.outcome.imputations if study.outcome.imputes else 0,
        seed=study.seed,
        filters=table,
        withheld=table.at(EVERYBODY),
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
