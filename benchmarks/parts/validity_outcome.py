"""Simulations with known truth of the outcome half: is a true effect of the slope found, and nothing where there is
nothing?

A patient is seen at about 0, 0.5, 1, 1.5 and 2 years (each visit after the second missing with probability 0.2); the
landmark is 2. Intercepts have SD 1, slopes SD 0.4, residuals SD `SIGMA`, so that slopes have reliability 0.5. After
the landmark the hazard is constant: log hazard = log 0.18 + `LEVEL` per SD of the true level at the landmark + `EFFECT`
per SD of the true slope; censoring is uniform, so that about half have the event.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.folds import FoldPlan, make_folds
from slopewise.folds import fits as fold_fits
from slopewise.metrics.concordance import concordance
from slopewise.metrics.ipcw import StepCurve, ipc_weights
from slopewise.outcome.fit import bootstrap_intervals, fit_outcome
from slopewise.outcome.ladder import LADDER, LadderData, ladder_data
from slopewise.run.seeds import generator
from slopewise.slopes.crossfit import cross_fit
from slopewise.slopes.facts import facts, published
from slopewise.slopes.marker import MarkerData, all_markers, growth_model
from slopewise.study.model import Study
from slopewise.study.reading import parse_study
from slopewise.validate.bootstrap import BootstrapPlan, bootstrap_ladder
from slopewise.validate.nested import outer_folds

SEED, LANDMARK = 20261122, 2.0
SLOPE_SD, SIGMA = 0.4, 0.6
LEVEL, EFFECT, RATE = 0.3, 0.5, 0.18
NOISE, REAL = 200, 10
"""Markers of a data set without truth in it, and how many of them matter before the outcomes are permuted."""
WEAK = 0.05
"""The fixed weak penalty (half lasso, half ridge) of the model that is scored on its own training patients."""
FOLDS, REPEATS = 5, 2

STUDY = """
study: simulated
seed: {seed}
data: {{measurements: m.csv, patient: id, time: year, time_unit: years, analysis_unit: years}}
markers:
{markers}
landmark: 2
outcome:
  kind: survival
  time: end
  time_unit: years
  event: status
  events: {{1: event}}
  horizons: [1, 3]
  penalty: {penalty}
crossfit: {{folds: 5, repeats: {repeats}}}
validation: {{folds: 5, repeats: 1, bootstrap: 0}}
"""


@dataclass(frozen=True)
class Cohort:
    """One data set as ``cohort/measurements`` and ``cohort/patients`` hold it, and its true slopes (deviations)."""

    study: Study
    measurements: pd.DataFrame
    patients: pd.DataFrame
    slopes: np.ndarray
    text: str


def study_text(markers: list[str], seed: int) -> str:
    """The study file of a data set; with several markers the outcome models are elastic nets."""
    lines = "\n".join(f"  {marker}: {{column: {marker}}}" for marker in markers)
    penalty = "none" if len(markers) == 1 else "elastic_net"
    return STUDY.format(seed=seed, markers=lines, repeats=REPEATS, penalty=penalty)


def visits(patients: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Patient and time of every visit."""
    time = np.clip(np.arange(5) * 0.5 + rng.uniform(-0.15, 0.15, size=(patients, 5)), 0.0, LANDMARK)
    kept = np.ones((patients, 5), bool)
    kept[:, 2:] = rng.random((patients, 3)) > 0.2
    return np.repeat(np.arange(patients), 5)[kept.ravel()], time[kept]


@dataclass(frozen=True)
class Course:
    """Visits of one marker (patient number, time, value), true slopes, follow-up and event of each patient."""

    who: np.ndarray
    time: np.ndarray
    value: np.ndarray
    slope: np.ndarray
    ends: pd.DataFrame

    def part(self, first: int, last: int, replicate: int) -> Cohort:
        """Patients `first` up to, not including, `last` as a data set."""
        own = (self.who >= first) & (self.who < last)
        ends, slope = self.ends.iloc[first:last].reset_index(drop=True), self.slope[first:last]
        return _cohort(["m"], self.value[own][:, None], self.who[own] - first, self.time[own], slope, ends, replicate)


def course(patients: int, rng: np.random.Generator, of_level: float = LEVEL, of_slope: float = EFFECT) -> Course:
    """Patients with one marker; `of_level`, `of_slope` are log hazard ratios per SD of the true level and slope."""
    who, time = visits(patients, rng)
    start, slope = rng.normal(size=patients), SLOPE_SD * rng.normal(size=patients)
    y = 3.0 + start[who] + (0.2 + slope[who]) * time + SIGMA * rng.normal(size=len(who))
    level = start + LANDMARK * slope
    spread = np.sqrt(1.0 + (LANDMARK * SLOPE_SD) ** 2)
    hazard = RATE * np.exp(of_level * level / spread + of_slope * slope / SLOPE_SD)
    return Course(who, time, y, slope, _followup(hazard, rng))


def cohort(patients: int, replicate: int, effect: float = EFFECT) -> Cohort:
    """One data set whose slopes matter: `effect` is the log hazard ratio per SD of the true slope."""
    rng = generator(SEED, "two stages", patients, replicate)
    return course(patients, rng, of_slope=effect).part(0, patients, replicate)


def _followup(hazard: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """Follow-up since the landmark and event; censoring uniform on 1 to 7 years."""
    death, censored = rng.exponential(1.0 / hazard), rng.uniform(1.0, 7.0, size=len(hazard))
    return pd.DataFrame({"followup": np.minimum(death, censored), "event": (death <= censored).astype(int)})


def _cohort(
    markers: list[str], values: np.ndarray, who: np.ndarray, time: np.ndarray, slope: np.ndarray, ends: pd.DataFrame,
    replicate: int,
) -> Cohort:  # fmt: skip
    names = np.array([f"p{i:04d}" for i in range(len(ends))], dtype=object)
    rows = pd.concat(
        [pd.DataFrame({"patient": names[who], "time": time}), pd.DataFrame(values, columns=markers)], axis=1
    )
    patients = ends.assign(patient=names, entry=0.0)
    text = study_text(markers, replicate)
    return Cohort(parse_study(text.encode(), "study.yaml"), rows, patients, slope, text)


@dataclass(frozen=True)
class Slopes:
    """Tables ``slopes/slopes``, ``slopes/crossfit``, ``growth/fits`` and ``folds`` of a data set, and its markers."""

    slopes: pd.DataFrame
    crossfit: pd.DataFrame
    fits: pd.DataFrame
    folds: pd.DataFrame
    markers: list[MarkerData]


def stage_one(own: Cohort, validated: bool) -> Slopes:
    """Cross-fit every marker; with `validated` inside outer folds too."""
    study = own.study
    plan = FoldPlan(FOLDS, REPEATS, FOLDS, study.validation.repeats if validated else 0, study.seed)
    folds = make_folds(own.patients, plan)
    jobs = list(fold_fits(folds, sorted(own.patients["patient"])))
    model = growth_model(study)
    scores, ledgers, tables, markers = [], [], [], []
    every = all_markers(model, list(study.markers), own.measurements, own.patients, LANDMARK)
    for name, data in zip(study.markers, every, strict=True):
        rows = own.measurements[["patient", "time", name]]
        scored, ledger, _ = cross_fit(data, jobs)
        scores.append(scored.drop(columns="slope_deviation"))
        ledgers.append(ledger)
        tables.append(published(scored, facts(rows, own.patients, name, False, "time")))
        markers.append(data)
    joined = (pd.concat(parts, ignore_index=True) for parts in (tables, scores, ledgers))
    return Slopes(*joined, folds, markers)


def two_stages(patients: int, resamples: int, replicate: int) -> dict[str, float]:
    """The slope's coefficient times the true SD of slopes, with its naive and its bootstrap 95% interval.

    Besides: the mean reliability that is stated, the share of patients with the event, and whether a resample or the
    fit itself had to leave the slope out.
    """
    own = cohort(patients, replicate)
    made = stage_one(own, validated=False)
    outcome = fit_outcome(own.study, own.patients, made.slopes, made.crossfit, made.fits)
    plan = BootstrapPlan(resamples, FOLDS, REPEATS, own.study.seed)
    boot = bootstrap_ladder(plan, outcome.data, made.markers, steps=[step for step in LADDER if step.name == "slope"])
    table, _ = bootstrap_intervals(outcome.coefficients, boot.estimates_unit, boot.estimates_sd, outcome.data)
    chosen = (table["predictors"] == "slope") & (table["term"] == "m.slope") & (table["scale"] == "unit")
    row = table[chosen].iloc[0]
    columns = ("estimate", "ci_low", "ci_high", "ci_low_bootstrap", "ci_high_bootstrap")
    return {
        "replicate": replicate,
        **{name: SLOPE_SD * float(row[name]) for name in columns},
        "reliability": float(made.slopes["reliability"].mean()),
        "events": float(own.patients["event"].mean()),
    }


def many_markers(patients: int, replicate: int, permuted: bool) -> Cohort:
    """One data set of `NOISE` markers that say nothing about the outcome.

    Each has a course like the single marker's. Either no outcome depends on any; or, `permuted`, the hazard depends on
    the slopes of `REAL` markers, and then follow-up and event are dealt to the patients at random.
    """
    rng = generator(SEED, "permuted" if permuted else "noise", patients, replicate)
    who, time = visits(patients, rng)
    start, slope = rng.normal(size=(patients, NOISE)), SLOPE_SD * rng.normal(size=(patients, NOISE))
    y = 3.0 + start[who] + (0.2 + slope[who]) * time[:, None] + SIGMA * rng.normal(size=(len(who), NOISE))
    real = slope[:, :REAL].sum(axis=1) if permuted else np.zeros(patients)
    ends = _followup(RATE * np.exp(EFFECT * real / SLOPE_SD), rng)
    if permuted:
        ends = ends.iloc[rng.permutation(patients)].reset_index(drop=True)
    return _cohort([f"m{k:03d}" for k in range(NOISE)], y, who, time, slope[:, 0], ends, replicate)


def nothing(patients: int, permuted: bool, replicate: int) -> dict[str, float]:
    """Validated C of levels, and of levels and slopes, of many markers that say nothing; penalty chosen inside.

    `weak`: C of a model with a fixed weak penalty in the patients who made it, as is often printed.
    """
    own = many_markers(patients, replicate, permuted)
    made = stage_one(own, validated=True)
    data = ladder_data(own.study, own.patients, made.slopes)
    steps = [step for step in LADDER if step.name in ("level", "slope")]
    scores, fold = np.full((patients, len(steps)), np.nan), np.zeros(patients, dtype=np.int64)
    for outer in outer_folds(data, made.folds, made.crossfit, made.fits, steps):
        fold[outer.tested] = outer.held_out
        for s, step in enumerate(steps):
            raw = data.raw(step, outer.tested, outer.level, outer.slope)
            scores[outer.tested, s] = outer.fitted.models[step.name].linear_predictors(raw)[:, 0]
    validated = by_fold(data, fold, scores)
    found = {f"{step.name} validated": float(value) for step, value in zip(steps, validated, strict=True)}
    return {"replicate": replicate, **found, "weak": weakly_penalised(own.patients, made.slopes)}


def by_fold(data: LadderData, fold: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Harrell's C (S,) of scores (n, S) as in ``outcome/performance``: pairs within folds, up to the last horizon."""
    event, once = data.event == 1, np.ones((1, len(fold)), dtype=np.int64)
    weights = ipc_weights(data.followup, event, data.horizons, StepCurve(np.empty(0), np.empty(0)))
    tau = max(data.horizons)
    return concordance(data.followup, event, fold, scores, weights, data.horizons, once, tau).harrell[0]


def weakly_penalised(patients: pd.DataFrame, slopes: pd.DataFrame) -> float:
    """In-sample Harrell's C of a Cox model of all levels and slopes with a fixed weak elastic-net penalty."""
    from sksurv.linear_model import CoxnetSurvivalAnalysis
    from sksurv.util import Surv

    x = slopes.pivot(index="patient", columns="marker", values=["level", "slope"]).loc[patients["patient"]].to_numpy()
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    ends = Surv.from_arrays(patients["event"] == 1, patients["followup"])
    return float(CoxnetSurvivalAnalysis(l1_ratio=0.5, alphas=[WEAK]).fit(x, ends).score(x, ends))
