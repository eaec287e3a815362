"""What is asked of each model: the event of a cause, by a horizon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.ipcw import aalen_johansen
from slopewise.outcome.causes import event_codes
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.kinds import causes_of, horizons_of
from slopewise.study.model import Study

Floats = NDArray[np.float64]

THRESHOLDS = np.arange(1, 100) / 100.0


@dataclass(frozen=True, repr=False)
class Cohort(ShortRepr):
    """Patients in text order and one cause of the outcome.

    `followup` (n,), `event` and `competing` (n,) who had this cause and who another; `moments` (H,) at which risks are
    measured and `horizons` (H,) their names in the tables; `outcome` (n,) of a continuous outcome. `several`: there
    are competing events; `stratified`: the model has strata.
    """

    patients: tuple[str, ...]
    kind: str
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

    def informative(self, members: NDArray[np.bool_]) -> int:
        """How many of `members` (n,) carry the information: events, the rarer of two outcomes, all of a number."""
        if self.kind == "continuous":
            return int(members.sum())
        events = int((members & self.event).sum())
        return min(events, int(members.sum()) - events) if self.kind == "binary" else events

    @property
    def threshold_places(self) -> NDArray[np.int64]:
        """Place in `THRESHOLDS` of the threshold at which net benefit is tabled: the cohort's risk in whole percent."""
        return np.clip(np.rint(100.0 * self.prevalence).astype(np.int64) - 1, 0, len(THRESHOLDS) - 1)


def cohorts(study: Study, patients: pd.DataFrame) -> list[Cohort]:
    """The cohort once for each cause, the event first."""
    kind = study.outcome.kind
    if kind == "survival" and not study.outcome.horizons:
        raise InputError("outcome.horizons is empty: name at least one time after the landmark to predict for.")
    ordered = patients.assign(patient=patients["patient"].astype(str)).sort_values("patient", kind="stable")
    codes, missing = event_codes(ordered, kind), np.full(len(ordered), np.nan)
    horizons, causes = horizons_of(study), causes_of(study)
    return [
        Cohort(
            patients=tuple(ordered["patient"]),
            kind=kind,
            cause=cause,
            followup=_clock(ordered, codes, kind),
            event=codes == code,
            competing=(codes > 0) & (codes != code),
            outcome=missing if kind == "survival" else ordered["outcome"].to_numpy(dtype=float),
            moments=horizons if kind == "survival" else (MOMENT,),
            horizons=horizons,
            several=len(causes) > 1,
            stratified=bool(study.outcome.strata),
        )
        for code, cause in enumerate(causes, start=1)
    ]


def _clock(ordered: pd.DataFrame, codes: NDArray[np.int8], kind: str) -> Floats:
    if kind == "survival":
        return ordered["followup"].to_numpy(dtype=float)
    return np.where(codes == 1, HAPPENED, AFTERWARDS)


HAPPENED, AFTERWARDS, MOMENT = 1.0, 2.0, 1.5
"""A binary outcome on a clock: who has the event has it before the moment at which all are known."""
