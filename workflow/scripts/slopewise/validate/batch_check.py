"""Was too much or too little removed with the batches? What markers of held-out patients predict, before and after.

The markers are combined by a compound covariate score (Tukey 1993, 10.1016/0197-2456(93)90225-3): each, divided by its
SD in the training set, times its difference between rows of a batch and all others there, or times its mean product
with the outcome there. The score is then judged in the patients whom the set does not hold, with the batch effects that
the set taught. A batch that is removed can no longer be recognised (0.5); an outcome that was predicted before should
be predicted after.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import VALIDATION, TrainingFit, fits
from slopewise.metrics.concordance import concordance_single
from slopewise.slopes.batches.effects import marker_batches
from slopewise.study.model import Study

Floats = NDArray[np.float64]
COLUMNS = ["asked", "batch", "held_out", "before", "after"]


def batch_check(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, folds: pd.DataFrame, parameters: pd.DataFrame
) -> pd.DataFrame:
    """The table ``outcome/batch_check``: areas under the curve for each batch, and the concordance with the outcome.

    Means over the outer folds of the first repeat of validation, weighted by the held-out rows (patients, for the
    outcome): their number is `held_out`. Tables as in `tables`.
    """
    names = sorted(str(patient) for patient in patients["patient"])
    people = patients.set_index(patients["patient"].astype(str)).loc[names]
    outer = [fit for fit in fits(folds, names) if (fit.scheme, fit.repeat, fit.fold) == (VALIDATION, 1, 0)]
    markers = list(marker_batches(study, measurements, patients, list(study.markers), parameters))
    raw = measurements[list(study.markers)].to_numpy(dtype=float)
    owner = pd.Index(names).get_indexer(pd.Index(measurements["patient"].astype(str))).astype(np.int64)
    code = markers[0].of_rows
    found: dict[tuple[str, str], list[tuple[int, float, float]]] = {}
    for fit in outer:
        adjusted = np.column_stack([one.adjusted([fit])[0] for one in markers])
        trained = fit.trained[owner]
        scaled = [_scaled(values, trained) for values in (raw, adjusted)]
        for place, name in enumerate(markers[0].names):
            is_own = code == place
            before, after = (_of_batch(values, trained, is_own) for values in scaled)
            found.setdefault(("batch", name), []).append((int((~trained).sum()), before, after))
        before, after = (_of_outcome(study, _last(values, owner, len(names)), fit, people) for values in scaled)
        found.setdefault(("outcome", ""), []).append((int((~fit.trained).sum()), before, after))
    lines = [(*key, sum(count for count, *_ in own), *_means(own)) for key, own in found.items()]
    return pd.DataFrame(lines, columns=COLUMNS)


def _means(own: list[tuple[int, float, float]]) -> list[float]:
    table = np.array(own)
    known = np.isfinite(table).all(axis=1)
    if not known.any():
        return [np.nan, np.nan]
    return [float(value) for value in np.average(table[known, 1:], axis=0, weights=table[known, 0])]


def _scaled(values: Floats, trained: NDArray[np.bool_]) -> Floats:
    """Columns about their mean over the training rows, by their SD there; 0 where a value is missing."""
    own = values[trained]
    known = ~np.isnan(own)
    number = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, own, 0.0).sum(axis=0) / number
    sd = np.sqrt(np.where(known, (own - mean) ** 2, 0.0).sum(axis=0) / number)
    return np.where(np.isnan(values) | (sd <= 0), 0.0, (values - mean) / np.where(sd > 0, sd, 1.0))


def _of_batch(values: Floats, trained: NDArray[np.bool_], is_own: NDArray[np.bool_]) -> float:
    """The area under the curve for rows of a batch among the held-out rows."""
    own, others = trained & is_own, trained & ~is_own
    if not own.any() or not others.any():
        return np.nan
    score = values[~trained] @ (values[own].mean(axis=0) - values[others].mean(axis=0))
    return area(score, is_own[~trained])


def area(score: Floats, positive: NDArray[np.bool_]) -> float:
    """The probability that a positive has the higher score, ties counted by half; missing without either kind."""
    from scipy.stats import rankdata

    cases, controls = int(positive.sum()), int((~positive).sum())
    if not cases or not controls:
        return np.nan
    return float((rankdata(score)[positive].sum() - cases * (cases + 1) / 2) / (cases * controls))


def _last(values: Floats, owner: NDArray[np.int64], patients: int) -> Floats:
    """The last row (patients, M) of each patient; rows are in the order of time."""
    last = np.zeros(patients, dtype=np.int64)
    last[owner] = np.arange(len(owner))
    return values[last]


def _of_outcome(study: Study, values: Floats, fit: TrainingFit, people: pd.DataFrame) -> float:
    """The concordance of the score with the outcome among the held-out patients."""
    trained, tested = fit.trained, ~fit.trained
    if not study.kind.timed:
        outcome = people["outcome"].to_numpy(dtype=float)
        score = values[tested] @ (values[trained].T @ (outcome[trained] - outcome[trained].mean()))
        return _concordance(-outcome[tested], np.ones(int(tested.sum()), dtype=bool), score)
    followup, event = people["followup"].to_numpy(dtype=float), people["event"].to_numpy() == 1
    residual = event[trained] - _cumulative_hazard(followup[trained], event[trained])
    return _concordance(followup[tested], event[tested], values[tested] @ (values[trained].T @ residual))


def _cumulative_hazard(followup: Floats, event: NDArray[np.bool_]) -> Floats:
    """Nelson and Aalen's estimate at each patient's follow-up (n,)."""
    times, place = np.unique(followup, return_inverse=True)
    happened = np.bincount(place, event.astype(float), minlength=len(times))
    at_risk = np.bincount(place, minlength=len(times))[::-1].cumsum()[::-1]
    hazard: Floats = np.cumsum(happened / at_risk)[place]
    return hazard


def _concordance(time: Floats, event: NDArray[np.bool_], score: Floats) -> float:
    """Harrell's concordance; missing without two patients who can be compared."""
    if not event.any() or len(np.unique(time)) < 2:
        return np.nan
    return float(concordance_single(time, event, score)[0])
