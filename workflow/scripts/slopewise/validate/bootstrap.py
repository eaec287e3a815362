"""The patient bootstrap through both stages: growth models, cross-fitting and outcome models on each resample.

A resample draws as many patients as there are, with replacement. Copies of a patient are separate clusters in the
growth model and share a fold, so no copy helps to make the slope of another (docs/methods.md, section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import assign
from slopewise.outcome.fit import LadderData, LadderFit, fit_ladder, flat_slopes
from slopewise.outcome.imputation import RESAMPLED
from slopewise.outcome.ladder import LADDER, Step
from slopewise.run.copies import can_be_copied, shared_out
from slopewise.run.progress import counted
from slopewise.run.seeds import generator
from slopewise.slopes.crossfit import fit_nested
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.scores import score
from slopewise.validate.intervals import interval_of, split_of

PAIRS_AT_ONCE = 200_000
"""Patients × fits scored in one go: bounds memory, changes no number."""
PARTS, SHARED = 4, 64
"""Batches of resamples for each process, so that none waits long for the last one; parts to share out at most."""


GROUPS = 400
"""So many patients, or groups of them, are left out in turn at most."""


@dataclass(frozen=True)
class BootstrapPlan:
    """How many resamples, each with how many folds and repeats of cross-fitting, from which seed."""

    replicates: int
    folds: int
    repeats: int
    seed: int


@dataclass(frozen=True)
class Resample:
    """One resample: copies of each patient (m,), and the fold of each patient in each repeat (repeats, m)."""

    counts: NDArray[np.int64]
    fold: NDArray[np.int64]

    def copies(self, folds: int) -> NDArray[np.int64]:
        """Copies of each patient in each fit (1 + repeats × folds, m): everybody first, then fold by fold."""
        everybody = self.counts[None, :]
        held_out = [self.counts * (fold != k) for fold in self.fold for k in range(1, folds + 1)]
        return np.concatenate([everybody, np.array(held_out)])


def draw(plan: BootstrapPlan, replicate: int, events: NDArray[np.int64]) -> Resample:
    """Resample number `replicate`; patients who are drawn are split into folds stratified by event."""
    rng = generator(plan.seed, "bootstrap", replicate)
    counts = np.bincount(rng.integers(len(events), size=len(events)), minlength=len(events)).astype(np.int64)
    drawn = np.flatnonzero(counts)
    fold = np.zeros((plan.repeats, len(events)), dtype=np.int64)
    for repeat in range(plan.repeats):
        fold[repeat, drawn] = assign(events[drawn], plan.folds, rng)
    return Resample(counts, fold)


Watch = Callable[[int, Resample, LadderFit, NDArray[np.float64], NDArray[np.float64]], Any]


@dataclass(frozen=True)
class StageOne:
    """What stage 1 hands to stage 2 for one marker and a batch of B resamples.

    `level`, `slope`, `reliability`: (B, m) means over repeats, missing for patients who were not drawn; `last_slope`
    (B, m) the slopes of the last repeat alone; `singular`, `flat`: (B,) of the fit on the whole resample.
    `other_level`, `other_slope`: (B, m) by that fit, where asked for: of patients who were not drawn, or of all.
    """

    level: NDArray[np.float64]
    slope: NDArray[np.float64]
    reliability: NDArray[np.float64]
    last_slope: NDArray[np.float64]
    singular: NDArray[np.bool_]
    flat: NDArray[np.bool_]
    other_level: NDArray[np.float64]
    other_slope: NDArray[np.float64]


def stage_one(
    data: MarkerData, resamples: Sequence[Resample], folds: int, threads: int,
    others: bool = False, everybody: bool = False,
) -> StageOne:  # fmt: skip
    """Cross-fit one marker on every resample of a batch; by the fit on a whole resample with `others` score those,
    too, who were not drawn, with `everybody` all patients."""
    copies = np.concatenate([resample.copies(folds) for resample in resamples])
    per_resample = len(copies) // len(resamples)
    outer = np.repeat(np.arange(len(resamples)) * per_resample, per_resample)
    batch = fit_nested(data, copies, outer, threads)
    repeats, m = resamples[0].fold.shape
    fold = np.array([resample.fold for resample in resamples])
    index, repeat, patient = np.nonzero(fold)
    fit = index * per_resample + 1 + repeat * folds + fold[index, repeat, patient] - 1
    scored = score(data, batch, fit, patient)
    values = {}
    for name in ("level", "slope", "reliability"):
        grid = np.full((len(resamples), repeats, m), np.nan)
        grid[index, repeat, patient] = scored[name].to_numpy()
        values[name] = grid
    leaders = np.arange(len(resamples)) * per_resample
    other = {name: np.full((len(resamples), m), np.nan) for name in ("level", "slope")}
    if others or everybody:
        index, patient = np.nonzero(np.array([everybody | (resample.counts == 0) for resample in resamples]))
        scored = score(data, batch, leaders[index], patient)
        for name in other:
            other[name][index, patient] = scored[name].to_numpy()
    return StageOne(
        level=values["level"].mean(axis=1),
        slope=values["slope"].mean(axis=1),
        reliability=values["reliability"].mean(axis=1),
        last_slope=values["slope"][:, -1],
        singular=np.asarray(batch.singular)[leaders],
        flat=np.array([batch.structure[leader] in ("intercept", "excluded") for leader in leaders]),
        other_level=other["level"],
        other_slope=other["slope"],
    )


@dataclass(frozen=True)
class Bootstrap:
    """Estimates (B, terms) per unit and per SD in the order of `LadderData.rows`; mean reliability (B, markers).

    watched: what `Watch` made of each resample, in their order; empty without one.
    """

    estimates_unit: NDArray[np.float64]
    estimates_sd: NDArray[np.float64]
    reliability: NDArray[np.float64]
    watched: list[Any]


def bootstrap_ladder(
    plan: BootstrapPlan,
    ladder: LadderData,
    markers: Sequence[MarkerData],
    threads: int = 1,
    steps: Sequence[Step] = LADDER,
    watch: Watch | None = None,
) -> Bootstrap:
    """Refit both stages on `plan.replicates` resamples of the patients.

    `watch` is called with each resample's number, the resample, its models, and with level and slope of all patients by
    its growth models, perhaps in a copy of this process: what it returns can be pickled.

    The same for any number of threads: a resample's stream has its name, and the resamples are shared out as a whole.
    With `steps` of the ladder alone, estimates of the others are missing.
    """
    events = np.asarray(ladder.event, dtype=np.int64)
    return _refitted(plan, plan.replicates, lambda b: draw(plan, b, events), ladder, markers, threads, steps, watch)


def jackknife_ladder(
    plan: BootstrapPlan, ladder: LadderData, markers: Sequence[MarkerData], threads: int = 1
) -> Bootstrap:
    """The same without each patient in turn, the others' folds held: how the estimates bend, for the BCa interval.

    Of more than `GROUPS` patients, groups of patients are left out, dealt at random.
    """
    events = np.asarray(ladder.event, dtype=np.int64)
    rng, n = generator(plan.seed, "jackknife"), len(events)
    fold = np.array([assign(events, plan.folds, rng) for _ in range(plan.repeats)])
    group = rng.permutation(n) % min(n, GROUPS)

    def without(g: int) -> Resample:
        counts = (group != g).astype(np.int64)
        return Resample(counts, fold * counts)

    return _refitted(plan, min(n, GROUPS), without, ladder, markers, threads, LADDER)


def _refitted(
    plan: BootstrapPlan, number: int, resample_of: Callable[[int], Resample], ladder: LadderData,
    markers: Sequence[MarkerData], threads: int, steps: Sequence[Step], watch: Watch | None = None,
) -> Bootstrap:  # fmt: skip
    """Both stages on resamples 0, 1, ... `number`."""
    ladder = replace(ladder, imputations=min(ladder.imputations, RESAMPLED))
    size = max(1, min(PAIRS_AT_ONCE // (len(ladder.patients) * plan.repeats), -(-number // (PARTS * threads))))
    batches = [range(start, min(start + size, number)) for start in range(0, number, size)]
    parts = [batches[place::SHARED] for place in range(min(len(batches), SHARED))]
    alone = 1 if threads > 1 and len(parts) > 1 and can_be_copied() else threads

    def refit(place: int) -> dict[int, _Refit]:
        found: dict[int, _Refit] = {}
        for batch in parts[place]:
            resamples = [resample_of(b) for b in batch]
            stages = [stage_one(data, resamples, plan.folds, alone, everybody=watch is not None) for data in markers]
            for i, (b, resample) in enumerate(zip(batch, resamples, strict=True)):
                found[b] = _refit(b, resample, ladder, stages, i, steps, watch)
        return found

    refits: dict[int, _Refit] = {}
    for part in shared_out(refit, len(parts), threads, "parts of the resamples"):
        refits |= part
    ordered = [refits[b] for b in range(number)]
    names = {step.name for step in steps}
    places = [place for place, (name, _, _) in enumerate(ladder.rows) if name in names]
    estimates = np.full((2, number, len(ladder.rows)), np.nan)
    for row, own in enumerate([[one.unit for one in ordered], [one.standard for one in ordered]]):
        estimates[row][:, places] = np.array(own).reshape(number, len(places))
    return Bootstrap(
        estimates_unit=estimates[0],
        estimates_sd=estimates[1],
        reliability=np.array([one.reliability for one in ordered]).reshape(number, len(markers)),
        watched=[one.watched for one in ordered] if watch is not None else [],
    )


class _Refit(NamedTuple):
    """Both stages on one resample: estimates (terms,) per unit and per SD, mean reliability (markers,)."""

    unit: NDArray[np.float64]
    standard: NDArray[np.float64]
    reliability: list[float]
    watched: Any


def _refit(
    number: int, resample: Resample, ladder: LadderData, stages: Sequence[StageOne], i: int, steps: Sequence[Step],
    watch: Watch | None,
) -> _Refit:  # fmt: skip
    """The outcome models on resample `number`, the place `i` in each marker's first stage."""
    level = np.column_stack([stage.level[i] for stage in stages])
    slope = np.column_stack([stage.slope[i] for stage in stages])
    last = np.column_stack([stage.last_slope[i] for stage in stages])
    flat = np.array([s.flat[i] for s in stages]) | flat_slopes(last, resample.fold[-1], resample.counts)
    singular = np.array([stage.singular[i] for stage in stages])
    fitted = fit_ladder(
        ladder, level, slope, singular, flat=flat, counts=resample.counts, fold=resample.fold[-1], steps=steps,
        same_knots=True,
    )  # fmt: skip
    watched = None
    if watch is not None:
        watched = watch(number, resample, fitted, *(np.column_stack(own) for own in _of_everybody(stages, i)))
    reliability = _mean_reliability([stage.reliability[i] for stage in stages], resample.counts)
    return _Refit(fitted.estimate_unit, fitted.estimate_sd, reliability, watched)


def _of_everybody(stages: Sequence[StageOne], i: int) -> tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]]:
    """Level and slope of all patients (n,) of each marker, by resample `i` of a batch."""
    return [stage.other_level[i] for stage in stages], [stage.other_slope[i] for stage in stages]


def bootstrap_reliability(
    plan: BootstrapPlan, patients: int, markers: Sequence[MarkerData], threads: int = 1
) -> NDArray[np.float64]:
    """Mean reliability (B, markers) of the cross-fitted slopes on resamples of the patients, without an outcome."""
    events = np.zeros(patients, dtype=np.int64)
    size = max(1, PAIRS_AT_ONCE // (patients * plan.repeats))
    rows = []
    for start in counted("batches of resamples", range(0, plan.replicates, size)):
        resamples = [draw(plan, b, events) for b in range(start, min(start + size, plan.replicates))]
        stages = [stage_one(data, resamples, plan.folds, threads) for data in markers]
        for i, resample in enumerate(resamples):
            rows.append(_mean_reliability([stage.reliability[i] for stage in stages], resample.counts))
    return np.array(rows).reshape(plan.replicates, len(markers))


def _mean_reliability(reliability: Sequence[NDArray[np.float64]], counts: NDArray[np.int64]) -> list[float]:
    """The mean over a resample's patients, each as often as it was drawn."""
    drawn = counts > 0
    weights = counts[drawn] / counts.sum()
    return [float(own[drawn] @ weights) for own in reliability]


def reliability_table(reliability: NDArray[np.float64], slopes: pd.DataFrame, markers: Sequence[str]) -> pd.DataFrame:
    """The table ``slopes/reliability`` from `reliability` (B, markers), its values on resamples.

    Mean plug-in reliability of each marker's slopes with its 95% interval, which holds it: the percentiles are laid
    about the estimate by their median, since with weak slopes the resamples' reliabilities lie above it.
    """
    mean = slopes.groupby("marker")["reliability"].mean()
    table = pd.DataFrame({"marker": list(markers), "reliability": [float(mean[marker]) for marker in markers]})
    own = table["reliability"].to_numpy()
    found = interval_of([split_of(np.concatenate([own[None], reliability.reshape(-1, len(own))]))], (0.0, 1.0))
    return table.assign(ci_low=found.low, ci_high=found.high)
