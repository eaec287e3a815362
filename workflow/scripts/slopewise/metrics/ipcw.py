"""Kaplan–Meier curves and inverse probability of censoring weights (IPCW), and which horizons the data support.

Graf et al. 1999 (weights for the Brier score), Uno et al. 2011 (for concordance). G is the Kaplan–Meier curve of
*censoring*, learned from the training patients. A patient who has an event at T stands for 1/G(T−) patients, just
before T as in R's riskRegression; one still at risk after the horizon t for 1/G(t).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from slopewise.run.errors import InputError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class StepCurve:
    """A right-continuous survival curve: `survival[i]` holds from `times[i]` on; it is 1 before `times[0]`."""

    times: Floats
    survival: Floats

    def at(self, moments: ArrayLike) -> Floats:
        """The curve at each moment t, jumps at t included."""
        return self._look_up(moments, "right")

    def before(self, moments: ArrayLike) -> Floats:
        """The curve just before each moment t, jumps at t left out."""
        return self._look_up(moments, "left")

    @property
    def median(self) -> float:
        """The first time at which the curve is at or below one half; infinite where it stays above."""
        low = self.survival <= 0.5
        return float(self.times[low][0]) if low.any() else float("inf")

    def _look_up(self, moments: ArrayLike, side: str) -> Floats:
        place = np.searchsorted(self.times, np.asarray(moments, dtype=float), side=side)  # type: ignore[call-overload]
        return np.concatenate([[1.0], self.survival])[place]


def kaplan_meier(followup: ArrayLike, event: ArrayLike) -> StepCurve:
    """Kaplan–Meier curve of the event; `followup` (n,) in any unit, `event` (n,) true where it happened."""
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    moments, deaths = np.unique(time[happened], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), moments, side="left")
    return StepCurve(moments, np.cumprod(1.0 - deaths / at_risk, dtype=np.float64))


def aalen_johansen(followup: ArrayLike, event: ArrayLike, cause: int = 1) -> StepCurve:
    """One minus the Aalen–Johansen incidence of `cause`: F(t) = Σ S(u−) d_cause(u) / n(u) over event times u <= t.

    `event` (n,) codes: 0 censored, 1, 2, ... the causes; S is the Kaplan–Meier curve of any event. With one cause it
    is the Kaplan–Meier curve. The complement is kept so that all curves of this module fall from 1.
    """
    time, code = np.asarray(followup, dtype=float), np.asarray(event).astype(np.int64)
    free = kaplan_meier(time, code > 0)
    at_risk = len(time) - np.searchsorted(np.sort(time), free.times, side="left")
    own = np.sort(time[code == cause])
    number = np.searchsorted(own, free.times, side="right") - np.searchsorted(own, free.times, side="left")
    before = np.concatenate([[1.0], free.survival[:-1]]) if len(free.times) else free.survival
    return StepCurve(free.times, 1.0 - np.cumsum(before * number / at_risk, dtype=np.float64))


def censoring_curve(followup: ArrayLike, event: ArrayLike) -> StepCurve:
    """Kaplan–Meier curve G of censoring; at a tie events come first, so they are not at risk of censoring any more."""
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    moments, censored = np.unique(time[~happened], return_counts=True)
    at_risk = len(time) - np.searchsorted(np.sort(time), moments, side="left")
    gone = np.searchsorted(np.sort(time[happened]), moments, side="right") - np.searchsorted(
        np.sort(time[happened]), moments, side="left"
    )
    return StepCurve(moments, np.cumprod(1.0 - censored / (at_risk - gone), dtype=np.float64))


@dataclass(frozen=True)
class Weights:
    """IPC weights of test patients: `event` (n,) = 1/G(T−), 0 where censored; `beyond` (n, H) = 1/G(horizon).

    `case` (n, H) is `event` for an event up to the horizon, else 0; `control` (n, H) is `beyond` for a patient
    followed past the horizon, else 0. A patient censored before the horizon has neither. With competing events
    `competing` (n,) = 1/G(T−) for those who have one, and such a patient is a control with that weight from then on:
    the event itself will not come any more (Blanche et al. 2013, as in R's riskRegression).
    """

    event: Floats
    beyond: Floats
    case: Floats
    control: Floats
    competing: Floats


def ipc_weights(
    followup: ArrayLike,
    event: ArrayLike,
    horizons: Sequence[float],
    censoring: StepCurve,
    competing: ArrayLike | None = None,
) -> Weights:
    """Weights of the patients with `followup` and `event` (n,) under the training patients' `censoring` curve.

    `competing` (n,): who had a competing event instead. An event at which the training patients' G is already 0 gets
    weight 0: it lies beyond what they can tell.
    """
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    other = np.zeros(len(time), dtype=bool) if competing is None else np.asarray(competing, dtype=bool)
    moments = np.asarray(horizons, dtype=float)
    at = np.broadcast_to(censoring.at(moments), (len(time), len(moments)))
    return weights_at(time, happened, other, moments, censoring.before(time), at)


def weights_at(
    time: Floats, happened: NDArray[np.bool_], other: NDArray[np.bool_], moments: Floats, before: Floats, at: Floats
) -> Weights:
    """Weights from each patient's probability to be still uncensored just `before` the end of follow-up (n,) and `at`
    the `moments` (n, H); arguments otherwise as in `ipc_weights`."""
    own = _inverse(before)
    weight, instead = np.where(happened, own, 0.0), np.where(other, own, 0.0)
    beyond = _inverse(at)
    by_then = time[:, None] <= moments
    case = np.where(happened[:, None] & by_then, weight[:, None], 0.0)
    control = np.where(by_then, instead[:, None], beyond)
    return Weights(weight, np.ascontiguousarray(beyond), case, control, instead)


def _inverse(survival: Floats) -> Floats:
    return np.divide(1.0, survival, out=np.zeros_like(survival), where=survival > 0)


def check_horizons(horizons: Sequence[float], followup: ArrayLike, event: ArrayLike, *folds: ArrayLike | None) -> None:
    """Refuse horizons that the data do not support: `InputError` that names them all and the largest supported one.

    A horizon t is supported when in every training set (everybody but one fold; everybody without `folds`) an event
    happened by t and someone is followed past t, so that G(t) > 0, and when in at least one test fold a patient with
    an event by t can be compared with one followed past t. Each of `folds` (n,) is one assignment to folds: a horizon
    needs the support of all of them.
    """
    time, happened = np.asarray(followup, dtype=float), np.asarray(event, dtype=bool)
    everybody = np.zeros(len(time), dtype=int)
    assigned = [everybody if fold is None else np.asarray(fold) for fold in folds] or [everybody]
    check_events(happened, *assigned)
    earliest, latest, wrong = -np.inf, np.inf, set()
    for fold in assigned:
        training = _training(fold)
        first = max(time[happened & rows].min() for rows in training)
        end = min(time[rows].max() for rows in training)
        wrong |= {h for h in horizons if not (first <= h < end and _comparable(h, time, happened, fold))}
        earliest, latest = max(earliest, first), min(latest, end)
    if wrong:
        good = [h for h in horizons if h not in wrong]
        largest = f"the largest supported one is {max(good):g}" if good else "none of the list is supported"
        raise InputError(
            f"outcome.horizons: {', '.join(f'{h:g}' for h in horizons if h in wrong)} cannot be evaluated: {largest}. "
            "Events by the horizon and patients followed past it are needed in all training patients and in a test "
            f"fold, here from {earliest:.4g} to below {latest:.4g} after the landmark. Remove or change these horizons."
        )


def check_events(event: ArrayLike, *folds: ArrayLike) -> None:
    """Refuse with `InputError` too few events (n,) for an event among the patients outside every fold of `folds`."""
    happened = np.asarray(event, dtype=bool)
    if all((happened & rows).any() for fold in folds for rows in _training(np.asarray(fold))):
        return
    number = int(happened.sum())
    has = "has" if number == 1 else "have"
    remedy = "Choose another landmark or a wider definition of the event"
    if number > 1:
        remedy = "Use fewer folds, leave data.centre out, or choose another landmark"
    two = "" if number > 1 else ", so there must be two or more"
    raise InputError(
        f"outcome.events: {number} of {len(happened)} patients {has} the event after the landmark, too few: every set "
        f"of training patients needs one at least{two}. {remedy}."
    )


def _training(fold: NDArray[np.int64]) -> list[NDArray[np.bool_]]:
    """Who is outside each fold; everybody where there is one fold."""
    labels = np.unique(fold)
    return [fold != label for label in labels] if len(labels) > 1 else [np.ones(len(fold), dtype=bool)]


def _comparable(horizon: float, time: Floats, happened: NDArray[np.bool_], fold: NDArray[np.int64]) -> bool:
    cases = set(fold[happened & (time <= horizon)].tolist())
    return bool(cases & set(fold[time > horizon].tolist()))
