"""A picture of a fit: measurements, the patients' lines and the population's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from slopewise.growth.batch import GrowthBatch
from slopewise.run.errors import InputError

POINTS = 60
"""Places at which the population's course is drawn."""


def plot_fit(
    batch: GrowthBatch, index: int, population: Callable[[pd.DataFrame], Any], ax: Any, most: int | None,
) -> Any:  # fmt: skip
    """Points and fitted courses of at most `most` patients of fit `index`, drawn at random (all: None), and the
    `population`'s course, a function of rows.

    That is the course of a patient with the median of every numeric covariate and the most frequent level of every
    other one.
    """
    import matplotlib.pyplot as plt

    data, time = batch.data, batch.data.specification.time
    frame, design = data.frame, batch.designs[batch.design_of[index]]
    if time not in frame.columns:
        raise InputError(f"the model has no column {time!r} to plot over; name it with GrowthModel(time=...)")
    axes = plt.subplots()[1] if ax is None else ax
    chosen = np.flatnonzero(data.n_rows * batch.counts[index] > 0)
    if most is not None and len(chosen) > most:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, most, replace=False))
    when = frame[time].to_numpy(dtype=float)
    effects = batch.random_effects(index, chosen)[0]
    for patient, b in zip(chosen, effects, strict=True):
        rows = np.flatnonzero(data.codes == patient)
        rows = rows[np.argsort(when[rows], kind="stable")]
        own = frame.iloc[rows]
        fitted = population(own) + design.random.matrix(own) @ b
        axes.plot(when[rows], data.values[rows], ".", color="0.6", markersize=3, zorder=1)
        axes.plot(when[rows], fitted, color="C0", alpha=0.35, linewidth=0.8, zorder=2)
    grid = np.linspace(when.min(), when.max(), POINTS)
    typical = {
        str(name): column.median() if pd.api.types.is_numeric_dtype(column.dtype) else column.mode().iloc[0]
        for name, column in frame.items()
    }
    line = frame.iloc[[0] * POINTS].assign(**{**typical, time: grid})
    axes.plot(grid, population(line), color="black", linewidth=2, label="population", zorder=3)
    axes.set_xlabel(time)
    axes.set_ylabel(data.response)
    axes.legend()
    return axes
