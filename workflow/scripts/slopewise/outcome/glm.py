"""Linear and logistic regression: the outcome models of continuous and of binary outcomes.

Logistic regression by Fisher scoring, linear regression by least squares; patients enter by integer counts (two
copies are two rows). Both are made to stand where `CoxFit` stands: coefficients per unit of the predictors as given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.kernels import binomial as kernels
from slopewise.outcome.penalty import Penalty
from slopewise.outcome.plain import matrix_or_none, or_none

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class GlmFit:
    """A fitted linear (`link` identity) or logistic (`link` logit) model.

    `beta` (k,) and `covariance` (k, k) of the slopes per unit of the predictors; `intercept` at the training means
    `centre` (k,). `residual_sd` and `df` (residual degrees of freedom) are the linear model's: missing and infinite in
    a logistic one. `events` is the number of events (of patients, in a linear model). `message` is empty when the fit
    converged in the interior.
    """

    link: str
    terms: tuple[str, ...]
    beta: Floats
    covariance: Floats
    centre: Floats
    intercept: float
    residual_sd: float
    df: float
    patients: int
    events: int
    message: str
    penalty: Penalty | None = None

    @property
    def aliased(self) -> tuple[bool, ...]:
        """No predictor is aliased here: linear combinations are left out before."""
        return (False,) * len(self.terms)

    @property
    def standard_errors(self) -> Floats:
        """Standard errors (k,), missing where the fit has none."""
        return np.sqrt(np.diag(self.covariance))

    def linear_predictor(self, x: Floats) -> Floats:
        """Log odds (logistic) or prediction (linear) for rows of `x` (n, k)."""
        value = np.full(len(x), self.intercept)
        for column in range(len(self.beta)):
            value += (x[:, column] - self.centre[column]) * self.beta[column]
        return value

    def risk(self, x: Floats) -> Floats:
        """Probability of the event (logistic) or prediction (linear), (n, 1): no horizon but one without a name."""
        value = self.linear_predictor(x)
        return (value if self.link == "identity" else _expit(value))[:, None]

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and numbers for JSON; what is missing becomes None. Holds no patient."""
        return {
            "link": self.link,
            "terms": list(self.terms),
            "beta": self.beta.tolist(),
            "covariance": matrix_or_none(self.covariance),
            "centre": self.centre.tolist(),
            "intercept": self.intercept,
            "residual_sd": or_none(self.residual_sd),
            "df": or_none(self.df),
            "patients": self.patients,
            "events": self.events,
            "message": self.message,
            **({} if self.penalty is None else {"penalty": self.penalty.to_dict()}),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> GlmFit:
        """The inverse of `to_dict`."""
        k = len(content["terms"])
        rows = [[np.nan if value is None else value for value in row] for row in content["covariance"]]
        return cls(
            link=content["link"],
            terms=tuple(content["terms"]),
            beta=np.array(content["beta"], dtype=float),
            covariance=np.array(rows, dtype=float).reshape(k, k),
            centre=np.array(content["centre"], dtype=float),
            intercept=content["intercept"],
            residual_sd=np.nan if content["residual_sd"] is None else content["residual_sd"],
            df=np.inf if content["df"] is None else content["df"],
            patients=content["patients"],
            events=content["events"],
            message=content["message"],
            penalty=Penalty.from_dict(content["penalty"]) if "penalty" in content else None,
        )


def _expit(value: Floats) -> Floats:
    small = np.exp(-np.abs(value))
    return np.where(value >= 0, 1.0, small) / (1.0 + small)


def fit_logistic(
    x: Floats, outcome: ArrayLike, *, counts: Integers | None = None, terms: Sequence[str] | None = None
) -> GlmFit:
    """Fit a logistic model of `outcome` (n,; 0 and 1) on predictors `x` (n, k; k may be 0) of about unit variance."""
    y = np.asarray(outcome, dtype=float)
    copies = np.ones(len(y), dtype=np.int64) if counts is None else counts
    centre = _means(x, copies)
    design = np.concatenate([np.ones((len(y), 1)), x - centre], axis=1)
    share = min(max(float(copies @ y) / max(int(copies.sum()), 1), 1e-6), 1 - 1e-6)
    start = np.zeros(design.shape[1])
    start[0] = np.log(share / (1 - share))
    beta, _, information, _, status = kernels.fit(
        y, copies.astype(float), np.zeros(len(y)), np.ascontiguousarray(design), start, kernels.LOGIT
    )
    covariance = np.full(information.shape, np.nan)
    if status == kernels.CONVERGED:
        covariance = np.linalg.inv(np.tril(information) + np.tril(information, -1).T)
    names = _names(terms, x)
    return GlmFit(
        link="logit",
        terms=names,
        beta=beta[1:],
        covariance=covariance[1:, 1:],
        centre=centre,
        intercept=float(beta[0]),
        residual_sd=np.nan,
        df=np.inf,
        patients=int(copies.sum()),
        events=int(copies @ y.astype(np.int64)),
        message=_message(status, names, beta[1:]),
    )


def _message(status: int, terms: Sequence[str], beta: Floats) -> str:
    if status == kernels.CONVERGED:
        return ""
    if status == kernels.ONE_CLASS:
        return "the outcome does not vary between the patients; all coefficients are 0"
    if status == kernels.MONOTONE and len(beta):
        return (
            f"the likelihood rises without end as the coefficient of {terms[int(np.argmax(np.abs(beta)))]} grows (too "
            "few events, or the predictor separates them); this model's coefficients cannot be interpreted and have "
            "no standard errors"
        )
    return "Fisher scoring did not converge; coefficients have no standard errors"


def fit_linear(
    x: Floats, outcome: ArrayLike, *, counts: Integers | None = None, terms: Sequence[str] | None = None
) -> GlmFit:
    """Fit a linear model by least squares to predictors `x` (n, k; k may be 0) and `outcome` (n,)."""
    y = np.asarray(outcome, dtype=float)
    copies = np.ones(len(y), dtype=np.int64) if counts is None else counts
    n, k = int(copies.sum()), x.shape[1]
    centre, mean = _means(x, copies), float(copies @ y) / n
    root = np.sqrt(copies.astype(float))
    beta, _, rank, _ = np.linalg.lstsq((x - centre) * root[:, None], (y - mean) * root, rcond=1e-10)
    residual = y - mean - (x - centre) @ beta
    df, message = n - k - 1, ""
    covariance, residual_sd = np.full((k, k), np.nan), np.nan
    if df > 0 and rank == k:
        residual_sd = float(np.sqrt(copies @ residual**2 / df))
        moment = np.einsum("ni,nj->ij", (x - centre) * copies[:, None], x - centre)
        covariance = residual_sd**2 * np.linalg.inv(moment)
    else:
        message = f"{n} patients are too few for {k} coefficients; they have no standard errors"
    return GlmFit(
        link="identity",
        terms=_names(terms, x),
        beta=beta,
        covariance=covariance,
        centre=centre,
        intercept=mean,
        residual_sd=residual_sd,
        df=float(df),
        patients=n,
        events=n,
        message=message,
    )


def _means(x: Floats, copies: Integers) -> Floats:
    return (copies[:, None] * x).sum(axis=0) / copies.sum()


def _names(terms: Sequence[str] | None, x: Floats) -> tuple[str, ...]:
    return tuple(terms) if terms is not None else tuple(f"x{column + 1}" for column in range(x.shape[1]))
