"""How good the ladder's predictions are: every metric apparent and validated, with intervals and differences.

Validated numbers come from out-of-fold predictions: concordance inside test folds and summed over them, everything
else on the pooled risks of a repeat; then the mean over repeats. Intervals are those of `validate.intervals`, over a
bootstrap of the patients with their folds kept and over the repeats; all steps meet the same resamples, so differences
between steps have intervals too (docs/methods.md, section 5). Apparent numbers are the shipped models scoring their own
training patients.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.calibration import calibration_grid
from slopewise.metrics.ipcw import check_horizons
from slopewise.metrics.resampling import compiled_threads, resample_counts
from slopewise.outcome.fit import ledger_frame
from slopewise.outcome.ladder import LADDER
from slopewise.outcome.predictors import Note
from slopewise.run.progress import counted
from slopewise.run.seeds import generator
from slopewise.study.model import Study
from slopewise.validate.intervals import ANYWHERE, Interval, Judgement, interval_of, judgements, split_of, splits_of
from slopewise.validate.measure import WITH_TAU, Sample, measure, sample
from slopewise.validate.question import THRESHOLDS, AnalysisSet, cohorts

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Performance:
    """Tables ``outcome/performance``, ``outcome/calibration`` and ``outcome/decision_curve``, and ledger lines."""

    performance: pd.DataFrame
    calibration: pd.DataFrame
    decision_curve: pd.DataFrame
    ledger: pd.DataFrame


def performance(
    study: Study, patients: pd.DataFrame, predictions: pd.DataFrame, apparent: pd.DataFrame, threads: int = 1
) -> Performance:
    """Performance of every step from ``outcome/predictions`` and ``outcome/apparent``, for each cause.

    The same for any number of `threads`; all causes meet the same resamples. Raises `InputError` for a horizon
    without support.
    """
    parts: list[Performance] = []
    for cohort in cohorts(study, patients):
        own = predictions[predictions["cause"] == cohort.cause]
        samples = [sample(cohort, part) for _, part in own.groupby("repeat", sort=True)]
        everybody = np.zeros(len(cohort.patients), dtype=np.int64)
        shipped = sample(cohort, apparent[apparent["cause"] == cohort.cause], everybody)
        if cohort.kind.timed and not parts:  # of the event alone: competing ones may be rarer
            for one in samples:
                check_horizons(cohort.moments, cohort.followup, cohort.event, one.fold)
        rng = generator(study.seed, "validate", "bootstrap")
        counts = resample_counts(rng, len(cohort.patients), study.validation.bootstrap)
        parts.append(_of_cause(cohort, samples, shipped, counts, threads))
    return Performance(
        performance=pd.concat([part.performance for part in parts], ignore_index=True),
        calibration=pd.concat([part.calibration for part in parts], ignore_index=True),
        decision_curve=pd.concat([part.decision_curve for part in parts], ignore_index=True),
        ledger=pd.concat([part.ledger for part in parts], ignore_index=True),
    )


def _of_cause(
    cohort: AnalysisSet, samples: Sequence[Sample], shipped: Sample, counts: NDArray[np.int64], threads: int
) -> Performance:
    """The tables of one cause; row 0 of `counts` is everybody once."""
    grid = calibration_grid(np.concatenate([one.risk for one in samples]))
    metrics, curves, benefits = [], [], []
    with compiled_threads(threads):
        for one in counted("repeats", samples):  # one repeat's draws are held in memory at a time
            found = measure(cohort, one, grid, counts)
            metrics.append(splits_of(found.metrics))
            curves.append(split_of(found.curve))
            benefits.append(split_of(found.benefit))
        own = measure(cohort, shipped, grid, counts[:1])
    judged = judgements(metrics)
    table, notes = _performance_table(cohort, judged, {name: draws[0] for name, draws in own.metrics.items()})
    notes += _alone_notes(len(samples), len(counts) - 1)
    told = f"{cohort.cause}: " if cohort.several else ""
    lines = [Note(note.predictors, note.marker, told + note.message) for note in _threshold_notes(cohort) + notes]
    return Performance(
        performance=table,
        calibration=_curve_table(
            cohort,
            [step.name for step in LADDER],
            grid,
            interval_of(curves, ANYWHERE if cohort.kind.numeric else (0.0, 1.0)),
        ),
        decision_curve=_decision_table(cohort, interval_of(benefits, (-np.inf, 1.0))),
        ledger=ledger_frame([(0, 0, note) for note in lines]),
    )


def _threshold_notes(cohort: AnalysisSet) -> list[Note]:
    """At which threshold the net benefit of the performance table stands."""
    if cohort.kind.numeric:
        return []
    text = "net_benefit of every step{} is at the threshold {:.2f}, the cohort's risk"
    places = zip(cohort.horizons, cohort.threshold_places, strict=True)
    return [Note("", "", text.format(_at(horizon), THRESHOLDS[place])) for horizon, place in places]


def _at(horizon: float) -> str:
    return "" if np.isnan(horizon) else f" at horizon {horizon:g}"


def _alone_notes(repeats: int, resamples: int) -> list[Note]:
    """That one repeat says nothing about the models' part of the intervals."""
    text = (
        "the validation was not repeated (validation.repeats: 1), so the spread between repeats is not known: its "
        "intervals hold the models fixed"
    )
    return [Note("", "", text)] if repeats == 1 and resamples else []


def _performance_table(
    cohort: AnalysisSet, judged: dict[str, Judgement], apparent: dict[str, Floats]
) -> tuple[pd.DataFrame, list[Note]]:
    """The table ``outcome/performance``; `apparent` (S, H) of the shipped models."""
    rows, notes = [], []
    for metric, found in judged.items():
        horizons = (max(cohort.horizons),) if metric in WITH_TAU else cohort.horizons
        own, gain = found.metric, found.gain
        for s, step in enumerate(LADDER):
            for h, horizon in enumerate(horizons):
                rows.append(
                    (step.name, cohort.cause, metric, horizon, apparent[metric][s, h], own.value[s, h], own.low[s, h],
                     own.high[s, h], step.reference, gain.value[s, h], gain.low[s, h], gain.high[s, h])
                )  # fmt: skip
                if own.missing[s, h] or np.isnan(own.value[s, h]):
                    notes.append(Note(step.name, "", _missing_text(metric, horizon, own, (s, h))))
    columns = ["predictors", "cause", "metric", "horizon", "apparent", "validated", "ci_low", "ci_high", "versus"]
    columns += ["difference", "difference_low", "difference_high"]
    return pd.DataFrame(rows, columns=columns), notes


def _missing_text(metric: str, horizon: float, own: Interval, place: tuple[int, int]) -> str:
    if np.isnan(own.value[place]):
        return f"{metric}{_at(horizon)} cannot be computed: no comparable patients, or risks all alike"
    return f"{metric}{_at(horizon)} cannot be computed in {own.missing[place]} resamples of a repeat"


def _curve_table(cohort: AnalysisSet, names: Sequence[str], x: Floats, found: Interval) -> pd.DataFrame:
    """Points of curves: x (S, H, G), and y with its interval (S, H, G).

    Each x stands once: where all risks are alike a curve is one point.
    """
    points = x.shape[2]
    frame = pd.DataFrame(
        {
            "predictors": np.repeat(np.array(names, dtype=object), x.shape[1] * points),
            "cause": cohort.cause,
            "horizon": np.tile(np.repeat(cohort.horizons, points), len(names)),
            "x": x.ravel(),
            "y": found.value.ravel(),
            "ci_low": found.low.ravel(),
            "ci_high": found.high.ravel(),
        }
    )
    return frame.drop_duplicates(["predictors", "cause", "horizon", "x"], ignore_index=True)


def _decision_table(cohort: AnalysisSet, benefit: Interval) -> pd.DataFrame:
    """The table ``outcome/decision_curve``: x the threshold, y the net benefit."""
    names = [*(step.name for step in LADDER), "treat_all", "treat_none"]
    x = np.broadcast_to(
        THRESHOLDS[: benefit.value.shape[2]], (len(names), len(cohort.horizons), benefit.value.shape[2])
    )
    return _curve_table(cohort, names, x, benefit)
