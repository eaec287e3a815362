"""How good the ladder's predictions are: every metric apparent and validated, with intervals and differences.

Validated numbers come from out-of-fold predictions: concordance inside test folds and summed over them, everything
else on the pooled risks of a repeat; then the mean over repeats. Intervals are percentiles over a bootstrap of the
patients with their folds kept; all steps meet the same resamples, so differences between steps have intervals too
(METHODS section 5). Apparent numbers are the shipped models scoring their own training patients.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.brier import accuracy
from slopewise.metrics.calibration import calibration, calibration_grid
from slopewise.metrics.concordance import concordance
from slopewise.metrics.decision import net_benefit
from slopewise.metrics.ipcw import Weights, censoring_curve, check_horizons, ipc_weights, kaplan_meier
from slopewise.metrics.resampling import compiled_threads, percentile_interval, resample_counts
from slopewise.outcome.fit import ledger_frame
from slopewise.outcome.ladder import STEPS, cause_of
from slopewise.outcome.predictors import Note
from slopewise.run import InputError, generator
from slopewise.study import Study

Floats = NDArray[np.float64]
THRESHOLDS = np.arange(1, 100) / 100.0
WITH_TAU = ("c_harrell", "c_uno")
AT_HORIZON = ("auc", "brier", "ipa", "calibration_slope", "calibration_intercept", "ici", "net_benefit")


@dataclass(frozen=True)
class Performance:
    """Tables ``outcome/performance``, ``outcome/calibration`` and ``outcome/decision_curve``, and ledger lines."""

    performance: pd.DataFrame
    calibration: pd.DataFrame
    decision_curve: pd.DataFrame
    ledger: pd.DataFrame


@dataclass(frozen=True)
class Cohort:
    """Patients in text order with `followup` (n,) and `event` (n,), and the `horizons` (H,)."""

    patients: tuple[str, ...]
    followup: Floats
    event: NDArray[np.bool_]
    horizons: tuple[float, ...]

    @property
    def prevalence(self) -> Floats:
        """Kaplan–Meier risk of the event by each horizon (H,)."""
        return 1.0 - kaplan_meier(self.followup, self.event).at(self.horizons)


@dataclass(frozen=True)
class Sample:
    """Predictions of one repeat: `fold` (n,), `score` (n, S) and `risk` (n, S, H), with what the patients outside
    each fold say about censoring (`weights`) and about the risk without predictors (`null_risk`, (n, H))."""

    fold: NDArray[np.int64]
    score: Floats
    risk: Floats
    weights: Weights
    null_risk: Floats


@dataclass(frozen=True)
class Measures:
    """Every metric (B, S, H; concordance B, S, 1), the calibration curve (B, S, H, G) and the net benefit
    (B, S + 2, H, T) of the steps, of treating all and of treating none."""

    metrics: dict[str, Floats]
    curve: Floats
    benefit: Floats


def performance(
    study: Study, patients: pd.DataFrame, predictions: pd.DataFrame, apparent: pd.DataFrame, threads: int = 1
) -> Performance:
    """Performance of every step from ``outcome/predictions`` and from `OutcomeFit.apparent`.

    The same for any number of `threads`. Raises `InputError` for a horizon without support.
    """
    cohort = _cohort(study, patients)
    everybody = np.zeros(len(cohort.patients), dtype=np.int64)
    samples = [_sample(cohort, own) for _, own in predictions.groupby("repeat", sort=True)]
    for sample in samples:
        check_horizons(cohort.horizons, cohort.followup, cohort.event, sample.fold)
    shipped = _sample(cohort, apparent, everybody)
    grid = calibration_grid(np.concatenate([sample.risk for sample in samples]))
    rng = generator(study.seed, "validate", "bootstrap")
    counts = resample_counts(rng, len(cohort.patients), study.validation.bootstrap)
    with compiled_threads(threads):
        validated = _mean((measure(cohort, sample, grid, counts) for sample in samples), len(samples))
        own = measure(cohort, shipped, grid, counts[:1])
    cause, notes = cause_of(study), _threshold_notes(cohort)
    table, more = _performance_table(cohort, validated.metrics, own.metrics, cause)
    return Performance(
        performance=table,
        calibration=_curve_table(cohort, [step.name for step in STEPS], grid, validated.curve, cause),
        decision_curve=_decision_table(cohort, validated.benefit, cause),
        ledger=ledger_frame([(0, 0, note) for note in notes + more]),
    )


def _cohort(study: Study, patients: pd.DataFrame) -> Cohort:
    if not study.outcome.horizons:
        raise InputError("outcome.horizons is empty: name at least one time after the landmark to predict for.")
    ordered = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    return Cohort(
        patients=tuple(ordered["patient"]),
        followup=ordered["followup"].to_numpy(dtype=float),
        event=ordered["event"].to_numpy() == 1,
        horizons=tuple(float(h) for h in study.outcome.horizons),
    )


def _sample(cohort: Cohort, predictions: pd.DataFrame, fold: NDArray[np.int64] | None = None) -> Sample:
    """Arrays of one repeat's predictions. With `fold` given (one label) everybody trained the model."""
    shape = (len(cohort.patients), len(STEPS), len(cohort.horizons))
    patient = pd.Index(cohort.patients).get_indexer(pd.Index(predictions["patient"].astype(str)))
    step = pd.Index([step.name for step in STEPS]).get_indexer(pd.Index(predictions["predictors"].astype(str)))
    horizon = pd.Index(cohort.horizons).get_indexer(pd.Index(predictions["horizon"].astype(float)))
    score, risk, label = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    if min(patient.min(), step.min(), horizon.min()) < 0 or len(predictions) != risk.size:
        raise ValueError("outcome/predictions does not belong to this cohort and study")
    score[patient, step, horizon] = predictions["linear_predictor"].to_numpy(dtype=float)
    risk[patient, step, horizon] = predictions["risk"].to_numpy(dtype=float)
    label[patient, step, horizon] = predictions["fold"].to_numpy(dtype=np.int64)
    if np.isnan(risk).any() or (label != label[:, :1, :1]).any():
        raise ValueError("outcome/predictions: one risk and one fold a patient and repeat are needed")
    fold = label[:, 0, 0] if fold is None else fold
    weights, null_risk = _from_training(cohort, fold)
    return Sample(fold, np.ascontiguousarray(score[:, :, 0]), risk, weights, null_risk)


def _from_training(cohort: Cohort, fold: NDArray[np.int64]) -> tuple[Weights, Floats]:
    """IPC weights and null risks (n, H) of each patient, from the patients outside the patient's fold."""
    n, horizons = len(fold), len(cohort.horizons)
    event, beyond = np.zeros(n), np.zeros((n, horizons))
    case, control, null_risk = np.zeros((n, horizons)), np.zeros((n, horizons)), np.zeros((n, horizons))
    labels = np.unique(fold)
    for label in labels:
        tested = fold == label
        training = ~tested if len(labels) > 1 else tested
        censoring = censoring_curve(cohort.followup[training], cohort.event[training])
        own = ipc_weights(cohort.followup[tested], cohort.event[tested], cohort.horizons, censoring)
        event[tested], beyond[tested], case[tested], control[tested] = own.event, own.beyond, own.case, own.control
        null_risk[tested] = 1.0 - kaplan_meier(cohort.followup[training], cohort.event[training]).at(cohort.horizons)
    return Weights(event, beyond, case, control), null_risk


def measure(cohort: Cohort, sample: Sample, grid: Floats, counts: NDArray[np.int64]) -> Measures:
    """Every metric of one repeat in the resamples `counts` (B, n); `grid` (S, H, G) of the calibration curve."""
    n, horizons = len(cohort.patients), len(cohort.horizons)
    pairs = concordance(
        cohort.followup, cohort.event, sample.fold, sample.score, sample.weights, cohort.horizons, counts,
        tau=max(cohort.horizons),
    )  # fmt: skip
    loss = accuracy(sample.risk, sample.null_risk, sample.weights, counts)
    fit = calibration(cohort.followup, cohort.event, sample.risk, cohort.horizons, grid, counts)
    policies = np.concatenate([sample.risk, np.ones((n, 1, horizons)), np.zeros((n, 1, horizons))], axis=1)
    benefit = net_benefit(policies, THRESHOLDS, sample.weights, counts)
    at_prevalence = benefit[:, : len(STEPS), np.arange(horizons), _threshold_places(cohort)]
    values = (pairs.auc, loss.brier, loss.ipa, fit.slope, fit.intercept, fit.ici, at_prevalence)
    metrics = {"c_harrell": pairs.harrell[:, :, None], "c_uno": pairs.uno[:, :, None]}
    return Measures({**metrics, **dict(zip(AT_HORIZON, values, strict=True))}, fit.curve, benefit)


def _threshold_places(cohort: Cohort) -> NDArray[np.int64]:
    """Place in `THRESHOLDS` of the threshold at which net benefit is tabled: the cohort's risk in whole percent."""
    return np.clip(np.rint(100.0 * cohort.prevalence).astype(np.int64) - 1, 0, len(THRESHOLDS) - 1)


def _threshold_notes(cohort: Cohort) -> list[Note]:
    places = _threshold_places(cohort)
    text = "net_benefit of every step at horizon {:g} is at the threshold {:.2f}, the cohort's own risk"
    return [
        Note("", "", text.format(horizon, THRESHOLDS[place]))
        for horizon, place in zip(cohort.horizons, places, strict=True)
    ]


def _mean(parts: Iterable[Measures], repeats: int) -> Measures:
    """Mean over repeats, added up in their order; one repeat is held in memory at a time."""
    total = reduce(_add, parts)
    metrics = {name: values / repeats for name, values in total.metrics.items()}
    return Measures(metrics, total.curve / repeats, total.benefit / repeats)


def _add(a: Measures, b: Measures) -> Measures:
    metrics = {name: a.metrics[name] + b.metrics[name] for name in a.metrics}
    return Measures(metrics, a.curve + b.curve, a.benefit + b.benefit)


def _performance_table(
    cohort: Cohort, validated: dict[str, Floats], apparent: dict[str, Floats], cause: str
) -> tuple[pd.DataFrame, list[Note]]:
    """The table ``outcome/performance``; row 0 of `validated` is the sample itself, the others are resamples."""
    names = [step.name for step in STEPS]
    rows, notes = [], []
    for metric, draws in validated.items():
        horizons = (max(cohort.horizons),) if metric in WITH_TAU else cohort.horizons
        low, high, missing = percentile_interval(draws[1:])
        for s, step in enumerate(STEPS):
            versus = -1 if step.reference is None else names.index(step.reference)
            gain = draws[:, s] - draws[:, versus] if versus >= 0 else np.full_like(draws[:, s], np.nan)
            gain_low, gain_high, _ = percentile_interval(gain[1:])
            for h, horizon in enumerate(horizons):
                rows.append(
                    (step.name, cause, metric, horizon, apparent[metric][0, s, h], draws[0, s, h], low[s, h],
                     high[s, h], step.reference, gain[0, h], gain_low[h], gain_high[h])
                )  # fmt: skip
                if missing[s, h] or np.isnan(draws[0, s, h]):
                    text = _missing_text(metric, horizon, draws[:, s, h], int(missing[s, h]))
                    notes.append(Note(step.name, "", text))
    columns = ["predictors", "cause", "metric", "horizon", "apparent", "validated", "ci_low", "ci_high", "versus"]
    columns += ["difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns), notes


def _missing_text(metric: str, horizon: float, draws: Floats, missing: int) -> str:
    if np.isnan(draws[0]):
        return f"{metric} at horizon {horizon:g} cannot be computed: no comparable patients, or risks all alike"
    return f"{metric} at horizon {horizon:g} cannot be computed in {missing} of {len(draws) - 1} resamples"


def _curve_table(cohort: Cohort, names: Sequence[str], x: Floats, draws: Floats, cause: str) -> pd.DataFrame:
    """Points of curves: x (S, H, G), and y with its interval from `draws` (B, S, H, G), row 0 the sample itself."""
    low, high, _ = percentile_interval(draws[1:])
    points = x.shape[2]
    return pd.DataFrame(
        {
            "predictors": np.repeat(np.array(names, dtype=object), x.shape[1] * points),
            "cause": cause,
            "horizon": np.tile(np.repeat(cohort.horizons, points), len(names)),
            "x": x.ravel(),
            "y": draws[0].ravel(),
            "ci_low": low.ravel(),
            "ci_high": high.ravel(),
        }
    )


def _decision_table(cohort: Cohort, benefit: Floats, cause: str) -> pd.DataFrame:
    """The table ``outcome/decision_curve``: x the threshold, y the net benefit."""
    names = [*(step.name for step in STEPS), "treat_all", "treat_none"]
    x = np.broadcast_to(THRESHOLDS, (len(names), len(cohort.horizons), len(THRESHOLDS)))
    return _curve_table(cohort, names, x, benefit, cause)
