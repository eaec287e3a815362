"""Multiple imputation of missing covariates by chained equations, learned on training patients alone.

Training patients: each covariate that somebody lacks is drawn in turn from its distribution given the other covariates,
the levels and slopes of the markers and the outcome (White, Royston & Wood 2011, 10.1002/sim.4067). Of an event in
time the outcome is the indicator and the Nelson–Aalen cumulative hazard of each cause (White & Royston 2009,
10.1002/sim.3618). A number has a Bayesian linear regression, a category nested logistic regressions (its first level
against the others, its second against the rest, and so on), each with parameters drawn from their posterior.

Patients who are predicted: the outcome is unknown, so a second model is learned on the completed training patients
without it, given the predictors of the step alone (Hoogland et al. 2020, 10.1002/sim.8682). The prediction is the mean
over the values that it draws. The draws are points of one Latin hypercube, the same for all patients, so that nobody's
prediction depends on who is predicted with them.

scikit-learn's IterativeImputer knows neither categories, nor patients who count twice, nor an outcome that is there for
the training patients alone; the draws are those of R's ``mice`` (methods norm and logreg).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri

from slopewise.outcome.ladder import LadderData
from slopewise.outcome.plain import or_none
from slopewise.outcome.predictors import CovariateCoding
from slopewise.outcome.ranges import span
from slopewise.run.seeds import generator
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
ROUNDS = 10
"""So often each incomplete covariate is drawn anew; once where a single one is incomplete."""
RESAMPLED = 2
"""Imputations of each resample of the bootstrap, whose spread over resamples includes that of the imputations."""
PATIENTS_TO_A_PREDICTOR = 20
"""With fewer training patients to a predictor of a covariate, the markers are left out of its model."""
RIDGE, PRIOR = 0.01, 0.16
"""Prior precisions of coefficients per SD: next to none in a linear model; a standard deviation of 2.5 in a logistic
one, which keeps separated levels finite (Gelman et al. 2008, 10.1214/08-AOAS191)."""


@dataclass(frozen=True, repr=False)
class Conditional(ShortRepr):
    """One covariate given the other columns: `places` of its own columns, `beta` (q, 1 + others) and `sd`.

    A number has q = 1; a category of L levels q = L − 1 logistic regressions, of which the j-th is of level j against
    the levels after it. Columns are in units of the training patients' SD.
    """

    places: Integers
    beta: Floats
    sd: float
    category: bool

    def drawn(self, z: Floats, points: Floats) -> tuple[Floats, Integers]:
        """Of rows `z` (n, k) the drawn number (n,), or the drawn level's number (n,), at uniform `points` (n,)."""
        eta = _design(z, self.places) @ self.beta.T
        if not self.category:
            return eta[:, 0] + self.sd * ndtri(points), np.empty(0, dtype=np.int64)
        still, reached = np.ones(len(z)), np.zeros(len(z))
        level = np.full(len(z), len(self.beta), dtype=np.int64)
        for j in range(len(self.beta)):
            own = still * expit(eta[:, j])
            level = np.where((level == len(self.beta)) & (points < reached + own), j, level)
            reached, still = reached + own, still - own
        return np.empty(0), level


@dataclass(frozen=True, repr=False)
class Columns(ShortRepr):
    """How columns (n, k), the covariates' first, are standardised: `centre`, `scale`, and a rounded range (k,)."""

    coding: CovariateCoding
    centre: Floats
    scale: Floats
    low: Floats
    high: Floats

    @staticmethod
    def of(coding: CovariateCoding, columns: Floats, weights: Floats) -> Columns:
        """Learned on the patients who have a value."""
        seen = ~np.isnan(columns)
        w = np.where(seen, weights[:, None], 0.0)
        total = np.maximum(w.sum(axis=0), 1e-300)
        filled = np.where(seen, columns, 0.0)
        centre = (w * filled).sum(axis=0) / total
        scale = np.sqrt((w * (filled - centre) ** 2).sum(axis=0) / total)
        ends = [span(column) or (-np.inf, np.inf) for column in columns.T]
        low, high = np.array(ends, dtype=float).reshape(-1, 2).T
        return Columns(coding, centre, np.where(scale > 0, scale, 1.0), low, high)

    @cached_property
    def places(self) -> tuple[Integers, ...]:
        """The columns of each covariate."""
        found, start = [], 0
        for _, levels in self.coding.covariates:
            width = 1 if levels is None else len(levels) - 1
            found.append(np.arange(start, start + width))
            start += width
        return tuple(found)

    def standard(self, columns: Floats) -> Floats:
        """In units of SD; 0, the mean, where missing."""
        return np.nan_to_num((columns - self.centre) / self.scale)

    def put(self, z: Floats, rows: Integers, model: Conditional, points: Floats) -> None:
        """Draw one covariate of `rows` of `z` (n, k) in place; a number stays in the range of the training patients."""
        if not len(rows):
            return
        number, level = model.drawn(z[rows], points)
        if model.category:
            for j, place in enumerate(model.places, start=1):
                z[rows, place] = ((level == j) - self.centre[place]) / self.scale[place]
            return
        place = int(model.places[0])
        low, high = ((end[place] - self.centre[place]) / self.scale[place] for end in (self.low, self.high))
        z[rows, place] = np.clip(number, low, high)

    def original(self, z: Floats) -> Floats:
        """The inverse of `standard`."""
        return z * self.scale[: z.shape[1]] + self.centre[: z.shape[1]]


def _lacking(columns: Columns, values: Floats) -> NDArray[np.bool_]:
    """Which covariates (V, n) rows of `values` (n, k) lack."""
    found = [np.isnan(values[:, places]).any(axis=1) for places in columns.places]
    return np.array(found, dtype=bool).reshape(len(columns.places), len(values))


def _design(z: Floats, own: Integers) -> Floats:
    return np.column_stack([np.ones(len(z)), np.delete(z, own, axis=1)])


def _learned(
    columns: Columns, covariate: int, z: Floats, weights: Floats, rng: np.random.Generator | None
) -> Conditional:
    """The model of one covariate from rows `z` (n, k) that have it; parameters drawn where there is an `rng`."""
    places = columns.places[covariate]
    levels, x = columns.coding.covariates[covariate][1], _design(z, places)
    if levels is None:
        beta, sd = _linear(x, z[:, places[0]], weights, rng)
        return Conditional(places, beta[None], sd, False)
    indicator = np.rint(columns.original(z)[:, places])
    level = (indicator * np.arange(1, len(levels))).sum(axis=1)
    betas = [_logistic(x[level >= j], level[level >= j] == j, weights[level >= j], rng) for j in range(len(levels) - 1)]
    return Conditional(places, np.array(betas).reshape(len(levels) - 1, x.shape[1]), 0.0, True)


def _linear(x: Floats, y: Floats, weights: Floats, rng: np.random.Generator | None) -> tuple[Floats, float]:
    """Coefficients and residual SD; drawn from their posterior under a flat prior (Rubin 1987, page 167)."""
    precision = (x.T * weights) @ x + np.diag([0.0, *[RIDGE] * (x.shape[1] - 1)])
    beta = np.linalg.solve(precision, x.T @ (weights * y))
    squares, df = float(weights @ (y - x @ beta) ** 2), max(float(weights.sum()) - x.shape[1], 1.0)
    if rng is None:
        return np.asarray(beta, dtype=np.float64), float(np.sqrt(squares / df))
    sd = float(np.sqrt(squares / rng.chisquare(df)))
    return np.asarray(beta + sd * _spread(precision, rng), dtype=np.float64), sd


def _logistic(x: Floats, y: NDArray[np.bool_], weights: Floats, rng: np.random.Generator | None) -> Floats:
    """Coefficients at the posterior's maximum, or drawn from the normal distribution about it."""
    prior = np.diag([RIDGE, *[PRIOR] * (x.shape[1] - 1)])
    beta = np.zeros(x.shape[1])
    precision = prior
    for _ in range(50):
        p = expit(x @ beta)
        precision = (x.T * (weights * p * (1.0 - p))) @ x + prior
        step = np.linalg.solve(precision, x.T @ (weights * (y - p)) - prior @ beta)
        beta = beta + step * min(1.0, 3.0 / max(float(np.abs(step).max()), 1e-300))
        if float(np.abs(step).max()) < 1e-9:
            break
    return beta if rng is None else beta + _spread(precision, rng)


def _spread(precision: Floats, rng: np.random.Generator) -> Floats:
    """A draw from the normal distribution of mean 0 and this precision matrix."""
    return np.linalg.solve(np.linalg.cholesky(precision).T, rng.standard_normal(len(precision)))


# -- Training patients -------------------------------------------------------------------------------------------------


def completed(data: LadderData, rows: Integers, copies: Integers, level: Floats, slope: Floats) -> list[Floats]:
    """Completed covariates (rows, c) of the training patients `rows` with `copies` > 0, one array an imputation.

    One array, as it is, where these patients lack nothing. `level`, `slope` (n, M) as the outcome models take them. A
    covariate that none of these patients has stays missing.
    """
    own = data.covariates[rows]
    if not np.isnan(own).any():
        return [own]
    weights = copies.astype(float)
    beside = [_outcome(data, rows, copies), _strata(data, rows)]
    scores = np.column_stack([level[rows], slope[rows]])
    if (own.shape[1] + scores.shape[1]) * PATIENTS_TO_A_PREDICTOR <= weights.sum():
        beside.append(scores)
    together = np.column_stack([own, *beside])
    columns = Columns.of(data.coding, together, weights)
    counts = np.zeros(len(data.patients), dtype=np.int64)
    counts[rows] = copies
    rng = generator(data.seed, "impute", zlib.crc32(counts.tobytes()))
    return [_imputed(columns, together, weights, rng)[:, : own.shape[1]] for _ in range(data.imputations)]


def _imputed(columns: Columns, together: Floats, weights: Floats, rng: np.random.Generator) -> Floats:
    """One imputation: chained equations from values drawn of the patients who have them."""
    z = columns.standard(together)
    lacks = _lacking(columns, together)
    number = lacks.sum(axis=1)
    open_ = [v for v in np.argsort(number, kind="stable").tolist() if 0 < number[v] < len(z)]
    for v in open_:
        places, rows = columns.places[v], np.flatnonzero(lacks[v])
        seen = np.flatnonzero(~lacks[v])
        donors = rng.choice(seen, size=len(rows), p=weights[seen] / weights[seen].sum())
        z[np.ix_(rows, places)] = z[np.ix_(donors, places)]
    for _ in range(ROUNDS if len(open_) > 1 else 1):
        for v in open_:
            seen, rows = ~lacks[v], np.flatnonzero(lacks[v])
            model = _learned(columns, v, z[seen], weights[seen], rng)
            columns.put(z, rows, model, rng.random(len(rows)))
    found = columns.original(z)
    for v, lacking in enumerate(lacks):
        places = columns.places[v]
        found[:, places] = np.where(lacking[:, None], found[:, places], together[:, places])
        if lacking.all():
            found[:, places] = np.nan
    return found


def _outcome(data: LadderData, rows: Integers, copies: Integers) -> Floats:
    """What the outcome says of training patients: its value, or indicator and cumulative hazard of each cause."""
    if not data.kind.timed:
        return data.outcome[rows][:, None]
    found = []
    for code in range(1, len(data.causes) + 1):
        happened = data.event[rows] == code
        found += [happened.astype(float), nelson_aalen(data.followup[rows], happened, copies)]
    return np.column_stack(found)


def _strata(data: LadderData, rows: Integers) -> Floats:
    """Indicators of all strata but the first (rows, S − 1)."""
    return (data.stratum[rows][:, None] == np.arange(1, len(data.strata.levels))).astype(float)


def nelson_aalen(followup: Floats, happened: NDArray[np.bool_], copies: Integers) -> Floats:
    """The Nelson–Aalen cumulative hazard of an event at each patient's end of follow-up (n,)."""
    order = np.argsort(followup, kind="stable")
    time, events = followup[order], (happened * copies)[order].astype(float)
    moments, start = np.unique(time, return_index=True)
    at_risk = copies.sum() - np.concatenate([[0], np.cumsum(copies[order])])[start]
    hazard = np.cumsum(np.add.reduceat(events, start) / at_risk)
    return np.asarray(hazard[np.searchsorted(moments, followup)], dtype=float)


# -- Patients who are predicted ----------------------------------------------------------------------------------------


@dataclass(frozen=True, repr=False)
class Imputer(ShortRepr):
    """The distribution of missing covariates given the predictors `terms` of a step, the covariates' columns first.

    `models`: one for each covariate; `number` values are drawn of a patient who lacks any, from the stream of `seed`.
    """

    terms: tuple[str, ...]
    columns: Columns
    models: tuple[Conditional, ...]
    number: int
    seed: int

    @staticmethod
    def learn(data: LadderData, terms: Sequence[str], kept: Sequence[str], raws: Sequence[Floats], copies: Integers) -> Imputer:  # noqa: E501  # fmt: skip
        """Learned on the training patients' predictors `raws`, an array (rows, `terms`) for each imputation.

        Of the markers' predictors those that the step's model has `kept` are used, where there are patients enough.
        """
        c = len(data.coding.terms)
        of_markers = [place for place in range(c, len(terms)) if terms[place] in kept]
        if (c + len(of_markers)) * PATIENTS_TO_A_PREDICTOR > copies.sum():
            of_markers = []
        places = [*range(c), *of_markers]
        weights = np.tile(copies / len(raws), len(raws))
        together = np.concatenate([raw[:, places] for raw in raws])
        columns = Columns.of(data.coding, together, weights)
        z = columns.standard(together)
        models = tuple(_learned(columns, v, z, weights, None) for v in range(len(data.coding.covariates)))
        return Imputer(tuple(terms[place] for place in places), columns, models, data.imputations, data.seed)

    def lacking(self, raw: Floats) -> NDArray[np.bool_]:
        """Who (n,) of patients with predictors `raw` (n, k) lacks a covariate."""
        return np.asarray(np.isnan(raw[:, : len(self.columns.coding.terms)]).any(axis=1))

    def completed(self, raw: Floats, every_term: Sequence[str]) -> Floats:
        """Completed predictors (number, n, k) of patients with predictors `raw` (n, k) named `every_term`."""
        n, c = len(raw), len(self.columns.coding.terms)
        conditions = [list(every_term).index(term) for term in self.terms]
        own = np.tile(raw[:, conditions], (self.number, 1))
        z = self.columns.standard(own)
        lacks = _lacking(self.columns, own)
        several = lacks.sum(axis=0) > 1
        open_ = np.flatnonzero(lacks.any(axis=1)).tolist()
        for turn in range(ROUNDS if several.any() else 1):
            for v in open_:
                rows = np.flatnonzero(lacks[v] & (several | (turn == 0)))
                self.columns.put(z, rows, self.models[v], self._points[rows // n, turn, v])
        found = np.tile(raw, (self.number, 1))
        drawn = self.columns.original(z)
        for v in open_:
            cells = np.ix_(np.flatnonzero(lacks[v]), self.columns.places[v])
            found[cells] = drawn[cells]
        return found.reshape(self.number, n, raw.shape[1]) if c else found[None]

    @cached_property
    def _points(self) -> Floats:
        """Uniform points (number, rounds, covariates) of a Latin hypercube."""
        rng = generator(self.seed, "impute", "predict")
        shape = (ROUNDS * len(self.models), self.number)
        made = (np.argsort(rng.random(shape), axis=1) + rng.random(shape)) / self.number
        return np.clip(made, 1e-9, 1.0 - 1e-9).T.reshape(self.number, ROUNDS, -1)

    def to_dict(self) -> dict[str, Any]:
        """Plain content for ``model.json``: parameters and ranges rounded outwards, no patient."""
        columns = self.columns
        return {
            "terms": list(self.terms),
            "centre": columns.centre.tolist(),
            "scale": columns.scale.tolist(),
            "low": [or_none(value) for value in columns.low.tolist()],
            "high": [or_none(value) for value in columns.high.tolist()],
            "models": [{"beta": model.beta.tolist(), "sd": model.sd} for model in self.models],
            "number": self.number,
            "seed": self.seed,
        }

    @staticmethod
    def from_dict(content: Mapping[str, Any], coding: CovariateCoding) -> Imputer:
        """The inverse of `to_dict`."""
        ends = {
            key: np.array([missing if value is None else value for value in content[key]], dtype=float)
            for key, missing in (("low", -np.inf), ("high", np.inf))
        }
        centre, scale = (np.array(content[key], dtype=float) for key in ("centre", "scale"))
        columns = Columns(coding, centre, scale, ends["low"], ends["high"])
        models = tuple(
            Conditional(places, np.array(one["beta"], dtype=float).reshape(len(one["beta"]), -1), one["sd"],
                        levels is not None)
            for places, one, (_, levels) in zip(columns.places, content["models"], coding.covariates, strict=True)
        )  # fmt: skip
        return Imputer(tuple(content["terms"]), columns, models, content["number"], content["seed"])
