"""Rubin's rules: models of one step on several imputations of the same patients become one model.

Coefficients are means; their covariance is the mean covariance W and (1 + 1/m) times the covariance B between
imputations (Rubin 1987). Degrees of freedom are those of Barnard & Rubin 1999 (10.1093/biomet/86.4.948), with the
complete-data ones of R's ``mice``: events less coefficients in a Cox model, patients less coefficients in others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, fdtrc

from slopewise.outcome.cox import CoxFit
from slopewise.outcome.glm import GlmFit
from slopewise.outcome.models import Part
from slopewise.outcome.penalty import Penalty

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Pooled:
    """One estimate or several (k,) over imputations: mean, total variance, degrees of freedom, and the share of the
    information that is lost because values are missing."""

    estimate: Floats
    covariance: Floats
    df: Floats
    missing_information: Floats


def rubin(estimates: Floats, covariances: Floats, complete: float) -> Pooled:
    """Pool `estimates` (m, k) with `covariances` (m, k, k); `complete`: degrees of freedom without missing values.

    Of one imputation, or of equal ones, the degrees of freedom are those of complete data as Barnard & Rubin count
    them, ν (ν + 1) / (ν + 3), and no information is missing.
    """
    m, k = estimates.shape
    within = covariances.mean(axis=0)
    between = np.atleast_2d(np.cov(estimates, rowvar=False)).reshape(k, k) if m > 1 else np.zeros((k, k))
    total = within + (1.0 + 1.0 / m) * between
    added, variance = (1.0 + 1.0 / m) * np.diag(between), np.diag(total)
    share = np.divide(added, variance, out=np.zeros(k), where=variance > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        old = np.where(share > 0, (m - 1) / share**2, np.inf)
        observed = (complete + 1.0) / (complete + 3.0) * complete * (1.0 - share)
        df = np.where(np.isinf(old), observed, old * observed / (old + observed))
    relative = np.divide(share, 1.0 - share, out=np.zeros(k), where=share < 1)
    information = (relative + 2.0 / (df + 3.0)) / (1.0 + relative)
    return Pooled(estimates.mean(axis=0), total, df, np.where(share > 0, information, 0.0))


def combined_test(statistics: Floats, df: int) -> tuple[float, float, float]:
    """F, its residual degrees of freedom and p of likelihood ratio statistics (m,), each χ² with `df` degrees of
    freedom: the rule D2 of Li, Meng, Raghunathan & Rubin 1991 (Statistica Sinica 1:65-92)."""
    m = len(statistics)
    spread = (1.0 + 1.0 / m) * float(np.var(np.sqrt(np.maximum(statistics, 0.0)), ddof=1))
    value = (float(statistics.mean()) / df - (m + 1) / (m - 1) * spread) / (1.0 + spread)
    residual = np.inf if spread == 0 else df ** (-3.0 / m) * (m - 1) * (1.0 + 1.0 / spread) ** 2
    p = chdtrc(df, max(df * value, 0.0)) if np.isinf(residual) else fdtrc(df, residual, max(value, 0.0))
    return value, float(residual), float(p)


def pooled(parts: Sequence[Part]) -> tuple[Part, Floats, Floats]:
    """One model from those of a cause on each imputation, degrees of freedom (k,) and missing information (k,).

    All are on predictors standardised alike. Baseline hazards are pooled on the log scale, at the mean 0 of these
    predictors; a coefficient that an imputation could not estimate is aliased. A penalised model has means of the
    shrunken coefficients, so that a term stays where any imputation keeps it, and no standard errors.
    """
    first = parts[0]
    found = rubin(
        np.stack([part.beta for part in parts]), np.stack([part.covariance for part in parts]), _complete(first)
    )
    messages = [part.message for part in parts if part.message]
    common: dict[str, Any] = {
        "beta": found.estimate,
        "covariance": found.covariance,
        "centre": np.zeros(len(first.beta)),
        "message": messages[0] if messages else "",
        "penalty": _penalty(parts, found.estimate),
    }
    if isinstance(first, GlmFit):
        glms = cast("Sequence[GlmFit]", parts)
        part: Part = replace(
            first,
            **common,
            intercept=float(np.mean([one.intercept - one.centre @ one.beta for one in glms])),
            residual_sd=float(np.sqrt(np.mean([one.residual_sd**2 for one in glms]))),
        )
        return part, found.df, found.missing_information
    coxes = cast("Sequence[CoxFit]", parts)
    with np.errstate(divide="ignore"):
        logs = [np.log(one.baseline) - one.centre @ one.beta for one in coxes]
    part = replace(
        first,
        **common,
        baseline=np.exp(np.mean(logs, axis=0)),
        aliased=tuple(bool(any(flags)) for flags in zip(*(one.aliased for one in coxes), strict=True)),
        loglik_null=float(np.mean([one.loglik_null for one in coxes])),
        loglik=float(np.mean([one.loglik for one in coxes])),
        iterations=max(one.iterations for one in coxes),
    )
    return part, found.df, found.missing_information


def _complete(part: Part) -> float:
    """Degrees of freedom that the model would have without missing values."""
    if isinstance(part, CoxFit):
        return float(max(part.events - len(part.beta), 1))
    return float(part.df) if np.isfinite(part.df) else float(max(part.patients - len(part.beta) - 1, 1))


def _penalty(parts: Sequence[Part], beta: Floats) -> Penalty | None:
    own = [part.penalty for part in parts if part.penalty is not None]
    if not own:
        return None
    strength, largest = (float(np.mean([getattr(one, name) for one in own])) for name in ("strength", "largest"))
    return replace(own[0], strength=strength, largest=largest, kept=int((beta != 0).sum()))
