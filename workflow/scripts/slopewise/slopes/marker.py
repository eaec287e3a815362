"""One marker of the cohort, ready to be fitted on any set of its patients."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import level_order
from slopewise.folds import TrainingFit
from slopewise.growth import BayesSettings, GrowthBatch, GrowthData, GrowthModel, Priors
from slopewise.growth.fitting import everybody
from slopewise.run.short_repr import ShortRepr
from slopewise.study.formulas import formula_names
from slopewise.study.model import Study
from slopewise.tables.order import ordered

REMEMBERED = 64
"""Recipes whose designs are kept: a formula that learns nothing from rows has one for all fits."""


@dataclass(frozen=True, repr=False)
class PatientDesigns(ShortRepr):
    """Rows of the design for every cohort patient (m, p) and (m, q): at time zero, at s, and the derivative at s."""

    zero_x: NDArray[np.float64]
    zero_z: NDArray[np.float64]
    level_x: NDArray[np.float64]
    level_z: NDArray[np.float64]
    slope_x: NDArray[np.float64]
    slope_z: NDArray[np.float64]


class DesignsOfPatients:
    """The designs of the cohort's patients that were made last, by recipe: a formula costs more than a fit.

    They are those of one frame of covariates and one array of moments; with others the memory starts afresh.
    """

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], PatientDesigns] = {}
        self._of: tuple[pd.DataFrame, NDArray[np.float64]] | None = None

    def of(self, covariates: pd.DataFrame, at: NDArray[np.float64], batch: GrowthBatch, fit: int) -> PatientDesigns:
        """The designs under the recipe of one fit of `batch`."""
        if self._of is None or self._of[0] is not covariates or self._of[1] is not at:
            self._made, self._of = {}, (covariates, at)
        recipe = batch.designs[batch.design_of[fit]]
        key = (recipe.fixed.key, recipe.random.key)
        found = self._made.get(key)
        if found is None:
            found = PatientDesigns(
                *batch.design(covariates, 0.0, fit),
                *batch.design(covariates, at, fit),
                *batch.design_derivative(covariates, at, fit),
            )
            if len(self._made) >= REMEMBERED:
                del self._made[next(iter(self._made))]
            self._made[key] = found
        return found


class Adjusted(Protocol):
    """Values without the effect of batches that differ between training sets."""

    def adjusted(self, fits: Sequence[TrainingFit], threads: int = 1) -> NDArray[np.float64]:
        """The values (fits, N) in the rows of the cohort's measurements, NaN in those without a value."""
        ...


@dataclass(frozen=True, repr=False)
class MarkerData(ShortRepr):
    """One marker of the cohort, ready to be fitted on any set of its patients.

    `patients` is the whole cohort in text order, which is also the order of `growth.patients`; `covariates` one row a
    patient with what the growth formulas name, time-varying ones with their last value up to the landmark. `at` (m,):
    the value of the predictor at which each patient's level and slope are taken (`moments`): the landmark s, the
    patient's own last visit (a study with `landmark: none`), or 0 of a predictor other than time.
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
    designs: DesignsOfPatients = field(default_factory=DesignsOfPatients, repr=False, compare=False)
    """Shared by all markers of a cohort, whose covariates and moments are the same."""
    batches: Adjusted | None = None
    """With ``data.batch: {method: combat}``: what gives the values that each training set teaches; those of `growth`
    are of everybody's."""

    def values_of(self, fits: Sequence[TrainingFit]) -> NDArray[np.float64] | None:
        """The values (fits, rows) of each fit, where they differ."""
        if self.batches is None:
            return None
        return self.batches.adjusted(fits)[:, self.growth.layout.order[self.growth.kept]]

    @property
    def trained_on(self) -> GrowthData:
        """The rows that fits learn from; with ``growth.rows: all`` those after the landmark are among them."""
        return self.growth if self.training is None else self.training

    def scoring(self, batch: GrowthBatch) -> GrowthBatch:
        """Fits of `trained_on` as they score patients: by their rows up to the landmark alone."""
        return batch if self.training is None else replace(batch, data=self.growth)

    def everybody(self) -> NDArray[np.int64]:
        """Every cohort patient once: copies (1, m) of the fit on everybody."""
        return everybody(self.growth)


def growth_model(study: Study) -> GrowthModel:
    """The growth model that a study file asks for; bounds of splines of time are zero and the landmark, if any."""
    growth, landmark = study.growth, study.landmark_time
    return GrowthModel(
        fixed=_with_batch(study),
        random=growth.random,
        structure=growth.structure,
        reml=growth.reml,
        engine=growth.engine,
        residual_by=growth.residual_by,
        weights=growth.weights,
        time=growth.slope_of,
        bounds=(0.0, landmark) if growth.slope_of == "time" and np.isfinite(landmark) else None,
        bayes=bayes_settings(study) if growth.engine == "bayes" else None,
    )


def _with_batch(study: Study) -> str:
    """The formula of the fixed effects; with ``data.batch: {method: fixed}`` the batch is one of them."""
    batch = study.data.batch
    if batch is None or batch.method != "fixed":
        return study.growth.fixed
    return f"{study.growth.fixed} + {batch_term(batch.column)}"


def batch_term(column: str) -> str:
    """The batch as a term of a formula."""
    return f"C({column})" if column.isidentifier() else f"C(`{column}`)"


def held(study: Study, batches: Iterable[object]) -> dict[str, str]:
    """The batch at which everybody's level and slope are taken, the first of `batches` in the order of levels.

    Empty where the growth model has no batch; the choice moves all levels by the same number.
    """
    batch = study.data.batch
    if batch is None or batch.method != "fixed":
        return {}
    return {batch.column: level_order(pd.Series(list(batches), dtype=object).dropna())[0]}


def values_held(study: Study, measurements: pd.DataFrame, patients: pd.DataFrame) -> dict[str, str]:
    """`held` of a cohort, the batch a column of its measurements or of its patients."""
    batch = study.data.batch
    if batch is None:
        return {}
    frame = measurements if batch.column in measurements.columns else patients
    return held(study, frame[batch.column].unique().tolist())


def by_likelihood(study: Study) -> Study:
    """The same study with REML in place of a posterior, for what only a maximum has."""
    if study.growth.engine != "bayes":
        return study
    return study.model_copy(update={"growth": study.growth.model_copy(update={"engine": "slopewise"})})


def bayes_settings(study: Study) -> BayesSettings:
    """How the study file asks for its posteriors to be sampled, and their priors.

    Priors of terms that only the model of an effect has are left out.
    """
    asked = study.bayes
    known = formula_names(study.growth.fixed) | formula_names(study.growth.random)
    others = set(TERMS_OF_EFFECTS.get(study.effects.kind, ())) - known
    priors = {}
    for marker in asked.priors:
        whole = effect_priors(study, marker)
        sd = {term: scale for term, scale in whole.sd.items() if term not in others}
        priors[marker] = replace(whole, sd=sd, fixed={k: v for k, v in whole.fixed.items() if k not in others})
    return BayesSettings(asked.chains, asked.draws, asked.warmup, priors)


TERMS_OF_EFFECTS = {"treatment": ("treated",), "interruption": ("after", "since")}
"""Terms that the model of each kind of effect adds to the growth model."""


def effect_priors(study: Study, marker: str) -> Priors:
    """The priors of a marker as the study file gives them, those of an effect's terms too."""
    prior = study.bayes.priors.get(marker)
    if prior is None:
        return Priors()
    return Priors(prior.sd, prior.residual, prior.df, prior.correlation, prior.fixed)


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
    later: pd.DataFrame | None = None, at_values: Mapping[str, str] | None = None,
) -> Iterator[MarkerData]:  # fmt: skip
    """`marker_data` of one marker after the other; joining, sorting and the design are done once for all of them.

    at_values: columns with the value at which everybody's level and slope are taken (`held`).
    """
    cohort = patients.sort_values("patient", kind="stable").reset_index(drop=True)
    own = [column for column in cohort.columns if column not in measurements.columns]
    rows = measurements if later is None else pd.concat([measurements, later], ignore_index=True)
    frame = rows.merge(cohort[["patient", *own]], on="patient", how="inner", validate="many_to_one")
    ready = model.rows(frame, "patient")
    if len(markers) > 1:
        ready = ready.for_many()
    names = [str(patient) for patient in cohort["patient"]]
    named = {*model.columns, "patient", "time"}
    few = measurements[[column for column in measurements.columns if column in named]]  # of thousands of markers
    covariates = at_landmark(few, cohort, landmark, model.time, at_values)
    designs = DesignsOfPatients()
    at = moments(measurements, names, landmark, model.time)
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
            at=at,
            training=None if later is None else whole,
            designs=designs,
        )


def moments(
    measurements: pd.DataFrame, patients: Sequence[str], landmark: float, predictor: str = "time"
) -> NDArray[np.float64]:
    """Where each patient's level and slope are taken (n,): the landmark, or the own last visit where it is infinite.

    For a predictor other than time it is 0 (the reference of a treatment coded 0 and 1): a visit's value of it is that
    of the visit and not of the patient.
    """
    if predictor != "time":
        return np.zeros(len(patients))
    if np.isfinite(landmark):
        return np.full(len(patients), landmark)
    return _last_values(measurements)["time"].reindex(list(patients)).to_numpy(dtype=np.float64)


def _last_values(measurements: pd.DataFrame) -> pd.DataFrame:
    """Each patient's last value of every column, in the order of patients as text."""
    return ordered(measurements, ["patient", "time"]).groupby("patient", sort=False).last()


def at_landmark(
    measurements: pd.DataFrame, cohort: pd.DataFrame, landmark: float, predictor: str = "time",
    at_values: Mapping[str, str] | None = None,
) -> pd.DataFrame:  # fmt: skip
    """One row a patient: patient-level columns, and every column of the measurements with its last value ≤ s.

    Columns of `at_values` have the value that it gives in every row.

    Beside a predictor other than time there is a column time, the landmark or the patient's last visit, for formulas
    that name both.
    """
    last = _last_values(measurements)
    varying = [column for column in last.columns if column not in cohort.columns and column != "time"]
    made = cohort.merge(last[varying], left_on="patient", right_index=True, how="left")
    made = made.assign(**(at_values or {}))
    if predictor == "time":
        return made
    return made.assign(time=moments(measurements, [str(name) for name in made["patient"]], landmark))
