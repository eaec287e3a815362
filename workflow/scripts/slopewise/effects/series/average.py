"""Average effects of an interruption and how much they differ between units, as tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.effects.series.likelihood import sd_interval
from slopewise.effects.series.model import AFTER, LEVEL, SINCE, SLOPE, SeriesFit
from slopewise.growth.evidence.compare import naive_p
from slopewise.growth.inference import satterthwaite, t_tests
from slopewise.growth.whitening import SerialGrowthFit, WhitenedRows, fit_at, fit_serial

Floats = NDArray[np.float64]

STEPS = 25
"""Moments after the interruption at which its effect is drawn."""


def named_effects(horizons: Sequence[float]) -> list[tuple[str, float | None, str]]:
    """Name, time since the moment (None for a coefficient) and coefficient of each effect that is reported."""
    changes: list[tuple[str, float | None, str]] = [(LEVEL, None, AFTER), (SLOPE, None, SINCE)]
    return changes + [(after_name(k), float(k), "") for k in horizons if k > 0]


def after_name(k: float) -> str:
    """The effect `k` after the moment, as the tables call it."""
    return f"effect after {k:g}"


def contrast_table(fit: SeriesFit, rows: Floats) -> pd.DataFrame:
    """The t tests of rows @ beta (`growth.inference.t_tests`); Satterthwaite with phi held at its estimate."""
    growth = fit.serial.fit
    estimates = growth.estimates
    beta = rows @ estimates.beta[0]
    covariance = np.nan_to_num(estimates.beta_covariance[0])
    se = np.sqrt(np.maximum(np.einsum("kp,pr,kr->k", rows, covariance, rows), 0.0))
    return pd.DataFrame(t_tests(beta, se, satterthwaite(fit.serial.batch, 0, rows)))


def average_rows(fit: SeriesFit, horizons: Sequence[float]) -> pd.DataFrame:
    """The rows of ``effects/average``: the changes, the effect at each horizon, and the model's other terms."""
    asked = named_effects(horizons)
    rows = np.array([fit.fixed_row(k, term) for _, k, term in asked])
    main = contrast_table(fit, rows).assign(effect=[name for name, _, _ in asked])
    main["term"] = [term or f"{AFTER} + {k:g} {SINCE}" for _, k, term in asked]
    others = fit.serial.fit.fixed_effects
    others = others[~others["term"].isin([AFTER, SINCE])].assign(effect="course")
    return pd.concat([main, others], ignore_index=True)


def spread_rows(fit: SeriesFit, horizons: Sequence[float]) -> pd.DataFrame:
    """The rows of ``effects/spread``: SD between units with profile interval, its correlation with the level, test.

    The likelihood ratio leaves the random effect out (phi estimated anew); its p is the boundary mixture of chi-squares
    with q - 1 and q degrees of freedom (Stram & Lee 1994). The effect at a horizon has an interval, and no test.
    """
    covariance = fit.serial.fit.covariance.to_numpy()
    rows = []
    for name, k, term in named_effects(horizons):
        row = fit.random_row(k, term)
        if not row.any():
            continue
        variance = float(row @ covariance @ row)
        low, high = sd_interval(fit.serial, leading(row))
        with np.errstate(divide="ignore", invalid="ignore"):
            correlation = float(covariance[0] @ row / np.sqrt(covariance[0, 0] * variance))
        lrt, p_value = likelihood_ratio(fit, term) if k is None else (np.nan, np.nan)
        rows.append(
            {
                "effect": name,
                "sd": np.sqrt(max(variance, 0.0)),
                "ci_low": low,
                "ci_high": high,
                "correlation": correlation if np.isfinite(correlation) else np.nan,
                "correlation_low": np.nan,
                "correlation_high": np.nan,
                "lrt": lrt,
                "p_value": p_value,
                "p_value_bootstrap": np.nan,
                "reliability": np.nan,
                "singular": bool(fit.serial.fit.singular),
            }
        )
    return pd.DataFrame(rows)


def leading(row: Floats) -> Floats:
    """An invertible matrix (q, q) whose first row is `row`: unit rows of all but its largest element follow."""
    largest = int(np.argmax(np.abs(row)))
    others = [np.eye(len(row))[k] for k in range(len(row)) if k != largest]
    return np.array([row, *others])


def without(fit: SeriesFit, term: str, values: Floats | None = None) -> SerialGrowthFit:
    """The same model without one random effect (or, for an empty term, without both changes as random effects)."""
    from dataclasses import replace

    random = fit.model.random
    for name in (term,) if term else (AFTER, SINCE):
        random = random.replace(f" + {name}", "")
    data = replace(fit.model, random=random).data(fit.frame, fit.marker, "patient")
    return fit_serial(WhitenedRows.of(data, fit.serial.rows.spacing is not None), values=values)


def likelihood_ratio(fit: SeriesFit, term: str) -> tuple[float, float]:
    """Twice the gain in log-likelihood by one random effect, and its p by the boundary mixture."""
    gain = max(0.0, without(fit, term).deviance - fit.serial.deviance)
    q = len(fit.names)
    return gain, 0.5 * (naive_p(gain, q - 1) if q > 1 else float(gain <= 0.0)) + 0.5 * naive_p(gain, q)


def serial_rows(fit: SeriesFit) -> pd.DataFrame:
    """The rows of ``effects/serial``: the model with serial correlation and without, on the same rows."""
    spacing, rows = fit.serial.rows.spacing, []
    plain = fit_at(WhitenedRows(fit.serial.rows.data, None), 0.0)
    if spacing is not None:
        low, high = fit.serial.interval()
        gain = max(0.0, plain.deviance - fit.serial.deviance)
        rows.append(
            {
                "residuals": "AR(1)" if spacing.even else "exponential",
                "correlation": fit.serial.phi,
                "ci_low": low,
                "ci_high": high,
                "step": spacing.step,
                "residual_sd": fit.serial.fit.sigma,
                "deviance": fit.serial.deviance,
                "lrt": gain,
                "p_value": naive_p(gain, 1),
            }
        )
    rows.append({"residuals": "independent", "residual_sd": plain.fit.sigma, "deviance": plain.deviance})
    columns = ["correlation", "ci_low", "ci_high", "step", "lrt", "p_value"]
    return pd.DataFrame(rows).reindex(columns=["residuals", "residual_sd", "deviance", *columns])


def course_rows(fit: SeriesFit, longest: float) -> pd.DataFrame:
    """The rows of ``effects/course``: the average effect at moments up to `longest` after the interruption.

    estimate with ci_low and ci_high; unit_low and unit_high: where the effects of 95 in 100 units lie.
    """
    k = np.linspace(0.0, longest, STEPS)
    table = contrast_table(fit, np.array([fit.fixed_row(float(at)) for at in k]))
    covariance = fit.serial.fit.covariance.to_numpy()
    random = np.array([fit.random_row(float(at)) for at in k])
    sd = np.sqrt(np.maximum(np.einsum("kq,qr,kr->k", random, covariance, random), 0.0))
    made = table[["estimate", "ci_low", "ci_high"]]
    return made.assign(since=k, unit_low=made["estimate"] - 1.959964 * sd, unit_high=made["estimate"] + 1.959964 * sd)
