"""Intervals of validated C and of the slope's gain: how often they hold the shipped model's C in new patients.

Data sets are those of `validity_outcome`; the truth is the C of the model that is shipped (made of all patients of the
data set) in `NEW` patients whom it has not seen. Beside the report's intervals stand those it could have had instead:

- ``fixed``: percentiles of C over resamples of the patients, its mean over repeats, predictions as they are;
- ``within``: the report's without the spread between repeats;
- ``repeated``: the whole validation again on resamples of the patients (growth models, cross-fitting, outcome models,
  one repeat; Jiang, Varma & Simon 2008), estimate ± t × SD; for the first data sets alone, since it is dear.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from parts import validity_outcome as outcome
from slopewise.folds import assign
from slopewise.metrics.concordance import concordance
from slopewise.metrics.ipcw import StepCurve, ipc_weights
from slopewise.outcome.choices import cohort_growth, flat_slopes, scores_of, with_choices
from slopewise.outcome.fit import LadderFit, fit_ladder
from slopewise.outcome.ladder import LADDER, LadderData, ladder_data
from slopewise.run.seeds import generator
from slopewise.slopes.crossfit import fit_nested
from slopewise.slopes.marker import MarkerData, growth_model, marker_data
from slopewise.slopes.scores import score
from slopewise.validate.intervals import interval_of, split_of
from slopewise.validate.nested import outer_folds

Floats = np.ndarray
COMPARED = [step for step in LADDER if step.name in ("level", "slope")]
TAU, FOLDS, REPEATS = 3.0, 5, 5
NEW, RESAMPLES = 3000, 300
REFITS, REFITTED = 25, 20
"""Resamples through which the whole validation goes again, in so many data sets of a setting."""
SETTINGS = {
    "56 patients, nothing matters": (56, 0.0, 0.0),
    **{
        f"{patients} patients, {name} effect of the slope": (patients, outcome.LEVEL, effect)
        for patients in (100, 300)
        for name, effect in (("no", 0.0), ("small", 0.2), ("clear", 0.5))
    },
}
"""How many patients, and what level and slope do to the log hazard, per SD."""
WAYS = ("report", "within", "fixed", "repeated")


def coverage(patients: int, of_level: float, of_slope: float, replicate: int) -> dict[str, float]:
    """C of level and slope (`c`) and its gain on level (`gain`): estimate, truth, and the ends of each interval."""
    rng = generator(outcome.SEED, "intervals", patients, of_level, of_slope, replicate)
    course = outcome.course(patients + NEW, rng, of_level, of_slope)
    own = course.part(0, patients, replicate)
    validation = own.study.validation.model_copy(update={"repeats": REPEATS})
    asked = own.study.outcome.model_copy(update={"horizons": (TAU,)})  # a fold of 11 patients tells of no earlier one
    own = replace(own, study=own.study.model_copy(update={"validation": validation, "outcome": asked}))
    made = outcome.stage_one(own, validated=True)
    data = with_choices(ladder_data(own.study, own.patients, made.slopes), made.crossfit, made.fits)
    truth = _shipped(course.part(0, patients + NEW, replicate), data, made, patients)
    counts = np.ones((1 + RESAMPLES, patients), dtype=np.int64)
    counts[1:] = rng.multinomial(patients, np.full(patients, 1.0 / patients), size=RESAMPLES)
    repeats = np.array([_c(data, fold, scores, counts) for fold, scores in _out_of_fold(data, made)])
    refits = np.full((REFITS, 2), np.nan)
    if replicate < REFITTED:
        refits = np.array([_again(data, made.markers[0], rng) for _ in range(REFITS)])
    found: dict[str, float] = {"replicate": replicate}
    for name, values, redone in (
        ("c", repeats[..., 1], refits[:, 1]),
        ("gain", repeats[..., 1] - repeats[..., 0], refits[:, 1] - refits[:, 0]),
    ):
        found |= {f"{name} {key}": value for key, value in _ends(values, redone).items()}
        found[f"{name} truth"] = float(truth[1] if name == "c" else truth[1] - truth[0])
    return found


def _ends(values: Floats, refits: Floats) -> dict[str, float]:
    """The estimate and the ends of every kind of interval from `values` (repeats, 1 + resamples)."""
    splits = [split_of(own[:, None]) for own in values]
    estimate = float(values[:, 0].mean())
    whole, alone = interval_of(splits), interval_of([replace(split, value=np.array([estimate])) for split in splits])
    fixed = np.quantile(values[:, 1:].mean(axis=0), [0.025, 0.975])
    half = stdtrit(len(refits) - 1, 0.975) * refits.std(ddof=1)
    ends = {
        "report": (whole.low[0], whole.high[0]),
        "within": (alone.low[0], alone.high[0]),
        "fixed": fixed,
        "repeated": (estimate - half, estimate + half),
    }
    found = {"estimate": estimate}
    for way in WAYS:
        found |= {f"{way} low": float(ends[way][0]), f"{way} high": float(ends[way][1])}
    return found


def _c(data: LadderData, fold: Floats, scores: Floats, counts: Floats | None = None) -> Floats:
    """Harrell's C of the two steps in each resample, (B, 2)."""
    return _harrell(data.followup, data.event == 1, fold, scores, counts)


def _harrell(followup: Floats, event: Floats, fold: Floats, scores: Floats, counts: Floats | None = None) -> Floats:
    uncensored = ipc_weights(followup, event, [TAU], StepCurve(np.empty(0), np.empty(0)))
    once = np.ones((1, len(followup)), dtype=np.int64) if counts is None else counts
    return concordance(followup, event, fold, scores, uncensored, [TAU], once, TAU).harrell


def _scores(data: LadderData, fitted: LadderFit, level: Floats, slope: Floats, rows: Floats) -> Floats:
    """Linear predictors (rows, 2) of the two steps."""
    raws = [data.raw(step, rows, level, slope) for step in COMPARED]
    return np.stack(
        [fitted.models[step.name].linear_predictor(raw) for step, raw in zip(COMPARED, raws, strict=True)], axis=1
    )


def _out_of_fold(data: LadderData, made: outcome.Slopes) -> list[tuple[Floats, Floats]]:
    """Outer folds and out-of-fold scores of every repeat."""
    n = len(data.patients)
    found = {r: (np.zeros(n, dtype=np.int64), np.full((n, 2), np.nan)) for r in range(1, REPEATS + 1)}
    for outer in outer_folds(data, made.folds, made.crossfit, made.fits, COMPARED):
        fold, scores = found[outer.repeat]
        fold[outer.tested] = outer.held_out
        scores[outer.tested] = _scores(data, outer.fitted, outer.level, outer.slope, outer.tested)
    return list(found.values())


def _shipped(everybody: outcome.Cohort, data: LadderData, made: outcome.Slopes, patients: int) -> Floats:
    """C (2,) of the shipped models in the patients after the first `patients`, whom they have not seen."""
    level, slope, _ = scores_of(data, made.slopes)
    singular, flat, fold = cohort_growth(data, made.crossfit, made.fits)
    fitted = fit_ladder(data, level, slope, singular, flat=flat, fold=fold, steps=COMPARED)
    rows = everybody.measurements[["patient", "time", "m"]]
    marker = marker_data(growth_model(everybody.study), "m", rows, everybody.patients, outcome.LANDMARK)
    trained = (np.arange(len(everybody.patients)) < patients).astype(np.int64)[None, :]
    new = np.arange(patients, len(everybody.patients))
    batch = fit_nested(marker, trained, np.zeros(1, dtype=np.int64))
    scored = score(marker, batch, np.zeros(len(new), dtype=np.int64), new)
    own = {"level": scored[["level"]].to_numpy(), "slope": scored[["level", "slope"]].to_numpy()}
    scores = np.stack([fitted.models[step.name].linear_predictor(own[step.name]) for step in COMPARED], axis=1)
    ends: pd.DataFrame = everybody.patients.iloc[new]
    followup, event = ends["followup"].to_numpy(), ends["event"].to_numpy() == 1
    return _harrell(followup, event, np.zeros(len(new), dtype=np.int64), scores)[0]


def _again(data: LadderData, marker: MarkerData, rng: np.random.Generator) -> Floats:
    """C (2,) of the whole validation, one repeat, on one resample; copies of a patient share every fold."""
    n, events = len(data.patients), np.asarray(data.event, dtype=np.int64)
    counts = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.int64)
    drawn = np.flatnonzero(counts)
    outer, inner = np.zeros(n, dtype=np.int64), np.zeros((FOLDS, n), dtype=np.int64)
    outer[drawn] = assign(events[drawn], FOLDS, rng)
    fits = []
    for k in range(FOLDS):
        training = drawn[outer[drawn] != k + 1]
        inner[k, training] = assign(events[training], FOLDS, rng)
        fits += [counts * (outer != k + 1) * (inner[k] != j) for j in range(FOLDS + 1)]
        fits[-FOLDS - 1] = counts * (outer != k + 1)
    leaders = np.arange(FOLDS) * (FOLDS + 1)
    batch = fit_nested(marker, np.array(fits), np.repeat(leaders, FOLDS + 1))
    fold, patient = np.repeat(np.arange(FOLDS), len(drawn)), np.tile(drawn, FOLDS)
    scored = score(marker, batch, leaders[fold] + inner[fold, patient], patient)
    level, slope = np.full((2, FOLDS, n, 1), np.nan)
    level[fold, patient, 0], slope[fold, patient, 0] = scored["level"], scored["slope"]
    scores = np.full((n, 2), np.nan)
    for k, leader in enumerate(leaders):
        training, tested = counts * (outer != k + 1), np.flatnonzero(outer == k + 1)
        without = np.array([batch.structure[leader] in ("intercept", "excluded")])
        flat, singular = without | flat_slopes(slope[k], inner[k], training), np.array([batch.singular[leader]])
        fitted = fit_ladder(
            data, level[k], slope[k], singular, flat=flat, counts=training, fold=inner[k], steps=COMPARED
        )
        scores[tested] = _scores(data, fitted, level[k], slope[k], tested)
    rows = np.repeat(np.arange(n), counts)
    return _harrell(data.followup[rows], data.event[rows] == 1, outer[rows], scores[rows])[0]
