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
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.outcome.cox import CoxFit, scaled
from slopewise.outcome.glm import GlmFit
from slopewise.outcome.imputation import Imputer
from slopewise.outcome.predictors import PredictorRecipe, StratumCoding

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Part = CoxFit | GlmFit
Learner = Callable[[Floats, Sequence[str]], tuple[Part, ...]]


ONE_STRATUM = StratumCoding((), ("",))


@dataclass(frozen=True)
class StepModel:
    """One step of the ladder, learned: how predictors become columns, and a model of each cause on those columns.

    Without competing events there is one cause, hence one part. `horizons` (H,) of the risks. Each stratum of
    `strata` has its own baseline; `stratum` (n,) are codes, None where there is one stratum. With an `imputer`
    patients may lack covariates, and have means over the values that it draws.
    """

    recipe: PredictorRecipe
    parts: tuple[Part, ...]
    horizons: tuple[float, ...]
    strata: StratumCoding = ONE_STRATUM
    imputer: Imputer | None = None

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
        return self._averaged(
            lambda x, _: np.stack([part.linear_predictor(x) for part in self.parts], axis=1), raw, None
        )

    def risks(self, raw: Floats, stratum: Integers | None = None) -> Floats:
        """Absolute risk of each cause by each horizon (n, C, H) from `raw` (n, k); a prediction if continuous."""
        return self._averaged(self._risks, raw, stratum)

    def _averaged(
        self, predict: Callable[[Floats, Integers | None], Floats], raw: Floats, stratum: Integers | None
    ) -> Floats:
        """What `predict` makes of the columns of `raw`; the mean over imputations of patients who lack a covariate."""
        found = predict(self.recipe.standardise(raw), stratum)
        rows = np.flatnonzero(self.imputer.lacking(raw)) if self.imputer is not None else ()
        if self.imputer is not None and len(rows):
            drawn = self.imputer.completed(raw[rows], self.recipe.every_term)
            x = self.recipe.standardise(drawn.reshape(-1, raw.shape[1]))
            own = predict(x, None if stratum is None else np.tile(stratum[rows], len(drawn)))
            found[rows] = own.reshape(len(drawn), len(rows), *found.shape[1:]).mean(axis=0)
        return found

    def linear_predictor(self, raw: Floats) -> Floats:
        """Linear predictor (n,) of the event; for a Cox model the log hazard ratio against the training means."""
        return self.linear_predictors(raw)[:, 0]

    def risk(self, raw: Floats, stratum: Integers | None = None) -> Floats:
        """Absolute risk (n, H) of the event."""
        return self.risks(raw, stratum)[:, 0]

    def predict(self, patients: pd.DataFrame, values: pd.DataFrame) -> tuple[Floats, Floats]:
        """Linear predictor (n,) and risk (n, horizons) of the event from frames; see `PredictorRecipe.raw`."""
        raw = self.recipe.raw(patients, values, missing=self.imputer is not None)
        return self.linear_predictor(raw), self.risk(raw, self.strata.codes(patients))

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
        if self.imputer is not None:
            head["imputation"] = self.imputer.to_dict()
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
        imputer = Imputer.from_dict(content["imputation"], recipe.coding) if "imputation" in content else None
        if "glm" in content:
            return cls(recipe, (GlmFit.from_dict(content["glm"]),), (np.nan,), strata, imputer)
        if "cox" in content:
            cox = CoxFit.from_dict(content["cox"])
            return cls(recipe, (cox,), cox.horizons, strata, imputer)
        parts = tuple(CoxFit.from_dict(part) for part in content["causes"])
        return cls(recipe, parts, tuple(content["horizons"]), strata, imputer)


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
