"""`GrowthModel`: formulas and settings of a growth-curve mixed model, to be fitted to any number of markers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.design import screen
from slopewise.growth.batch import GrowthData
from slopewise.growth.fit import GrowthFit
from slopewise.growth.layout import Design, Layout, Specification
from slopewise.run import InputError


@dataclass(frozen=True)
class GrowthModel:
    """y = X beta + Z b + e, b ~ N(0, sigma^2 Psi) per patient, fitted by REML (or ML).

    fixed, random: one-sided formulas; structure: "correlated" or "diagonal"; residual_by: column whose levels have
    their own residual variance; time: the column that slopes refer to; bounds: the range of time that splines cover.
    """

    fixed: str = "~ time"
    random: str = "~ time"
    structure: str = "correlated"
    reml: bool = True
    engine: str = "slopewise"
    residual_by: str | None = None
    time: str = "time"
    bounds: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.structure not in ("correlated", "diagonal"):
            raise InputError(f"growth structure {self.structure!r}: it is correlated or diagonal")
        if self.engine not in ("slopewise", "statsmodels"):
            raise InputError(f"growth engine {self.engine!r}: it is slopewise or statsmodels")
        screen(self.fixed)
        screen(self.random)

    @property
    def specification(self) -> Specification:
        return Specification(
            screen(self.fixed),
            screen(self.random),
            self.structure,
            self.reml,
            self.residual_by,
            self.time,
            self.bounds,
        )

    def data(
        self, frame: pd.DataFrame, response: str, patient: str = "patient", weights: str | None = None
    ) -> GrowthData:
        """One marker's rows, ready for `GrowthData.fit_batch`; rows without a response are left out."""
        specification = self.specification
        layout = Layout.make(specification, frame, patient, weights)
        values = layout.response(frame, response)
        kept = np.flatnonzero(~np.isnan(values))
        if layout.ties is not None:
            kept = kept[np.lexsort((values[kept], layout.ties[kept]))]
        design, columns = None, None
        if not specification.stateful and len(kept):
            design, columns = Design.learn(specification, layout.frame.iloc[kept], layout.levels)
        return GrowthData(specification, response, layout, kept, values[kept], design, columns)

    def fit(
        self, frame: pd.DataFrame, response: str, patient: str = "patient", weights: str | None = None
    ) -> GrowthFit:
        """Fit to every patient of the frame."""
        data = self.data(frame, response, patient, weights)
        return data.fit_batch(np.ones((1, len(data.patients)), np.int64)).fit(0)
