"""If patients changed otherwise after their last visit: the slope's coefficient under delta-adjusted imputation.

A mixed model takes what was not measured as missing at random. Here the visits that a patient missed between the last
one and the landmark are imputed at their expectation given the patient's own values, moved by δ per unit of time since
the last visit (delta adjustment: Carpenter, Kenward & White 2007; Cro et al. 2020, 10.1002/sim.8569). δ is a multiple
of the SD of the slopes between patients. Level and slope are then the predictions from all rows, imputed ones included,
with the growth model's parameters held, and the outcome model is fitted again. With δ = 0 nothing changes, since the
prediction given expected values is the prediction without them. Imputation by draws would do worse: draws that do not
know the outcome weaken every coefficient (docs/methods.md, section 5).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from slopewise.growth.evidence.alike import rows_of
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_everybody
from slopewise.outcome.fit import OutcomeFit, fit_ladder
from slopewise.outcome.ladder import LADDER
from slopewise.slopes.marker import MarkerData
from slopewise.study.model import Study

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
DELTAS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""δ, in SDs of the slope per unit of time."""
LATE = 1.5
"""A visit is missed once so many median intervals between visits have passed since the last one."""
COLUMNS = ["delta", "predictors", "cause", "term", "patients", "dropped", "estimate", "ratio", "ci_low", "ci_high"]


def delta_table(
    study: Study, outcome: OutcomeFit, markers: Sequence[MarkerData], growth: tuple[Flags, Flags], fold: Integers
) -> pd.DataFrame:
    """The table ``outcome/delta``: coefficients of the slopes, per SD of the slopes as analysed, under each δ.

    `growth`: which markers are singular, and which have flat slopes (M,); `fold` (n,) by which a penalty is chosen.
    `dropped`: of `patients`, those with an imputed visit of the marker; a marker of which nobody missed a visit has no
    row. Nor has anything without a landmark or a slope in the model, with slopes in another predictor than time, or
    with a posterior in place of the growth models' maximum.
    """
    data, step = outcome.data, next(one for one in LADDER if one.name == "slope")
    terms = [term for term in outcome.fitted.models[step.name].recipe.terms if term.endswith(".slope")]
    timed = np.isfinite(study.landmark_time) and study.growth.slope_of == "time"
    if not timed or study.growth.engine == "bayes" or not terms:
        return pd.DataFrame(columns=COLUMNS)
    zero = np.zeros(len(data.patients))
    shifts = {one.marker: shift(one) for one in markers if f"{one.marker}.slope" in terms}
    moved = [shifts.get(marker, (zero, zero, zero > 0)) for marker in data.markers]
    level, slope = (np.column_stack([found[place] for found in moved]).astype(np.float64) for place in range(2))
    dropped = np.column_stack([found[2] for found in moved])
    spread = np.nanstd(outcome.slope, axis=0, ddof=1)
    lines = []
    for delta in DELTAS:
        fitted = fit_ladder(
            data, outcome.level + delta * level, outcome.slope + delta * slope, growth[0], flat=growth[1], fold=fold,
            steps=[step],
        )  # fmt: skip
        own = [row for row in data.rows if row[0] == step.name]
        for place, (_, cause, term) in enumerate(own):
            m = data.markers.index(term.rpartition(".")[0]) if term in terms else -1
            if m < 0 or not dropped[:, m].any():
                continue
            estimate, error = spread[m] * fitted.estimate_unit[place], spread[m] * fitted.se_unit[place]
            low, high = t_ends(estimate, error, float(fitted.df[place]))
            ratio = np.nan if data.kind.numeric else np.exp(estimate)
            who = len(data.patients), int(dropped[:, m].sum())
            lines.append((delta, step.name, cause, term, *who, estimate, ratio, low, high))
    return pd.DataFrame(lines, columns=COLUMNS)


def t_ends(estimate: float, error: float, df: float) -> tuple[float, float]:
    """The 95% interval of an estimate with this standard error, by the t distribution."""
    reach = float(stdtrit(df, 0.975)) * error
    return estimate - reach, estimate + reach


def shift(data: MarkerData) -> tuple[Floats, Floats, Flags]:
    """By how much level and slope (n,) of each patient move with δ of one SD, and who (n,) has an imputed visit."""
    fit = fit_everybody(data.growth)
    nobody = np.zeros(len(data.patients), dtype=bool)
    variance = slope_variance(fit, data)
    missed = missed_visits(data)
    if not variance > 0 or missed.empty:
        return np.zeros(len(nobody)), np.zeros(len(nobody)), nobody
    patient, response, time = data.growth.layout.patient, data.growth.response, data.growth.specification.time
    rows = rows_of(data.growth)
    effects = fit.random_effects(rows)
    covariates = data.covariates.assign(**{patient: data.patients}).drop(columns=time, errors="ignore")
    planned = missed.merge(covariates, on=patient, how="left", validate="many_to_one")
    expected = fit.predict(planned, "patient", effects) + np.sqrt(variance) * planned["since_last_"].to_numpy()
    both = pd.concat([rows, planned.assign(**{response: expected})[list(rows.columns)]], ignore_index=True)
    names = list(fit.design.random_names)
    after, before = (table.set_index("patient")[names].reindex(data.patients).to_numpy()
                     for table in (fit.random_effects(both), effects))  # fmt: skip
    at = data.covariates.assign(**{time: data.at})
    moved = after - before
    level = np.einsum("nq,nq->n", fit.design.random.matrix(at), moved)
    slope = np.einsum("nq,nq->n", fit.design.random.derivative(at), moved)
    return level, slope, np.isin(np.array(data.patients, dtype=object), missed[patient].to_numpy(dtype=object))


def slope_variance(fit: GrowthFit, data: MarkerData) -> float:
    """Mean over patients of the variance of the slope's random part; 0 of a fit without one."""
    if fit.structure in ("excluded", "intercept"):
        return 0.0
    z = fit.design.random.derivative(data.covariates.assign(**{data.growth.specification.time: data.at}))
    return float(np.einsum("ni,ij,nj->n", z, fit.covariance.to_numpy(), z).mean())


def missed_visits(data: MarkerData) -> pd.DataFrame:
    """A row for each visit of the marker that was missed between a patient's last one and the landmark.

    Columns: the patient, the time, and the time `since_last_`. Visits would have followed at the cohort's median
    interval; patients without any visit, or with a recent one, have none.
    """
    patient, time = data.growth.layout.patient, data.growth.specification.time
    rows = rows_of(data.growth)[[patient, time, data.growth.response]].dropna().sort_values([patient, time])
    gaps = rows.groupby(patient)[time].diff().dropna()
    gaps = gaps[gaps > 0]
    last = rows.groupby(patient)[time].max()
    if gaps.empty:
        return pd.DataFrame(columns=[patient, time, "since_last_"])
    gap = float(gaps.median())
    late = last[data.landmark - last > LATE * gap]
    lines = [
        (name, float(end) + j * gap, j * gap)
        for name, end in late.items()
        for j in range(1, int((data.landmark - float(end)) / gap + 1e-9) + 1)
    ]
    return pd.DataFrame(lines, columns=[patient, time, "since_last_"])
