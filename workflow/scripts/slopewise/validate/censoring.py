"""Validated figures under censoring that depends on the predictors: weights from a Cox model of the censoring.

The marginal weights take patients who are lost for like those who stay. A Cox model of the time to censoring on the
covariates, levels and slopes gives each tested patient weights of their own, 1/G(T−|x) and 1/G(t|x) with
G = exp(−Λ₀ exp(x'γ)) (Gerds & Schumacher 2006, 10.1002/bimj.200610301), as R's riskRegression has them
(``cens.model = "cox"``). It is learned on the training patients of each fold. With fewer than 10 censored patients to a
coefficient it has the covariates alone; with fewer still the weights are not computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.ipcw import Weights, weights_at
from slopewise.metrics.observed import observed_over_expected
from slopewise.outcome.cox import CoxFit, fit_cox
from slopewise.outcome.ladder import LADDER, LadderData
from slopewise.outcome.predictors import PredictorRecipe
from slopewise.study.kinds import EVENTS_PER_COEFFICIENT
from slopewise.validate.measure import Sample, sample, told_apart
from slopewise.validate.question import AnalysisSet
from slopewise.validate.sensitivity import Split

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
WEIGHTED = ("auc", "brier", "ipa", "observed_expected")
"""The metrics that weights against censoring enter at a horizon."""
FULL, REDUCED = "slope", "clinical"
"""The steps of the ladder whose predictors the censoring may depend on."""
COLUMNS = ["predictors", "cause", "metric", "horizon", "marginal", "conditional", "difference", "terms"]


@dataclass(frozen=True)
class CensoringModel:
    """A Cox model of the time to censoring: its baseline cumulative hazard at the training patients' `times`."""

    times: Floats
    cox: CoxFit

    @staticmethod
    def learn(x: Floats, followup: Floats, ended: NDArray[np.bool_]) -> CensoringModel:
        """From predictors `x` (n, k), `followup` (n,) and whether it `ended` with any event (n,)."""
        times = np.unique(followup[~ended])
        return CensoringModel(times, fit_cox(x, followup, ~ended, horizons=tuple(times.tolist())))

    def weights(self, cohort: AnalysisSet, tested: Integers, x: Floats) -> Weights:
        """Weights of the patients `tested` with predictors `x` (rows, k)."""
        ratio = np.exp(self.cox.linear_predictor(x))
        hazard = np.concatenate([[0.0], self.cox.baseline[0]])
        time, moments = cohort.followup[tested], np.asarray(cohort.moments)
        before = np.exp(-hazard[np.searchsorted(self.times, time, side="left")] * ratio)
        at = np.exp(-hazard[np.searchsorted(self.times, moments, side="right")] * ratio[:, None])
        return weights_at(time, cohort.event[tested], cohort.competing[tested], moments, before, at)


def censoring_table(
    data: LadderData, cohorts: Sequence[AnalysisSet], splits: Sequence[Split], predictions: pd.DataFrame
) -> pd.DataFrame:
    """The table ``outcome/censoring``: metrics of every step and cause under both kinds of weights, means over repeats.

    `splits` are those of the nested validation, `predictions` is ``outcome/predictions``. `terms`: the fewest
    coefficients of a censoring model. Without rows where nothing is censored, or too little in a training set.
    """
    designs = [_design(data, split) for split in splits] if data.kind.timed else [None]
    found = []
    for cohort in cohorts if all(design is not None for design in designs) else ():
        own, both = predictions[predictions["cause"] == cohort.cause], []
        for repeat in sorted({split.repeat for split in splits}):
            marginal = sample(cohort, own[own["repeat"] == repeat])
            chosen = [(s, d) for s, d in zip(splits, designs, strict=True) if s.repeat == repeat and d is not None]
            conditional = replace(marginal, weights=_weights(cohort, chosen))
            both.append([_measured(cohort, one) for one in (marginal, conditional)])
        terms = min(design.shape[1] for design in designs if design is not None)
        found.append(_rows(cohort, both, terms))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)


def _design(data: LadderData, split: Split) -> Floats | None:
    """Predictors of the censoring (n, k), standardised on the training patients; None with too few of them censored.

    Missing covariates are at the training patients' mean.
    """
    rows, everybody = split.rows, np.arange(len(data.patients))
    once = np.ones(len(rows), dtype=np.int64)
    censored = int((data.event[rows] == 0).sum())
    for step in (step for name in (FULL, REDUCED) for step in LADDER if step.name == name):
        raw = data.raw(step, everybody, split.level, split.slope)[:, : len(_base_terms(data, step.quantities))]
        terms = _base_terms(data, step.quantities)
        recipe, _ = PredictorRecipe.learn(step.name, terms, raw[rows], once, {}, data.coding)
        if recipe.terms and censored >= EVENTS_PER_COEFFICIENT * len(recipe.terms):
            return recipe.standardise(raw)
    return None


def _base_terms(data: LadderData, quantities: Sequence[str]) -> tuple[str, ...]:
    return (*data.coding.terms, *(f"{marker}.{name}" for marker in data.markers for name in quantities))


def _weights(cohort: AnalysisSet, splits: Sequence[tuple[Split, Floats]]) -> Weights:
    """Weights of all patients in one repeat, each by the model that was learned without them."""
    n, horizons = len(cohort.patients), len(cohort.moments)
    event, competing = np.zeros((2, n))
    beyond, case, control = np.zeros((3, n, horizons))
    ended = cohort.codes > 0
    for split, x in splits:
        model = CensoringModel.learn(x[split.rows], cohort.followup[split.rows], ended[split.rows])
        tested = np.flatnonzero(split.tested)
        own = model.weights(cohort, tested, x[tested])
        event[tested], competing[tested], beyond[tested] = own.event, own.competing, own.beyond
        case[tested], control[tested] = own.case, own.control
    return Weights(event, beyond, case, control, competing)


def _measured(cohort: AnalysisSet, own: Sample) -> Floats:
    """The metrics `WEIGHTED` (metrics, S, H)."""
    once = np.ones((1, len(cohort.patients)), dtype=np.int64)
    metrics = told_apart(cohort, own, once)
    metrics["observed_expected"] = observed_over_expected(own.risk, own.weights, once)
    return np.stack([metrics[name][0] for name in WEIGHTED])


def _rows(cohort: AnalysisSet, both: list[list[Floats]], terms: int) -> pd.DataFrame:
    marginal, conditional = np.mean(np.array(both), axis=0)
    lines = []
    for (m, s, h), value in np.ndenumerate(marginal):
        other = float(conditional[m, s, h])
        names = (LADDER[s].name, cohort.cause, WEIGHTED[m], cohort.horizons[h])
        lines.append((*names, float(value), other, other - float(value), terms))
    return pd.DataFrame(lines, columns=COLUMNS)
