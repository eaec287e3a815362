"""Performance within groups of patients: by each level of a text covariate, and by the halves of a numeric one.

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

from slopewise.metrics.resampling import compiled_threads, percentile_interval, resample_counts
from slopewise.outcome.ladder import STEPS
from slopewise.run import generator
from slopewise.study import Study
from slopewise.validate.measure import WITH_TAU, Cohort, Sample, cohorts, sample, told_apart

Floats = NDArray[np.float64]
FEWEST_EVENTS = 10
"""With fewer events (patients of the rarer outcome, patients if it is a number) in a group its numbers are left empty:
their intervals would not mean much."""


@dataclass(frozen=True)
class Group:
    """Patients of one group: the column, the group's name, and who is in it (n,)."""

    column: str
    name: str
    members: NDArray[np.bool_]


def groups(study: Study, patients: pd.DataFrame) -> Iterator[Group]:
    """The groups of every covariate of the outcome, patients in text order; a numeric one is split at its median."""
    ordered = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    for column in study.outcome.covariates:
        values = ordered[column]
        if pd.api.types.is_numeric_dtype(values):
            middle = float(values.median())
            low = (values <= middle).to_numpy(dtype=bool)
            yield Group(column, f"up to {middle:.4g}", low)
            yield Group(column, f"above {middle:.4g}", ~low)
            continue
        for level in sorted({str(value) for value in values}):
            yield Group(column, level, (values.astype(str) == level).to_numpy(dtype=bool))


def subgroups(study: Study, patients: pd.DataFrame, predictions: pd.DataFrame, threads: int = 1) -> pd.DataFrame:
    """The table ``outcome/subgroups`` from ``outcome/predictions``; the same for any number of `threads`."""
    cohort = cohorts(study, patients)[0]
    first = predictions[predictions["cause"] == cohort.cause]
    samples = [sample(cohort, own) for _, own in first.groupby("repeat", sort=True)]
    rng = generator(study.seed, "validate", "bootstrap")
    counts = resample_counts(rng, len(cohort.patients), study.validation.bootstrap)
    parts = []
    with compiled_threads(threads):
        for group in groups(study, patients):
            parts.append(_rows(cohort, group, _metrics(cohort, group, samples, counts)))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


COLUMNS = [
    "column", "group", "patients", "events", "predictors", "cause", "metric", "horizon", "validated", "ci_low",
    "ci_high", "versus", "difference", "difference_low", "difference_high",
]  # fmt: skip


def _metrics(cohort: Cohort, group: Group, samples: list[Sample], counts: NDArray[np.int64]) -> dict[str, Floats]:
    """Each metric (B, S, H) of the group, mean over repeats; concordance (B, S, 1)."""
    own = counts * group.members
    total: dict[str, Floats] = {}
    for one in samples:
        found = told_apart(cohort, one, own)
        total = {name: total.get(name, 0.0) + values / len(samples) for name, values in found.items()}
    return total


def _rows(cohort: Cohort, group: Group, metrics: dict[str, Floats]) -> pd.DataFrame:
    """The group's rows; row 0 of each metric is the sample itself, the others are resamples."""
    names = [step.name for step in STEPS]
    rows, patients = [], int(group.members.sum())
    events = patients if cohort.kind == "continuous" else int((group.members & cohort.event).sum())
    enough = cohort.informative(group.members) >= FEWEST_EVENTS
    for metric, values in metrics.items():
        draws = values if enough else np.full_like(values, np.nan)
        horizons = (max(cohort.horizons),) if metric in WITH_TAU else cohort.horizons
        low, high, _ = percentile_interval(draws[1:])
        for s, step in enumerate(STEPS):
            versus = -1 if step.reference is None else names.index(step.reference)
            gain = draws[:, s] - draws[:, versus] if versus >= 0 else np.full_like(draws[:, s], np.nan)
            gain_low, gain_high, _ = percentile_interval(gain[1:])
            for h, horizon in enumerate(horizons):
                rows.append(
                    (group.column, group.name, patients, events, step.name, cohort.cause, metric,
                     horizon, draws[0, s, h], low[s, h], high[s, h], step.reference, gain[0, h],
                     gain_low[h], gain_high[h])
                )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)
