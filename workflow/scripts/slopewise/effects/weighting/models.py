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


@dataclass(frozen=True, repr=False)
class Pooled(ShortRepr):
    """A logistic model over all patients' decisions: names and coefficients (k,), probability of 1 (decisions,)."""

    names: tuple[str, ...]
    beta: Floats
    probability: Floats


def fit_pooled(frame: pd.DataFrame, happened: Floats, terms: Sequence[str], what: str) -> Pooled:
    """The model of `happened` (n,), 0 or 1, on the rows of `frame`; `what` names it in errors.

    Raises `InputError` where the terms determine what happened (no positivity), or are linear combinations of others.
    """
    formula = screen(" + ".join(("~ 1", *terms)))
    recipe, x = Recipe.learn(formula, frame, learn_levels([formula], frame))
    centre, spread = x.mean(axis=0), x.std(axis=0)
    centre[0], spread[0] = 0.0, 1.0
    if not (spread > 0).all():
        constant = recipe.names[int(np.flatnonzero(spread == 0)[0])]
        raise InputError(f"{what}: the term {constant!r} has one value in all decisions; leave it out")
    scaled = np.ascontiguousarray((x - centre) / spread)
    n, k = scaled.shape
    beta, _, _, _, status = binomial.fit(
        happened, np.ones(n), np.zeros(n), scaled, np.zeros(k), binomial.LOGIT
    )  # fmt: skip
    if status == binomial.SINGULAR:
        raise InputError(f"{what}: its terms are linear combinations of each other; leave one out")
    if status == binomial.ONE_CLASS:
        raise InputError(f"{what}: every decision has the same result, so there is nothing to weight for")
    if status != binomial.CONVERGED:
        raise InputError(
            f"{what}: some histories always have the same result, so that no weight can stand for the other one (no "
            "positivity); leave out the confounder that determines it, or the patients who could not be treated"
        )
    probability = 1.0 / (1.0 + np.exp(-(scaled @ beta)))
    beta = beta / spread
    beta[0] -= centre[1:] @ beta[1:]
    return Pooled(recipe.names, beta, probability)


@dataclass(frozen=True, repr=False)
class Weights(ShortRepr):
    """Weights of all rows (n,): of the treatment, of staying, their product truncated; and the four models."""

    treatment: Floats
    staying: Floats
    truncated: Floats
    models: dict[str, Pooled]

    @property
    def effective(self) -> float:
        """The effective number of rows, (sum w)^2 / sum w^2."""
        return float(self.truncated.sum() ** 2 / (self.truncated**2).sum())


def stabilised_weights(
    rows: pd.DataFrame,
    confounders: Sequence[str],
    baseline: Sequence[str] = (),
    truncation: float = 0.0,
    followed_until: float | None = None,
) -> Weights:
    """The weights of rows made by `with_histories`.

    truncation: the share of the weights at each end that is set to the quantile there. followed_until: a patient whose
    last row is earlier dropped out, and staying is weighted for; without it the weights of staying are 1.
    Raises `InputError` where a column is missing, for a share outside [0, 0.5), and as `fit_pooled` does.
    """
    refuse_missing(rows, confounders)
    if not 0.0 <= truncation < 0.5:
        raise InputError(f"truncation is {truncation:g}; it is a share of the weights at each end, from 0 to below 0.5")
    history = history_of(rows, confounders)
    at = rows["decision"].to_numpy()
    changes = bool((rows.loc[at, "previous"] == 1).any())
    fixed = ("time", *(("previous",) if changes else ()), *baseline)
    models: dict[str, Pooled] = {}
    treated = rows["treated"].to_numpy(dtype=float)
    treatment = _products(rows, history[at], at, treated, fixed, confounders, "treatment", models)
    staying = np.ones(len(rows))
    if followed_until is not None:
        last = ~rows.duplicated("patient", keep="last").to_numpy()
        asked = (rows["time"] < followed_until).to_numpy()
        if (last & asked).any():
            stays = (~last).astype(float)
            reached = _products(
                rows, rows[asked], asked, stays, ("time", "treated", *baseline), confounders, "staying", models
            )
            moved = pd.Series(reached).groupby(rows["patient"]).shift().fillna(1.0)
            staying = np.asarray(moved, dtype=np.float64)
    whole = treatment * staying
    low, high = np.quantile(whole, (truncation, 1.0 - truncation))
    return Weights(treatment, staying, np.clip(whole, low, high), models)


def _products(
    rows: pd.DataFrame, frame: pd.DataFrame, at: NDArray[np.bool_], happened: Floats, fixed: Sequence[str],
    confounders: Sequence[str], what: str, models: dict[str, Pooled],
) -> Floats:  # fmt: skip
    """Cumulative products by patient of numerator over denominator at the rows `at`; the models are added."""
    ratio = np.ones(len(rows))
    for part, terms in (("numerator", fixed), ("denominator", (*fixed, *confounders))):
        name = f"{what}, {part}"
        models[name] = fit_pooled(frame, happened[at], terms, name)
        chance = np.where(happened[at] > 0, models[name].probability, 1.0 - models[name].probability)
        ratio[at] *= chance if part == "numerator" else 1.0 / chance
    return np.asarray(pd.Series(ratio).groupby(rows["patient"]).cumprod(), dtype=np.float64)
