"""Elastic-net outcome models: the penalty is chosen inside the training patients, by the folds they were scored in.

Half of the penalty is the lasso's, half the ridge's, on predictors in units of the training patients' SD; covariates
are penalised like markers. With groups the lasso's half is that of the group lasso, √p times the Euclidean norm of a
group's p coefficients. λ is the one of `GRID` values with the smallest loss of patients held out, fold by fold
(docs/methods.md, section 4).
Compiled loops of our own, since the libraries know neither strata nor patients who count twice; their results are
those of scikit-survival (`CoxnetSurvivalAnalysis`), scikit-learn and R's glmnet, to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slopewise.kernels import elastic_net as kernels
from slopewise.kernels import losses
from slopewise.outcome.cox import CoxFit, RiskSets
from slopewise.outcome.glm import GlmFit
from slopewise.outcome.penalty import Penalty

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LASSO_SHARE = 0.5
"""The lasso's share of the penalty."""

GRID = 40
"""So many values of λ are tried, from the one that leaves nothing in the model downwards."""

LOWEST, LOWEST_OF_MANY = 1e-3, 5e-2
"""The smallest λ as a share of the largest; the second where predictors are `MANY` to a patient or more."""

MANY = 0.2

UNIMPROVED = 15
"""The path ends where the loss of held-out patients has not improved over so many values of λ in a row."""

WHILE_CHOOSING, AT_LAST = 1e-6, 1e-18
"""Squared change of a coefficient at which the descent ends: on the grid, and for the coefficients that are kept."""


@dataclass(frozen=True)
class PenalisedData:
    """Training patients as the compiled loops take them; rows in the order of the risk sets.

    `xt` (k, n) centred predictors, `y` (n,) events or outcomes, `weight` (n,) copies, `fold` (n,) 1, 2, ...;
    `group` (k,) the group of each predictor (`penalised_cox`), None where each is its own.
    """

    kind: int
    time: Floats
    y: Floats
    stratum: Integers
    weight: Floats
    fold: Integers
    xt: Floats
    group: Integers | None = None

    def chosen(self) -> tuple[Floats, float, Penalty, bool]:
        """Coefficients (k,), the intercept, the penalty, and whether the descent ended."""
        k, folds, grouped = len(self.xt), int(self.fold.max()), self.group is not None
        columns, starts = self._groups()
        design = (*self._rows(), self.xt, columns, starts)
        pulls = np.empty(len(starts) - 1)
        null = float(kernels.null_pulls(*design, pulls))
        largest = float(pulls.max()) / LASSO_SHARE
        if not largest > 0:
            return np.zeros(k), null, Penalty(0.0, 0.0, folds, 0, k, grouped), True
        lowest = LOWEST_OF_MANY if k > MANY * self.weight.sum() else LOWEST
        strengths = largest * np.geomspace(1.0, lowest, GRID)
        betas, lost = np.zeros((1 + folds, GRID, k + 1)), np.zeros((1 + folds, GRID))
        reached = kernels.held_out_loss(
            *self._rows(), self.fold, folds, self.xt, columns, starts, strengths, LASSO_SHARE, WHILE_CHOOSING,
            UNIMPROVED, betas, lost,
        )  # fmt: skip
        best = int(np.argmin(lost.sum(axis=0)[:reached]))
        if best == 0:  # nothing but rounding is left in the model, and rounding would order patients
            return np.zeros(k), null, Penalty(largest, largest, folds, 0, k, grouped), True
        beta = np.ascontiguousarray(betas[0, best, :k])
        beta, intercept, ended = self.at(float(strengths[best]), beta, float(betas[0, best, k]))
        kept = int((beta != 0).sum())
        return beta, intercept, Penalty(float(strengths[best]), largest, folds, kept, k, grouped), ended

    def at(self, strength: float, start: Floats, intercept: float) -> tuple[Floats, float, bool]:
        """Coefficients (k,) and intercept under the penalty `strength`, from `start`; whether the descent ended."""
        beta, (columns, starts) = start.copy(), self._groups()
        found, ended = kernels.descend(
            *self._rows(), self.xt, columns, starts, np.zeros(len(starts) - 1), strength, beta, intercept, strength,
            LASSO_SHARE, AT_LAST,
        )  # fmt: skip
        return beta, float(found), bool(ended)

    def _rows(self) -> tuple[int, Floats, Floats, Integers, Floats]:
        return self.kind, self.time, self.y, self.stratum, self.weight

    def _groups(self) -> tuple[Integers, Integers]:
        """Columns group by group (k,), in the order of the groups' first columns, and where each starts (G + 1,)."""
        if self.group is None:
            return np.arange(len(self.xt)), np.arange(len(self.xt) + 1)
        _, first, which = np.unique(self.group, return_index=True, return_inverse=True)
        order = first[which]
        columns = np.argsort(order, kind="stable")
        return columns, np.append(np.unique(order[columns], return_index=True)[1], len(columns))


def penalised_cox(
    x: Floats, counts: Integers, fold: Integers, sets: RiskSets, horizons: Sequence[float], terms: Sequence[str],
    group: Integers | None = None,
) -> CoxFit:  # fmt: skip
    """An elastic-net Cox model, ties by Breslow, of predictors `x` (n, k) in units of their SD.

    `counts` (n,) copies of each patient, `fold` (n,) from 1 by which the penalty is chosen. `group` (k,): coefficients
    with the same number are 0 together or not at all; None for the plain elastic net. No standard errors.
    """
    centre = _means(x, counts)
    weight = counts[sets.order].astype(float)
    xt = np.ascontiguousarray((x - centre)[sets.order].T)
    happened = sets.event.astype(float)
    problem = PenalisedData(losses.COX, sets.time, happened, sets.stratum, weight, fold[sets.order], xt, group)
    beta, _, penalty, ended = problem.chosen()
    eta, moments = np.zeros(len(x)), np.asarray(horizons, dtype=float)
    for column in np.flatnonzero(beta):
        eta += xt[column] * beta[column]
    baseline = np.zeros((int(sets.stratum.max(initial=0)) + 1, len(horizons)))
    losses.breslow_hazard(sets.time, happened, sets.stratum, weight, eta, moments, baseline)
    events = int(counts[sets.order][sets.event].sum())
    return CoxFit(
        terms=tuple(terms),
        beta=beta,
        covariance=np.full((len(beta), len(beta)), np.nan),
        centre=centre,
        horizons=tuple(float(h) for h in horizons),
        baseline=baseline,
        aliased=(False,) * len(beta),
        loglik_null=-_loss(problem, np.zeros(len(x))),
        loglik=-_loss(problem, eta),
        patients=int(counts.sum()),
        events=events,
        iterations=0,
        message=_message(ended, events, _separating_times(xt, happened, sets, weight), terms),
        penalty=penalty,
    )


def penalised_glm(
    x: Floats, outcome: Floats, counts: Integers, fold: Integers, link: str, terms: Sequence[str],
    group: Integers | None = None,
) -> GlmFit:  # fmt: skip
    """An elastic-net logistic (`link` logit) or linear (identity) model; arguments as `penalised_cox`.

    The penalty of a linear model is for the outcome in units of its SD (divisor n), as in glmnet: lasso and ridge would
    else weigh differently in grams and in milligrams.
    """
    kind = losses.LOGISTIC if link == "logit" else losses.LINEAR
    centre, n = _means(x, counts), len(x)
    y, xt = np.asarray(outcome, dtype=float), np.ascontiguousarray((x - centre).T)
    unit = 1.0 if link == "logit" else _spread(y, counts)
    y = y / unit
    rows = (np.zeros(n), y, np.zeros(n, dtype=np.int64), counts.astype(float))
    beta, intercept, penalty, ended = PenalisedData(kind, *rows, fold, xt, group).chosen()
    patients = int(counts.sum())
    events = int(counts @ np.asarray(outcome).astype(np.int64)) if link == "logit" else patients
    return GlmFit(
        link=link,
        terms=tuple(terms),
        beta=beta * unit,
        covariance=np.full((len(beta), len(beta)), np.nan),
        centre=centre,
        intercept=intercept * unit,
        residual_sd=np.nan,
        df=np.inf,
        patients=patients,
        events=events,
        message=_message(ended, events, _separating_classes(xt, y, counts) if link == "logit" else [], terms),
        penalty=penalty,
    )


def _means(x: Floats, counts: Integers) -> Floats:
    return (counts[:, None] * x).sum(axis=0) / counts.sum()


def _spread(y: Floats, counts: Integers) -> float:
    """The SD of the outcome (divisor n) over the copies; 1 where it does not vary."""
    away = y - (counts * y).sum() / counts.sum()
    spread = float(np.sqrt((counts * away**2).sum() / counts.sum()))
    return spread if spread > 0 else 1.0


def _loss(problem: PenalisedData, eta: Floats) -> float:
    rows = (problem.kind, problem.time, problem.y, problem.stratum, problem.weight)
    return float(losses.loss_of(*rows, eta, np.empty(len(eta)), np.empty(len(eta))))


def _separating_times(xt: Floats, happened: Floats, sets: RiskSets, weight: Floats) -> list[int]:
    """Predictors of `xt` (k, n) by which whoever has the event is always first, or always last, of those at risk.

    Rows as in `sets`. The partial likelihood rises without end as such a predictor's coefficient grows.
    """
    block = np.column_stack([sets.stratum, sets.time])
    last = np.flatnonzero(np.append((block[1:] != block[:-1]).any(axis=1), True))
    end = last[np.searchsorted(last, np.arange(len(sets.time)))]
    events = np.flatnonzero((happened > 0) & (weight > 0))
    if not len(events):
        return []
    found = np.zeros(len(xt), dtype=bool)
    inside = weight > 0
    for own in (xt, -xt):
        highest = np.where(inside, own, -np.inf)
        for stratum in np.unique(sets.stratum):
            rows = np.flatnonzero(sets.stratum == stratum)
            highest[:, rows] = np.maximum.accumulate(highest[:, rows], axis=1)
        found |= (own[:, events] >= highest[:, end[events]]).all(axis=1)
    return np.flatnonzero(found & (np.ptp(xt[:, inside], axis=1) > 0)).tolist()


def _separating_classes(xt: Floats, y: Floats, counts: Integers) -> list[int]:
    """Predictors of `xt` (k, n) whose values in one class all lie at or beyond those of the other."""
    case, control = (y > 0) & (counts > 0), (y <= 0) & (counts > 0)
    if not case.any() or not control.any():
        return []
    return [
        column
        for column, values in enumerate(xt)
        if np.ptp(values[counts > 0]) > 0
        and (values[case].min() >= values[control].max() or values[case].max() <= values[control].min())
    ]


def _message(ended: bool, events: int, separating: Sequence[int], terms: Sequence[str]) -> str:
    if not events:
        return "no patient had the event; all coefficients are 0"
    parts = []
    if separating:
        names = ", ".join(terms[column] for column in separating)
        parts.append(
            f"{names}: separates those with the event from the others; without the penalty the coefficient would grow "
            "without end"
        )
    if not ended:
        parts.append("the elastic net's descent did not converge; its coefficients are near the optimum only")
    return "; ".join(parts)
