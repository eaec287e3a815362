"""Cox's proportional hazards model with Efron's handling of ties, by Newton's method.

Delayed entry, strata and repeated patients (integer counts) are part of the likelihood. The baseline cumulative
hazard has Efron's correction too, so that it belongs to the coefficients, as `survfit` has it for R's `coxph`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.kernels.partial_likelihood import (
    CONVERGED,
    ITERATION_LIMIT,
    MONOTONE,
    NO_EVENTS,
    SINGULAR,
    cumulative_hazard,
    newton,
)
from slopewise.outcome.penalty import Penalty
from slopewise.outcome.plain import matrix_or_none
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class RiskSets(ShortRepr):
    """The order in which the likelihood visits patients, made once for all models on the same patients.

    `order` lists rows by stratum, then follow-up descending; `time`, `event`, `stratum` (n,) lie in that order;
    `entry_row` lists places of that order by stratum, then entry descending, `entry_time` in that second order.
    """

    order: Integers
    time: Floats
    event: NDArray[np.bool_]
    stratum: Integers
    entry_time: Floats
    entry_row: Integers

    @property
    def arrays(self) -> tuple[Floats, NDArray[np.bool_], Integers, Floats, Integers]:
        """The leading arguments of the compiled functions."""
        return self.time, self.event, self.stratum, self.entry_time, self.entry_row


def risk_sets(
    followup: ArrayLike, event: ArrayLike, entry: ArrayLike | None = None, strata: ArrayLike | None = None
) -> RiskSets:
    """Risk sets of patients with `followup`, `event` (n,), delayed `entry` and `strata` (codes 0, 1, ...) if any."""
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    late = np.full(len(time), -np.inf) if entry is None else np.asarray(entry, dtype=float)
    stratum = np.zeros(len(time), dtype=np.int64) if strata is None else np.asarray(strata, dtype=np.int64)
    if (late >= time).any():
        raise ValueError("a patient's entry must lie before the end of follow-up")
    order = np.lexsort((-time, stratum))
    second = np.lexsort((-late[order], stratum[order]))
    return RiskSets(order, time[order], happened[order], stratum[order], late[order][second], second)


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox model. `beta` (k,) and `covariance` (k, k) are per unit of the predictors as they were given.

    `centre` (k,) training means; `baseline` (strata, horizons) the cumulative hazard at the centre; `aliased` (k,)
    predictors that the risk sets cannot tell apart from others: beta 0, covariance missing. `message` is empty when
    the fit converged in the interior.
    """

    terms: tuple[str, ...]
    beta: Floats
    covariance: Floats
    centre: Floats
    horizons: tuple[float, ...]
    baseline: Floats
    aliased: tuple[bool, ...]
    loglik_null: float
    loglik: float
    patients: int
    events: int
    iterations: int
    message: str
    penalty: Penalty | None = None

    @property
    def standard_errors(self) -> Floats:
        """Wald standard errors (k,), missing where the fit has none."""
        return np.sqrt(np.diag(self.covariance))

    def linear_predictor(self, x: Floats) -> Floats:
        """(x − centre)'β for rows of `x` (n, k): the log hazard ratio against a patient at the training means."""
        value = np.zeros(len(x))
        for column in range(len(self.beta)):
            value += (x[:, column] - self.centre[column]) * self.beta[column]
        return value

    def risk(self, x: Floats, strata: Integers | None = None) -> Floats:
        """Absolute risk 1 − exp(−H₀(t) exp(lp)) of the event by each horizon, (n, horizons)."""
        baseline = self.baseline[np.zeros(len(x), dtype=np.int64) if strata is None else strata]
        return -np.expm1(-scaled(baseline, self.linear_predictor(x)))

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; what is missing becomes None. Holds no patient."""
        return {
            "terms": list(self.terms),
            "beta": self.beta.tolist(),
            "covariance": matrix_or_none(self.covariance),
            "centre": self.centre.tolist(),
            "horizons": list(self.horizons),
            "baseline_cumulative_hazard": self.baseline.tolist(),
            "aliased": list(self.aliased),
            "log_likelihood_null": self.loglik_null,
            "log_likelihood": self.loglik,
            "patients": self.patients,
            "events": self.events,
            "iterations": self.iterations,
            "message": self.message,
            **({} if self.penalty is None else {"penalty": self.penalty.to_dict()}),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> CoxFit:
        """The inverse of `to_dict`."""
        terms = tuple(content["terms"])
        rows = [[np.nan if value is None else value for value in row] for row in content["covariance"]]
        return cls(
            terms=terms,
            beta=np.array(content["beta"], dtype=float),
            covariance=np.array(rows, dtype=float).reshape(len(terms), len(terms)),
            centre=np.array(content["centre"], dtype=float),
            horizons=tuple(content["horizons"]),
            baseline=np.array(content["baseline_cumulative_hazard"], dtype=float),
            aliased=tuple(content["aliased"]),
            loglik_null=content["log_likelihood_null"],
            loglik=content["log_likelihood"],
            patients=content["patients"],
            events=content["events"],
            iterations=content["iterations"],
            message=content["message"],
            penalty=Penalty.from_dict(content["penalty"]) if "penalty" in content else None,
        )


def fit_cox(
    x: Floats,
    followup: ArrayLike,
    event: ArrayLike,
    entry: ArrayLike | None = None,
    strata: ArrayLike | None = None,
    *,
    counts: Integers | None = None,
    horizons: Sequence[float] = (),
    terms: Sequence[str] | None = None,
    sets: RiskSets | None = None,
) -> CoxFit:
    """Fit a Cox model to predictors `x` (n, k; k may be 0), `followup` and `event` (n,).

    `counts` (n,) says how often a patient enters; two copies are two tied rows. `sets` may hand over the risk sets of
    the same patients. A fit that does not converge or runs to infinity is returned with a `message`, never silently.
    """
    sets = risk_sets(followup, event, entry, strata) if sets is None else sets
    copies = (np.ones(len(x), dtype=np.int64) if counts is None else counts)[sets.order]
    ordered = np.ascontiguousarray(x[sets.order], dtype=float)
    centre, scale = _centre_and_scale(ordered, copies)
    standard = (ordered - centre) / scale
    beta, null, loglik, information, iterations, status = newton(*sets.arrays, copies, standard, np.zeros(x.shape[1]))
    aliased = np.zeros(x.shape[1], dtype=bool)
    if status == SINGULAR:
        aliased = ~independent(_symmetric(information), 1e-10)
        rest = np.ascontiguousarray(standard[:, ~aliased])
        found, null, loglik, inner, iterations, status = newton(*sets.arrays, copies, rest, np.zeros(rest.shape[1]))
        beta = np.zeros(x.shape[1])
        beta[~aliased] = found
        information = np.full_like(information, np.nan)
        information[np.ix_(~aliased, ~aliased)] = inner
    names = tuple(terms) if terms is not None else tuple(f"x{column + 1}" for column in range(x.shape[1]))
    baseline = np.zeros((int(sets.stratum.max(initial=0)) + 1, len(horizons)))
    moments = np.asarray(horizons, dtype=float)
    cumulative_hazard(*sets.arrays, copies, standard, beta, moments, baseline)
    return CoxFit(
        terms=names,
        beta=beta / scale,
        covariance=_covariance(information, aliased, status) / np.outer(scale, scale),
        centre=centre,
        horizons=tuple(float(h) for h in horizons),
        baseline=baseline,
        aliased=tuple(aliased.tolist()),
        loglik_null=float(null),
        loglik=float(loglik),
        patients=int(copies.sum()),
        events=int(copies[sets.event].sum()),
        iterations=int(iterations),
        message=_message(status, names, beta, aliased),
    )


def scaled(baseline: Floats, score: Floats) -> Floats:
    """Hazards (n, times) of patients with linear predictors `score` (n,) from their `baseline` (n, times).

    As exp(log baseline + score): where predictors separate the events, a baseline is as near to 0 as a score is large,
    and only the sum of the logs can be told. A hazard is at most exp(600), a risk of 1, so that sums stay finite.
    """
    logs = np.log(baseline, out=np.full(baseline.shape, -np.inf), where=baseline != 0)
    return np.asarray(np.exp(np.minimum(logs + score[:, None], 600.0)))


def _centre_and_scale(x: Floats, counts: Integers) -> tuple[Floats, Floats]:
    """Means and SDs (divisor n) over the copies; a column without spread keeps scale 1."""
    present = counts > 0
    weight = (counts[present] / counts.sum())[:, None]
    centre = (weight * x[present]).sum(axis=0)
    scale = np.sqrt((weight * (x[present] - centre) ** 2).sum(axis=0))
    return centre, np.where(scale > 0, scale, 1.0)


def _symmetric(lower: Floats) -> Floats:
    return np.tril(lower) + np.tril(lower, -1).T


def independent(matrix: Floats, tolerance: float) -> NDArray[np.bool_]:
    """Which rows of a positive semi-definite matrix (k, k) are not linear combinations of earlier kept ones.

    Cholesky in the given order; a row is left out when its pivot is below `tolerance` times its diagonal.
    """
    k = len(matrix)
    kept, factor = np.zeros(k, dtype=bool), np.zeros((k, k))
    for row in range(k):
        for column in np.flatnonzero(kept[:row]):
            part = float((factor[row, :column] * factor[column, :column]).sum())
            factor[row, column] = (matrix[row, column] - part) / factor[column, column]
        pivot = matrix[row, row] - float((factor[row, :row] ** 2).sum())
        if pivot > tolerance * matrix[row, row] and pivot > 1e-300:
            kept[row], factor[row, row] = True, np.sqrt(pivot)
    return kept


def _covariance(information: Floats, aliased: NDArray[np.bool_], status: int) -> Floats:
    """Inverse information (k, k); missing for aliased predictors and for a fit that did not converge."""
    covariance = np.full(information.shape, np.nan)
    if status == CONVERGED and not aliased.all():
        block = np.ix_(~aliased, ~aliased)
        covariance[block] = np.linalg.inv(_symmetric(information[block]))
    return covariance


def _message(status: int, terms: Sequence[str], beta: Floats, aliased: NDArray[np.bool_]) -> str:
    parts = []
    if aliased.any():
        names = ", ".join(term for term, out in zip(terms, aliased, strict=True) if out)
        parts.append(f"{names} cannot be distinguished from the other predictors at the times of the events; left out")
    if status == MONOTONE:
        worst = terms[int(np.argmax(np.abs(beta)))]
        parts.append(
            f"the likelihood rises without end as the coefficient of {worst} grows (too few events, or the predictor "
            "separates them); this model's coefficients cannot be interpreted and have no standard errors"
        )
    if status == ITERATION_LIMIT:
        parts.append("Newton's method did not converge in 60 iterations; coefficients have no standard errors")
    if status == NO_EVENTS:
        parts.append("no patient had the event; all coefficients are 0")
    return "; ".join(parts)
