"""Optimism of the apparent figures by the bootstrap through both stages, and how calibration curves vary.

The models of each resample (`validate/bootstrap.py`) are measured in the resample itself and in the whole cohort, with
every patient scored by the growth model of the resample. The mean difference is the optimism, which the apparent figure
of the models of all patients is corrected by (Harrell, Lee & Mark 1996; docs/methods.md, section 5). Their calibration
curves in the cohort show the instability of calibration (Riley & Collins 2023, 10.1002/bimj.202200302).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.metrics.calibration import calibration_grid
from slopewise.metrics.resampling import compiled_threads
from slopewise.outcome.fit import LadderFit
from slopewise.outcome.ladder import LADDER, LadderData
from slopewise.run.short_repr import ShortRepr
from slopewise.validate.bootstrap import Resample
from slopewise.validate.instability import STEPS
from slopewise.validate.measure import WITH_TAU, Measures, Sample, learned, measure, sample
from slopewise.validate.question import AnalysisSet

Floats = NDArray[np.float64]
RESAMPLES = 200
"""So many of the resamples are measured: the standard error of the mean optimism is in the table."""
PLACES = [place for place, step in enumerate(LADDER) if step in STEPS]
COLUMNS = ("predictors", "cause", "metric", "horizon", "apparent", "optimism", "se", "corrected", "resamples")
CURVE = ("predictors", "cause", "horizon", "x", "y", "low", "high", "resamples")


@dataclass(frozen=True, repr=False)
class Found(ShortRepr):
    """Of one resample's models: each metric in the resample and in the cohort (S, H), and the calibration curve in the
    cohort (S, H, G), missing where the grid leaves the range of their predictions."""

    in_resample: dict[str, Floats]
    in_cohort: dict[str, Floats]
    curve: Floats


@dataclass(repr=False)
class Optimism(ShortRepr):
    """Collects how good the models of the first `RESAMPLES` resamples are, for every cause of `cohorts`.

    `apparent` is the table ``outcome/apparent``: the models of all patients in the same patients.
    """

    data: LadderData
    cohorts: Sequence[AnalysisSet]
    apparent: pd.DataFrame
    found: list[list[Found]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._shipped = [self._of_all_patients(cohort) for cohort in self.cohorts]
        self._grids = [calibration_grid(own.risk) for own in self._shipped]
        self.found = [[] for _ in self.cohorts]

    @cached_property
    def _whole(self) -> list[Measures]:
        """The models of all patients in them, by cohort; not before it is asked for, since it starts threads."""
        once = np.ones((1, len(self.data.patients)), dtype=np.int64)
        return [
            measure(cohort, own, grid, once)
            for cohort, own, grid in zip(self.cohorts, self._shipped, self._grids, strict=True)
        ]

    def _of_all_patients(self, cohort: AnalysisSet) -> Sample:
        """The predictions of the models of all patients, of the steps that are compared."""
        everybody = np.zeros(len(cohort.patients), dtype=np.int64)
        own = sample(cohort, self.apparent[self.apparent["cause"] == cohort.cause], everybody)
        return replace(
            own,
            score=np.ascontiguousarray(own.score[:, PLACES]),
            risk=np.ascontiguousarray(own.risk[:, PLACES]),
        )

    def of_resample(
        self, number: int, resample: Resample, fitted: LadderFit, level: Floats, slope: Floats
    ) -> list[Found]:
        """How good one resample's models are, by cause; `level`, `slope` (n, M) of all patients by its growth models.

        Nothing of the resamples from number `RESAMPLES` on.
        """
        if number >= RESAMPLES:
            return []
        rows = np.arange(len(self.data.patients))
        raws = [self.data.raw(step, rows, level, slope) for step in STEPS]
        models = [fitted.models[step.name] for step in STEPS]
        scores = np.stack([model.linear_predictors(raw) for model, raw in zip(models, raws, strict=True)], axis=1)
        risks = np.stack(
            [model.risks(raw, self.data.stratum) for model, raw in zip(models, raws, strict=True)], axis=1
        )  # (n, S, C, H)
        with compiled_threads(1):
            return [
                self._measured(c, cohort, resample.counts, scores[:, :, c], risks[:, :, c])
                for c, cohort in enumerate(self.cohorts)
            ]

    def add(self, found: list[Found]) -> None:
        """Take what was found of the next resample."""
        for every, own in zip(self.found, found, strict=False):
            every.append(own)

    def _measured(self, c: int, cohort: AnalysisSet, counts: NDArray[np.int64], score: Floats, risk: Floats) -> Found:
        """Weights against censoring are those of the patients in whom the models are measured; what is predicted
        without predictors is learned in the resample, as the models are."""
        weights, null_risk = learned(cohort, counts)
        own = Sample(self._shipped[c].fold, np.ascontiguousarray(score), np.ascontiguousarray(risk), weights, null_risk)
        inside = measure(cohort, own, self._grids[c], counts[None])
        whole = replace(own, weights=self._shipped[c].weights)
        outside = measure(cohort, whole, self._grids[c], np.ones_like(counts)[None])
        grid = self._grids[c]
        within = (grid >= risk.min(axis=0)[:, :, None]) & (grid <= risk.max(axis=0)[:, :, None])
        return Found(_first(inside), _first(outside), np.where(within, outside.curve[0], np.nan))

    def table(self) -> pd.DataFrame:
        """The table ``outcome/optimism``; without rows where there was no resample.

        `optimism`: the mean over resamples of a metric in the resample less that in the cohort; `se`: the Monte Carlo
        standard error of that mean; `corrected`: `apparent` less the optimism.
        """
        lines = []
        for cohort, whole, found in zip(self.cohorts, self._whole, self.found, strict=True):
            for metric, values in _first(whole).items() if found else ():
                horizons = (max(cohort.horizons),) if metric in WITH_TAU else cohort.horizons
                gaps = np.array([one.in_resample[metric] - one.in_cohort[metric] for one in found])
                for (s, h), apparent in np.ndenumerate(values):
                    known = gaps[np.isfinite(gaps[:, s, h]), s, h]
                    mean = float(known.mean()) if len(known) else np.nan
                    error = float(known.std(ddof=1) / np.sqrt(len(known))) if len(known) > 1 else np.nan
                    key = (STEPS[s].name, cohort.cause, metric, horizons[h])
                    lines.append((*key, apparent, mean, error, apparent - mean, len(known)))
        return pd.DataFrame(lines, columns=list(COLUMNS))

    def curves(self) -> pd.DataFrame:
        """The table ``outcome/calibration_instability``; without rows where there was no resample.

        `y`: observed at the prediction `x` for the models of all patients; `low`, `high`: the 2.5% and 97.5% points of
        the curves of the resamples' models in the cohort, of those `resamples` whose predictions reach as far as `x`.
        """
        parts = []
        for cohort, whole, grid, found in zip(self.cohorts, self._whole, self._grids, self.found, strict=True):
            for s, h in np.ndindex(grid.shape[:2]) if found else ():
                curves = np.array([one.curve[s, h] for one in found])
                ends, reached = band(curves)
                parts.append(
                    pd.DataFrame(
                        {
                            "predictors": STEPS[s].name, "cause": cohort.cause, "horizon": cohort.horizons[h],
                            "x": grid[s, h], "y": whole.curve[0, s, h], "low": ends[0], "high": ends[1],
                            "resamples": reached,
                        }
                    ).drop_duplicates("x")
                )  # fmt: skip
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(CURVE))


def band(curves: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """The 2.5% and 97.5% points (2, G) of `curves` (B, G) at each place, and how many of them reach it (G,)."""
    reached = np.isfinite(curves).sum(axis=0)
    ends = np.full((2, curves.shape[1]), np.nan)
    ends[:, reached > 0] = np.nanquantile(curves[:, reached > 0], (0.025, 0.975), axis=0)
    return ends, reached


def _first(measured: Measures) -> dict[str, Floats]:
    """The metrics (S, H) of the first resample."""
    return {name: values[0] for name, values in measured.metrics.items()}
