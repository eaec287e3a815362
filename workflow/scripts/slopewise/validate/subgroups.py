"""Performance within groups of patients: by covariates, strata, columns of the study's choice, and centres left out.

A text makes a group of each level, a number of few values one of each value, any other number its halves.
For every kind of outcome in its own metrics; with competing events of the event alone.

The same out-of-fold predictions, pairs within test folds and resamples as for everybody, with the patients outside the
group left out of pairs and means (TRIPOD+AI asks for it). IPC weights and the risk without predictors stay those of
the training patients as a whole: a group is judged with the model as it is, not with one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import level_order
from slopewise.folds import centres_of
from slopewise.metrics.resampling import compiled_threads, resample_counts
from slopewise.outcome.ladder import LADDER
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text
from slopewise.study.model import Study
from slopewise.validate.intervals import Judgement, judgements, splits_of
from slopewise.validate.measure import WITH_TAU, Sample, sample, told_apart
from slopewise.validate.question import AnalysisSet, cohorts

Floats = NDArray[np.float64]
FEWEST_EVENTS = 10
"""With fewer events (patients of the rarer outcome, patients if it is a number) in a group its numbers are left empty:
their intervals would not mean much."""


FEW_VALUES = 5
"""A number of so many values at most is grouped by value: it stands for levels."""
UNKNOWN, ALL = "not known", "all centres"


@dataclass(frozen=True, repr=False)
class Group(ShortRepr):
    """Patients of one group: the column, the group's name, and who is in it (n,)."""

    column: str
    name: str
    members: NDArray[np.bool_]


def groups(study: Study, patients: pd.DataFrame) -> Iterator[Group]:
    """The groups of covariates, strata and ``validation.subgroups``, patients in text order; none of them is empty."""
    ordered = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    for column in dict.fromkeys((*study.outcome.covariates, *study.outcome.strata, *study.validation.subgroups)):
        values = ordered[column]
        unknown = values.isna().to_numpy()
        for name, members in _parts(values):
            if members.any():
                yield Group(column, name, members)
        if unknown.any():
            yield Group(column, UNKNOWN, unknown)


def _parts(values: pd.Series) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Name and members (n,) of each part of a column; who has no value is in none."""
    known = values.dropna()
    if not pd.api.types.is_numeric_dtype(values):
        for level in level_order(known):
            yield level, (values.notna() & (values.astype(str) == level)).to_numpy(dtype=bool)
    elif known.nunique() <= FEW_VALUES:
        for value in sorted(known.unique()):
            yield level_text(float(value)), (values == value).to_numpy(dtype=bool)
    else:
        middle = float(known.median())
        yield f"up to {middle:.4g}", (values <= middle).to_numpy(dtype=bool)
        yield f"above {middle:.4g}", (values > middle).to_numpy(dtype=bool)


def subgroups(study: Study, patients: pd.DataFrame, predictions: pd.DataFrame, threads: int = 1) -> pd.DataFrame:
    """The table ``outcome/subgroups`` from ``outcome/predictions``; the same for any number of `threads`."""
    return _measured(study, patients, predictions, list(groups(study, patients)), threads)


def left_out(study: Study, patients: pd.DataFrame, predictions: pd.DataFrame, threads: int = 1) -> pd.DataFrame:
    """The table ``outcome/centres``: each centre under the models of the others, and all of them together.

    `predictions` are those of `nested` by scheme ``centre`` (internal–external validation, Steyerberg & Harrell 2016,
    10.1016/j.jclinepi.2015.04.005). Pairs of patients are formed inside a centre, in the row of all centres too.
    """
    column = str(study.data.centre)
    ordered = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    centre = centres_of(ordered, column).astype(str)
    own = [Group(column, name, centre == name) for name in np.unique(centre).tolist()]
    return _measured(
        study, patients, predictions, [*own, Group(column, ALL, np.ones(len(centre), dtype=bool))], threads
    )


def no_centres() -> pd.DataFrame:
    """The table ``outcome/centres`` of a study without centres."""
    return pd.DataFrame(columns=COLUMNS)


def _measured(
    study: Study, patients: pd.DataFrame, predictions: pd.DataFrame, chosen: list[Group], threads: int
) -> pd.DataFrame:
    cohort = cohorts(study, patients)[0]
    first = predictions[predictions["cause"] == cohort.cause]
    samples = [sample(cohort, own) for _, own in first.groupby("repeat", sort=True)]
    rng = generator(study.seed, "validate", "bootstrap")
    counts = resample_counts(rng, len(cohort.patients), study.validation.bootstrap)
    parts = []
    with compiled_threads(threads):
        for group in chosen:
            parts.append(_rows(cohort, group, _metrics(cohort, group, samples, counts)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


COLUMNS = [
    "column", "group", "patients", "events", "predictors", "cause", "metric", "horizon", "validated", "ci_low",
    "ci_high", "versus", "difference", "difference_low", "difference_high",
]  # fmt: skip


def _metrics(
    cohort: AnalysisSet, group: Group, samples: list[Sample], counts: NDArray[np.int64]
) -> dict[str, Judgement]:
    """Each metric of the group with its interval, as `validate.intervals` has it; nothing of a group too small."""
    own = counts * group.members
    repeats = []
    for one in samples:
        found = told_apart(cohort, one, own)
        if cohort.informative(group.members) < FEWEST_EVENTS:
            found = {name: np.full_like(draws, np.nan) for name, draws in found.items()}
        repeats.append(splits_of(found))
    return judgements(repeats)


def _rows(cohort: AnalysisSet, group: Group, judged: dict[str, Judgement]) -> pd.DataFrame:
    """The group's rows."""
    rows, patients = [], int(group.members.sum())
    events = patients if cohort.kind.numeric else int((group.members & cohort.event).sum())
    for metric, found in judged.items():
        horizons = (max(cohort.horizons),) if metric in WITH_TAU else cohort.horizons
        own, gain = found.metric, found.gain
        for s, step in enumerate(LADDER):
            for h, horizon in enumerate(horizons):
                rows.append(
                    (group.column, group.name, patients, events, step.name, cohort.cause, metric,
                     horizon, own.value[s, h], own.low[s, h], own.high[s, h], step.reference, gain.value[s, h],
                     gain.low[s, h], gain.high[s, h])
                )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)
