"""What each step reads that fits growth models: rows and patients of the cohort, and rows after the landmark."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.marker import MarkerData, all_markers, growth_model
from slopewise.study.model import Study
from slopewise.tables import files as tables


@dataclass(frozen=True, repr=False)
class GrowthInputs(ShortRepr):
    """A study with its tables ``cohort/measurements`` (`rows`), ``cohort/patients`` and, or None, ``cohort/later``."""

    study: Study
    rows: pd.DataFrame
    patients: pd.DataFrame
    later: pd.DataFrame | None

    @staticmethod
    def read(study: Study, measurements: Path, patients: Path, later: Path | None = None) -> GrowthInputs:
        """Read the tables; `later` is given where fits learn from rows after the landmark (`growth.rows: all`)."""
        return GrowthInputs(
            study,
            tables.read("cohort/measurements", measurements),
            tables.read("cohort/patients", patients),
            None if later is None else tables.read("cohort/later", later),
        )

    def markers(self, names: Collection[str] | None = None) -> Iterator[MarkerData]:
        """Markers of the study (None: all, in its order), one after the other, each ready to be fitted."""
        chosen = list(self.study.markers) if names is None else names
        model, landmark = growth_model(self.study), self.study.landmark_time
        return all_markers(model, chosen, self.rows, self.patients, landmark, self.later)
