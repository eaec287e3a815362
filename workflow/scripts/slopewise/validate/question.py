"""What is asked of each model: the event of a cause, by a horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.ipcw import aalen_johansen
from slopewise.outcome.causes import event_codes
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.kinds import Kind
from slopewise.study.model import Study

Floats = NDArray[np.float64]

THRESHOLDS = np.arange(1, 100) / 100.0


@dataclass(frozen=True, repr=False)
class AnalysisSet(ShortRepr):
    """Patients in text order and one cause of the outcome.

    `followup` (n,), `event` and `competing` (n,) who had this cause and who another; `moments` (H,) at which risks are
    measured and `horizons` (H,) their names in the tables; `outcome` (n,) of a continuous outcome. `several`: there
    are competing events; `stratified`: the model has strata.
    """

    patients: tuple[str, ...]
    kind: Kind
    cause: str
    followup: Floats
    event: NDArray[np.bool_]
    competing: NDArray[np.bool_]
    outcome: Floats
    moments: tuple[float, ...]
    horizons: tuple[float, ...]
    several: bool = False
    stratified: bool = False

    @property
    def codes(self) -> NDArray[np.int64]:
        """0, 1 for the cause, 2 for a competing one."""
        return self.event + 2 * self.competing.astype(np.int64)

    @property
    def prevalence(self) -> Floats:
        """Aalen–Johansen risk of the cause by each moment (H,); Kaplan–Meier's where nothing competes."""
        return 1.0 - aalen_johansen(self.followup, self.codes).at(self.moments)

    def of(self, members: NDArray[np.bool_]) -> AnalysisSet:
        """The same of some patients alone: `members` (n,)."""
        own = {name: getattr(self, name)[members] for name in ("followup", "event", "competing", "outcome")}
        patients = tuple(name for name, kept in zip(self.patients, members, strict=True) if kept)
        return replace(self, patients=patients, **own)

    def informative(self, members: NDArray[np.bool_]) -> int:
        """How many of `members` (n,) carry the information: events, the rarer of two outcomes, all of a number."""
        return self.kind.informative(int((members & self.event).sum()), int(members.sum()))

    @property
    def threshold_places(self) -> NDArray[np.int64]:
        """Place in `THRESHOLDS` of the threshold at which net benefit is tabled: the cohort's risk in whole percent."""
        return np.clip(np.rint(100.0 * self.prevalence).astype(np.int64) - 1, 0, len(THRESHOLDS) - 1)


def cohorts(study: Study, patients: pd.DataFrame) -> list[AnalysisSet]:
    """The cohort once for each cause, the event first."""
    if study.kind.timed and not study.outcome.horizons:
        raise InputError("outcome.horizons is empty: name at least one time after the landmark to predict for.")
    ordered = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    codes = event_codes(ordered, study.kind)
    horizons, causes = study.horizons, study.causes
    clock = CLOCKS[study.kind.name](ordered, codes, horizons)
    return [
        AnalysisSet(
            patients=tuple(ordered["patient"]),
            kind=study.kind,
            cause=cause,
            followup=clock.followup,
            event=codes == code,
            competing=(codes > 0) & (codes != code),
            outcome=clock.outcome,
            moments=clock.moments,
            horizons=horizons,
            several=len(causes) > 1,
            stratified=bool(study.outcome.strata),
        )
        for code, cause in enumerate(causes, start=1)
    ]


def action_thresholds(study: Study, cohort: AnalysisSet, horizon: float) -> tuple[float, ...]:
    """Risks at which one would act: those of ``outcome.thresholds``, or else the cohort's risk at `horizon` in whole
    percent; none for a continuous outcome."""
    if cohort.kind.numeric:
        return ()
    place = 0 if np.isnan(horizon) else cohort.horizons.index(horizon)
    return tuple(study.outcome.thresholds) or (float(THRESHOLDS[cohort.threshold_places[place]]),)


@dataclass(frozen=True)
class Clock:
    """`followup` and `outcome` (n,) of the patients, and the `moments` (H,) at which predictions are judged."""

    followup: Floats
    outcome: Floats
    moments: tuple[float, ...]


def _in_time(ordered: pd.DataFrame, codes: NDArray[np.int8], horizons: tuple[float, ...]) -> Clock:
    return Clock(ordered["followup"].to_numpy(dtype=float), np.full(len(ordered), np.nan), horizons)


def _at_one_moment(ordered: pd.DataFrame, codes: NDArray[np.int8], horizons: tuple[float, ...]) -> Clock:
    followup = np.where(codes == 1, HAPPENED, AFTERWARDS)
    return Clock(followup, ordered["outcome"].to_numpy(dtype=float), (MOMENT,))


CLOCKS: dict[str, Callable[[pd.DataFrame, NDArray[np.int8], tuple[float, ...]], Clock]] = {
    "survival": _in_time,
    "binary": _at_one_moment,
    "continuous": _at_one_moment,
}
"""When and what is judged, by kind of outcome; kinds that predict nothing have no row."""


HAPPENED, AFTERWARDS, MOMENT = 1.0, 2.0, 1.5
"""A binary outcome on a clock: who has the event has it before the moment at which all are known."""
