"""How far a patient's prediction depends on which patients the models were made of, through both stages.

Each resample of the patients makes growth models and an outcome model anew (`validate/bootstrap.py`), which predict for
every patient of the cohort. Beside the predictions of the models of all patients these show the instability
(Riley & Collins 2023, 10.1002/bimj.202200302): the interval of a patient's predictions, their mean absolute
difference, and how often the patient is in another third of risk or on the other side of a threshold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.outcome.fit import LadderFit
from slopewise.outcome.ladder import LADDER, LadderData
from slopewise.run.short_repr import ShortRepr
from slopewise.validate.bootstrap import Resample

Floats = NDArray[np.float64]
STEPS = tuple(step for step in LADDER if step.name in ("level", "slope"))
TENTHS, FEWEST = 10, 10
"""Parts of the cohort by prediction, each of so many patients or more."""


@dataclass(repr=False)
class Instability(ShortRepr):
    """Collects the predictions of every resample's models for all patients of `data`, of its event at `horizon`.

    `thresholds` are risks at which one would act.
    """

    data: LadderData
    horizon: float
    thresholds: tuple[float, ...] = ()
    predictions: dict[str, list[Floats]] = field(default_factory=lambda: {step.name: [] for step in STEPS})

    def of_resample(
        self, number: int, resample: Resample, fitted: LadderFit, level: Floats, slope: Floats
    ) -> dict[str, Floats]:
        """The predictions (n,) of a resample's models; `level`, `slope` (n, M) by the growth models of its patients."""
        rows = np.arange(len(self.data.patients))
        place = 0 if np.isnan(self.horizon) else list(self.data.horizons).index(self.horizon)
        raws = {step.name: self.data.raw(step, rows, level, slope) for step in STEPS}
        return {name: fitted.models[name].risks(raw, self.data.stratum)[:, 0, place] for name, raw in raws.items()}

    def add(self, found: dict[str, Floats]) -> None:
        """Take the predictions of the next resample."""
        for name, predictions in found.items():
            self.predictions[name].append(predictions)

    def table(self, apparent: pd.DataFrame) -> pd.DataFrame:
        """The table ``outcome/instability`` beside the models of all patients, whose predictions are `apparent`
        (``outcome/apparent``); without rows where there was no resample."""
        return self._of_steps(apparent, COLUMNS, summary)

    def sides(self, apparent: pd.DataFrame) -> pd.DataFrame:
        """The table ``outcome/classification``: the same, about `thresholds`; without rows where there are none."""
        return self._of_steps(apparent, SIDES, lambda known, found: classification(known, found, self.thresholds))

    def _of_steps(
        self, apparent: pd.DataFrame, columns: tuple[str, ...], told: Callable[[Floats, Floats], pd.DataFrame]
    ) -> pd.DataFrame:
        """What `told` makes of the predictions of all patients' models (n,) and of the resamples' (B, n), by step."""
        parts = []
        for step, found in self.predictions.items():
            if not found:
                continue
            own = apparent[(apparent["predictors"] == step) & (apparent["cause"] == self.data.cause)]
            own = own[own["horizon"].isna() if np.isnan(self.horizon) else own["horizon"] == self.horizon]
            known = own.set_index("patient")["risk"].reindex(list(self.data.patients)).to_numpy(dtype=float)
            part = told(known, np.array(found))
            if len(part):
                parts.append(part.assign(predictors=step, cause=self.data.cause, horizon=self.horizon))
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(columns))


COLUMNS = (
    *("predictors", "cause", "horizon", "part", "patients", "resamples"),
    *("predicted", "low", "high", "difference", "changed"),
)


SIDES = ("predictors", "cause", "horizon", "threshold", "patients", "resamples", "above", "changed", "often")
OFTEN = 0.1
"""A patient is often on the other side of a threshold where more than this share of the models say so."""


def classification(known: Floats, found: Floats, thresholds: Sequence[float]) -> pd.DataFrame:
    """About each of `thresholds`, the predictions of the models of all patients, `known` (n,), and of the resamples',
    `found` (B, n).

    `above`: the share of patients at or above it by `known`; `changed`: the mean over the patients of the share of
    models that put a patient on the other side; `often`: the share of patients of whom more than `OFTEN` do.
    """
    lines = []
    for threshold in thresholds:
        index = ((found >= threshold) != (known >= threshold)).mean(axis=0)
        lines.append(
            {
                "threshold": threshold, "patients": len(known), "resamples": len(found),
                "above": float((known >= threshold).mean()), "changed": float(index.mean()),
                "often": float((index > OFTEN).mean()),
            }
        )  # fmt: skip
    return pd.DataFrame(lines)


def summary(known: Floats, found: Floats) -> pd.DataFrame:
    """Of all patients (`part` 0) and of parts of them in the order of `known` (n,), the predictions of the models of
    all patients; `found` (B, n) those of the resamples' models.

    Means over the patients of a part: `predicted`; `low` and `high`, the 2.5% and 97.5% points of a patient's
    predictions; `difference`, the mean absolute one from `known` (MAPE); `changed`, the share of models that put the
    patient into another third, thirds being cut at the terciles of `known`.
    """
    low, high = np.quantile(found, (0.025, 0.975), axis=0)
    cuts = np.quantile(known, (1 / 3, 2 / 3))
    third = np.searchsorted(cuts, known, side="right")
    values = {
        "predicted": known,
        "low": low,
        "high": high,
        "difference": np.abs(found - known).mean(axis=0),
        "changed": (np.searchsorted(cuts, found, side="right") != third).mean(axis=0),
    }
    parts = max(1, min(TENTHS, len(known) // FEWEST))
    place = np.empty(len(known), dtype=np.int64)
    place[np.argsort(known, kind="stable")] = np.arange(len(known)) * parts // len(known) + 1
    lines = []
    for part in range(parts + 1):
        own = place == part if part else np.ones(len(known), dtype=bool)
        means = {name: float(value[own].mean()) for name, value in values.items()}
        lines.append({"part": part, "patients": int(own.sum()), "resamples": len(found), **means})
    return pd.DataFrame(lines)
