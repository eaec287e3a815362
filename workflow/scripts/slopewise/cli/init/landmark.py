"""A landmark, horizons and numbers of folds that the data of a new study support."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from slopewise.cohort import Cohort, CohortError, prepare_cohort
from slopewise.folds import fold_plan, make_folds
from slopewise.metrics.ipcw import check_horizons
from slopewise.run.errors import InputError
from slopewise.study.keys_of_validation import CrossFit, Validation
from slopewise.study.model import Study
from slopewise.validate.feasible import outer_folds

GRID = {
    "years": (0.5, 0.1),
    "months": (3.0, 1.0),
    "weeks": (2.0, 1.0),
    "days": (10.0, 10.0),
    "hours": (12.0, 6.0),
    "minutes": (30.0, 10.0),
}
"""A landmark is proposed on the coarse step of its unit and moved by the fine one."""
NICE = (1, 2, 3, 5, 10, 20, 30, 50)
MOST_CANDIDATES = 12
EVENTS_WANTED = 10
FOLDS = (5, 4, 3, 2)


@dataclass(frozen=True)
class Moments:
    """What is proposed: a landmark, horizons after it, folds, and why."""

    landmark: float
    horizons: tuple[float, ...]
    folds: int
    reason: str


def unsupported(horizon: float, patients: pd.DataFrame, folds: Sequence[np.ndarray]) -> str:
    """Why a horizon cannot be evaluated in these folds; empty when it can."""
    followup, event = patients["followup"].to_numpy(dtype=float), patients["event"].to_numpy() == 1
    try:
        check_horizons([horizon], followup, event, None, *folds)
    except InputError as error:
        return str(error)
    return ""


def round_up(value: float, step: float) -> float:
    """The next multiple of `step` at or above `value`."""
    return round(math.ceil(round(value / step, 6)) * step, 6)


def propose(study: Study, folder: Path, times: pd.DataFrame, asked: float | None) -> Moments | None:
    """The first landmark at which the cohort has what validation needs; None when there is none.

    `asked` is the landmark that the user told. `times` has patient and time since time zero, a row a visit. Wanted:
    most patients have been seen three times, no planned visit is split, and events and patients are left afterwards.
    Raises `CohortError` when the files have errors whatever the landmark.
    """
    split: Moments | None = None
    for landmark in [asked] if asked is not None else _candidates(study, times):
        try:
            cohort = prepare_cohort(study.model_copy(update={"landmark": landmark}), folder)
        except CohortError:
            raise
        except InputError:  # nobody or no event is left at this landmark
            continue
        found = _moments(study, landmark, cohort)
        if found is None:
            continue
        if not splits_visit(cohort):
            return found
        split = split or found
    return split


def splits_visit(cohort: Cohort) -> bool:
    """Whether the cohort's landmark was found to lie on a planned visit."""
    return bool(cohort.problems["message"].astype(str).str.contains("splits a visit", regex=False).any())


def _candidates(study: Study, times: pd.DataFrame) -> Iterator[float]:
    """Landmarks in the order in which they are tried."""
    coarse, fine = GRID[study.data.analysis_unit]
    distinct = times.drop_duplicates().sort_values(["patient", "time"])
    nth = distinct.groupby("patient").cumcount() + 1
    for visits in (3, 2, 1):
        reached = distinct.loc[nth == visits, "time"]
        if len(reached) >= 0.4 * times["patient"].nunique() or visits == 1:
            break
    start = max(round_up(float(reached.quantile(0.6)), coarse), fine)
    later = [round(start + k * fine, 6) for k in range(MOST_CANDIDATES)]
    earlier = [round(start - k * coarse, 6) for k in range(1, MOST_CANDIDATES)]
    yield from later
    yield from (landmark for landmark in earlier if landmark > 0)


def _moments(study: Study, landmark: float, cohort: Cohort) -> Moments | None:
    """Horizons and folds at one landmark, or None when validation could not be run."""
    patients = cohort.patients
    events = int((patients["event"] == 1).sum())
    for folds in FOLDS if events >= 2 else ():
        asked = study.model_copy(update={"crossfit": CrossFit(folds=folds), "validation": Validation(folds=folds)})
        try:
            horizons = _horizons(patients, outer_folds(make_folds(patients, fold_plan(asked)), patients))
        except InputError:  # too few patients for so many folds
            continue
        if horizons:
            visits = cohort.measurements.groupby("patient")["time"].nunique()
            reason = (
                f"{len(patients)} patients are at risk then, {events} have the event later, and half of them were seen "
                f"{visits.median():g} times or more"
            )
            return Moments(landmark, horizons, folds, reason)
    return None


def _horizons(patients: pd.DataFrame, folds: Sequence[np.ndarray]) -> tuple[float, ...]:
    """Up to three round horizons that every set of training patients supports; most have events before them."""
    followup, event = patients["followup"].to_numpy(), patients["event"].to_numpy() == 1
    longest = float(followup.max())
    power = 10.0 ** (math.floor(math.log10(longest)) - 1)
    supported = [
        horizon
        for horizon in (round(n * power, 9) for n in NICE)
        if horizon < longest and not unsupported(horizon, patients, folds)
    ]
    wanted = max(EVENTS_WANTED, 0.1 * len(patients))
    solid = [
        horizon
        for horizon in supported
        if (event & (followup <= horizon)).sum() >= EVENTS_WANTED and (followup > horizon).sum() >= wanted
    ]
    chosen = solid or supported[-1:]
    if not chosen:
        return ()
    return tuple(dict.fromkeys((chosen[len(chosen) // 3], chosen[(2 * len(chosen)) // 3], chosen[-1])))
