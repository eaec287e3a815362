"""The learner of a step, by the kind of outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from slopewise.outcome.cox import fit_cox, risk_sets
from slopewise.outcome.glm import GlmFit, fit_linear, fit_logistic
from slopewise.outcome.ladder import LADDER, LadderData
from slopewise.outcome.models import Floats, Integers, Learner, Part
from slopewise.outcome.penalised import penalised_cox, penalised_glm
from slopewise.outcome.predictors import marker_of
from slopewise.study.kinds import EVENTS_PER_COEFFICIENT


def is_penalised(data: LadderData) -> tuple[bool, ...]:
    """Whether each cause's models (C,) are penalised: what the study says; ``auto`` counts the cohort's events (the
    rarer outcome of a binary one, patients if continuous) against the coefficients of the largest step.

    Decided once, on the cohort: a training set has fewer events, and could validate another kind of model than is
    shipped.
    """
    if data.penalty != "auto":
        return (data.penalty != "none",) * len(data.causes)
    terms = max(len(data.step_terms(step)) for step in LADDER)
    patients = len(data.patients)
    events = [int((data.event == code).sum()) for code in range(1, len(data.causes) + 1)]
    found = [data.kind.informative(count, patients) for count in events]
    return tuple(count < EVENTS_PER_COEFFICIENT * terms for count in found)


def learner(data: LadderData, rows: Integers, copies: Integers, fold: Integers | None = None) -> Learner:
    """How a step is fitted to the patients `rows` with `copies` > 0; what all steps share is made once.

    `fold` (n,) of all patients of the cohort, from 1: the folds of the training patients by which a penalty is chosen.
    """
    penalised = is_penalised(data)
    inner = np.zeros(len(rows), dtype=np.int64) if fold is None else np.asarray(fold, dtype=np.int64)[rows]
    if any(penalised) and (inner < 1).any():
        raise ValueError("a penalty is chosen by folds of the training patients: every one needs a fold")
    return LEARNERS[data.kind.name](data, rows, copies, inner, penalised)


def groups_of(data: LadderData, terms: Sequence[str]) -> Integers | None:
    """The group (k,) of each of a step's `terms` under ``outcome.penalty: group``, None under another penalty.

    The quantities of a marker are a group, and so are the levels of a categorical covariate.
    """
    if data.penalty != "group":
        return None
    levels = {f"{name}[{level}]": name for name, known in data.coding.covariates for level in known or ()}
    names = [levels.get(term) or marker_of(term, data.coding) or term for term in terms]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _cox(data: LadderData, rows: Integers, copies: Integers, inner: Integers, penalised: tuple[bool, ...]) -> Learner:
    """Cox regression of each cause, over risk sets that all steps share."""
    followup, event = data.followup[rows], data.event[rows]
    shared = risk_sets(followup, event > 0, strata=data.stratum[rows])
    sets = [replace(shared, event=(event == code)[shared.order]) for code in range(1, len(data.causes) + 1)]
    moments = data.horizons
    if len(data.causes) > 1:
        known = np.unique(followup[(event > 0) & (followup <= max(data.horizons))])
        moments = tuple(known.tolist())

    def fit(x: Floats, terms: Sequence[str]) -> tuple[Part, ...]:
        return tuple(
            penalised_cox(x, copies, inner, own, moments, terms, groups_of(data, terms))
            if shrunk and x.shape[1]
            else fit_cox(x, followup, event, counts=copies, horizons=moments, terms=terms, sets=own)
            for own, shrunk in zip(sets, penalised, strict=True)
        )

    return fit


def _logistic(
    data: LadderData, rows: Integers, copies: Integers, inner: Integers, penalised: tuple[bool, ...]
) -> Learner:
    """Logistic regression; a step without predictors has nothing to penalise."""
    return _regression(data, rows, copies, inner, penalised[0], "logit", fit_logistic)


def _linear(
    data: LadderData, rows: Integers, copies: Integers, inner: Integers, penalised: tuple[bool, ...]
) -> Learner:
    """Linear regression; a step without predictors has nothing to penalise."""
    return _regression(data, rows, copies, inner, penalised[0], "identity", fit_linear)


def _regression(
    data: LadderData, rows: Integers, copies: Integers, inner: Integers, shrunk: bool, link: str,
    plain: Callable[..., GlmFit],
) -> Learner:  # fmt: skip
    outcome = data.outcome[rows]

    def fit(x: Floats, terms: Sequence[str]) -> tuple[Part, ...]:
        if shrunk and x.shape[1]:
            return (penalised_glm(x, outcome, copies, inner, link, terms, groups_of(data, terms)),)
        return (plain(x, outcome, counts=copies, terms=terms),)

    return fit


LEARNERS: dict[str, Callable[[LadderData, Integers, Integers, Integers, tuple[bool, ...]], Learner]] = {
    "survival": _cox,
    "binary": _logistic,
    "continuous": _linear,
}
"""By kind of outcome; `study.kinds.Kind` says which kinds predict nothing and need none."""
