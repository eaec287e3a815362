"""Every metric of one repeat's predictions in many resamples of the patients, for each kind of outcome.

One mechanism serves all outcomes that are events: a cause with or without competing ones, and a binary outcome, which
is an event at a known moment that nobody is censored before (all weights 1). A continuous outcome has its own
measures.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.brier import accuracy
from slopewise.metrics.calibration import Calibration, binomial_calibration, calibration
from slopewise.metrics.concordance import Concordance, concordance
from slopewise.metrics.continuous import closeness
from slopewise.metrics.decision import net_benefit
from slopewise.metrics.ipcw import Weights, aalen_johansen, censoring_curve, ipc_weights
from slopewise.metrics.observed import observed_over_expected
from slopewise.outcome.ladder import LADDER
from slopewise.run.short_repr import ShortRepr
from slopewise.validate.question import THRESHOLDS, AnalysisSet, Floats

WITH_TAU = ("c_harrell", "c_uno")
CLOSENESS = ("r2", "rmse", "mae", "calibration_slope")


@dataclass(frozen=True, repr=False)
class Sample(ShortRepr):
    """Predictions of one repeat: `fold` (n,), `score` (n, S) and `risk` (n, S, H), with what the patients outside
    each fold say about censoring (`weights`) and about the outcome without predictors (`null_risk`, (n, H))."""

    fold: NDArray[np.int64]
    score: Floats
    risk: Floats
    weights: Weights
    null_risk: Floats


@dataclass(frozen=True)
class Measures:
    """Every metric (B, S, H; concordance B, S, 1), the calibration curve (B, S, H, G) and the net benefit
    (B, S + 2, H, T) of the steps, of treating all and of treating none (T = 0 for a continuous outcome)."""

    metrics: dict[str, Floats]
    curve: Floats
    benefit: Floats


def sample(cohort: AnalysisSet, predictions: pd.DataFrame, fold: NDArray[np.int64] | None = None) -> Sample:
    """Arrays of one repeat's predictions of one cause. With `fold` given (one label) everybody trained the model."""
    shape = (len(cohort.patients), len(LADDER), len(cohort.horizons))
    patient = pd.Index(cohort.patients).get_indexer(pd.Index(predictions["patient"].astype(str)))
    step = pd.Index([step.name for step in LADDER]).get_indexer(pd.Index(predictions["predictors"].astype(str)))
    horizon = pd.Index(cohort.horizons).get_indexer(pd.Index(predictions["horizon"].astype(float)))
    score, risk, label = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
    if not len(predictions) or min(patient.min(), step.min(), horizon.min()) < 0 or len(predictions) != risk.size:
        raise ValueError("outcome/predictions does not belong to this cohort and study")
    score[patient, step, horizon] = predictions["linear_predictor"].to_numpy(dtype=float)
    risk[patient, step, horizon] = predictions["risk"].to_numpy(dtype=float)
    label[patient, step, horizon] = predictions["fold"].to_numpy(dtype=np.int64)
    if np.isnan(risk).any() or (label != label[:, :1, :1]).any():
        raise ValueError("outcome/predictions: one risk and one fold a patient and repeat are needed")
    fold = label[:, 0, 0] if fold is None else fold
    weights, null_risk = from_training(cohort, fold)
    return Sample(fold, np.ascontiguousarray(score[:, :, 0]), risk, weights, null_risk)


def from_training(cohort: AnalysisSet, fold: NDArray[np.int64]) -> tuple[Weights, Floats]:
    """IPC weights and null risks (n, H) of each patient, from the patients outside the patient's fold."""
    n, horizons = len(fold), len(cohort.moments)
    event, competing, beyond = np.zeros(n), np.zeros(n), np.zeros((n, horizons))
    case, control, null_risk = np.zeros((n, horizons)), np.zeros((n, horizons)), np.zeros((n, horizons))
    labels, codes = np.unique(fold), cohort.codes
    for label in labels:
        tested = fold == label
        training = ~tested if len(labels) > 1 else tested
        if cohort.kind.numeric:  # nothing is censored, and a null model predicts the mean
            null_risk[tested] = cohort.outcome[training].mean()
            continue
        censoring = censoring_curve(cohort.followup[training], codes[training] > 0)
        own = ipc_weights(
            cohort.followup[tested], cohort.event[tested], cohort.moments, censoring, cohort.competing[tested]
        )
        event[tested], beyond[tested], case[tested], control[tested] = own.event, own.beyond, own.case, own.control
        competing[tested] = own.competing
        null_risk[tested] = 1.0 - aalen_johansen(cohort.followup[training], codes[training]).at(cohort.moments)
    return Weights(event, beyond, case, control, competing), null_risk


def learned(cohort: AnalysisSet, counts: NDArray[np.int64]) -> tuple[Weights, Floats]:
    """IPC weights and null risks (n, H) of all patients, from a resample of them: `counts` (n,) copies of each."""
    rows = np.repeat(np.arange(len(counts)), counts)
    n, horizons = len(counts), len(cohort.moments)
    if cohort.kind.numeric:
        none, never = np.zeros(n), np.zeros((n, horizons))
        return Weights(none, never, never, never, none), np.full((n, horizons), cohort.outcome[rows].mean())
    codes = cohort.codes[rows]
    censoring = censoring_curve(cohort.followup[rows], codes > 0)
    weights = ipc_weights(cohort.followup, cohort.event, cohort.moments, censoring, cohort.competing)
    null_risk = 1.0 - aalen_johansen(cohort.followup[rows], codes).at(cohort.moments)
    return weights, np.broadcast_to(null_risk, (n, horizons)).copy()


def measure(cohort: AnalysisSet, own: Sample, grid: Floats, counts: NDArray[np.int64]) -> Measures:
    """Every metric of one repeat in the resamples `counts` (B, n); `grid` (S, H, G) of the calibration curve."""
    return METRICS[cohort.kind.name].measure(cohort, own, grid, counts)


def _measure_numbers(cohort: AnalysisSet, own: Sample, grid: Floats, counts: NDArray[np.int64]) -> Measures:
    close = closeness(cohort.outcome, own.risk[:, :, 0], own.null_risk[:, 0], grid[:, 0], counts)
    found = (close.r2, close.rmse, close.mae, close.slope)
    metrics = {name: value[:, :, None] for name, value in zip(CLOSENESS, found, strict=True)}
    return Measures(metrics, close.curve[:, :, None], np.empty((len(counts), own.risk.shape[1] + 2, 1, 0)))


def _measure_risks(
    cohort: AnalysisSet,
    own: Sample,
    grid: Floats,
    counts: NDArray[np.int64],
    concordances: Callable[[Concordance], dict[str, Floats]],
    calibrated: Callable[[AnalysisSet, Sample, Floats, NDArray[np.int64]], Calibration],
) -> Measures:
    n, horizons = len(cohort.patients), len(cohort.moments)
    pairs = _pairs(cohort, own, counts)
    loss = accuracy(own.risk, own.null_risk, own.weights, counts)
    fit = calibrated(cohort, own, grid, counts)
    policies = np.concatenate([own.risk, np.ones((n, 1, horizons)), np.zeros((n, 1, horizons))], axis=1)
    benefit = net_benefit(policies, THRESHOLDS, own.weights, counts)
    at_prevalence = benefit[:, : own.risk.shape[1], np.arange(horizons), cohort.threshold_places]
    metrics = {
        **concordances(pairs),
        "auc": pairs.auc,
        "log_score": loss.log_score,
        "brier": loss.brier,
        "ipa": loss.ipa,
        "calibration_slope": fit.slope,
        "calibration_intercept": fit.intercept,
        "ici": fit.ici,
        "observed_expected": observed_over_expected(own.risk, own.weights, counts),
        "net_benefit": at_prevalence,
    }
    return Measures(metrics, fit.curve, benefit)


def _within_followup(pairs: Concordance) -> dict[str, Floats]:
    """The concordances of an event in time (B, S, 1)."""
    return {"c_harrell": pairs.harrell[:, :, None], "c_uno": pairs.uno[:, :, None]}


def _auc_alone(pairs: Concordance) -> dict[str, Floats]:
    """A binary outcome's concordance is its AUC."""
    return {}


def told_apart(cohort: AnalysisSet, own: Sample, counts: NDArray[np.int64]) -> dict[str, Floats]:
    """The metrics of `measure` that need no model of the calibration, (B, S, H) or (B, S, 1); made quickly."""
    return METRICS[cohort.kind.name].told_apart(cohort, own, counts)


def _told_apart_numbers(cohort: AnalysisSet, own: Sample, counts: NDArray[np.int64]) -> dict[str, Floats]:
    none = np.empty((own.risk.shape[1], 0))
    close = closeness(cohort.outcome, own.risk[:, :, 0], own.null_risk[:, 0], none, counts)
    return {name: getattr(close, name)[:, :, None] for name in ("r2", "rmse", "mae")}


def _told_apart_risks(
    cohort: AnalysisSet,
    own: Sample,
    counts: NDArray[np.int64],
    concordances: Callable[[Concordance], dict[str, Floats]],
) -> dict[str, Floats]:
    pairs = _pairs(cohort, own, counts)
    loss = accuracy(own.risk, own.null_risk, own.weights, counts)
    metrics = {"auc": pairs.auc, "log_score": loss.log_score, "brier": loss.brier, "ipa": loss.ipa}
    return {**concordances(pairs), **metrics}


def headline(cohort: AnalysisSet, fold: NDArray[np.int64], scores: Floats) -> Floats:
    """The metric `Kind.metric` of each of many scores (n, S) as such, (S,): C within folds up to the largest moment.

    A score is what `ordering` gives: of patients in `fold` (n,) made by models that the others trained; one label is
    of a model that all trained.
    """
    return METRICS[cohort.kind.name].headline(cohort, fold, scores)


def _explained(cohort: AnalysisSet, fold: NDArray[np.int64], scores: Floats) -> Floats:
    """R² (S,)."""
    once, none = np.ones((1, len(fold)), dtype=np.int64), np.empty((scores.shape[1], 0))
    _, null_risk = from_training(cohort, fold)
    return closeness(cohort.outcome, scores, null_risk[:, 0], none, once).r2[0]


def _harrell(cohort: AnalysisSet, fold: NDArray[np.int64], scores: Floats) -> Floats:
    """Harrell's C (S,)."""
    return _ordered(cohort, fold, scores).harrell[0]


def _auc(cohort: AnalysisSet, fold: NDArray[np.int64], scores: Floats) -> Floats:
    """The AUC (S,)."""
    return _ordered(cohort, fold, scores).auc[0, :, -1]


def _ordered(cohort: AnalysisSet, fold: NDArray[np.int64], scores: Floats) -> Concordance:
    weights, _ = from_training(cohort, fold)
    once = np.ones((1, len(fold)), dtype=np.int64)
    return concordance(
        cohort.followup, cohort.event, fold, scores, weights, cohort.moments, once, max(cohort.moments),
        cohort.competing,
    )  # fmt: skip


def ordering(cohort: AnalysisSet, score: Floats, risk: Floats) -> Floats:
    """What orders patients: the linear predictor `score` (n, ...), or the `risk` (n, ..., H) at the largest horizon.

    With competing events, or strata, the linear predictor does not order the risks.
    """
    return risk[..., int(np.argmax(cohort.moments))] if cohort.several or cohort.stratified else score


def _pairs(cohort: AnalysisSet, own: Sample, counts: NDArray[np.int64]) -> Concordance:
    """Concordance. With competing events, or strata, the linear predictor does not order the risks, so risks are
    compared: at each horizon its own for the AUC, at the largest one for C."""
    known = (cohort.followup, cohort.event, own.fold)
    tau = max(cohort.moments)
    if not (cohort.several or cohort.stratified):
        return concordance(*known, own.score, own.weights, cohort.moments, counts, tau)
    found = [
        concordance(*known, own.risk[:, :, h], own.weights, cohort.moments, counts, tau, cohort.competing)
        for h in range(len(cohort.moments))
    ]
    last = found[int(np.argmax(cohort.moments))]
    auc = np.stack([pairs.auc[:, :, h] for h, pairs in enumerate(found)], axis=2)
    return Concordance(last.harrell, last.uno, auc)


def _calibration_of_levels(cohort: AnalysisSet, own: Sample, grid: Floats, counts: NDArray[np.int64]) -> Calibration:
    return binomial_calibration(own.weights, own.risk, "logit", grid, counts)


def _calibration_in_time(cohort: AnalysisSet, own: Sample, grid: Floats, counts: NDArray[np.int64]) -> Calibration:
    if cohort.several:
        return binomial_calibration(own.weights, own.risk, "cloglog", grid, counts)
    return calibration(cohort.followup, cohort.event, own.risk, cohort.moments, grid, counts)


@dataclass(frozen=True)
class KindMetrics:
    """The functions behind `measure`, `told_apart` and `headline` for one kind of outcome, with their arguments."""

    measure: Callable[[AnalysisSet, Sample, Floats, NDArray[np.int64]], Measures]
    told_apart: Callable[[AnalysisSet, Sample, NDArray[np.int64]], dict[str, Floats]]
    headline: Callable[[AnalysisSet, NDArray[np.int64], Floats], Floats]


METRICS = {
    "survival": KindMetrics(
        partial(_measure_risks, concordances=_within_followup, calibrated=_calibration_in_time),
        partial(_told_apart_risks, concordances=_within_followup),
        _harrell,
    ),
    "binary": KindMetrics(
        partial(_measure_risks, concordances=_auc_alone, calibrated=_calibration_of_levels),
        partial(_told_apart_risks, concordances=_auc_alone),
        _auc,
    ),
    "continuous": KindMetrics(_measure_numbers, _told_apart_numbers, _explained),
}
"""By kind of outcome; kinds that predict nothing have no row."""
