"""All filters that a study asks for, learned on each training set in their order, and the audit of what they saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.folds import TrainingFit
from slopewise.kernels.agreement import nogueira
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.filters.steps import FILTERS, Filter
from slopewise.slopes.filters.training import Training
from slopewise.study.keys_of_many import Filters

WITHHELD = ["scheme", "repeat", "held_out", "marker", "step", "withholds", "statistic", "threshold", "stand_in"]
SURVIVAL = [
    *("scheme", "repeat", "held_out", "step", "threshold", "before", "after"),
    *("patients", "shared_patients", "rows_after_landmark", "verdict"),
]
STABILITY = ["scheme", "step", "training_sets", "kept", "nogueira", "ci_low", "ci_high"]


@dataclass(frozen=True, repr=False)
class Filtered(ShortRepr):
    """Tables ``slopes/filters`` (what each training set leaves out), ``slopes/filter_survival`` (how many each step
    leaves, and whom it saw) and ``slopes/filter_stability`` (how alike the survivors of the training sets are)."""

    filters: pd.DataFrame
    filter_survival: pd.DataFrame
    filter_stability: pd.DataFrame


def asked(settings: Filters) -> list[tuple[Filter, float]]:
    """The filters that the study asks for, in their order, each with its threshold."""
    return [
        (one, float(value))
        for one in FILTERS
        if (value := getattr(settings, one.key)) is not None and value is not False
    ]


@dataclass(frozen=True, repr=False)
class FilterStep(ShortRepr):
    """What one filter left of one training set: the places of the markers before and after it, and of the others its
    number and stand-in."""

    name: str
    threshold: float
    withholds: str
    before: np.ndarray
    after: np.ndarray
    statistic: np.ndarray
    stand_in: np.ndarray


def learn(training: Training, settings: Filters) -> Iterator[FilterStep]:
    """The filters on one training set. Nothing but `training` is read."""
    left = np.arange(len(training.markers), dtype=np.int64)
    for one, threshold in asked(settings):
        found = one.learn(training, left, threshold)
        out = ~found.kept
        yield FilterStep(
            one.name, threshold, one.withholds, left, left[found.kept], found.statistic[out], found.stand_in[out]
        )
        left = left[found.kept]


def learn_filters(
    sets: Iterable[Training], settings: Filters, fits: Sequence[TrainingFit], patients: Sequence[str], landmark: float
) -> Filtered:
    """The filters on every training set; empty tables for a study that asks for none.

    The audit compares whose rows and scores each set really holds with whom `fits`, those of the fold table over
    `patients`, hold out.
    """
    if not asked(settings):
        return Filtered(*(pd.DataFrame(columns=names) for names in (WITHHELD, SURVIVAL, STABILITY)))
    names = np.array(patients, dtype=object)
    # The set of everybody scores its own patients, for the model that is shipped; it predicts nobody.
    outer = {
        (f.scheme, f.repeat, f.held_out): set() if f.in_sample else set(names[f.scored].tolist())
        for f in fits
        if f.fold == 0
    }
    withheld, survival = [], []
    kept: dict[tuple[str, str], list[np.ndarray]] = {}
    for training in sets:
        seen = _audit(training, outer[training.key], landmark)
        for step in learn(training, settings):
            gone = np.setdiff1d(step.before, step.after)
            for marker, statistic, stand_in in zip(gone, step.statistic, step.stand_in, strict=True):
                other = training.markers[stand_in] if stand_in != marker else None
                row = (training.markers[marker], step.name, step.withholds, statistic, step.threshold, other)
                withheld.append((*training.key, *row))
            counted = (step.name, step.threshold, len(step.before), len(step.after))
            survival.append((*training.key, *counted, *seen))
            flags = np.isin(np.arange(len(training.markers)), step.after)
            kept.setdefault((training.key[0], step.name), []).append(flags)
    stability = [
        (scheme, step, len(sets), float(np.mean([own.sum() for own in sets])), *nogueira(np.array(sets)))
        for (scheme, step), sets in kept.items()
    ]
    return Filtered(
        pd.DataFrame(withheld, columns=WITHHELD),
        pd.DataFrame(survival, columns=SURVIVAL),
        pd.DataFrame(stability, columns=STABILITY),
    )


def _audit(training: Training, held_out: set[str], landmark: float) -> tuple[int, int, int, str]:
    """Patients whose rows or scores the set holds, those of them whom it has to predict, rows after the landmark, and
    the verdict."""
    seen = {training.patients[place] for place in np.unique(training.owner)}
    scored = (~np.isnan(training.level)).any(axis=1)
    seen |= {training.patients[place] for place in np.flatnonzero(scored)}
    shared, late = len(seen & held_out), int((training.time > landmark).sum())
    return len(seen), shared, late, "clean" if shared == 0 and late == 0 else "leak"
