"""Average slopes, of everybody and by the strata of a characteristic that the growth model lets change the slope.

A slope is the derivative by the predictor of x(t)'beta at one moment, averaged over the cohort's covariates: all at one
level of the characteristic, everything else as it is. That is a linear combination of the fixed effects, and so is the
difference of two strata; degrees of freedom are Satterthwaite's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.growth import GrowthBatch, GrowthFit, GrowthModel
from slopewise.growth.evidence.contrast import contrasts
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text
from slopewise.slopes.groups import group_lines
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.origin import origin
from slopewise.slopes.shape import centring, linearity

Floats = NDArray[np.float64]
EVERYBODY = "everybody"
FEW = 5
"""A characteristic in numbers with no more values than these (an arm coded 0 and 1) is shown at each of them."""


@dataclass(frozen=True, repr=False)
class _Stratum(ShortRepr):
    """One stratum: its name, how many patients are in it (-1: a value of a number), the rows of covariates, weights."""

    name: str
    patients: int
    frame: pd.DataFrame


def describe(model: GrowthModel, data: MarkerData, batch: GrowthBatch) -> dict[str, pd.DataFrame]:
    """The marker's rows of the tables named by its keys; `batch`: the study's fit on everybody."""
    fit = GrowthFit.from_batch(batch, 0)
    if not np.isfinite(fit.deviance):
        return {name: pd.DataFrame() for name in ("linearity", "slopes_by_stratum", "lines", "centring", "origin")}
    return {
        "origin": origin(model, data, fit),
        "lines": group_lines(data, batch),
        "linearity": linearity(model, data, fit.structure),
        "slopes_by_stratum": slopes_by_stratum(data, fit),
        "centring": centring(model, data),
    }


def slopes_by_stratum(data: MarkerData, fit: GrowthFit) -> pd.DataFrame:
    """The marker's rows of ``growth/slopes_by_stratum``.

    Columns by (the characteristic; empty for everybody), stratum, versus (the stratum that it is compared with; empty
    for a slope itself), patients (missing for a value of a number), at (of the predictor: the landmark, the mean of
    the patients' own last visits, or 0 of a predictor other than time), estimate, se, df, statistic, p_value, ci_low,
    ci_high (95%), per unit of the predictor. A characteristic in numbers of more than `FEW` values is shown at its
    mean over patients less and plus one standard deviation.
    """
    own = fit.specification.time == "time" and np.isfinite(data.landmark)
    at = float(data.landmark if own else np.nanmean(data.at))
    everybody = _row(fit, data.covariates, at)
    keys: list[tuple[str, str, str, float]] = [("", EVERYBODY, "", float(len(data.patients)))]
    rows = [everybody]
    for by, strata in _characteristics(data, fit, at):
        made = [_row(fit, stratum.frame, at) for stratum in strata]
        for stratum, row in zip(strata, made, strict=True):
            keys.append((by, stratum.name, "", float(stratum.patients) if stratum.patients >= 0 else np.nan))
            rows.append(row)
        for stratum, row in zip(strata[1:], made[1:], strict=True):
            keys.append((by, stratum.name, strata[0].name, np.nan))
            rows.append(row - made[0])
    frame = pd.DataFrame(keys, columns=["by", "stratum", "versus", "patients"])
    return pd.concat([frame.assign(at=at), contrasts(fit, np.array(rows))], axis=1)


def _row(fit: GrowthFit, frame: pd.DataFrame, at: float) -> Floats:
    """(p,): the mean derivative of the fixed design at `at` over the rows of covariates."""
    row: Floats = fit.design.fixed.derivative(frame.assign(**{fit.specification.time: at})).mean(axis=0)
    return row


def _characteristics(data: MarkerData, fit: GrowthFit, at: float) -> Iterator[tuple[str, list[_Stratum]]]:
    """Each covariate of the fixed effects on which the slope depends, with its strata."""
    recipe = fit.design.fixed
    for name in recipe.formula.variables:
        if name == fit.specification.time or name not in data.covariates:
            continue
        values = data.covariates[name]
        few = name in recipe.levels or values.nunique() <= FEW
        strata = _levels(data, name, values) if few else _values(data, name, values)
        rows = [_row(fit, stratum.frame, at) for stratum in strata]
        if len(rows) > 1 and any(not np.allclose(row, rows[0], atol=1e-12) for row in rows[1:]):
            yield name, strata


def _levels(data: MarkerData, name: str, values: pd.Series) -> list[_Stratum]:
    present = sorted(values.dropna().unique().tolist(), key=lambda level: (str(type(level)), level))
    strata = []
    for level in present:
        frame = data.covariates.assign(**{name: level})
        strata.append(_Stratum(level_text(level), int((values == level).sum()), frame))
    return strata


def _values(data: MarkerData, name: str, values: pd.Series) -> list[_Stratum]:
    mean, sd = float(values.mean()), float(values.std())
    if not sd > 0:
        return []
    ends = (mean - sd, mean + sd)
    return [_Stratum(f"{name} = {end:.3g}", -1, data.covariates.assign(**{name: end})) for end in ends]
