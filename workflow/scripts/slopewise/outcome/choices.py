"""Choices between kinds of model, made once on the cohort and imposed on every set of training patients.

Which terms enter a step (the collinearity gate, docs/methods.md, section 4), and where the knots of the bootstrap lie.
If they were decided anew in each training set, the validation would judge, and the bootstrap would mix, other kinds of
model than the one that is shipped. They look at no outcome. What a training set cannot support although it was chosen
(a slope without variance there, a level of a covariate that nobody has) is left out of it, with a line in the ledger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.outcome.cox import independent
from slopewise.outcome.ladder import LADDER, Choices, LadderData, Step
from slopewise.outcome.learners import is_penalised
from slopewise.outcome.predictors import (
    COLLINEAR,
    INSEPARABLE,
    Note,
    PredictorRecipe,
    marker_of,
    slopes_left_out,
)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

SAME = 1e-10
"""1 less the absolute correlation of one predictor on two scales; the variance left of a linear combination."""
MOST_COMBINED = 300
"""Among so many predictors linear combinations of several are looked for."""
SHARED = "both stay, and the penalty divides the coefficient between them"


def with_choices(data: LadderData, crossfit: pd.DataFrame, fits: pd.DataFrame) -> LadderData:
    """`data` with the choices between kinds of model made, on the cohort and without looking at the outcome.

    Tables as in `tables`: ``slopes/crossfit``, of whose cross-fitted levels and slopes the mean over repeats is read,
    and ``growth/fits``.
    """
    own = crossfit[(crossfit["scheme"] == "crossfit") & (crossfit["repeat"] > 0)]
    scores = [scores_of(data, part)[:2] for _, part in own.groupby("repeat", sort=True)]
    level, slope = np.mean(scores, axis=0)
    singular, flat, _ = cohort_growth(data, crossfit, fits)
    rows = np.arange(len(data.patients))
    penalised = all(is_penalised(data))
    left_out, derived, repeated = {}, {}, {}
    for step in LADDER:
        gate = slopes_left_out(step.name, data.markers, level, slope, np.ones_like(rows), singular, flat)
        raw = data.raw(step, rows, level, slope)
        recipe, reasons = PredictorRecipe.learn(
            step.name, data.step_terms(step), raw, np.ones_like(rows), gate, data.coding, penalised
        )
        left_out[step.name], derived[step.name] = reasons, recipe.derived
        repeated[step.name] = repeated_terms(recipe.standardise(raw), recipe.terms) if penalised else {}
    return replace(data, choices=Choices(left_out, derived, repeated))


def repeated_terms(x: Floats, terms: Sequence[str]) -> dict[str, str]:
    """The predictors `x` (n, k) that a penalised model keeps although others determine them, with a sentence each.

    A penalised model has a minimum all the same; how it divides a coefficient between such terms is the penalty's work,
    not a finding. Linear combinations of several terms are looked for where there are fewer predictors than patients
    (and at most `MOST_COMBINED`), pairs always.
    """
    length = np.sqrt((x**2).sum(axis=0))
    correlation = (x / length).T @ (x / length)
    found = {}
    for place in map(int, np.flatnonzero((np.abs(np.triu(correlation, 1)) > 1 - SAME).any(axis=0))):
        twin = int(np.argmax(np.abs(correlation[:place, place]) > 1 - SAME))
        found[terms[place]] = f"{terms[place]} is the same predictor as {terms[twin]} on another scale; {SHARED}"
    if len(terms) < min(len(x), MOST_COMBINED + 1):
        for place in map(int, np.flatnonzero(~independent(correlation, SAME))):
            text = f"{terms[place]} is a linear combination of the predictors before it; {SHARED}"
            found.setdefault(terms[place], text)
    return {term: found[term] for term in terms if term in found}


def choice_notes(data: LadderData) -> list[Note]:
    """The ledger's lines of what the cohort's choices leave out, and of what they keep although others determine it."""
    made = () if data.choices is None else (data.choices.left_out, data.choices.repeated)
    return [
        Note(step, marker_of(term, data.coding), reason)
        for notes in made
        for step, reasons in notes.items()
        for term, reason in reasons.items()
    ]


def learn_recipe(
    data: LadderData, step: Step, raw: Floats, scores: tuple[Floats, Floats], copies: Integers,
    growth: tuple[Flags, Flags], same_knots: bool = False,
) -> tuple[PredictorRecipe, list[Note]]:  # fmt: skip
    """The columns of a step from training patients with `copies` (n,) > 0: the cohort's choices, less what they lack.

    `raw` (n, k) predictors of the step, `scores` level and slope (n, M), `growth` the flags (M,) of singular fits and
    of those without a random slope.
    """
    chosen = data.choices
    imposed = {} if chosen is None else chosen.left_out[step.name]
    fixed = chosen.derived[step.name] if chosen is not None and same_knots else ()
    limit = COLLINEAR if chosen is None else INSEPARABLE
    left_out = slopes_left_out(step.name, data.markers, *scores, copies, *growth, limit)
    terms = data.step_terms(step)
    filtered = data.withheld.reasons(terms, data.coding.terms)  # listed in slopes/filters, not in the ledger
    recipe, reasons = PredictorRecipe.learn(
        step.name, terms, raw, copies, {**left_out, **imposed, **filtered}, data.coding, all(is_penalised(data)), fixed
    )
    lines = {term: reason for term, reason in reasons.items() if term not in imposed and term not in filtered}
    return recipe, [Note(step.name, marker_of(term, data.coding), reason) for term, reason in lines.items()]


def cohort_growth(data: LadderData, crossfit: pd.DataFrame, fits: pd.DataFrame) -> tuple[Flags, Flags, Integers]:
    """Which markers (M,) are singular on everybody, which have flat slopes, and the first repeat's folds (n,)."""
    _, slope, fold = scores_of(data, crossfit[(crossfit["scheme"] == "crossfit") & (crossfit["repeat"] == 1)])
    whole = (fits["scheme"] == "crossfit") & (fits["repeat"] == 0) & (fits["fold"] == 0)
    singular, without = growth_flags(data, fits[whole])
    return singular, without | flat_slopes(slope, fold), fold


def flat_slopes(slope: Floats, fold: Integers, counts: Integers | None = None) -> Flags:
    """Which markers' slopes (n, M) do not vary between the patients of a fold, but between folds at most.

    `fold` (n,) labels the fit that scored each patient; rows with count 0 are not read.
    """
    rows = np.ones(len(slope), dtype=bool) if counts is None else np.asarray(counts) > 0
    slope, fold = slope[rows], np.asarray(fold)[rows]
    within = np.zeros(slope.shape[1])
    for label in np.unique(fold):
        own = slope[fold == label]
        seen = ~np.isnan(own)
        low = np.where(seen, own, np.inf).min(axis=0, initial=np.inf)
        high = np.where(seen, own, -np.inf).max(axis=0, initial=-np.inf)
        within = np.maximum(within, np.where(seen.any(axis=0), high - low, 0.0))
    return within <= 1e-9 * np.abs(np.nan_to_num(slope)).max(axis=0, initial=0.0)


def scores_of(data: LadderData, scores: pd.DataFrame) -> tuple[Floats, Floats, Integers]:
    """Level and slope (n, M) and the fold that scored each patient (n,; -1 for none) from rows of ``slopes/crossfit``.

    One row per patient and marker; patients without a row are missing.
    """
    patient = pd.Index(data.patients).get_indexer(pd.Index(scores["patient"].astype(str)))
    marker = pd.Index(data.markers).get_indexer(pd.Index(scores["marker"].astype(str)))
    known = (patient >= 0) & (marker >= 0)
    patient, marker = patient[known], marker[known]
    if len(np.unique(patient * len(data.markers) + marker)) < len(patient):
        raise ValueError("scores: a patient has more than one row of a marker")
    level, slope = np.full((2, len(data.patients), len(data.markers)), np.nan)
    level[patient, marker] = scores["level"].to_numpy(dtype=float)[known]
    slope[patient, marker] = scores["slope"].to_numpy(dtype=float)[known]
    fold = np.full(len(data.patients), -1, dtype=np.int64)
    if "fold" in scores.columns:
        fold[patient] = scores["fold"].to_numpy(dtype=np.int64)[known]
    return level, slope, fold


def growth_flags(data: LadderData, fits: pd.DataFrame) -> tuple[Flags, Flags]:
    """Per marker (M,): is its fit singular, has it no random slope? From one row of ``growth/fits`` a marker."""
    own = fits.set_index(fits["marker"].astype(str)).reindex(list(data.markers))
    if own["structure"].isna().any() or own.index.has_duplicates:
        raise ValueError(f"growth/fits: exactly one fit a marker is needed, got {len(fits)} for {len(data.markers)}")
    return own["singular"].to_numpy(dtype=bool), own["structure"].isin(["intercept", "excluded"]).to_numpy(dtype=bool)
