"""Is the average course a straight line? And what do the same straight lines say when the clock starts elsewhere?

Linearity: the study's fixed effects with every curve of the predictor put straight, against a quadratic and a natural
cubic spline beside it, by likelihood ratio of ML fits with the same random effects. No parameter is at a boundary, so
the ratio is chi-square with as many degrees of freedom as effects were added.

Centring: straight lines fitted under two time zeros. With correlated random effects that is one model in two
languages: deviance and slopes stay, the intercept is the value at another moment, and its variance and correlation
with the slope follow from z'Psi z. With independent ones it is two models.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc

from slopewise.design.screen import straight
from slopewise.growth import GrowthData, GrowthFit, GrowthModel
from slopewise.growth.evidence.alike import under
from slopewise.growth.evidence.compare import textbook_model
from slopewise.growth.fitting import fit_everybody
from slopewise.run.errors import InputError
from slopewise.slopes.marker import MarkerData

CURVES = {"quadratic": "I({0}**2)", "spline": "cr({0}, df=3)"}
"""What is added to straight lines, by the name of the shape."""


def linearity(model: GrowthModel, data: MarkerData, structure: str) -> pd.DataFrame:
    """The marker's rows of ``growth/linearity``: shape, formula, parameters, deviance_ml, aic, lrt, df, p_value.

    Also slope_first and slope_last, the average slope at the predictor's first and last tenth. Shapes are linear,
    quadratic, spline and, where the study's own is another, study; the last three are tested against linear. A curve
    for which the predictor has too few values is left out. `structure`: that of the random effects in all of them.
    """
    predictor = model.time
    base = straight(model.fixed, predictor)
    if data.training is not None:  # the spline covers the rows that fits learn from, not those up to the landmark
        model = replace(model, bounds=None)
    formulas = {"linear": base}
    formulas |= {shape: f"{base} + {added.format(predictor)}" for shape, added in CURVES.items()}
    if _plain(model.fixed) not in (_plain(base), _plain(formulas["quadratic"])):
        formulas["study"] = model.fixed
    fits: dict[str, GrowthFit] = {}
    for shape, formula in formulas.items():
        try:
            other = replace(model, fixed=formula, reml=False, engine="slopewise")
            fits[shape] = _fitted(other, data.trained_on, structure)
        except InputError:  # fewer values of the predictor than the spline has knots
            continue
    if "linear" not in fits or not np.isfinite(fits["linear"].deviance):
        return pd.DataFrame()
    rows = [_shape_row(data, shape, formulas[shape], fit, fits["linear"]) for shape, fit in fits.items()]
    return pd.DataFrame([row for row in rows if row])


def _plain(formula: str) -> str:
    return formula.replace(" ", "")


def _fitted(model: GrowthModel, own: GrowthData, structure: str) -> GrowthFit:
    return fit_everybody(under(model, own), structure)


def _shape_row(data: MarkerData, shape: str, formula: str, fit: GrowthFit, linear: GrowthFit) -> dict[str, object]:
    df = len(fit.beta) - len(linear.beta)
    if not np.isfinite(fit.deviance) or (shape != "linear" and df < 1):
        return {}
    lrt = np.nan if shape == "linear" else max(0.0, linear.deviance - fit.deviance)
    q = len(fit.design.random_names)
    of_effects = {"correlated": q * (q + 1) // 2, "diagonal": q, "intercept": 1, "excluded": 0}[fit.structure]
    parameters = len(fit.beta) + of_effects + len(fit.ratios)
    seen = data.trained_on.frame[linear.specification.time].to_numpy(dtype=float)
    first, last = (_average_slope(data, fit, float(np.quantile(seen, share))) for share in (0.1, 0.9))
    return {
        "shape": shape,
        "formula": formula,
        "parameters": parameters,
        "deviance_ml": fit.deviance,
        "aic": fit.deviance + 2.0 * parameters,
        "lrt": lrt,
        "df": df if shape != "linear" else np.nan,
        "p_value": float(chdtrc(df, lrt)) if shape != "linear" else np.nan,
        "slope_first": first,
        "slope_last": last,
    }


def _average_slope(data: MarkerData, fit: GrowthFit, at: float) -> float:
    """The average course's slope at one value of the predictor, over the cohort's covariates.

    Missing where the course has none there: the square root at 0.
    """
    rows = data.covariates.assign(**{fit.specification.time: at})
    try:
        return float((fit.design.fixed.derivative(rows) @ fit.estimates.beta[0]).mean())
    except InputError:
        return float("nan")


def centring(model: GrowthModel, data: MarkerData) -> pd.DataFrame:
    """The marker's rows of ``growth/centring``: straight lines under two zeros, correlated and diagonal.

    Columns structure, zero (on the study's clock: its own 0, and the mean over the rows; one standard deviation, where
    the mean is nearly 0), deviance (REML), intercept, intercept_se, intercept_sd, slope, slope_se, slope_sd,
    correlation. Empty where the random intercept and slope cannot be identified.
    """
    predictor, own = model.time, data.trained_on
    book = replace(textbook_model(model), fixed=straight(model.fixed, predictor))
    seen = own.frame[predictor]
    middle, spread = float(seen.mean()), float(seen.std())
    if not spread > 0:
        return pd.DataFrame()
    found = []
    for zero in (0.0, middle if abs(middle) > 0.1 * spread else spread):
        shifted = under(book, own, **{predictor: seen.to_numpy(dtype=float) - zero})
        if zero == 0.0 and fit_everybody(shifted).structure != "correlated":
            return pd.DataFrame()
        for structure in ("correlated", "diagonal"):
            fit = fit_everybody(shifted, structure)
            if not {"Intercept", predictor} <= set(fit.beta.index):
                return pd.DataFrame()
            found.append({"structure": structure, "zero": zero, **_lines(fit, predictor)})
    return pd.DataFrame(found)


def _lines(fit: GrowthFit, predictor: str) -> dict[str, float]:
    se = np.sqrt(np.diag(fit.beta_covariance.to_numpy()))
    place = {name: k for k, name in enumerate(fit.beta.index)}
    psi = fit.covariance.to_numpy()
    sd = np.sqrt(np.diag(psi))
    return {
        "deviance": fit.deviance,
        "intercept": float(fit.beta["Intercept"]),
        "intercept_se": float(se[place["Intercept"]]),
        "intercept_sd": float(sd[0]),
        "slope": float(fit.beta[predictor]),
        "slope_se": float(se[place[predictor]]),
        "slope_sd": float(sd[1]),
        "correlation": float(psi[0, 1] / (sd[0] * sd[1])) if sd[0] * sd[1] > 0 else np.nan,
    }
