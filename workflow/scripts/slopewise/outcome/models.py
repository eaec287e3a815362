"""What one step of the ladder is fitted with, for every kind of outcome, and the absolute risks that come of it.

- survival: a Cox model; risk = 1 − exp(−H(t)).
- competing events: a Cox model of each cause (the other causes censor). Absolute risk of cause c combines all of them,
  F_c(t|x) = Σ S(u−|x) (1 − exp(−dH(u|x))) dH_c(u|x) / dH(u|x) over event times u <= t, with dH the sum over causes and
  S = exp(−ΣH): the exponential of each jump's transition matrix, as R's `survfit` has it for a multi-state `coxph`.
  Risks and the probability of no event add up to 1, and with one cause it is 1 − exp(−H(t)).
- binary: a logistic model. continuous: a linear model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.outcome.cox import CoxFit, fit_cox, risk_sets, scaled
from slopewise.outcome.glm import GlmFit, fit_linear, fit_logistic
from slopewise.outcome.ladder import STEPS, LadderData
from slopewise.outcome.penalised import penalised_cox, penalised_glm
from slopewise.outcome.predictors import PredictorRecipe, StratumCoding

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Part = CoxFit | GlmFit
Learner = Callable[[Floats, Sequence[str]], tuple[Part, ...]]


EVENTS_PER_COEFFICIENT = 10
"""With fewer events (patients, if continuous) a coefficient of the largest step, ``outcome.penalty: auto`` is a net."""

ONE_STRATUM = StratumCoding((), ("",))


@dataclass(frozen=True)
class StepModel:
    """One step of the ladder, learned: how predictors become columns, and a model of each cause on those columns.

    Without competing events there is one cause, hence one part. `horizons` (H,) of the risks. Each stratum of
    `strata` has its own baseline; `stratum` (n,) are codes, None where there is one stratum.
    """

    recipe: PredictorRecipe
    parts: tuple[Part, ...]
    horizons: tuple[float, ...]
    strata: StratumCoding = ONE_STRATUM

    @property
    def cox(self) -> CoxFit:
        """The Cox model of the event."""
        if not isinstance(self.parts[0], CoxFit):
            raise TypeError("this outcome has no Cox model")
        return self.parts[0]

    @property
    def residual_sd(self) -> float:
        """Scatter of a continuous outcome around its prediction; missing for every other outcome."""
        first = self.parts[0]
        return first.residual_sd if isinstance(first, GlmFit) else float("nan")

    def linear_predictors(self, raw: Floats) -> Floats:
        """Linear predictor of each cause (n, C) from the step's predictors `raw` (n, k)."""
        x = self.recipe.standardise(raw)
        return np.stack([part.linear_predictor(x) for part in self.parts], axis=1)

    def risks(self, raw: Floats, stratum: Integers | None = None) -> Floats:
        """Absolute risk of each cause by each horizon (n, C, H) from `raw` (n, k); a prediction if continuous."""
        return self._risks(self.recipe.standardise(raw), stratum)

    def linear_predictor(self, raw: Floats) -> Floats:
        """Linear predictor (n,) of the event; for a Cox model the log hazard ratio against the training means."""
        return self.linear_predictors(raw)[:, 0]

    def risk(self, raw: Floats, stratum: Integers | None = None) -> Floats:
        """Absolute risk (n, H) of the event."""
        return self.risks(raw, stratum)[:, 0]

    def predict(self, patients: pd.DataFrame, values: pd.DataFrame) -> tuple[Floats, Floats]:
        """Linear predictor (n,) and risk (n, horizons) of the event from frames; see `PredictorRecipe.apply`."""
        x = self.recipe.apply(patients, values)
        return self.parts[0].linear_predictor(x), self._risks(x, self.strata.codes(patients))[:, 0]

    def _risks(self, x: Floats, stratum: Integers | None) -> Floats:
        first = self.parts[0]
        if isinstance(first, GlmFit):
            return first.risk(x)[:, None, :]
        if len(self.parts) == 1:
            return first.risk(x, stratum)[:, None, :]
        parts = [part for part in self.parts if isinstance(part, CoxFit)]
        return combined_risks(parts, x, self.horizons, stratum)

    def to_dict(self) -> dict[str, Any]:
        """Plain content for ``model.json``; coefficients are per SD. With competing events ``causes`` holds each."""
        head: dict[str, Any] = {"recipe": self.recipe.to_dict()}
        if self.strata.columns:
            head["strata"] = {"columns": list(self.strata.columns), "levels": list(self.strata.levels)}
        if isinstance(self.parts[0], GlmFit):
            return {**head, "glm": self.parts[0].to_dict()}
        if len(self.parts) == 1:
            return {**head, "cox": self.parts[0].to_dict()}
        return {**head, "horizons": list(self.horizons), "causes": [part.to_dict() for part in self.parts]}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> StepModel:
        """The inverse of `to_dict`."""
        recipe = PredictorRecipe.from_dict(content["recipe"])
        told = content.get("strata", {"columns": (), "levels": ("",)})
        strata = StratumCoding(tuple(told["columns"]), tuple(told["levels"]))
        if "glm" in content:
            return cls(recipe, (GlmFit.from_dict(content["glm"]),), (np.nan,))
        if "cox" in content:
            cox = CoxFit.from_dict(content["cox"])
            return cls(recipe, (cox,), cox.horizons, strata)
        parts = tuple(CoxFit.from_dict(part) for part in content["causes"])
        return cls(recipe, parts, tuple(content["horizons"]), strata)


def combined_risks(
    parts: Sequence[CoxFit], x: Floats, horizons: Sequence[float], stratum: Integers | None = None
) -> Floats:
    """Absolute risks (n, C, H) from the cause-specific models, whose baselines stand at the same event times.

    Ties: all that happens at one event time u, events of several causes included, is one jump. Its transition
    probabilities are the exponential of the matrix of its hazards (survival's `survfit` of a multi-state `coxph`),
    1 - exp(-dH) in all and dH_c / dH of it to cause c; not dH_c, the product-limit step of Aalen & Johansen.
    """
    times = np.asarray(parts[0].horizons)
    own = np.zeros(len(x), dtype=np.int64) if stratum is None else stratum
    jumps = [np.diff(part.baseline, prepend=0.0, axis=1)[own] for part in parts]
    hazards = [scaled(jump, part.linear_predictor(x)) for part, jump in zip(parts, jumps, strict=True)]
    total = np.zeros((len(x), len(times)))
    for hazard in hazards:
        total += hazard
    before = np.cumsum(total, axis=1) - total
    share = np.divide(-np.expm1(-total), total, out=np.ones_like(total), where=total > 0)
    place = np.searchsorted(times, np.asarray(horizons), side="right")
    risks = np.empty((len(x), len(parts), len(horizons)))
    for cause, hazard in enumerate(hazards):
        grown = np.cumsum(np.exp(-before) * share * hazard, axis=1)
        risks[:, cause] = np.concatenate([np.zeros((len(x), 1)), grown], axis=1)[:, place]
    return risks


def is_penalised(data: LadderData) -> tuple[bool, ...]:
    """Whether each cause's models (C,) are penalised: what the study says; ``auto`` counts the cohort's events (the
    rarer outcome of a binary one, patients if continuous) against the coefficients of the largest step.

    Decided once, on the cohort: a training set has fewer events, and could validate another kind of model than is
    shipped.
    """
    if data.penalty != "auto":
        return (data.penalty == "elastic_net",) * len(data.causes)
    terms = max(len(data.step_terms(step)) for step in STEPS)
    patients = len(data.patients)
    if data.kind == "continuous":
        found = [patients]
    else:
        found = [int((data.event == code).sum()) for code in range(1, len(data.causes) + 1)]
    if data.kind == "binary":
        found = [min(found[0], patients - found[0])]
    return tuple(events < EVENTS_PER_COEFFICIENT * terms for events in found)


def learner(data: LadderData, rows: Integers, copies: Integers, fold: Integers | None = None) -> Learner:
    """How a step is fitted to the patients `rows` with `copies` > 0; what all steps share is made once.

    `fold` (n,) of all patients of the cohort, from 1: the folds of the training patients by which a penalty is chosen.
    """
    penalised = is_penalised(data)
    inner = np.zeros(len(rows), dtype=np.int64) if fold is None else np.asarray(fold, dtype=np.int64)[rows]
    if any(penalised) and (inner < 1).any():
        raise ValueError("a penalty is chosen by folds of the training patients: every one needs a fold")
    if data.kind != "survival":
        return _regression(data, rows, copies, inner, penalised[0])
    followup, event = data.followup[rows], data.event[rows]
    shared = risk_sets(followup, event > 0, strata=data.stratum[rows])
    sets = [replace(shared, event=(event == code)[shared.order]) for code in range(1, len(data.causes) + 1)]
    moments = data.horizons
    if len(data.causes) > 1:
        known = np.unique(followup[(event > 0) & (followup <= max(data.horizons))])
        moments = tuple(known.tolist())

    def fit(x: Floats, terms: Sequence[str]) -> tuple[Part, ...]:
        return tuple(
            penalised_cox(x, copies, inner, own, moments, terms)
            if shrunk and x.shape[1]
            else fit_cox(x, followup, event, counts=copies, horizons=moments, terms=terms, sets=own)
            for own, shrunk in zip(sets, penalised, strict=True)
        )

    return fit


def _regression(data: LadderData, rows: Integers, copies: Integers, inner: Integers, shrunk: bool) -> Learner:
    """Logistic or linear regression; a step without predictors has nothing to penalise."""
    outcome = data.outcome[rows]
    link, plain = ("logit", fit_logistic) if data.kind == "binary" else ("identity", fit_linear)

    def fit(x: Floats, terms: Sequence[str]) -> tuple[Part, ...]:
        if shrunk and x.shape[1]:
            return (penalised_glm(x, outcome, copies, inner, link, terms),)
        return (plain(x, outcome, counts=copies, terms=terms),)

    return fit
