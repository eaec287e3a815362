"""Stability of what a penalised model keeps: both stages again on complementary pairs of halves of the patients.

Each pair splits the cohort in two halves, balanced by event; in each half growth models, cross-fitting and the choice
of the penalty are made anew (Shah & Samworth 2013, 10.1111/j.1467-9868.2011.01034.x). With p terms, of which a half
keeps q on average, consider the terms that a half keeps with a probability of at most q/p. The expected number of them
that at least a share π > 1/2 of the halves keep is at most

    q² / ((2π − 1) p)

(their Theorem 1, which assumes nothing about the terms; Meinshausen & Bühlmann 2010 have it for exchangeable ones).
How alike the sets of the halves are is the index Φ of Nogueira, Sechidis & Brown (JMLR 18(174), 2018): 1 where they are
the same, 0 where they are as alike as sets of the same sizes drawn at random. Its interval treats the halves as
independent draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import assign
from slopewise.kernels.agreement import nogueira
from slopewise.outcome.fit import LadderData, fit_ladder, flat_slopes
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.learners import is_penalised
from slopewise.run.progress import counted
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import MarkerData
from slopewise.validate.bootstrap import PAIRS_AT_ONCE, BootstrapPlan, Resample, StageOne, stage_one

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
STABLE = 0.75
"""Terms that a share of the halves of at least this keep are called stable."""

EXAMINED = tuple(step for step in LADDER if step.name in ("level", "slope"))
GROUPS = 3
"""Risk groups, of equal size in each pair."""


def halves(plan: BootstrapPlan, pair: int, events: NDArray[np.int64]) -> tuple[Resample, Resample]:
    """The two halves of a pair, each with the folds in which its patients are cross-fitted."""
    rng = generator(plan.seed, "stability", pair)
    half = assign(events, 2, rng)
    found = []
    for label in (1, 2):
        counts = (half == label).astype(np.int64)
        fold = np.zeros((plan.repeats, len(events)), dtype=np.int64)
        for repeat in range(plan.repeats):
            fold[repeat, counts > 0] = assign(events[counts > 0], plan.folds, rng)
        found.append(Resample(counts, fold))
    return found[0], found[1]


@dataclass(frozen=True, repr=False)
class Kept(ShortRepr):
    """What the halves of `plan.replicates` pairs keep of the first cause's models of each step of `EXAMINED`.

    `terms` of each step; `kept` of each step (2 pairs, terms); `risk` of each step (pairs, n): the risk of a patient at
    the last horizon by the half that the patient is not in.
    """

    terms: dict[str, tuple[str, ...]]
    kept: dict[str, Flags]
    risk: dict[str, Floats]


def kept_by_halves(plan: BootstrapPlan, ladder: LadderData, markers: Sequence[MarkerData], threads: int = 1) -> Kept:
    """Both stages on the halves of `plan.replicates` pairs. The same for any number of threads."""
    events = np.asarray(ladder.event, dtype=np.int64)
    terms = {step.name: ladder.step_terms(step) for step in EXAMINED}
    kept: dict[str, list[Flags]] = {name: [] for name in terms}
    risk: dict[str, list[Floats]] = {name: [] for name in terms}
    size = max(1, PAIRS_AT_ONCE // (2 * len(events) * plan.repeats))
    for start in counted("batches of complementary pairs", range(0, plan.replicates, size)):
        pairs = [halves(plan, pair, events) for pair in range(start, min(start + size, plan.replicates))]
        each = [half for pair in pairs for half in pair]
        stages = [stage_one(data, each, plan.folds, threads, others=True) for data in markers]
        for pair in range(len(pairs)):
            apart = {name: np.full(len(events), np.nan) for name in terms}
            for i in (2 * pair, 2 * pair + 1):
                for name, (inside, rows, found) in _kept_by(ladder, stages, each[i], i).items():
                    kept[name].append(np.array([term in inside for term in terms[name]]))
                    apart[name][rows] = found
            for name, found in apart.items():
                risk[name].append(found)
    return Kept(
        terms,
        {name: np.array(rows).reshape(-1, len(terms[name])) for name, rows in kept.items()},
        {name: np.array(rows).reshape(-1, len(events)) for name, rows in risk.items()},
    )


def _kept_by(
    ladder: LadderData, stages: Sequence[StageOne], half: Resample, place: int
) -> dict[str, tuple[set[str], NDArray[np.int64], Floats]]:
    """Of each step: the terms that `half` keeps, the other patients (rows), and their risk by the last horizon.

    `place` is the half's among the resamples of `stages`, one for each marker.
    """
    level, slope, last, other_level, other_slope = (
        np.column_stack([getattr(stage, name)[place] for stage in stages])
        for name in ("level", "slope", "last_slope", "other_level", "other_slope")
    )
    flat = np.array([stage.flat[place] for stage in stages]) | flat_slopes(last, half.fold[-1], half.counts)
    singular = np.array([stage.singular[place] for stage in stages])
    fitted = fit_ladder(
        ladder, level, slope, singular, flat=flat, counts=half.counts, fold=half.fold[-1], steps=EXAMINED
    )
    rows, found = np.flatnonzero(half.counts == 0), {}
    for step in EXAMINED:
        model = fitted.models[step.name]
        inside = {term for term, beta in zip(model.recipe.terms, model.parts[0].beta, strict=True) if beta != 0}
        raw = ladder.raw(step, rows, other_level, other_slope)
        found[step.name] = (inside, rows, model.risks(raw, ladder.stratum[rows])[:, 0, -1])
    return found


def stability(
    plan: BootstrapPlan, ladder: LadderData, markers: Sequence[MarkerData], threads: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables ``outcome/selection`` and ``outcome/stability``; empty without pairs, or where nothing is penalised."""
    if not plan.replicates or not is_penalised(ladder)[0]:
        return selection_table({}, {}, ladder.cause), stability_table({}, {}, ladder.cause)
    found = kept_by_halves(plan, ladder, markers, threads)
    return (
        selection_table(found.terms, found.kept, ladder.cause),
        stability_table(found.kept, found.risk, ladder.cause),
    )


def selection_table(terms: dict[str, tuple[str, ...]], kept: dict[str, Flags], cause: str) -> pd.DataFrame:
    """How often each term of each step is kept: the share of halves, and of pairs both of whose halves keep it."""
    rows = [
        (step, cause, term, share, twice, bool(share >= STABLE))
        for step, names in terms.items()
        for term, share, twice in zip(
            names, kept[step].mean(axis=0), (kept[step][::2] & kept[step][1::2]).mean(axis=0), strict=True
        )
    ]
    columns = ["predictors", "cause", "term", "frequency", "both_halves", "stable"]
    return pd.DataFrame(rows, columns=columns).astype({"frequency": float, "both_halves": float, "stable": bool})


def stability_table(kept: dict[str, Flags], risk: dict[str, Floats], cause: str) -> pd.DataFrame:
    """Each step's number of halves and terms, terms kept on average, stable ones, bound, index and disagreement."""
    rows = []
    for step, flags in kept.items():
        index, low, high = nogueira(flags)
        terms, average = flags.shape[1], float(flags.sum(axis=1).mean())
        measures: list[tuple[str, float, float, float]] = [
            ("halves", len(flags), np.nan, np.nan),
            ("terms", terms, np.nan, np.nan),
            ("kept", average, np.nan, np.nan),
            ("stable", float((flags.mean(axis=0) >= STABLE).sum()), np.nan, np.nan),
            ("bound", average**2 / ((2 * STABLE - 1) * terms) if terms else np.nan, np.nan, np.nan),
            ("nogueira", index, low, high),
            ("group_changes", disagreement(risk[step]), np.nan, np.nan),
        ]
        rows += [(step, cause, *measure) for measure in measures]
    columns = ["predictors", "cause", "measure", "value", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[3:], float))


def disagreement(risk: Floats) -> float:
    """How often two models of different pairs put a patient into different risk groups, the mean over patients.

    `risk` (pairs, n); groups are the thirds of a pair's predictions. Two models without any relation: 2/3.
    """
    pairs, n = risk.shape
    if pairs < 2 or not n:
        return np.nan
    order = np.argsort(np.argsort(risk, axis=1, kind="stable"), axis=1, kind="stable")
    group = order * GROUPS // n
    share = np.stack([(group == g).mean(axis=0) for g in range(GROUPS)])
    same = (pairs * (share**2).sum(axis=0) - 1.0) / (pairs - 1.0)
    return float(1.0 - same.mean())
