"""What each step reads that fits growth models: rows and patients of the cohort, and rows after the landmark."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from slopewise.folds import fit_on_everybody
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.batches.effects import marker_batches
from slopewise.slopes.marker import MarkerData, all_markers, growth_model, values_held
from slopewise.study.model import Study
from slopewise.tables import files as tables


@dataclass(frozen=True, repr=False)
class GrowthInputs(ShortRepr):
    """A study with its tables ``cohort/measurements`` (`rows`), ``cohort/patients`` and, or None, ``cohort/later``.

    `batches` is ``slopes/batch_parameters``, for a study with ``data.batch: {method: combat}``.
    """

    study: Study
    rows: pd.DataFrame
    patients: pd.DataFrame
    later: pd.DataFrame | None
    batches: pd.DataFrame | None = None

    @staticmethod
    def read(
        study: Study, measurements: Path, patients: Path, later: Path | None = None, batches: Path | None = None
    ) -> GrowthInputs:
        """Read the tables; `later` is given where fits learn from rows after the landmark (`growth.rows: all`)."""
        return GrowthInputs(
            study,
            tables.read("cohort/measurements", measurements),
            tables.read("cohort/patients", patients),
            None if later is None else tables.read("cohort/later", later),
            None if batches is None else tables.read("slopes/batch_parameters", batches),
        )

    def markers(self, names: Collection[str] | None = None) -> Iterator[MarkerData]:
        """Markers of the study (None: all, in its order), one after the other, each ready to be fitted.

        Where batch effects are removed, its values are those that everybody taught, and those of each training set are
        in `MarkerData.batches`.
        """
        chosen = list(self.study.markers) if names is None else list(names)
        model, landmark = growth_model(self.study), self.study.landmark_time
        if not self.study.removes_batches:
            yield from all_markers(model, chosen, self.rows, self.patients, landmark, self.later, self.at_values)
            return
        if self.batches is None:
            raise ValueError("batch effects are removed by their table (slopes/batch_parameters)")
        everybody = fit_on_everybody(len(self.patients))
        effects = list(marker_batches(self.study, self.rows, self.patients, chosen, self.batches))
        adjusted = {name: one.adjusted([everybody])[0] for name, one in zip(chosen, effects, strict=True)}
        rows = self.rows.assign(**adjusted)
        prepared = all_markers(model, chosen, rows, self.patients, landmark)
        for data, own in zip(prepared, effects, strict=True):
            yield replace(data, batches=own)

    @property
    def at_values(self) -> dict[str, str]:
        """Columns with the value at which everybody's level and slope are taken (`marker.held`)."""
        return values_held(self.study, self.rows, self.patients)
