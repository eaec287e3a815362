"""Kinds of effects: the estimator of each, by `effects.kind` of the study file."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from slopewise.effects.inputs import EffectRows
from slopewise.effects.series.estimate import estimate_interruption
from slopewise.effects.treatment import estimate_treatment
from slopewise.effects.weighting.estimate import estimate_treatment_over_time

__all__ = ["ESTIMATORS", "EffectRows", "Estimator"]

Estimator = Callable[[EffectRows, str, np.random.Generator, int], dict[str, pd.DataFrame]]
"""(rows, marker, random numbers, threads) -> the marker's rows of the tables of ``effects/``, by the tables' names."""

ESTIMATORS: dict[str, Estimator] = {
    "treatment": estimate_treatment,
    "interruption": estimate_interruption,
    "treatment_over_time": estimate_treatment_over_time,
}
"""By the kind of effect; a table that an estimator does not give is empty."""
