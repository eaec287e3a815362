"""The batch effects that a model was shipped with, removed from the values of new patients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import fit_on_everybody
from slopewise.growth.fit import GrowthFit
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.batches.effects import MarkerBatches, batch_columns, key_of, usable

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class BatchModel(ShortRepr):
    """One marker's batches: its growth model with the batch, fitted to everybody's values as they were measured.

    column: that of the batch; term: the batch in the formula; mean: g of `slopes.batches.effects`; removed: location
    (in units of the marker) and scale of each batch. Without a fit nothing is removed.
    """

    fit: GrowthFit
    column: str
    term: str
    mean: float
    removed: Mapping[str, tuple[float, float]]

    def adjusted(self, marker: str, frame: pd.DataFrame) -> Floats:
        """The values (N,) of `marker` in the rows of `frame`, which has the patients' covariates too."""
        values = frame[marker].to_numpy(dtype=float, copy=True)
        seen = np.flatnonzero(~np.isnan(values))
        if not self.removed or not len(seen):
            return values
        rows = frame.iloc[seen]
        patients, effects, _ = self.fit.score(frame)
        own = pd.Index(patients).get_indexer(pd.Index(rows["patient"].astype(str)))
        x, beta = self.fit.design.fixed.matrix(rows), self.fit.estimates.beta[0]
        columns = batch_columns(self.fit.design.fixed_names, self.term)
        fitted = x[:, ~columns] @ beta[~columns] + self.mean
        fitted += np.einsum("rq,rq->r", self.fit.design.random.matrix(rows), effects[own])
        location, scale = np.array([self.removed[name] for name in rows[self.column].astype(str)]).T
        values[seen] = fitted + (values[seen] - fitted - location) / scale
        return values


def written(batches: MarkerBatches, column: str) -> dict[str, Any]:
    """What model.json holds of a marker's batches."""
    everybody = fit_on_everybody(len(batches.data.patients))
    batch = batches.fits([everybody])
    found = usable(batch, 0)
    removed = batches.removed[key_of(everybody)]
    pairs = zip(removed.location.tolist(), removed.scale.tolist(), strict=True)
    return {
        "growth": GrowthFit.from_batch(batch, 0).to_dict(),
        "column": column,
        "term": batches.term,
        "mean": batches.residuals(batch, 0)[2] if found else 0.0,
        "removed": {name: list(pair) for name, pair in zip(batches.names, pairs, strict=True)} if found else {},
    }


def read(content: Mapping[str, Any] | None) -> BatchModel | None:
    """What `written` wrote; None for a marker without."""
    if content is None:
        return None
    removed = {name: (float(pair[0]), float(pair[1])) for name, pair in content["removed"].items()}
    fit = GrowthFit.from_dict(content["growth"])
    return BatchModel(fit, content["column"], content["term"], float(content["mean"]), removed)
