"""The average course and the patients' differences at a moment that lies within the measurements.

An intercept belongs to time zero. Where that lies outside the measurements (birth, in a study of old age) it describes
nobody: the value, its standard deviation between patients and its correlation with the slope are extrapolations. At
another moment t they follow exactly from the same fit: the value is x(t)'beta, with z the random design at t and z' its
derivative the variance of values is z Psi z', that of slopes z' Psi z' and their covariance z Psi z'. So a shift of
time zero changes none of them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.screen import is_straight
from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.evidence.alike import under
from slopewise.growth.evidence.contrast import contrasts
from slopewise.growth.evidence.profile import component_intervals
from slopewise.growth.fitting import fit_everybody
from slopewise.slopes.marker import MarkerData

Floats = NDArray[np.float64]
TAIL, MARGIN = 0.01, 0.05
"""A moment is within the measurements up to this share of their central range beyond their outer hundredths."""


def moment(times: Floats, landmark: float) -> tuple[str, float]:
    """Where values are stated: time zero if it lies within `times`, else the landmark, else the mean time.

    `landmark` is infinite where there is none, or where the predictor is not time.
    """
    low, high = np.quantile(times, (TAIL, 1.0 - TAIL))
    margin = MARGIN * (high - low)
    for name, at in (("zero", 0.0), ("landmark", landmark)):
        if low - margin <= at <= high + margin:
            return name, float(at)
    return "mean", float(times.mean())


def origin(model: GrowthModel, data: MarkerData, fit: GrowthFit) -> pd.DataFrame:
    """The marker's row of ``growth/origin``: the average course and the random effects at one moment.

    Columns moment and at (`moment`; on the study's clock), estimate, se, df, ci_low, ci_high of the average value over
    the cohort's covariates (intervals 95%, Satterthwaite), slope, slope_low, slope_high of the average slope there; sd,
    slope_sd and correlation of patients' values and slopes, with correlation_low and correlation_high by profile
    likelihood (missing where it is not to be had: random effects other than intercept and slope, a curve).
    """
    predictor = model.time
    times = data.trained_on.frame[predictor].to_numpy(dtype=float)
    name, at = moment(times, data.landmark if predictor == "time" else np.inf)
    rows = data.covariates.assign(**{predictor: at})
    fixed = fit.design.fixed
    found = contrasts(fit, np.array([fixed.matrix(rows).mean(axis=0), fixed.derivative(rows).mean(axis=0)]))
    value, slope = found.iloc[0], found.iloc[1]
    low, high = _correlation_interval(model, data, fit, at)
    row = {
        "moment": name,
        "at": at,
        **{key: value[key] for key in ("estimate", "se", "df", "ci_low", "ci_high")},
        "slope": slope["estimate"],
        "slope_low": slope["ci_low"],
        "slope_high": slope["ci_high"],
        **_spread(fit, at),
        "correlation_low": low,
        "correlation_high": high,
    }
    return pd.DataFrame([row])


def _spread(fit: GrowthFit, at: float) -> dict[str, float]:
    """sd, slope_sd and correlation of patients' values and slopes at one moment; missing where they do not differ."""
    predictor, random = fit.specification.time, fit.design.random
    nothing = {"sd": np.nan, "slope_sd": np.nan, "correlation": np.nan}
    if set(random.formula.variables) - {predictor} or fit.structure == "excluded":
        return nothing
    row = pd.DataFrame({predictor: [at]})
    z, derivative = random.matrix(row)[0], random.derivative(row)[0]
    psi = np.nan_to_num(fit.estimates.covariance[0])
    value, slope, both = z @ psi @ z, derivative @ psi @ derivative, z @ psi @ derivative
    correlation = both / np.sqrt(value * slope) if value > 0 and slope > 0 else np.nan
    spread = {
        "sd": float(np.sqrt(max(value, 0.0))),
        "slope_sd": np.nan,
        "correlation": float(np.clip(correlation, -1, 1)),
    }
    return spread | ({"slope_sd": float(np.sqrt(slope))} if slope > 0 else {})


def _correlation_interval(model: GrowthModel, data: MarkerData, fit: GrowthFit, at: float) -> tuple[float, float]:
    """95% profile-likelihood interval of the correlation at `at`: of the same model with its zero there."""
    predictor, own = model.time, data.trained_on
    lines = is_straight(model.fixed, predictor) and list(fit.design.random_names) == ["Intercept", predictor]
    if not lines or fit.structure != "correlated":
        return np.nan, np.nan
    if at != 0.0:
        shifted = under(model, own, **{predictor: own.frame[predictor].to_numpy(dtype=float) - at})
        fit = fit_everybody(shifted, fit.structure)
    return component_intervals(fit).get(("Intercept", predictor), (np.nan, np.nan))
