"""One marker's batches: what a growth model with the batch leaves of each row, and the values without its effect.

Under the parameters that a set of training patients teaches, with x(t), z(t) the design without the batch, g the mean
over the training rows of the batch's fixed effect, and b^ of the patient's own rows:

    f = x'beta^ + g + z'b^      e = y − f      adjusted y = f + (e − sigma gamma_i) / delta_i      (row of batch i)

so that a patient whom the set does not hold needs only the parameters and their own rows up to the landmark.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import level_order
from slopewise.folds import TrainingFit
from slopewise.growth import GrowthBatch, GrowthData
from slopewise.growth.engine.layout import expanded
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.crossfit import fit_sets
from slopewise.slopes.marker import batch_term, growth_model
from slopewise.study.model import Study

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
FitKey = tuple[str, int, int, int]
"""Scheme, repeat, held_out and fold of a fit."""
KEYS = ("scheme", "repeat", "held_out", "fold")


class Removed(NamedTuple):
    """What is removed from the rows of each batch (K,): location in units of the marker, and scale."""

    location: Floats
    scale: Floats


def key_of(fit: TrainingFit) -> FitKey:
    """The keys of a fit in the fold table."""
    return fit.scheme, fit.repeat, fit.held_out, fit.fold


@dataclass(frozen=True, repr=False)
class MarkerBatches(ShortRepr):
    """One marker of the cohort under the growth model with the batch.

    data: its rows as they were measured; row (R,): the place of each of them in the cohort's measurements, of which
    there are N; code (R,): the place of its batch among `names`; of_rows (N,): the same of all rows; term: the batch in
    the formula.
    removed: what each set of training patients taught, by its key; empty before anything is learned.
    """

    data: GrowthData
    row: Integers
    code: Integers
    of_rows: Integers
    names: tuple[str, ...]
    term: str
    removed: Mapping[FitKey, Removed]

    def fits(self, fits: Sequence[TrainingFit], threads: int = 1) -> GrowthBatch:
        """The growth models with the batch, of each of the fits."""
        return fit_sets(self.data, fits, threads)

    def residuals(self, batch: GrowthBatch, j: int) -> tuple[Floats, Floats, float]:
        """f and e (R,) of every row under fit j, and g."""
        design = batch.designs[batch.design_of[j]]
        x = expanded(batch.columns_of(j), design.x_columns)
        z = expanded(batch.columns_of(j), design.z_columns)
        everybody = np.arange(len(self.data.patients))
        effects, _ = batch.random_effects(np.full(len(everybody), j), everybody)
        columns = batch_columns(batch.fixed_names, self.term)
        of_batch = x[:, columns] @ batch.beta[j][columns]
        trained = batch.counts[j][self.data.codes] > 0
        mean = float(of_batch[trained].mean())
        fitted = x @ batch.beta[j] - of_batch + mean + np.einsum("rq,rq->r", z, effects[self.data.codes])
        return fitted, self.data.values - fitted, mean

    def adjusted(self, fits: Sequence[TrainingFit], threads: int = 1) -> Floats:
        """The values (fits, N) in the rows of the measurements without the batch, NaN in those without a value.

        Of each fit by what its set of training patients taught.
        """
        batch = self.fits(fits, threads)
        found = np.full((len(fits), len(self.of_rows)), np.nan)
        for j, fit in enumerate(fits):
            removed = self.removed[key_of(fit)]
            if not usable(batch, j):
                found[j, self.row] = self.data.values
                continue
            fitted, residual, _ = self.residuals(batch, j)
            found[j, self.row] = fitted + (residual - removed.location[self.code]) / removed.scale[self.code]
        return found


def batch_columns(fixed_names: Sequence[str], term: str) -> NDArray[np.bool_]:
    """Which fixed effects are those of the batch."""
    return np.array([name.startswith(f"{term}[") for name in fixed_names])


def usable(batch: GrowthBatch, j: int) -> bool:
    """Whether fit j could be fitted; without it no batch effect is removed."""
    return bool(np.isfinite(batch.deviance[j]))


def marker_batches(
    study: Study, measurements: pd.DataFrame, patients: pd.DataFrame, markers: Collection[str],
    parameters: pd.DataFrame | None = None,
) -> Iterator[MarkerBatches]:  # fmt: skip
    """Each of the markers in its batches; `parameters` is ``slopes/batch_parameters``, once it is learned."""
    assert study.data.batch is not None
    column, plain = study.data.batch.column, growth_model(study)
    cohort = patients.sort_values("patient", kind="stable").reset_index(drop=True)
    own = [name for name in cohort.columns if name not in measurements.columns]
    frame = measurements.merge(cohort[["patient", *own]], on="patient", how="inner", validate="many_to_one")
    if len(frame) != len(measurements):
        raise ValueError("every row of the measurements needs its patient")
    term = batch_term(column)
    model = replace(plain, fixed=f"{plain.fixed} + {term}")
    ready = model.rows(frame, "patient")
    if len(markers) > 1:
        ready = ready.for_many()
    batches = frame[column].astype(str)
    names = tuple(level_order(batches.unique().tolist()))
    code = pd.Index(names).get_indexer(pd.Index(batches)).astype(np.int64)
    learned = removed_of(parameters, names)
    for marker in markers:
        data = ready.data(marker)
        row = data.layout.order[data.kept]
        yield MarkerBatches(data, row, code[row], code, names, term, learned.get(marker, {}))


def removed_of(parameters: pd.DataFrame | None, names: Sequence[str]) -> dict[str, dict[FitKey, Removed]]:
    """What is removed from each marker, by the keys of the fit, from ``slopes/batch_parameters``."""
    if parameters is None:
        return {}
    found: dict[str, dict[FitKey, Removed]] = {}
    if set(parameters["batch"].astype(str)) != set(names):
        raise ValueError("slopes/batch_parameters is of other batches than the measurements")
    order = parameters.assign(place=pd.Index(names).get_indexer(pd.Index(parameters["batch"].astype(str))))
    order = order.sort_values(["marker", *KEYS, "place"], kind="stable")
    values = order[["location", "scale"]].to_numpy(dtype=float).reshape(-1, len(names), 2)
    keys = order[["marker", *KEYS]].iloc[:: len(names)]
    for (marker, *key), one in zip(keys.itertuples(index=False, name=None), values, strict=True):
        found.setdefault(str(marker), {})[cast(FitKey, tuple(key))] = Removed(one[:, 0], one[:, 1])
    return found
