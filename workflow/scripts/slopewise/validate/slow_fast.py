"""A low and a high slope at the same level, in risks: what the slope of a marker means in patients.

For one marker at a time every patient of the cohort gets the median level and, in turn, the 10th and the 90th
percentile of the cross-fitted slopes; covariates and the other markers stay as they are. The mean prediction of the
model of level and slope over all patients is the risk of a population like the cohort (standardisation;
docs/methods.md, section 5). The interval of the difference is that of the patient bootstrap through both stages, with
levels and slopes held at the values that are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.resampling import percentile_interval
from slopewise.outcome.fit import LadderFit, OutcomeFit, StepModel
from slopewise.outcome.ladder import LADDER, LadderData
from slopewise.run.short_repr import ShortRepr
from slopewise.validate.bootstrap import Resample

Floats = NDArray[np.float64]
STEP = next(step for step in LADDER if step.name == "slope")
PERCENTILES = (0.1, 0.9)
"""Of the slopes: a low one (of a marker that falls, the fastest fall) and a high one."""
MOST = 12
"""Markers in the table: those whose slopes have the largest coefficients per SD."""
COLUMNS = (
    *("marker", "cause", "horizon", "patients", "level", "slope_10", "slope_90", "risk_10", "risk_90"),
    *("difference", "low", "high", "resamples"),
)


@dataclass(repr=False)
class SlowFast(ShortRepr):
    """Collects the differences that every resample's models make between the low and the high slope.

    `fit`: the models of all patients, whose levels and slopes are the points of comparison. `draws`: of each resample
    (K, C, H), by marker, cause and horizon; missing where its model could not estimate the slope.
    """

    fit: OutcomeFit
    markers: tuple[int, ...] = ()
    draws: list[Floats] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.markers = tuple(shown_markers(self.fit.data, self.fit.fitted.models[STEP.name]))

    def of_resample(self, number: int, resample: Resample, fitted: LadderFit, level: Floats, slope: Floats) -> Floats:
        """The differences by one resample's models, as in `draws`; `level`, `slope` (n, M) of every patient by its
        growth models."""
        model = fitted.models[STEP.name]
        data, found = self.fit.data, np.full((len(self.markers), len(self.fit.data.causes), self._horizons), np.nan)
        for place, marker in enumerate(self.markers):
            if f"{data.markers[marker]}.slope" in model.recipe.terms:
                points = self._points(marker)
                low, high = standardised(data, model, (level, slope), marker, points)
                found[place] = high - low
        return found

    def add(self, found: Floats) -> None:
        """Take the differences of the next resample."""
        self.draws.append(found)

    @property
    def _horizons(self) -> int:
        return len(self.fit.data.horizons)

    def _points(self, marker: int) -> tuple[float, float, float]:
        """Median level and both slopes of a marker."""
        level, slope = self.fit.level[:, marker], self.fit.slope[:, marker]
        low, high = np.quantile(slope, PERCENTILES)
        return float(np.median(level)), float(low), float(high)

    def table(self) -> pd.DataFrame:
        """The table ``outcome/slow_fast``: a row for each marker, cause and horizon."""
        data, model = self.fit.data, self.fit.fitted.models[STEP.name]
        draws = np.array(self.draws).reshape(len(self.draws), len(self.markers), len(data.causes), self._horizons)
        low, high, missing = percentile_interval(draws)
        lines = []
        for place, marker in enumerate(self.markers):
            level, *slopes = points = self._points(marker)
            risks = standardised(data, model, (self.fit.level, self.fit.slope), marker, points)
            for c, cause in enumerate(data.causes):
                for h, horizon in enumerate(data.horizons):
                    values = [float(risk[c, h]) for risk in risks]
                    ends = (low[place, c, h], high[place, c, h], len(draws) - missing[place, c, h])
                    lines.append((data.markers[marker], cause, horizon, len(data.patients), level, *slopes, *values,
                                  values[1] - values[0], *ends))  # fmt: skip
        return pd.DataFrame(lines, columns=list(COLUMNS))


def shown_markers(data: LadderData, model: StepModel) -> list[int]:
    """The markers whose slopes are in a model of any cause, at most `MOST`, in the order of the study."""
    size = {}
    for marker, name in enumerate(data.markers):
        own = [place for place, term in enumerate(model.recipe.terms) if term in (f"{name}.slope", f"{name}.product")]
        known = max((float(np.abs(np.nan_to_num(part.beta[own])).max(initial=0.0)) for part in model.parts), default=0)
        if known > 0:
            size[marker] = known
    return sorted(sorted(size, key=lambda marker: -size[marker])[:MOST])


def standardised(
    data: LadderData, model: StepModel, scores: tuple[Floats, Floats], marker: int, points: Sequence[float]
) -> tuple[Floats, Floats]:
    """Mean predictions (C, H) over all patients with the marker's level at the first of `points` and its slope at the
    second and at the third; `scores`: level and slope (n, M), which the other markers keep."""
    everybody, found = np.arange(len(data.patients)), []
    for value in points[1:]:
        level, slope = (own.copy() for own in scores)
        level[:, marker], slope[:, marker] = points[0], value
        found.append(model.risks(data.raw(STEP, everybody, level, slope), data.stratum).mean(axis=0))
    return found[0], found[1]
