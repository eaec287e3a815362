"""Was too much or too little removed with the batches? What markers of held-out patients predict, before and after.

The markers are combined by a compound covariate score (Tukey 1993, 10.1016/0197-2456(93)90225-3): each, divided by its
SD in the training set, times its difference between rows of a batch and all others there, or times its mean product
with the outcome there. The score is then judged in the patients whom the set does not hold, with the batch effects that
the set taught. A batch that is removed can no longer be recognised (0.5); an outcome that was predicted before should
be predicted after.

Intervals are of held-out patients, whose rows stay together, given what the training sets taught.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import VALIDATION, TrainingFit, fits
from slopewise.metrics.influence import Influenced, area, harrell, interval, wald
from slopewise.slopes.batches.effects import marker_batches
from slopewise.study.model import Study

Floats = NDArray[np.float64]
COLUMNS = [
    *("asked", "batch", "held_out"),
    *("before", "before_low", "before_high", "after", "after_low", "after_high", "change", "change_low", "change_high"),
]


class Judged(NamedTuple):
    """A score in one fold's held-out patients: how many rows (or patients), before and after the adjustment."""

    held_out: int
    before: Influenced
    after: Influenced


def batch_check(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, folds: pd.DataFrame, parameters: pd.DataFrame
) -> pd.DataFrame:
    """The table ``outcome/batch_check``: areas under the curve for each batch, and the concordance with the outcome.

    Means over the outer folds of the first repeat of validation, weighted by the held-out rows (patients, for the
    outcome): their number is `held_out`. 95% intervals of both and of their difference, `change`. Tables as in
    `tables`.
    """
    names = sorted(str(patient) for patient in patients["patient"])
    people = patients.set_index(patients["patient"].astype(str)).loc[names]
    outer = [fit for fit in fits(folds, names) if (fit.scheme, fit.repeat, fit.fold) == (VALIDATION, 1, 0)]
    markers = list(marker_batches(study, measurements, patients, list(study.markers), parameters))
    raw = measurements[list(study.markers)].to_numpy(dtype=float)
    owner = pd.Index(names).get_indexer(pd.Index(measurements["patient"].astype(str))).astype(np.int64)
    code = markers[0].of_rows
    found: dict[tuple[str, str], list[Judged]] = {}
    for fit in outer:
        adjusted = np.column_stack([one.adjusted([fit])[0] for one in markers])
        trained = fit.trained[owner]
        scaled = [_scaled(values, trained) for values in (raw, adjusted)]
        for place, name in enumerate(markers[0].names):
            before, after = (_of_batch(values, trained, code == place, owner, len(names)) for values in scaled)
            found.setdefault(("batch", name), []).append(Judged(int((~trained).sum()), before, after))
        before, after = (_of_outcome(study, _last(values, owner, len(names)), fit, people) for values in scaled)
        found.setdefault(("outcome", ""), []).append(Judged(int((~fit.trained).sum()), before, after))
    lines = [(*key, sum(one.held_out for one in own), *_figures(own)) for key, own in found.items()]
    return pd.DataFrame(lines, columns=COLUMNS)


def _figures(own: list[Judged]) -> list[float]:
    """The nine numbers of a line: means over the folds that have a value, and their intervals."""
    known = [one for one in own if np.isfinite(one.before.value) and np.isfinite(one.after.value)]
    if not known:
        return [np.nan] * 9
    total = sum(one.held_out for one in known)
    before = _mean([(one.held_out / total, one.before) for one in known])
    after = _mean([(one.held_out / total, one.after) for one in known])
    change = after.value - before.value
    moved = wald(change, float(((after.influence - before.influence) ** 2).sum()))
    ends = [interval(one.value, float((one.influence**2).sum())) for one in (before, after)]
    return [before.value, *ends[0], after.value, *ends[1], change, *moved]


def _mean(parts: list[tuple[float, Influenced]]) -> Influenced:
    """The weighted mean of concordances of different patients, by their shares."""
    influence: Floats = np.sum([share * one.influence for share, one in parts], axis=0)
    return Influenced(sum(share * one.value for share, one in parts), influence)


def _scaled(values: Floats, trained: NDArray[np.bool_]) -> Floats:
    """Columns about their mean over the training rows, by their SD there; 0 where a value is missing."""
    own = values[trained]
    known = ~np.isnan(own)
    number = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, own, 0.0).sum(axis=0) / number
    sd = np.sqrt(np.where(known, (own - mean) ** 2, 0.0).sum(axis=0) / number)
    return np.where(np.isnan(values) | (sd <= 0), 0.0, (values - mean) / np.where(sd > 0, sd, 1.0))


def _of_batch(
    values: Floats, trained: NDArray[np.bool_], is_own: NDArray[np.bool_], owner: NDArray[np.int64], patients: int
) -> Influenced:
    """The area under the curve for rows of a batch among the held-out rows."""
    own, others = trained & is_own, trained & ~is_own
    if not own.any() or not others.any():
        return Influenced(np.nan, np.full(patients, np.nan))
    score = values[~trained] @ (values[own].mean(axis=0) - values[others].mean(axis=0))
    return area(score, is_own[~trained], owner[~trained], patients)


def _last(values: Floats, owner: NDArray[np.int64], patients: int) -> Floats:
    """The last row (patients, M) of each patient; rows are in the order of time."""
    last = np.zeros(patients, dtype=np.int64)
    last[owner] = np.arange(len(owner))
    return values[last]


def _of_outcome(study: Study, values: Floats, fit: TrainingFit, people: pd.DataFrame) -> Influenced:
    """The concordance of the score with the outcome among the held-out patients."""
    trained, tested = fit.trained, ~fit.trained
    if not study.kind.timed:
        outcome = people["outcome"].to_numpy(dtype=float)
        score = values[tested] @ (values[trained].T @ (outcome[trained] - outcome[trained].mean()))
        found = harrell(-outcome[tested], np.ones(int(tested.sum()), dtype=bool), score)
    else:
        followup, event = people["followup"].to_numpy(dtype=float), people["event"].to_numpy() == 1
        residual = event[trained] - _cumulative_hazard(followup[trained], event[trained])
        found = harrell(followup[tested], event[tested], values[tested] @ (values[trained].T @ residual))
    influence = np.zeros(len(tested))
    influence[tested] = found.influence
    return Influenced(found.value, influence)


def _cumulative_hazard(followup: Floats, event: NDArray[np.bool_]) -> Floats:
    """Nelson and Aalen's estimate at each patient's follow-up (n,)."""
    times, place = np.unique(followup, return_inverse=True)
    happened = np.bincount(place, event.astype(float), minlength=len(times))
    at_risk = np.bincount(place, minlength=len(times))[::-1].cumsum()[::-1]
    hazard: Floats = np.cumsum(happened / at_risk)[place]
    return hazard
