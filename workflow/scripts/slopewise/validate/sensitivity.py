"""How what level and slope predict depends on how slopes were made; a permutation test of the slope's gain.

In the metric that the kind of outcome has for it (`Kind.metric`): C, AUC or R²; with competing events of
the event alone. The ways to make the slopes that train and test the outcome model, on the same patients:

- ``nested``: cross-fitted inside the training patients, test slopes from all of them: the honest one
  (docs/methods.md, section 3);
- ``apparent``: the shipped model scoring its own training patients, no validation at all;
- ``in_sample``: everybody's slopes from one growth model fitted on everybody;
- ``reused_folds``: slopes cross-fitted once, and the outcome model validated over the same folds;
- ``complete_cases``, where covariates are imputed: as ``nested``, learned and tested on the patients who lack none.

The growth model never sees outcomes, so the last two differ from the nested ones by little and in either direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.outcome.fit import (
    fit_step,
    flat_slopes,
    growth_flags,
    scores_of,
    with_choices,
)
from slopewise.outcome.imputation import completed
from slopewise.outcome.ladder import LADDER, LadderData, ladder_data
from slopewise.outcome.learners import is_penalised, learner
from slopewise.outcome.models import Learner
from slopewise.outcome.withheld import Withheld
from slopewise.run.copies import shared_out
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.study.model import Study
from slopewise.validate.measure import headline, ordering, sample
from slopewise.validate.question import AnalysisSet, cohorts

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
WAYS = ("nested", "in_sample", "reused_folds")
COMPARED = ("level", "slope")
PERMUTATIONS = 200
PENALISED_PERMUTATIONS = 39
"""Where models are penalised: each choice of a penalty costs dozens of fits. p is 0.025 at least."""
SHARED = 40
"""Parts of the permutations that are shared out at most."""
PERMUTED_REPEATS = 2
"""Repeats of the validation over which the permuted gain is a mean; more would cost time and change it little."""


@dataclass(frozen=True, repr=False)
class Split(ShortRepr):
    """Who is tested (n,) by an outcome model trained on the others, with the level and slope (n, M) of both.

    `learn` fits a step's model to the others, the patients `rows`, whose covariates are `completed`; `fold` (n,) are
    the folds by which a penalty is chosen.
    """

    repeat: int
    tested: Flags
    level: Floats
    slope: Floats
    singular: Flags
    flat: Flags
    learn: Learner
    rows: Integers
    completed: list[Floats]
    fold: Integers
    withheld: Withheld = field(default_factory=Withheld)


@dataclass(frozen=True, repr=False)
class Sensitivity(ShortRepr):
    """Tables ``outcome/sensitivity`` and ``outcome/permutation``, with the `nested` splits of the `data`."""

    sensitivity: pd.DataFrame
    permutation: pd.DataFrame
    data: LadderData
    nested: list[Split]


def sensitivity(
    study: Study, patients: pd.DataFrame, folds: pd.DataFrame, slopes: pd.DataFrame, crossfit: pd.DataFrame,
    fits: pd.DataFrame, apparent: pd.DataFrame, filters: pd.DataFrame | None = None, threads: int = 1,
) -> Sensitivity:  # fmt: skip
    """How well ``level`` and ``slope`` predict in these ways, and the permutation test of their difference.

    Tables as in `tables`; `apparent` is ``outcome/apparent``, `filters` is ``slopes/filters``. The metric as in
    ``outcome/performance``: C of pairs within test folds, up to the largest horizon, mean over repeats.
    """
    data = with_choices(ladder_data(study, patients, slopes, filters), crossfit, fits)
    cohort = cohorts(study, patients)[0]
    splits = {way: list(_splits(way, data, folds, crossfit, fits)) for way in WAYS}
    first = [split for split in splits["nested"] if split.repeat <= PERMUTED_REPEATS]
    number = PENALISED_PERMUTATIONS if any(is_penalised(data)) else PERMUTATIONS
    permuted = permutation_test(data, cohort, first, number, study.seed, threads)  # first: metrics start threads
    found = {way: judged(cohort, own, [_scored(data, own, step) for step in COMPARED]) for way, own in splits.items()}
    if np.isnan(data.covariates).any():
        found["complete_cases"] = _complete_cases(data, cohort, splits["nested"])
    found["apparent"] = _apparent(cohort, apparent[apparent["cause"] == cohort.cause])
    rows = [
        (way, step, data.cause, data.kind.metric, max(data.horizons), value)
        for way, own in found.items()
        for step, value in zip(COMPARED, own, strict=True)
    ]
    columns = ["slopes", "predictors", "cause", "metric", "horizon", "validated"]
    table = pd.DataFrame(rows, columns=columns)
    honest = table[table["slopes"] == "nested"].set_index("predictors")["validated"]
    table["difference"] = table["validated"] - honest.reindex(table["predictors"]).to_numpy()
    return Sensitivity(table, permuted, data, splits["nested"])


def _complete_cases(data: LadderData, cohort: AnalysisSet, splits: Sequence[Split]) -> Floats:
    """The metric of ``level`` and ``slope`` (2,) without imputation, in the patients who lack no covariate."""
    whole: Flags = np.asarray(~np.isnan(data.covariates).any(axis=1))
    own = [_without(data, split, whole) for split in splits]
    scored = [_scored(replace(data, imputations=0), own, step) for step in COMPARED]
    some = [{repeat: score[whole] for repeat, score in one.items()} for one in scored]
    return judged(cohort.of(whole), [replace(split, tested=split.tested[whole]) for split in own], some)


def _without(data: LadderData, split: Split, whole: Flags) -> Split:
    """A split of the patients `whole` (n,) alone."""
    rows = split.rows[whole[split.rows]]
    learn = learner(data, rows, np.ones(len(rows), dtype=np.int64), split.fold)
    return replace(split, tested=split.tested & whole, learn=learn, rows=rows, completed=[data.covariates[rows]])


def _apparent(cohort: AnalysisSet, predictions: pd.DataFrame) -> Floats:
    """The metric of ``level`` and ``slope`` (2,) by the shipped model's predictions for its own training patients."""
    everybody = np.zeros(len(cohort.patients), dtype=np.int64)
    own = sample(cohort, predictions, everybody)
    places = [[step.name for step in LADDER].index(step) for step in COMPARED]
    return headline(cohort, everybody, ordering(cohort, own.score, own.risk)[:, places])


# -- The ways ----------------------------------------------------------------------------------------------------


def _splits(
    way: str, data: LadderData, folds: pd.DataFrame, crossfit: pd.DataFrame, fits: pd.DataFrame
) -> Iterator[Split]:
    """The outer folds of every repeat with the slopes of one way."""
    whole = fits[(fits["scheme"] == "crossfit") & (fits["repeat"] == 0)]
    once = crossfit[crossfit["scheme"] == "crossfit"]
    if way == "reused_folds":
        singular, without = growth_flags(data, whole)
        for repeat, own in once[once["repeat"] > 0].groupby("repeat", sort=True):
            level, slope, fold = scores_of(data, own)
            flat = without | flat_slopes(slope, fold)
            for k in np.unique(fold):
                yield _split(data, int(str(repeat)), fold == k, (level, slope), singular, flat, fold)
        return
    table = folds[(folds["scheme"] == "validation") & (folds["held_out"] == 0)]
    everybody = scores_of(data, once[once["repeat"] == 0])
    for repeat, own in table.groupby("repeat", sort=True):
        fold = own.set_index(own["patient"].astype(str))["fold"].reindex(list(data.patients)).to_numpy(dtype=np.int64)
        for k in np.unique(fold).tolist():
            if way == "in_sample":
                singular, flat = growth_flags(data, whole)
                yield _split(data, int(str(repeat)), fold == k, everybody[:2], singular, flat, fold)
            else:
                yield _nested_split(data, crossfit, fits, int(str(repeat)), k, fold == k)


def nested_splits(data: LadderData, folds: pd.DataFrame, crossfit: pd.DataFrame, fits: pd.DataFrame) -> Iterator[Split]:
    """The outer folds of every repeat of the validation, with slopes cross-fitted inside the training patients."""
    return _splits("nested", data, folds, crossfit, fits)


def _nested_split(
    data: LadderData, crossfit: pd.DataFrame, fits: pd.DataFrame, repeat: int, held_out: int, tested: Flags
) -> Split:
    keys = (crossfit["scheme"] == "validation") & (crossfit["repeat"] == repeat) & (crossfit["held_out"] == held_out)
    own = crossfit[keys]
    level, slope, inner = scores_of(data, own[own["fold"] > 0])
    test_level, test_slope, _ = scores_of(data, own[own["fold"] == 0])
    outer = (fits["scheme"] == "validation") & (fits["repeat"] == repeat) & (fits["held_out"] == held_out)
    singular, without = growth_flags(data, fits[outer & (fits["fold"] == 0)])
    flat = without | flat_slopes(slope, inner, (~tested).astype(np.int64))
    level, slope = np.where(tested[:, None], test_level, level), np.where(tested[:, None], test_slope, slope)
    own_data = data.trained_on(("validation", repeat, held_out))
    return _split(own_data, repeat, tested, (level, slope), singular, flat, inner)


def _split(
    data: LadderData, repeat: int, tested: Flags, values: tuple[Floats, Floats], singular: Flags, flat: Flags,
    fold: Integers,
) -> Split:  # fmt: skip
    """A split whose penalty, where there is one, is chosen over the training patients' folds `fold` (n,)."""
    rows = np.flatnonzero(~tested)
    once = np.ones(len(rows), dtype=np.int64)
    learn = learner(data, rows, once, fold)
    filled = completed(data, rows, once, *values)
    return Split(repeat, tested, *values, singular, flat, learn, rows, filled, fold, data.withheld)


# -- Scores and their metric -------------------------------------------------------------------------------------------


def _scored(data: LadderData, splits: Sequence[Split], step: str) -> dict[int, Floats]:
    """The score (n,) of each repeat, every patient scored by the model that was trained without them."""
    found: dict[int, Floats] = {}
    for split in splits:
        found.setdefault(split.repeat, np.full(len(data.patients), np.nan))[split.tested] = _tested(data, split, step)
    return found


def _tested(data: LadderData, split: Split, name: str) -> Floats:
    """What orders the tested patients of one split by one step, learned on the others."""
    step = next(one for one in LADDER if one.name == name)
    training, scores = (split.rows, np.ones(len(split.rows), dtype=np.int64)), (split.level, split.slope)
    own = replace(data, withheld=split.withheld)
    model = fit_step(own, step, split.learn, training, scores, (split.singular, split.flat), split.completed).model
    tested = np.flatnonzero(split.tested)
    raw = data.raw(step, tested, split.level, split.slope)
    if len(data.causes) > 1 or data.strata.columns:  # then the linear predictor does not order the risks
        return model.risk(raw, data.stratum[tested])[:, int(np.argmax(data.horizons))]
    return model.linear_predictor(raw)


def judged(cohort: AnalysisSet, splits: Sequence[Split], scored: Sequence[dict[int, Floats]]) -> Floats:
    """The metric of each set of scores, (S,), mean over repeats."""
    total, repeats = np.zeros(len(scored)), sorted(scored[0])
    for repeat in repeats:
        fold = np.zeros(len(cohort.patients), dtype=np.int64)
        for k, split in enumerate(split for split in splits if split.repeat == repeat):
            fold[split.tested] = k
        total += headline(cohort, fold, np.stack([one[repeat] for one in scored], axis=1))
    return total / len(repeats)


# -- The permutation test ----------------------------------------------------------------------------------------------


def permutation_test(
    data: LadderData, cohort: AnalysisSet, splits: Sequence[Split], permutations: int, seed: int, threads: int = 1
) -> pd.DataFrame:
    """The gain of ``slope`` over ``level`` against its distribution when slopes carry nothing beyond levels.

    What is permuted between patients is the part of the slopes that levels and covariates do not explain (linearly,
    learned on the training patients of each split), so that the slopes keep their correlation with both. That is
    Smith's scheme: the residuals of the predictor under test are permuted (Winkler et al. 2014, table 2,
    10.1016/j.neuroimage.2014.01.060), not those of the outcome as Freedman & Lane do. One permutation serves all
    splits. Where covariates are imputed, all models of a split are fitted to its first imputation. p = (1 + gains at
    least as large) / (1 + permutations); missing where no slope is in any model, since then there is nothing to test.
    """
    splits = [replace(split, completed=split.completed[:1]) for split in splits]
    observed = _scored(data, splits, "slope")
    rng = generator(seed, "validate", "permutation")
    parts = [(split, *_explained(data, split)) for split in splits]
    orders = [rng.permutation(len(data.patients)) for _ in range(permutations)]
    shares = [range(place, permutations, SHARED) for place in range(min(permutations, SHARED))]

    def score(share: int) -> list[dict[int, Floats]]:
        return [
            _scored(data, [replace(split, slope=fitted + rest[orders[one]]) for split, fitted, rest in parts], "slope")
            for one in shares[share]
        ]

    made = shared_out(score, len(shares), threads, "parts of the permutations")
    drawn = dict(pair for own, share in zip(shares, made, strict=True) for pair in zip(own, share, strict=True))
    base = judged(cohort, splits, [_scored(data, splits, "level")])[0]
    gains = judged(cohort, splits, [observed, *(drawn[one] for one in range(permutations))]) - base
    tested = np.ptp(gains) > 0
    larger = int((gains[1:] >= gains[0]).sum())
    return pd.DataFrame(
        {
            "predictors": ["slope"],
            "cause": data.cause,
            "metric": data.kind.metric,
            "horizon": max(data.horizons),
            "versus": "level",
            "gain": gains[0],
            "null_mean": float(gains[1:].mean()),
            "null_high": float(np.quantile(gains[1:], 0.95)),
            "p_value": (1 + larger) / (1 + permutations) if tested else np.nan,
            "permutations": permutations,
            "repeats": len({split.repeat for split in splits}),
        }
    )


def _explained(data: LadderData, split: Split) -> tuple[Floats, Floats]:
    """The slopes (n, M) as levels and covariates explain them, and the rest; learned on the training patients."""
    from sklearn.linear_model import LinearRegression

    covariates = data.covariates.copy()  # missing ones at the training patients' mean
    mean = split.completed[0].mean(axis=0)
    covariates[split.rows] = split.completed[0]
    covariates = np.nan_to_num(np.where(np.isnan(covariates), mean, covariates))
    x = np.column_stack([covariates, np.nan_to_num(split.level)])
    slope = np.nan_to_num(split.slope)
    fitted = LinearRegression().fit(x[~split.tested], slope[~split.tested]).predict(x)
    missing = np.isnan(split.slope)
    return np.where(missing, np.nan, fitted), np.where(missing, 0.0, slope - fitted)
