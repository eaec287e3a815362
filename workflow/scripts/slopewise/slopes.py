"""Each patient's slope from models that never saw the patient, with its reliability, beside simple deltas.

For patient i in fold k, β, Ψ and σ² come from patients outside k; the random effects b̂_i from i's own rows up to
the landmark s with those parameters (methods.md section 3). With x(t), z(t) the design at time t:

    level = x(s)'β̂ + z(s)'b̂_i        slope = d/dt [x(t)'β̂ + z(t)'b̂_i] at s        intercept = the value at time zero
    slope_se² = z'(s)' Var(b_i | y, β̂) z'(s)        reliability = 1 − slope_se² / z'(s)' Var(b_i) z'(s)

Units: level in marker units, slope in marker units per analysis unit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import NESTED, Fit
from slopewise.growth import GrowthBatch, GrowthData, GrowthModel
from slopewise.run_repr import ShortRepr
from slopewise.study import Study

SCORES = ("intercept", "level", "slope", "slope_se", "slope_deviation", "reliability")


@dataclass(frozen=True, repr=False)
class MarkerData(ShortRepr):
    """One marker of the cohort, ready to be fitted on any set of its patients.

    `patients` is the whole cohort in text order, which is also the order of `growth.patients`; `covariates` one row a
    patient with what the growth formulas name, time-varying ones with their last value up to the landmark. `at` (m,):
    the value of the predictor at which each patient's level and slope are taken, the landmark s, or for an infinite
    `landmark` (a study with `landmark: none`) the patient's own last one.
    `growth` holds the rows up to the landmark, which score a patient; `training` those that fits learn from, where they
    are others (`growth.rows: all`).
    """

    marker: str
    patients: list[str]
    growth: GrowthData
    covariates: pd.DataFrame
    landmark: float
    at: NDArray[np.float64]
    training: GrowthData | None = None

    @property
    def trained_on(self) -> GrowthData:
        """The rows that fits learn from; with ``growth.rows: all`` those after the landmark are among them."""
        return self.growth if self.training is None else self.training

    def scoring(self, batch: GrowthBatch) -> GrowthBatch:
        """Fits of `trained_on` as they score patients: by their rows up to the landmark alone."""
        return batch if self.training is None else replace(batch, data=self.growth)

    def everybody(self) -> NDArray[np.int64]:
        """Every cohort patient once: copies (1, m) of the fit on everybody."""
        return np.ones((1, len(self.patients)), dtype=np.int64)


def growth_model(study: Study) -> GrowthModel:
    """The growth model that a study file asks for; spline bounds are zero and the landmark, if it has one."""
    growth, landmark = study.growth, study.landmark_time
    return GrowthModel(
        fixed=growth.fixed,
        random=growth.random,
        structure=growth.structure,
        reml=growth.reml,
        engine=growth.engine,
        residual_by=growth.residual_by,
        weights=growth.weights,
        time=growth.slope_of,
        bounds=(0.0, landmark) if np.isfinite(landmark) else None,
    )


def marker_data(
    model: GrowthModel, marker: str, measurements: pd.DataFrame, patients: pd.DataFrame, landmark: float,
    later: pd.DataFrame | None = None,
) -> MarkerData:  # fmt: skip
    """Prepare one marker: the cohort's rows up to the landmark joined with patient-level columns.

    `later`, where given: rows after the landmark (``cohort/later``), from which fits learn, and no score.
    """
    return next(all_markers(model, [marker], measurements, patients, landmark, later))


def all_markers(
    model: GrowthModel, markers: Collection[str], measurements: pd.DataFrame, patients: pd.DataFrame, landmark: float,
    later: pd.DataFrame | None = None,
) -> Iterator[MarkerData]:  # fmt: skip
    """`marker_data` of one marker after the other; joining, sorting and the design are done once for all of them."""
    cohort = patients.sort_values("patient", kind="stable").reset_index(drop=True)
    own = [column for column in cohort.columns if column not in measurements.columns]
    rows = measurements if later is None else pd.concat([measurements, later], ignore_index=True)
    frame = rows.merge(cohort[["patient", *own]], on="patient", how="inner", validate="many_to_one")
    ready = model.rows(frame, "patient")
    if len(markers) > 1:
        ready = ready.for_many()
    names = [str(patient) for patient in cohort["patient"]]
    covariates = at_landmark(measurements, cohort)
    for marker in markers:
        whole = ready.data(marker)
        growth = whole
        if later is not None:
            growth = whole.only(frame["time"].to_numpy(dtype=float)[whole.layout.order[whole.kept]] <= landmark)
        if growth.patients != names:
            raise ValueError("every patient of the cohort needs a row up to the landmark")
        yield MarkerData(
            marker=marker,
            patients=names,
            growth=growth,
            covariates=covariates,
            landmark=landmark,
            at=moments(measurements, names, landmark, model.time),
            training=None if later is None else whole,
        )


def moments(
    measurements: pd.DataFrame, patients: Sequence[str], landmark: float, predictor: str = "time"
) -> NDArray[np.float64]:
    """Where each patient's level and slope are taken (n,): the landmark, or the own last visit where it is infinite."""
    if np.isfinite(landmark):
        return np.full(len(patients), landmark)
    return _last_values(measurements)[predictor].reindex(list(patients)).to_numpy(dtype=np.float64)


def _last_values(measurements: pd.DataFrame) -> pd.DataFrame:
    """Each patient's last value of every column, in the order of patients as text."""
    return measurements.sort_values(["patient", "time"], kind="stable").groupby("patient").last()


def at_landmark(measurements: pd.DataFrame, cohort: pd.DataFrame) -> pd.DataFrame:
    """One row a patient: patient-level columns, and every column of the measurements with its last value ≤ s."""
    last = _last_values(measurements)
    varying = [column for column in last.columns if column not in cohort.columns and column != "time"]
    return cohort.merge(last[varying], left_on="patient", right_index=True, how="left")


def score(data: MarkerData, batch: GrowthBatch, fit: NDArray[np.int64], patient: NDArray[np.int64]) -> pd.DataFrame:
    """Scores (columns `SCORES`, one row a pair) of cohort patients by fits of `batch`.

    `fit` and `patient` are index arrays of equal length n: fit of the batch, patient of the cohort. A patient without
    rows of the marker gets b̂ = 0 and reliability 0; a fit that ended as ``excluded`` gives missing values.
    """
    effects, conditional = batch.random_effects(fit, patient)
    unseen = data.growth.n_rows[patient] == 0
    conditional[unseen] = batch.covariance[fit[unseen]]  # to the last bit, so that their reliability is 0
    out = {name: np.full(len(fit), np.nan) for name in SCORES}
    for rows, at in _designs(data, batch, fit):
        who, beta, b, covariance = patient[rows], batch.beta[fit[rows]], effects[rows], batch.covariance[fit[rows]]
        dz = at.slope_z[who]
        prior = np.einsum("ni,nij,nj->n", dz, covariance, dz)
        posterior = np.einsum("ni,nij,nj->n", dz, conditional[rows], dz)
        out["intercept"][rows] = _value(at.zero_x[who], beta, at.zero_z[who], b)
        out["level"][rows] = _value(at.level_x[who], beta, at.level_z[who], b)
        out["slope"][rows] = _value(at.slope_x[who], beta, dz, b)
        out["slope_deviation"][rows] = np.einsum("ni,ni->n", dz, b)
        out["slope_se"][rows] = np.sqrt(np.maximum(posterior, 0.0))
        share = np.divide(prior - posterior, prior, out=np.zeros_like(prior), where=prior > 0)
        out["reliability"][rows] = np.clip(share, 0.0, 1.0)
    frame = pd.DataFrame(out)
    excluded = np.array([structure == "excluded" for structure in batch.structure])[fit]
    frame.loc[excluded, :] = np.nan
    return frame


@dataclass(frozen=True, repr=False)
class _Designs(ShortRepr):
    """Rows of the design for every cohort patient (m, p) and (m, q): at time zero, at s, and the derivative at s."""

    zero_x: NDArray[np.float64]
    zero_z: NDArray[np.float64]
    level_x: NDArray[np.float64]
    level_z: NDArray[np.float64]
    slope_x: NDArray[np.float64]
    slope_z: NDArray[np.float64]


def _designs(
    data: MarkerData, batch: GrowthBatch, fit: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], _Designs]]:
    """The pairs (by position in `fit`) that share a recipe, with that recipe's designs for all patients."""
    recipe = batch.design_of[fit]
    for number in np.unique(recipe):
        rows = np.flatnonzero(recipe == number)
        example = int(fit[rows[0]])
        zero = batch.design(data.covariates, 0.0, example)
        level = batch.design(data.covariates, data.at, example)
        slope = batch.design_derivative(data.covariates, data.at, example)
        yield rows, _Designs(*zero, *level, *slope)


def _value(
    x: NDArray[np.float64], beta: NDArray[np.float64], z: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    return np.einsum("ni,ni->n", x, beta) + np.einsum("ni,ni->n", z, b)


def cross_fit(
    data: MarkerData, fits: Sequence[Fit], threads: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame, GrowthBatch]:
    """Fit the growth model for every fit of the fold table and score whom each has to score.

    Returns the marker's rows of ``slopes/crossfit`` (with slope_deviation besides), its rows of ``growth/fits``, and
    the batch. Structure is decided once per outer training set and imposed on the fits inside it, so that a slope
    does not encode which fold its patient was in.
    """
    batch = fit_all(data, fits, threads)
    keys = pd.DataFrame(
        [(data.marker, f.scheme, f.repeat, f.held_out, f.fold) for f in fits],
        columns=["marker", "scheme", "repeat", "held_out", "fold"],
    )
    fit_index = np.concatenate([np.full(int(f.scored.sum()), i) for i, f in enumerate(fits)])
    patient_index = np.concatenate([np.flatnonzero(f.scored) for f in fits])
    scores = pd.concat(
        [
            pd.DataFrame({"patient": np.array(data.patients, dtype=object)[patient_index]}),
            keys.iloc[fit_index].reset_index(drop=True),
            score(data, batch, fit_index, patient_index),
        ],
        axis=1,
    )
    ledger = keys.assign(
        structure=list(batch.structure),
        converged=batch.converged,
        singular=batch.singular,
        iterations=batch.iterations,
        gradient=batch.gradient,
        deviance=batch.deviance,
        patients=batch.n_patients,
        rows=batch.n_rows,
        message=list(batch.message),
    )
    return scores, ledger, batch


def fit_all(data: MarkerData, fits: Sequence[Fit], threads: int = 1) -> GrowthBatch:
    """All fits of one marker: first the outer training sets, then the inner ones with the structure found there."""
    copies = np.array([f.trained for f in fits], dtype=np.int64)
    return fit_nested(data, copies, outer_of(fits), threads)


def outer_of(fits: Sequence[Fit]) -> NDArray[np.int64]:
    """For each fit the index of the fit on its whole outer training set (itself, where it is that fit)."""
    index: dict[tuple[str, int, int], int] = {}
    for i, f in enumerate(fits):
        if f.fold == 0:
            index[_training_set(f)] = i
    return np.array([index[_training_set(f)] for f in fits], dtype=np.int64)


def _training_set(fit: Fit) -> tuple[str, int, int]:
    """The outer training set a fit lies in: everybody for cross-fitting, the patients outside held_out otherwise."""
    return (fit.scheme, fit.repeat, fit.held_out) if fit.scheme in NESTED else (fit.scheme, 0, 0)


def fit_nested(data: MarkerData, copies: NDArray[np.int64], outer: NDArray[np.int64], threads: int = 1) -> GrowthBatch:
    """Fits with `copies` (fits, cohort patients); fit i takes the structure that fit ``outer[i]`` ended with."""
    leaders = np.unique(outer)
    decided = data.trained_on.fit_batch(copies[leaders], threads=threads)
    structure = dict(zip(leaders.tolist(), decided.structure, strict=True))
    fitted = data.trained_on.fit_batch(copies, structures=[structure[i] for i in outer.tolist()], threads=threads)
    return data.scoring(fitted)


def population_course(
    data: MarkerData, batch: GrowthBatch, measurements: pd.DataFrame, points: int = 41
) -> pd.DataFrame:
    """The table ``growth/population``: x(t)'β̂ averaged over the cohort's covariates, up to the landmark."""
    seen = measurements[data.growth.specification.time]
    end = data.landmark if np.isfinite(data.landmark) else float(seen.max())
    times = np.linspace(min(0.0, float(seen.min())), end, points)
    mean = [float((batch.design(data.covariates, float(t))[0] @ batch.beta[0]).mean()) for t in times]
    return pd.DataFrame({"marker": data.marker, "time": times, "mean": mean})


def published(scores: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    """The table ``slopes/slopes``: cross-fitted scores as the mean over repeats, beside the facts of the data."""
    crossfitted = scores[(scores["scheme"] == "crossfit") & (scores["repeat"] > 0)]
    mean = crossfitted.groupby(["patient", "marker"], sort=True)[list(SCORES)].mean().reset_index()
    return facts.merge(mean, on=["patient", "marker"], how="left", validate="one_to_one")


def facts(
    measurements: pd.DataFrame, patients: pd.DataFrame, marker: str, logarithmic: bool, predictor: str = "time"
) -> pd.DataFrame:
    """What a marker's own rows up to the landmark say about each patient, without any model.

    Columns patient, marker, visits (distinct times with a value; rows, of a `predictor` other than time), span
    (analysis units), first, last, delta = last − first, delta_relative
    (exp(delta) − 1 for a log-transformed marker, else delta/first where first > 0, else empty) and slope_ols, the
    patient's own least-squares slope (marker units per analysis unit; empty with fewer than two distinct times).
    delta is empty with one visit: nothing has been seen to change. `predictor` stands in place of time where the
    study wants the slope of another column.
    """
    rows = measurements.loc[measurements[marker].notna(), ["patient", predictor, marker]].set_axis(
        ["patient", "time", "value"], axis=1
    )
    rows = rows.sort_values(["patient", "time"], kind="stable")
    groups = rows.groupby("patient", sort=True)
    table = pd.DataFrame(
        {
            "visits": groups["time"].nunique() if predictor == "time" else groups.size(),
            "span": groups["time"].max() - groups["time"].min(),
            "first": groups["value"].first(),
            "last": groups["value"].last(),
        }
    )
    table["delta"] = (table["last"] - table["first"]).where(table["span"] > 0)
    if logarithmic:
        table["delta_relative"] = np.expm1(table["delta"])
    else:
        table["delta_relative"] = (table["delta"] / table["first"]).where(table["first"] > 0)
    centred_time = rows["time"] - groups["time"].transform("mean")
    centred_value = rows["value"] - groups["value"].transform("mean")
    products = (centred_time * centred_value).groupby(rows["patient"]).sum()
    squares = (centred_time**2).groupby(rows["patient"]).sum()
    table["slope_ols"] = (products / squares).where(table["span"] > 0)
    cohort = pd.Index(sorted(str(patient) for patient in patients["patient"]), name="patient")
    table = table.reindex(cohort).reset_index()
    table["visits"] = table["visits"].fillna(0).astype("int64")
    return table.assign(marker=marker)
