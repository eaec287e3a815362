"""One model for all landmarks: the stacked landmark supermodel (van Houwelingen & Putter 2011, chapter 7).

Each landmark s gives the patients at risk then, with level and slope at s, followed over the common window (s, s + w]
and censored at its end; w is the largest horizon. The stacks are one Cox model with a baseline of its own at each
landmark. Growth models are of each landmark's own rows; a patient's stacks share a fold, so that no row of a patient
helps to make a slope of the same patient. A patient is in several stacks: intervals come from the sandwich by patient
(Lin & Wei 1989), and from resamples of patients through both stages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from slopewise.folds import assign
from slopewise.metrics.resampling import percentile_interval
from slopewise.outcome.cox import fit_cox
from slopewise.outcome.predictors import COLLINEAR, INSEPARABLE, CovariateCoding, StratumCoding
from slopewise.outcome.sandwich import robust_covariance
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import MarkerData
from slopewise.study.kinds import EVENTS_PER_COEFFICIENT
from slopewise.study.model import Study
from slopewise.validate.bootstrap import BootstrapPlan, Resample, stage_one

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
RESAMPLES_AT_ONCE = 20
"""Bounds memory; changes no number."""

COLUMNS = [
    "predictors", "cause", "term", "model", "landmark", "scale", "estimate", "se", "ratio", "ci_low", "ci_high",
    "p_value", "ci_low_bootstrap", "ci_high_bootstrap", "resamples",
]  # fmt: skip


@dataclass(frozen=True, repr=False)
class Landmark(ShortRepr):
    """One landmark: its time, ``cohort/patients`` in text order, and the markers ready to be fitted."""

    time: float
    patients: pd.DataFrame
    markers: tuple[MarkerData, ...]


@dataclass(frozen=True, repr=False)
class Stacks(ShortRepr):
    """All landmarks as arrays, a row per patient and landmark, landmark by landmark.

    `who` (N,) the patient's place among `people`; `landmark` (N,) its number; `x` (N, c) coded covariates; `event` (N,)
    within the window, `followup` (N,) cut at its end; `stratum` (N,) of landmark and outcome.strata together.
    """

    people: tuple[str, ...]
    times: tuple[float, ...]
    who: Integers
    landmark: Integers
    x: Floats
    covariates: tuple[str, ...]
    followup: Floats
    event: NDArray[np.bool_]
    stratum: Integers
    fold_stratum: Integers

    @staticmethod
    def of(study: Study, landmarks: Sequence[Landmark]) -> Stacks:
        """Stack the landmarks of a study."""
        window = max(study.outcome.horizons)
        whole = pd.concat([one.patients.assign(landmark_=number) for number, one in enumerate(landmarks)])
        whole = whole.assign(patient=whole["patient"].astype(str)).reset_index(drop=True)
        people = tuple(sorted(set(whole["patient"])))
        coding = CovariateCoding.learn(whole, study.outcome.covariates)
        strata = StratumCoding.learn(whole, study.outcome.strata)
        happened = (whole["event"] == 1).to_numpy()
        followup = whole["followup"].to_numpy(dtype=float)
        number = whole["landmark_"].to_numpy(dtype=np.int64)
        who = pd.Index(people).get_indexer(pd.Index(whole["patient"])).astype(np.int64)
        # Folds are balanced by what ended a patient's follow-up, the same at every landmark.
        events = np.zeros(len(people), dtype=np.int64)
        events[who] = whole["event"].to_numpy(dtype=np.int64)
        return Stacks(
            people=people,
            times=tuple(one.time for one in landmarks),
            who=who,
            landmark=number,
            x=coding.matrix(whole),
            covariates=coding.terms,
            followup=np.minimum(followup, window),
            event=happened & (followup <= window),
            stratum=number * len(strata.levels) + strata.codes(whole),
            fold_stratum=events,
        )

    @property
    def middle(self) -> float:
        """The mean landmark, from which a coefficient's change is counted."""
        return float(np.mean(self.times))

    @property
    def shift(self) -> Floats:
        """(N,) landmark minus `middle`."""
        return np.asarray(self.times)[self.landmark] - self.middle


@dataclass(frozen=True, repr=False)
class Scores(ShortRepr):
    """Level and slope (N, M) of every stacked row; `out` (L, M): slopes that a landmark cannot tell from the levels."""

    level: Floats
    slope: Floats
    out: NDArray[np.bool_]


def scores(
    stacks: Stacks, landmarks: Sequence[Landmark], resamples: Sequence[Resample], folds: int, threads: int
) -> list[Scores]:
    """Stage 1 at every landmark on each of the `resamples`, whose counts and folds are of `stacks.people`."""
    markers = len(landmarks[0].markers)
    level, slope = np.full((2, len(resamples), len(stacks.who), markers), np.nan)
    out = np.zeros((len(resamples), len(landmarks), markers), dtype=bool)
    for number, one in enumerate(landmarks):
        rows = np.flatnonzero(stacks.landmark == number)
        own = stacks.who[rows]
        here = [Resample(resample.counts[own], resample.fold[:, own]) for resample in resamples]
        for m, data in enumerate(one.markers):
            stage = stage_one(data, here, folds, threads)
            level[:, rows, m], slope[:, rows, m] = stage.level, stage.slope
            out[:, number, m] = stage.singular | stage.flat
    return [Scores(level[b], slope[b], out[b]) for b in range(len(resamples))]


@dataclass(frozen=True)
class SupermodelEstimates:
    """Coefficients per SD of each landmark's own model (L, k), of the common one (k,), and of one that changes (2, k).

    `robust`: standard errors in the same shapes, `at_se` (L, k) those of the changing coefficient at each landmark;
    missing where they were not asked for. Missing terms were left out.
    """

    separate: Floats
    common: Floats
    changing: Floats
    robust: Mapping[str, Floats]


@dataclass(frozen=True)
class Chosen:
    """Which columns are in the common model (k,) and in each landmark's own (L, k)."""

    common: NDArray[np.bool_]
    separate: NDArray[np.bool_]


def supported(stacks: Stacks, made: Scores, step: str, counts: Integers, limit: float) -> Chosen:
    """The columns that patients with `counts` (people,) > 0 can support; slopes correlate with levels up to `limit`."""
    copies, x = counts[stacks.who], _columns(stacks, made, step)
    common = _kept(stacks, made, step, x, copies > 0, np.asarray(made.out.all(axis=0)), limit)
    separate = [
        common & _kept(stacks, made, step, x, copies * (stacks.landmark == number) > 0, made.out[number], limit)
        for number in range(len(stacks.times))
    ]
    return Chosen(common, np.array(separate))


def _within(stacks: Stacks, chosen: NDArray[np.bool_], own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The `chosen` columns (k,) less covariates that a resample does not have in its `own` (k,); none where it lacks a
    marker's column: it would be another model."""
    kept = chosen & own
    lacks = (chosen & ~own)[len(stacks.covariates) :].any()
    return np.zeros_like(kept) if lacks else kept


def estimate(
    stacks: Stacks, made: Scores, step: str, scale: Floats, counts: Integers, errors: bool,
    chosen: Chosen | None = None,
) -> SupermodelEstimates:  # fmt: skip
    """Fit the three models of one step to the patients with `counts` (people,) > 0; columns in units of `scale`.

    `chosen` on everybody are the columns that a resample's models have; one that cannot have them is not fitted.
    """
    copies = counts[stacks.who]
    x = _columns(stacks, made, step) / scale
    own_columns = supported(stacks, made, step, counts, COLLINEAR if chosen is None else INSEPARABLE)
    chosen = chosen or own_columns
    kept = _within(stacks, chosen.common, own_columns.common)
    covariates, k, times = len(stacks.covariates), x.shape[1], np.asarray(stacks.times)
    moving = np.flatnonzero(kept & (np.arange(k) >= covariates))
    separate, common, changing = np.full((len(times), k), np.nan), np.full(k, np.nan), np.full((2, k), np.nan)
    robust = {"separate": separate.copy(), "common": common.copy(), "changing": changing.copy()}
    robust["at"] = separate.copy()
    columns = np.flatnonzero(kept)
    for number in range(len(times)):
        rows = copies * (stacks.landmark == number)
        own = np.flatnonzero(_within(stacks, chosen.separate[number], own_columns.separate[number]))
        if not len(own):
            continue
        separate[number, own], cov = _fit(stacks, x[:, own], rows, errors)
        robust["separate"][number, own] = np.sqrt(np.diag(cov))
    if not len(columns):
        return SupermodelEstimates(separate, common, changing, robust)
    common[columns], cov = _fit(stacks, x[:, columns], copies, errors)
    robust["common"][columns] = np.sqrt(np.diag(cov))
    both = np.column_stack([x[:, columns], x[:, moving] * stacks.shift[:, None]])
    beta, cov = _fit(stacks, both, copies, errors)
    changing[0, columns], changing[1, moving] = beta[: len(columns)], beta[len(columns) :]
    found = np.sqrt(np.diag(cov))
    robust["changing"][0, columns], robust["changing"][1, moving] = found[: len(columns)], found[len(columns) :]
    for place, column in enumerate(moving):
        first, second = int(np.flatnonzero(columns == column)[0]), len(columns) + place
        shift = times - stacks.middle
        variance = cov[first, first] + 2 * shift * cov[first, second] + shift**2 * cov[second, second]
        robust["at"][:, column] = np.sqrt(variance)
    return SupermodelEstimates(separate, common, changing, robust)


def _fit(stacks: Stacks, x: Floats, copies: Integers, errors: bool) -> tuple[Floats, Floats]:
    """Coefficients of a Cox model stratified by landmark, and their sandwich by patient (missing if not asked for)."""
    rows = np.flatnonzero(copies > 0)
    own = x[rows]
    stratum = np.unique(stacks.stratum[rows], return_inverse=True)[1]
    fitted = fit_cox(own, stacks.followup[rows], stacks.event[rows], strata=stratum, counts=copies[rows])
    beta = np.where(fitted.aliased, np.nan, fitted.beta)
    if np.isnan(fitted.standard_errors).any():  # aliased, or without end
        return np.where(fitted.message == "", beta, np.nan), np.full((x.shape[1], x.shape[1]), np.nan)
    if not errors:
        return beta, fitted.covariance
    return beta, robust_covariance(
        own, stacks.followup[rows], stacks.event[rows], beta, fitted.covariance, stacks.who[rows], stratum
    )


def terms_of(stacks: Stacks, markers: Sequence[str], step: str) -> tuple[str, ...]:
    """Covariates, then each marker's level, and slope where the step has it."""
    quantities = ("level", "slope") if step == "slope" else ("level",)
    return (*stacks.covariates, *(f"{marker}.{quantity}" for marker in markers for quantity in quantities))


def _columns(stacks: Stacks, made: Scores, step: str) -> Floats:
    blocks = [stacks.x]
    for m in range(made.level.shape[1]):
        blocks += [made.level[:, [m]], made.slope[:, [m]]] if step == "slope" else [made.level[:, [m]]]
    return np.concatenate(blocks, axis=1)


def _kept(
    stacks: Stacks, made: Scores, step: str, x: Floats, rows: NDArray[np.bool_], out: NDArray[np.bool_], limit: float
) -> NDArray[np.bool_]:
    """Columns (k,) that vary in the `rows` (N,); a slope stays out that correlates with the level above `limit` there,
    or that is `out` (M,) (docs/methods.md, section 4)."""
    if not rows.any():
        return np.zeros(x.shape[1], dtype=bool)
    kept = np.ptp(x[rows], axis=0) > 1e-9 * np.abs(x[rows]).max(axis=0, initial=0.0)
    for m in range(made.level.shape[1]) if step == "slope" else ():
        both = np.stack([made.level[rows, m], made.slope[rows, m]])
        alike = out[m] or bool((both.std(axis=1) == 0).any())
        if alike or not abs(np.corrcoef(both)[0, 1]) <= limit:
            kept[len(stacks.covariates) + 2 * m + 1] = False
    return np.asarray(kept)


def supermodel(study: Study, landmarks: Sequence[Landmark], threads: int = 1) -> pd.DataFrame:
    """The table ``supermodel``; without rows where the study has too few events for it, or no survival outcome."""
    if not study.kind.timed:
        return empty()
    stacks = Stacks.of(study, landmarks)
    names = [data.marker for data in landmarks[0].markers]
    if not enough(study, stacks, names):
        return empty()
    once = np.ones(len(stacks.people), dtype=np.int64)
    plan = BootstrapPlan(study.outcome.bootstrap, study.crossfit.folds, study.crossfit.repeats, study.seed)
    whole = scores(stacks, landmarks, [_folded(plan, stacks, once, "supermodel")], plan.folds, threads)[0]
    parts = []
    draws = _resampled(plan, stacks, landmarks, whole, threads)
    for step in ("level", "slope"):
        x = _columns(stacks, whole, step)
        scale = _scale(x)
        found = estimate(stacks, whole, step, scale, once, errors=True)
        parts.append(_rows(study, stacks, step, terms_of(stacks, names, step), scale, found, draws[step]))
    return pd.concat(parts, ignore_index=True)


def enough(study: Study, stacks: Stacks, markers: Sequence[str]) -> bool:
    """Whether patients with an event suffice for a model without a penalty, as ``outcome.penalty`` counts them."""
    patients = len(set(stacks.who[stacks.event].tolist()))
    needed = EVENTS_PER_COEFFICIENT * len(terms_of(stacks, markers, "slope"))
    return study.outcome.penalty == "none" or (study.outcome.penalty == "auto" and patients >= needed)


def empty() -> pd.DataFrame:
    """The table without rows."""
    return pd.DataFrame({name: pd.Series(dtype="object" if place in (0, 1, 2, 3, 5) else "float64")
                         for place, name in enumerate(COLUMNS)})  # fmt: skip


def _scale(x: Floats) -> Floats:
    spread = x.std(axis=0, ddof=1)
    return np.where(spread > 0, spread, 1.0)


def _folded(plan: BootstrapPlan, stacks: Stacks, counts: Integers, *name: str | int) -> Resample:
    """`counts` (people,) with a fold for everybody who is drawn, the same at every landmark."""
    rng = generator(plan.seed, *name, "folds")
    drawn = np.flatnonzero(counts)
    fold = np.zeros((plan.repeats, len(counts)), dtype=np.int64)
    for repeat in range(plan.repeats):
        fold[repeat, drawn] = assign(stacks.fold_stratum[drawn], plan.folds, rng)
    return Resample(counts, fold)


def _resampled(
    plan: BootstrapPlan, stacks: Stacks, landmarks: Sequence[Landmark], whole: Scores, threads: int
) -> dict[str, list[SupermodelEstimates]]:
    """The estimates of both steps on each resample of the patients, through both stages."""
    found: dict[str, list[SupermodelEstimates]] = {"level": [], "slope": []}
    scale = {step: _scale(_columns(stacks, whole, step)) for step in found}
    n = len(stacks.people)
    everybody = np.ones(n, dtype=np.int64)
    chosen = {step: supported(stacks, whole, step, everybody, COLLINEAR) for step in found}
    for start in range(0, plan.replicates, RESAMPLES_AT_ONCE):
        resamples = []
        for b in range(start, min(start + RESAMPLES_AT_ONCE, plan.replicates)):
            rng = generator(plan.seed, "supermodel", b)
            counts = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.int64)
            resamples.append(_folded(plan, stacks, counts, "supermodel", b))
        made = scores(stacks, landmarks, resamples, plan.folds, threads)
        for resample, own in zip(resamples, made, strict=True):
            for step, kept in found.items():
                kept.append(estimate(stacks, own, step, scale[step], resample.counts, False, chosen[step]))
    return found


def _stack(draws: Sequence[SupermodelEstimates], of: Callable[[SupermodelEstimates], Floats]) -> Floats:
    return np.array([of(one) for one in draws])


def _rows(
    study: Study, stacks: Stacks, step: str, terms: Sequence[str], scale: Floats, found: SupermodelEstimates,
    draws: Sequence[SupermodelEstimates],
) -> pd.DataFrame:  # fmt: skip
    """Every model's coefficients of one step, per unit and per SD, with both kinds of interval."""
    times, shift = stacks.times, np.asarray(stacks.times) - stacks.middle

    def at(one: SupermodelEstimates) -> Floats:
        return one.changing[0] + np.outer(shift, np.nan_to_num(one.changing[1]))

    models: list[tuple[str, list[float], Floats, Floats, Floats]] = [
        ("separate", list(times), found.separate, found.robust["separate"], _stack(draws, lambda e: e.separate)),
        ("common", [np.nan], found.common[None], found.robust["common"][None], _stack(draws, lambda e: e.common[None])),
        ("changing", list(times), at(found), found.robust["at"], _stack(draws, at)),
        ("change", [np.nan], found.changing[1:], found.robust["changing"][1:], _stack(draws, lambda e: e.changing[1:])),
    ]
    rows = []
    for model, places, value, error, drawn in models:
        low, high, _ = percentile_interval(drawn) if len(drawn) else (np.full_like(value, np.nan),) * 2 + (0,)
        used = np.isfinite(drawn).sum(axis=0) if len(drawn) else np.zeros(value.shape)
        for number, landmark in enumerate(places):
            for column, term in enumerate(terms):
                if model in ("changing", "change") and column < len(stacks.covariates):
                    continue  # effects of covariates are the same at all landmarks
                for kind, unit in (("unit", scale[column]), ("sd", 1.0)):
                    estimate_, se = value[number, column] / unit, error[number, column] / unit
                    rows.append(
                        (step, study.causes[0], term, model, landmark, kind, estimate_, se, np.exp(estimate_),
                         estimate_ - 1.96 * se, estimate_ + 1.96 * se, 2.0 * ndtr(-abs(estimate_ / se)),
                         low[number, column] / unit, high[number, column] / unit, float(used[number, column]))
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=COLUMNS)
