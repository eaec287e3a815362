"""What the estimators of effects read: the rows of the cohort with every column of their patients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from slopewise.run.short_repr import ShortRepr
from slopewise.study.model import Study
from slopewise.tables import files as tables


@dataclass(frozen=True, repr=False)
class EffectRows(ShortRepr):
    """A study and the rows of its cohort, `frame`: patient, time, markers, and the columns of models and patients."""

    study: Study
    frame: pd.DataFrame

    @staticmethod
    def read(study: Study, measurements: Path, patients: Path) -> EffectRows:
        """Read ``cohort/measurements`` and ``cohort/patients``."""
        return EffectRows.of(
            study, tables.read("cohort/measurements", measurements), tables.read("cohort/patients", patients)
        )

    @staticmethod
    def of(study: Study, measurements: pd.DataFrame, patients: pd.DataFrame) -> EffectRows:
        """The rows joined with their patients."""
        own = ["patient", *(column for column in patients.columns if column not in measurements.columns)]
        frame = measurements.merge(patients[own], on="patient", how="inner", validate="many_to_one")
        return EffectRows(study, frame)

    def of_marker(self, marker: str) -> pd.DataFrame:
        """The rows that have a value of the marker."""
        return self.frame[self.frame[marker].notna()].reset_index(drop=True)
