"""Concordance by fold: Harrell's C, Uno's C and the time-dependent AUC, for many resamples at once.

A pair is comparable when one patient (the case) has the event and the other outlives it; it is concordant when the
case has the higher score, half so when the scores are equal. Pairs are formed inside a test fold, where one model
made the scores; concordant and comparable pairs are then summed over folds (docs/methods.md, section 5).

Harrell's C: all comparable pairs whose case lies before tau. Uno's C (2011): the same with weights 1/G(T−)².
AUC(t): cases with an event up to t against controls followed past t, weights 1/(G(T−) G(t)).

With competing events a patient who has one outlives every case: Harrell's C by Wolbers et al. 2009, its weighted form
by Wolbers et al. 2014, the AUC with such patients among the controls by Blanche et al. 2013, weights
1/(G(T−) G(T_other−)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.kernels import pairs as kernels
from slopewise.metrics.ipcw import StepCurve, Weights, ipc_weights

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Concordance:
    """Per resample b and score s: `harrell`, `uno` (B, S); per horizon h besides: `auc` (B, S, H).

    Missing where a resample has no comparable pair.
    """

    harrell: Floats
    uno: Floats
    auc: Floats


def concordance(
    followup: Floats,
    event: NDArray[np.bool_],
    fold: Counts,
    scores: Floats,
    weights: Weights,
    horizons: Sequence[float],
    counts: Counts,
    tau: float = np.inf,
    competing: NDArray[np.bool_] | None = None,
) -> Concordance:
    """Concordance of `scores` (n, S), higher meaning earlier events, in the resamples `counts` (B, n).

    `followup`, `event`, `fold` (n,); `weights` with horizons in the order of `horizons` (H). Pairs whose case has its
    event at or after `tau` do not enter C (as in scikit-survival); for the AUC a case's event may lie at the horizon.
    `competing` (n,): who had a competing event.
    """
    order = np.lexsort((event, -followup, fold))
    time, happened, group = followup[order], event[order], fold[order]
    cases = np.flatnonzero(happened)
    first = np.searchsorted(group, group[cases], side="left")
    # Censored at the very moment of the case's event counts as outliving it; they lie before the events of a tie.
    after = np.array([_outlived(time, happened, start, case) for start, case in zip(first, cases, strict=True)])
    descending = np.argsort(-np.asarray(horizons, dtype=float), kind="stable")
    later = np.full((len(cases), len(descending)), -1)
    for column, h in enumerate(descending):
        longer = np.concatenate([[0], np.cumsum(time > horizons[h])])
        beyond = longer[cases] - longer[first]
        later[:, column] = np.where(time[cases] <= horizons[h], first + beyond, -1)
    resamples, kinds = len(counts), scores.shape[1]
    c_pairs, c_twice = np.zeros(resamples, dtype=np.int64), np.zeros((resamples, kinds), dtype=np.int64)
    u_pairs, u_sum = np.zeros(resamples), np.zeros((resamples, kinds))
    a_pairs, a_sum = np.zeros((resamples, len(descending))), np.zeros((resamples, len(descending), kinds))
    kernels.pair_sums(
        np.ascontiguousarray(counts[:, order], dtype=np.int64), np.ascontiguousarray(scores[order], dtype=float),
        cases, first.astype(np.int64), after.astype(np.int64), time[cases] < tau, weights.event[order][cases],
        later.astype(np.int64), np.ascontiguousarray(weights.beyond[order][cases][:, descending]),
        c_pairs, c_twice, u_pairs, u_sum, a_pairs, a_sum,
    )  # fmt: skip
    if competing is not None and competing.any():
        kernels.competing_pair_sums(
            np.ascontiguousarray(counts[:, order], dtype=np.int64), np.ascontiguousarray(scores[order], dtype=float),
            cases, np.flatnonzero(competing[order]), group, time, time[cases] < tau,
            (weights.event + weights.competing)[order], np.asarray(horizons, dtype=float)[descending],
            c_pairs, c_twice, u_pairs, u_sum, a_pairs, a_sum,
        )  # fmt: skip
    auc = np.empty((resamples, kinds, len(descending)))
    auc[:, :, descending] = _ratio(a_sum, a_pairs[:, :, None]).transpose(0, 2, 1)
    return Concordance(_ratio(0.5 * c_twice, c_pairs[:, None]), _ratio(u_sum, u_pairs[:, None]), auc)


def _outlived(time: Floats, happened: NDArray[np.bool_], start: np.int64, case: np.int64) -> int:
    """End of the rows from `start` that outlive `case`: longer follow-up, or censored at the same moment."""
    return int(start) + int(((time[start:case] > time[case]) | ~happened[start:case]).sum())


def _ratio(concordant: NDArray, pairs: NDArray) -> Floats:
    return np.divide(concordant, pairs, out=np.full(concordant.shape, np.nan), where=pairs > 0)


def concordance_single(
    followup: ArrayLike,
    event: ArrayLike,
    score: ArrayLike,
    horizons: Sequence[float] = (),
    censoring: StepCurve | None = None,
    tau: float = np.inf,
) -> tuple[float, float, Floats]:
    """Harrell's C, Uno's C and AUC (H,) of one score without folds or resampling; `censoring` None means G = 1."""
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    censoring = StepCurve(np.empty(0), np.empty(0)) if censoring is None else censoring
    weights = ipc_weights(time, happened, horizons, censoring)
    fold, once = np.zeros(len(time), dtype=np.int64), np.ones((1, len(time)), dtype=np.int64)
    column = np.asarray(score, dtype=float)[:, None]
    found = concordance(time, happened, fold, column, weights, horizons, once, tau)
    return float(found.harrell[0, 0]), float(found.uno[0, 0]), found.auc[0, 0]
