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

from slopewise.metrics.calibration import calibration_grid
from slopewise.metrics.ipcw import check_horizons
from slopewise.metrics.resampling import compiled_threads, percentile_interval, resample_counts
from slopewise.outcome.fit import ledger_frame
from slopewise.outcome.ladder import STEPS
from slopewise.outcome.predictors import Note
from slopewise.run import generator
from slopewise.run_progress import counted
from slopewise.study import Study
from slopewise.validate.measure import THRESHOLDS, WITH_TAU, Cohort, Measures, Sample, cohorts, gain_of, measure, sample

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
    """Performance of every step from ``outcome/predictions`` and from `OutcomeFit.apparent`, for each cause.

    The same for any number of `threads`; all causes meet the same resamples. Raises `InputError` for a horizon
    without support.
    """
    parts: list[Performance] = []
    for cohort in cohorts(study, patients):
        own = predictions[predictions["cause"] == cohort.cause]
        samples = [sample(cohort, part) for _, part in own.groupby("repeat", sort=True)]
        everybody = np.zeros(len(cohort.patients), dtype=np.int64)
        shipped = sample(cohort, apparent[apparent["cause"] == cohort.cause], everybody)
        if cohort.kind == "survival" and not parts:  # of the event alone: competing ones may be rarer
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
    cohort: Cohort, samples: Sequence[Sample], shipped: Sample, counts: NDArray[np.int64], threads: int
) -> Performance:
    """The tables of one cause; row 0 of `counts` is everybody once."""
    grid = calibration_grid(np.concatenate([one.risk for one in samples]))
    with compiled_threads(threads):
        validated = _mean((measure(cohort, one, grid, counts) for one in counted("repeats", samples)), len(samples))
        own = measure(cohort, shipped, grid, counts[:1])
    table, notes = _performance_table(cohort, validated.metrics, own.metrics)
    told = f"{cohort.cause}: " if cohort.several else ""
    lines = [Note(note.predictors, note.marker, told + note.message) for note in _threshold_notes(cohort) + notes]
    return Performance(
        performance=table,
        calibration=_curve_table(cohort, [step.name for step in STEPS], grid, validated.curve),
        decision_curve=_decision_table(cohort, validated.benefit),
        ledger=ledger_frame([(0, 0, note) for note in lines]),
    )


def _threshold_notes(cohort: Cohort) -> list[Note]:
    """At which threshold the net benefit of the performance table stands."""
    if cohort.kind == "continuous":
        return []
    if cohort.entered:
        text = (
            "c_uno, auc, brier, ipa and net_benefit are refused under delayed entry (outcome.entry): censoring weights "
            "would need the censoring of those who never entered"
        )
        return [Note("", "", text)]
    text = "net_benefit of every step{} is at the threshold {:.2f}, the cohort's own risk"
    places = zip(cohort.horizons, cohort.threshold_places, strict=True)
    return [Note("", "", text.format(_at(horizon), THRESHOLDS[place])) for horizon, place in places]


def _at(horizon: float) -> str:
    return "" if np.isnan(horizon) else f" at horizon {horizon:g}"


def _mean(parts: Iterable[Measures], repeats: int) -> Measures:
    """Mean over repeats, added up in their order; one repeat is held in memory at a time."""
    total = reduce(_add, parts)
    metrics = {name: values / repeats for name, values in total.metrics.items()}
    return Measures(metrics, total.curve / repeats, total.benefit / repeats)


def _add(a: Measures, b: Measures) -> Measures:
    metrics = {name: a.metrics[name] + b.metrics[name] for name in a.metrics}
    return Measures(metrics, a.curve + b.curve, a.benefit + b.benefit)


def _performance_table(
    cohort: Cohort, validated: dict[str, Floats], apparent: dict[str, Floats]
) -> tuple[pd.DataFrame, list[Note]]:
    """The table ``outcome/performance``; row 0 of `validated` is the sample itself, the others are resamples."""
    rows, notes = [], []
    for metric, draws in validated.items():
        horizons = (max(cohort.horizons),) if metric in WITH_TAU else cohort.horizons
        low, high, missing = percentile_interval(draws[1:])
        for s, step in enumerate(STEPS):
            gain, gain_low, gain_high = gain_of(draws, s)
            for h, horizon in enumerate(horizons):
                rows.append(
                    (step.name, cohort.cause, metric, horizon, apparent[metric][0, s, h], draws[0, s, h], low[s, h],
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
        return f"{metric}{_at(horizon)} cannot be computed: no comparable patients, or risks all alike"
    return f"{metric}{_at(horizon)} cannot be computed in {missing} of {len(draws) - 1} resamples"


def _curve_table(cohort: Cohort, names: Sequence[str], x: Floats, draws: Floats) -> pd.DataFrame:
    """Points of curves: x (S, H, G), and y with its interval from `draws` (B, S, H, G), row 0 the sample itself.

    Each x stands once: where all risks are alike a curve is one point.
    """
    low, high, _ = percentile_interval(draws[1:])
    points = x.shape[2]
    frame = pd.DataFrame(
        {
            "predictors": np.repeat(np.array(names, dtype=object), x.shape[1] * points),
            "cause": cohort.cause,
            "horizon": np.tile(np.repeat(cohort.horizons, points), len(names)),
            "x": x.ravel(),
            "y": draws[0].ravel(),
            "ci_low": low.ravel(),
            "ci_high": high.ravel(),
        }
    )
    return frame.drop_duplicates(["predictors", "cause", "horizon", "x"], ignore_index=True)


def _decision_table(cohort: Cohort, benefit: Floats) -> pd.DataFrame:
    """The table ``outcome/decision_curve``: x the threshold, y the net benefit."""
    names = [*(step.name for step in STEPS), "treat_all", "treat_none"]
    x = np.broadcast_to(THRESHOLDS[: benefit.shape[3]], (len(names), len(cohort.horizons), benefit.shape[3]))
    return _curve_table(cohort, names, x, benefit)
