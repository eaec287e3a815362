"""Pooled logistic models of what patients received, or whether they stayed, and the weights that follow from them.

Stabilised weights (Robins, Hernan & Brumback 2000, 10.1097/00001648-200009000-00011): the product over a patient's
decisions of the probability of what was received given time, last treatment and baseline, over the same given the
confounders too. docs/methods.md, section 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import screen
from slopewise.effects.weighting.histories import history_of, refuse_missing
from slopewise.kernels import binomial
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


NUMERATOR, DENOMINATOR = "numerator", "denominator"
TREATMENT, STAYING = "treatment", "staying"


@dataclass(frozen=True, repr=False)
class Pooled(ShortRepr):
    """A logistic model over all patients' decisions: names and coefficients (k,), probability of 1 (decisions,)."""

    names: tuple[str, ...]
    beta: Floats
    probability: Floats


@dataclass(frozen=True, repr=False)
class Decisions(ShortRepr):
    """The rows (n,) of a pooled model, coded: `scaled` (n, k) with columns centred and divided by their SD.

    what: the model's name in errors; happened: 0 or 1.
    """

    what: str
    names: tuple[str, ...]
    scaled: Floats
    centre: Floats
    spread: Floats
    happened: Floats

    @staticmethod
    def learn(frame: pd.DataFrame, happened: Floats, terms: Sequence[str], what: str) -> Decisions:
        """The rows of `frame` coded by `terms`; `InputError` where a term has one value."""
        formula = screen(" + ".join(("~ 1", *terms)))
        recipe, x = Recipe.learn(formula, frame, learn_levels([formula], frame))
        centre, spread = x.mean(axis=0), x.std(axis=0)
        centre[0], spread[0] = 0.0, 1.0
        if not (spread > 0).all():
            constant = recipe.names[int(np.flatnonzero(spread == 0)[0])]
            raise InputError(f"{what}: the term {constant!r} has one value in all decisions; leave it out")
        scaled = np.ascontiguousarray((x - centre) / spread)
        return Decisions(what, recipe.names, scaled, centre, spread, happened)

    def fit(self, counts: Floats | None = None) -> Pooled:
        """The model, each row counted `counts` (n,) times.

        Raises `InputError` where the terms determine what happened (no positivity), or are linear combinations of
        others.
        """
        n, k = self.scaled.shape
        weight = np.ones(n) if counts is None else counts
        beta, _, _, _, status = binomial.fit(
            self.happened, weight, np.zeros(n), self.scaled, np.zeros(k), binomial.LOGIT
        )  # fmt: skip
        if status == binomial.SINGULAR:
            raise InputError(f"{self.what}: its terms are linear combinations of each other; leave one out")
        if status == binomial.ONE_CLASS:
            raise InputError(f"{self.what}: every decision has the same result, so there is nothing to weight for")
        if status != binomial.CONVERGED:
            raise InputError(
                f"{self.what}: some histories always have the same result, so that no weight can stand for the other "
                "one (no positivity); leave out the column that determines it, or the patients who could not be "
                "treated"
            )
        probability = 1.0 / (1.0 + np.exp(-(self.scaled @ beta)))
        beta = beta / self.spread
        beta[0] -= self.centre[1:] @ beta[1:]
        return Pooled(self.names, beta, probability)


@dataclass(frozen=True, repr=False)
class Weights(ShortRepr):
    """Weights of all rows (n,): of the treatment, of staying, their product truncated; and the models by name."""

    treatment: Floats
    staying: Floats
    truncated: Floats
    models: dict[str, Pooled]

    @property
    def effective(self) -> float:
        """The effective number of rows, (sum w)^2 / sum w^2."""
        return float(self.truncated.sum() ** 2 / (self.truncated**2).sum())


@dataclass(frozen=True, repr=False)
class WeightModels(ShortRepr):
    """The two or four pooled models of some rows, coded once, to be fitted to these and to resamples of the patients.

    first: position of each patient's first row (patients,); patient: number of each row's patient (rows,), from 0;
    places: rows of the decisions of treatment and of staying; pairs: numerator and denominator of each.
    """

    first: Integers
    patient: Integers
    places: dict[str, Integers]
    pairs: dict[str, tuple[Decisions, Decisions]]

    @staticmethod
    def learn(
        rows: pd.DataFrame,
        confounders: Sequence[str],
        baseline: Sequence[str] = (),
        followed_until: float | None = None,
        time_terms: Sequence[str] = ("time",),
    ) -> WeightModels:
        """The models of rows made by `with_histories`; arguments as in `stabilised_weights`."""
        refuse_missing(rows, confounders)
        patient, first = np.unique(rows["patient"].to_numpy(), return_index=True)
        number = np.searchsorted(patient, rows["patient"].to_numpy())
        history, at = history_of(rows, confounders), rows["decision"].to_numpy()
        changes = bool((rows.loc[at, "previous"] == 1).any())
        fixed = (*time_terms, *(("previous",) if changes else ()), *baseline)
        treated = rows["treated"].to_numpy(dtype=float)
        places = {TREATMENT: np.flatnonzero(at)}
        pairs = {TREATMENT: _pair(history[at], treated[at], fixed, confounders, TREATMENT)}
        last = ~rows.duplicated("patient", keep="last").to_numpy()
        asked = (rows["time"] < (-np.inf if followed_until is None else followed_until)).to_numpy()
        if (last & asked).any():
            stays = (~last[asked]).astype(float)
            places[STAYING] = np.flatnonzero(asked)
            pairs[STAYING] = _pair(rows[asked], stays, (*time_terms, "treated", *baseline), confounders, STAYING)
        return WeightModels(first, number, places, pairs)

    def weights(self, truncation: float = 0.0, counts: Integers | None = None) -> Weights:
        """The weights of all rows, each patient counted `counts` (patients,) times in the models and the quantiles.

        Raises `InputError` for a truncation outside [0, 0.5), and as `Decisions.fit` does.
        """
        if not 0.0 <= truncation < 0.5:
            raise InputError(
                f"truncation is {truncation:g}; it is a share of the weights at each end, from 0 to below 0.5"
            )
        models: dict[str, Pooled] = {}
        treatment = self._products(TREATMENT, counts, models)
        staying = np.ones(len(treatment))
        if STAYING in self.pairs:
            reached = self._products(STAYING, counts, models)
            staying[1:] = reached[:-1]
            staying[self.first] = 1.0
        whole = treatment * staying
        counted = whole if counts is None else np.repeat(whole, counts[self.patient])
        low, high = np.quantile(counted, (truncation, 1.0 - truncation))
        return Weights(treatment, staying, np.clip(whole, low, high), models)

    def _products(self, what: str, counts: Integers | None, models: dict[str, Pooled]) -> Floats:
        """Cumulative products by patient of numerator over denominator at its decisions; the models are added."""
        place = self.places[what]
        counted = None if counts is None else counts[self.patient[place]].astype(np.float64)
        logs = np.zeros(len(self.patient))
        for decisions, sign in zip(self.pairs[what], (1.0, -1.0), strict=True):
            model = models[decisions.what] = decisions.fit(counted)
            chance = np.where(decisions.happened > 0, model.probability, 1.0 - model.probability)
            logs[place] += sign * np.log(chance)
        sums = np.cumsum(logs)
        before = (sums - logs)[self.first]
        return np.asarray(np.exp(sums - before[self.patient]), dtype=np.float64)


def _pair(
    frame: pd.DataFrame, happened: Floats, fixed: Sequence[str], confounders: Sequence[str], what: str
) -> tuple[Decisions, Decisions]:
    """Numerator, given `fixed` alone, and denominator, given the confounders too."""
    return (
        Decisions.learn(frame, happened, fixed, f"{what}, {NUMERATOR}"),
        Decisions.learn(frame, happened, (*fixed, *confounders), f"{what}, {DENOMINATOR}"),
    )


def stabilised_weights(
    rows: pd.DataFrame,
    confounders: Sequence[str],
    baseline: Sequence[str] = (),
    truncation: float = 0.0,
    followed_until: float | None = None,
    time_terms: Sequence[str] = ("time",),
) -> Weights:
    """The weights of rows made by `with_histories`.

    truncation: the share of the weights at each end that is set to the quantile there. followed_until: a patient whose
    last row is earlier dropped out, and staying is weighted for; without it the weights of staying are 1. time_terms:
    terms of a formula in `time`, that of the decision's history.
    Raises `InputError` where a column is missing, for a share outside [0, 0.5), and as `Decisions.fit` does.
    """
    return WeightModels.learn(rows, confounders, baseline, followed_until, time_terms).weights(truncation)
