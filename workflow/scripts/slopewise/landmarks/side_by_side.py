"""The landmarks of one study side by side: the table ``landmarks``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from slopewise.study.model import Study


@dataclass(frozen=True)
class AtLandmark:
    """What one landmark's run found: ``outcome/performance``, ``outcome/coefficients`` and ``cohort/patients``."""

    study: Study
    performance: pd.DataFrame
    coefficients: pd.DataFrame
    patients: pd.DataFrame

    @property
    def events(self) -> int:
        """Patients with the event, or with a binary outcome; everybody has a continuous one."""
        if self.study.kind.numeric:
            return len(self.patients)
        return int((self.patients["event" if "event" in self.patients else "outcome"] == 1).sum())

    @property
    def slopes(self) -> int:
        """How many markers' slopes are in the shipped step ``slope``."""
        own = self.coefficients[(self.coefficients["predictors"] == "slope") & (self.coefficients["scale"] == "unit")]
        return int((own["term"].str.endswith(".slope") & own["estimate"].notna()).sum())


def side_by_side(found: Sequence[AtLandmark]) -> pd.DataFrame:
    """``outcome/performance`` of each landmark, with the landmark, patients, events and slopes kept before it.

    Landmarks are of different patients (those still at risk): a difference between two rows is no effect of waiting.
    """
    parts = []
    for one in found:
        own = one.performance.copy()
        own.insert(0, "landmark", one.study.landmark_time)
        own.insert(1, "patients", len(one.patients))
        own.insert(2, "events", one.events)
        own.insert(3, "slopes", one.slopes)
        parts.append(own)
    return pd.concat(parts, ignore_index=True)
