"""Learning and fitting the whole ladder on one set of training patients, and the model that one ships.

`fit_ladder` works on plain arrays, because validation and the bootstrap call it thousands of times; `fit_outcome`
dresses its result as the tables ``outcome/coefficients`` and ``outcome/ledger``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.ipcw import check_horizons
from slopewise.outcome.choices import (
    choice_notes,
    cohort_growth,
    flat_slopes,
    growth_flags,
    learn_recipe,
    scores_of,
    with_choices,
)
from slopewise.outcome.coefficients import (
    bootstrap_intervals,
    coefficients_table,
    filled_notes,
    imputed_notes,
    ledger_frame,
    of_cause,
    sparse_notes,
)
from slopewise.outcome.hazards import (
    PICTURED,
    HazardCheck,
    empty_residuals,
    empty_tests,
    residuals_frame,
    score_test,
    tests_frame,
)
from slopewise.outcome.imputation import Imputer, completed
from slopewise.outcome.ladder import LADDER, LadderData, Step, ladder_data
from slopewise.outcome.learners import learner
from slopewise.outcome.models import Learner, Part, StepModel
from slopewise.outcome.pooling import pooled
from slopewise.outcome.predictors import Note, PredictorRecipe, StratumCoding
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.model import Study

__all__ = [
    "LadderData",
    "LadderFit",
    "OutcomeFit",
    "StepFit",
    "StepModel",
    "bootstrap_intervals",
    "check_support",
    "fit_ladder",
    "fit_outcome",
    "fit_step",
    "flat_slopes",
    "growth_flags",
    "ladder_data",
    "learn_recipe",
    "ledger_frame",
    "scores_of",
    "with_choices",
]  # fmt: skip

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class LadderFit(ShortRepr):
    """All steps fitted on the same patients. Estimates (C·T,) and standard errors follow `LadderData.rows`.

    Log hazard ratios (log odds ratios, differences) per unit and per SD of the training patients; missing where a
    term was left out. `df` (C·T,): residual degrees of freedom of the term's model, infinite but for linear models and
    imputed covariates; `penalty` (C·T,) the strength of its elastic net, missing where it has none;
    `missing_information` (C·T,): the share of a coefficient's information that missing covariates take, missing where
    nobody lacks any. `completed`: the training patients' covariates, one array an imputation, and `each` the models of
    each step and cause on each of them. `imputed_from`: the patients (rows of the cohort) whose values taught the
    imputations; nobody where the study has none.
    """

    estimate_unit: Floats
    estimate_sd: Floats
    se_unit: Floats
    se_sd: Floats
    df: Floats
    penalty: Floats
    missing_information: Floats
    models: dict[str, StepModel]
    notes: list[Note]
    completed: list[Floats]
    each: dict[str, list[tuple[Part, ...]]]
    imputed_from: Integers


def fit_ladder(
    data: LadderData,
    level: Floats,
    slope: Floats,
    singular: Flags,
    flat: Flags | None = None,
    counts: Integers | None = None,
    fold: Integers | None = None,
    steps: Sequence[Step] = LADDER,
    same_knots: bool = False,
) -> LadderFit:
    """Learn and fit every step of the ladder (or `steps` of it) on the patients whose count is positive.

    `level`, `slope` (n, M) in the order of `data.patients` and `data.markers`; rows with count 0 are not read.
    `singular` (M,): the marker's growth model on all training patients is singular. `flat` (M,): it has no random
    slope. `counts` (n,): 2 enters a patient as two tied rows; None enters everybody once. `fold` (n,), from 1: the
    folds in which level and slope were cross-fitted, by which a penalty is chosen. `same_knots`: knots and centres of
    derived terms are those of the cohort. Notes say what these patients could not support of what `data.choices` has.
    """
    copies = np.ones(len(data.patients), dtype=np.int64) if counts is None else np.asarray(counts, dtype=np.int64)
    flat = np.zeros(len(data.markers), dtype=bool) if flat is None else flat
    rows = np.flatnonzero(copies > 0)
    copies = copies[rows]
    learn = learner(data, rows, copies, fold)
    filled = completed(data, rows, copies, level, slope)
    models: dict[str, StepModel] = {}
    each: dict[str, list[tuple[Part, ...]]] = {}
    notes: list[Note] = []
    columns: list[list[Floats]] = []
    for step in steps:
        found = fit_step(data, step, learn, (rows, copies), (level, slope), (singular, flat), filled, same_knots)
        notes += found.notes
        each[step.name] = found.each
        recipe, parts = found.model.recipe, found.model.parts
        for cause, part in zip(data.causes, parts, strict=True):
            told = [part.message, "" if part.penalty is None else part.penalty.message]
            notes += [Note(step.name, "", of_cause(data, cause) + text) for text in told if text]
        models[step.name] = found.model
        terms = len(data.step_terms(step))
        own = zip(parts, found.df, found.missing_information, strict=True)
        columns.append([_step_estimates(terms, recipe, *one) for one in own])
    by_cause = [np.concatenate(own, axis=1) for own in zip(*columns, strict=True)]
    unit, se_unit, standard, se_standard, freedom, penalty, lost = np.concatenate(by_cause, axis=1)
    seen = rows if data.imputations else rows[:0]
    return LadderFit(unit, standard, se_unit, se_standard, freedom, penalty, lost, models, notes, filled, each, seen)


@dataclass(frozen=True, repr=False)
class StepFit(ShortRepr):
    """One step fitted: its `model`, pooled over imputations; of each cause the degrees of freedom and the missing
    information of its coefficients (k,); the models on `each` imputation; what these patients did not support."""

    model: StepModel
    df: list[Floats]
    missing_information: list[Floats]
    each: list[tuple[Part, ...]]
    notes: list[Note]


def fit_step(
    data: LadderData, step: Step, learn: Learner, training: tuple[Integers, Integers], scores: tuple[Floats, Floats],
    growth: tuple[Flags, Flags], filled: Sequence[Floats], same_knots: bool = False,
) -> StepFit:  # fmt: skip
    """Learn and fit one step on `training` patients (rows and their copies), whose covariates are `filled`.

    `scores`: level and slope (n, M); `growth`: the flags (M,) of singular fits and of those without a random slope. The
    columns' centre and scale are learned over all imputations together, so that coefficients have one unit.
    """
    rows, copies = training
    raws = [data.raw(step, rows, *scores, own) for own in filled]
    level, slope = (np.tile(values[rows], (len(filled), 1)) for values in scores)
    raw, together = np.concatenate(raws), np.tile(copies, len(filled))
    recipe, notes = learn_recipe(data, step, raw, (level, slope), together, growth, same_knots)
    each = [learn(recipe.standardise(own), recipe.terms) for own in raws]
    imputer = Imputer.learn(data, data.step_terms(step), recipe.terms, raws, copies) if data.imputations else None
    parts, df, information = _of_imputations(each)
    return StepFit(StepModel(recipe, parts, data.horizons, data.strata, imputer), df, information, each, notes)


def _of_imputations(found: Sequence[tuple[Part, ...]]) -> tuple[tuple[Part, ...], list[Floats], list[Floats]]:
    """The model of each cause, pooled over imputations, with degrees of freedom (k,) and missing information (k,)."""
    if len(found) == 1:
        parts = found[0]
        df = [np.full(len(part.beta), getattr(part, "df", np.inf)) for part in parts]
        return parts, df, [np.full(len(part.beta), np.nan) for part in parts]
    made = [pooled(own) for own in zip(*found, strict=True)]
    return tuple(part for part, _, _ in made), [df for _, df, _ in made], [lost for _, _, lost in made]


def _step_estimates(terms: int, recipe: PredictorRecipe, part: Part, df: Floats, information: Floats) -> Floats:
    """Estimate and SE per unit, estimate and SE per SD, degrees of freedom, penalty, missing information of a step's
    terms, (7, terms)."""
    kept = ~np.array(part.aliased, dtype=bool)
    where, scale = recipe.columns[kept], recipe.scale[kept]
    beta, error = part.beta[kept], part.standard_errors[kept]
    strength = np.full(len(beta), np.nan if part.penalty is None else part.penalty.strength)
    found = np.full((7, terms), np.nan)
    own = (beta / scale, error / scale, beta, error, df[kept], strength, information[kept])
    found[:, where] = np.stack(own)
    return found


def check_support(data: LadderData, fold: Integers | None = None) -> None:
    """Refuse with `InputError` what every set of training patients cannot support: a horizon, a rare event.

    `fold` (n,) are outer folds, None without any. Competing events may be rarer: what cannot be computed of them is
    missing, with a line in the ledger.
    """
    if data.kind.timed:
        check_horizons(data.horizons, data.followup, data.event == 1, fold)
        check_strata(data.strata, data.stratum, data.event == 1, fold)
    else:
        check_varies(data.outcome, data.cause, fold)


def check_varies(outcome: Floats, name: str, fold: Integers | None = None) -> None:
    """Refuse with `InputError` an `outcome` (n,) that is the same for all patients outside some fold (n,)."""
    for training in _trainings(len(outcome), fold):
        if np.ptp(outcome[training]) == 0:
            raise InputError(
                f"{name}: the outcome is the same for all training patients of a fold, so nothing can be "
                "learned. Use fewer folds, or another outcome."
            )


def check_strata(strata: StratumCoding, codes: Integers, event: Flags, fold: Integers | None = None) -> None:
    """Refuse with `InputError` a stratum (of `codes`, (n,)) without an event (n,) among the patients outside some fold.

    It would have no baseline, hence no risk. Without columns there is one stratum, of which `check_events` speaks.
    """
    if not strata.columns:
        return
    for training in _trainings(len(event), fold):
        happened = set(codes[training & event].tolist())
        for code, level in enumerate(strata.levels):
            if code not in happened:
                raise InputError(
                    f"outcome.strata: no training patient of {', '.join(strata.columns)} {level} has the event; "
                    "this stratum has no baseline hazard. Merge strata, use fewer folds, or make it a covariate."
                )


def _trainings(patients: int, fold: Integers | None) -> list[Flags]:
    """Who is outside each fold; everybody where there are no folds."""
    labels = [] if fold is None else np.unique(fold).tolist()
    return [fold != label for label in labels] if len(labels) > 1 else [np.ones(patients, dtype=bool)]


@dataclass(frozen=True, repr=False)
class OutcomeFit(ShortRepr):
    """The shipped ladder: tables ``coefficients`` and ``ledger``, `models` for model.json, `apparent` predictions.

    `apparent` is ``outcome/apparent``, with repeat 0 and fold 0: the shipped models scoring their
    own training patients with level and slope from the fit on everybody. `fitted` are the models on their training
    `level` and `slope` (n, M).
    """

    coefficients: pd.DataFrame
    ledger: pd.DataFrame
    models: dict[str, dict[str, Any]]
    apparent: pd.DataFrame
    data: LadderData
    fitted: LadderFit
    level: Floats
    slope: Floats

    def hazards(self) -> HazardCheck:
        """Proportional hazards of every step's models (on the first imputation, where covariates are imputed); nothing
        of penalised ones, and of other outcomes."""
        tests, residuals = [empty_tests()], [empty_residuals()]
        rows = np.arange(len(self.data.patients))
        for step in LADDER if self.data.kind.timed else ():
            model = self.fitted.models[step.name]
            raw = self.data.raw(step, rows, self.level, self.slope, self.fitted.completed[0])
            x, parts = model.recipe.standardise(raw), self.fitted.each[step.name][0]
            for code, (cause, part) in enumerate(zip(self.data.causes, parts, strict=True), start=1):
                free = ~np.array(part.aliased, dtype=bool)
                if not free.any() or part.penalty is not None or np.isnan(part.standard_errors[free]).any():
                    continue
                terms = [term for term, kept in zip(part.terms, free, strict=True) if kept]
                happened = self.data.event == code
                found = score_test(x[:, free], self.data.followup, happened, part.beta[free], None, self.data.stratum)
                tests.append(tests_frame(step.name, cause, terms, found))
                if step.name == PICTURED:
                    residuals.append(residuals_frame(step.name, cause, terms, found))
        return HazardCheck(pd.concat(tests, ignore_index=True), pd.concat(residuals, ignore_index=True))


def fit_outcome(
    study: Study, patients: pd.DataFrame, slopes: pd.DataFrame, crossfit: pd.DataFrame, fits: pd.DataFrame,
    filters: pd.DataFrame | None = None,
) -> OutcomeFit:  # fmt: skip
    """Fit the ladder that one ships: on everybody, with cross-fitted levels and slopes (means over repeats).

    `filters`: the table ``slopes/filters``, of which everybody's part is withheld.
    """
    data = with_choices(ladder_data(study, patients, slopes, filters), crossfit, fits)
    check_support(data)
    level, slope, _ = scores_of(data, slopes)
    singular, flat, fold = cohort_growth(data, crossfit, fits)
    fitted = fit_ladder(data, level, slope, singular, flat=flat, fold=fold)
    own = crossfit[crossfit["scheme"] == "crossfit"]
    in_sample_level, in_sample_slope, _ = scores_of(data, own[(own["repeat"] == 0) & (own["fold"] == 0)])
    everybody = np.arange(len(data.patients))
    notes = [*choice_notes(data), *fitted.notes, *filled_notes(data), *imputed_notes(data)]
    notes += sparse_notes(data, fitted.models)
    return OutcomeFit(
        coefficients=coefficients_table(
            data,
            (fitted.estimate_unit, fitted.se_unit),
            (fitted.estimate_sd, fitted.se_sd),
            fitted.df,
            fitted.penalty,
            fitted.missing_information,
        ),
        ledger=ledger_frame([(0, 0, note) for note in notes]),
        models={name: model.to_dict() for name, model in fitted.models.items()},
        apparent=predictions_frame(data, fitted.models, in_sample_level, in_sample_slope, everybody, 0, 0),
        data=data,
        fitted=fitted,
        level=level,
        slope=slope,
    )


def predictions_frame(
    data: LadderData, models: Mapping[str, StepModel], level: Floats, slope: Floats, rows: Integers, repeat: int,
    fold: int,
) -> pd.DataFrame:  # fmt: skip
    """Predictions of every step for the patients `rows` of the cohort, with the columns of ``outcome/predictions``."""
    horizons, parts = len(data.horizons), []
    patient = np.repeat(np.array(data.patients, dtype=object)[rows], horizons)
    for step in LADDER:
        raw = data.raw(step, rows, level, slope)
        scores, risks = models[step.name].linear_predictors(raw), models[step.name].risks(raw, data.stratum[rows])
        for c, cause in enumerate(data.causes):
            parts.append(
                pd.DataFrame(
                    {
                        "patient": patient,
                        "predictors": step.name,
                        "cause": cause,
                        "repeat": repeat,
                        "fold": fold,
                        "linear_predictor": np.repeat(scores[:, c], horizons),
                        "horizon": np.tile(data.horizons, len(rows)),
                        "risk": risks[:, c].ravel(),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)
