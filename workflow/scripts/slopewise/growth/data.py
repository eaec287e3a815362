"""Rows made ready once, and one marker's data that can be fitted any number of times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from slopewise.design.products import Matrix
from slopewise.growth.engine.layout import Design, Layout, Specification
from slopewise.growth.engine.moments import Moments, Shared, reduce_response, reduce_rows, share_rows
from slopewise.run.short_repr import ShortRepr

Integers = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class GrowthRows(ShortRepr):
    """The rows of a frame, sorted, with their design: made once, shared by all markers (`GrowthModel.rows`)."""

    specification: Specification
    layout: Layout
    source: pd.DataFrame
    design: Design | None  # None where a stateful formula learns it per training set
    columns: Matrix | None  # (N, d - 1); NaN in rows that lack a covariate
    shared: Shared | None = None  # what markers with a value in every row have in common

    def _facts(self) -> dict[str, str]:
        layout = self.layout
        return {**self.specification.facts(), "patients": str(len(layout.patients)), "rows": str(len(layout.order))}

    @staticmethod
    def make(specification: Specification, frame: pd.DataFrame, patient: str, weights: str | None) -> GrowthRows:
        layout = Layout.make(specification, frame, patient, weights)
        if specification.stateful or not len(frame):
            return GrowthRows(specification, layout, frame, None, None)
        complete = layout.complete
        known = layout.frame if layout.all_complete else layout.frame[complete]
        design, learned = Design.learn(specification, known, layout.levels)
        columns = learned
        if not layout.all_complete:
            columns = np.full((len(complete), learned.shape[1]), np.nan)
            columns[complete] = learned
        return GrowthRows(specification, layout, frame, design, columns)

    def for_many(self) -> GrowthRows:
        """The same, with all cross-products that several markers share made once, where that can be."""
        complete = self.layout.ties is None and self.layout.all_complete
        if self.design is None or self.columns is None or not complete:
            return self
        counts = np.bincount(self.layout.codes, minlength=len(self.layout.patients))
        starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        design, weights = self.design, self.layout.weights
        return replace(self, shared=share_rows(self.columns, weights, starts, design.x_columns, design.z_columns))

    def data(self, response: str) -> GrowthData:
        """One marker; rows without a response are left out, a missing covariate in the others raises `InputError`."""
        values = self.layout.response(self.source, response)
        kept = self.layout.kept_rows(values)
        self.layout.require_complete(kept)
        every = len(kept) == len(values) and self.layout.ties is None
        columns = None if self.columns is None else self.columns if every else self.columns[kept]
        shared = self.shared if every else None
        values = values if kept is self.layout.every else values[kept]
        return GrowthData(self.specification, response, self.layout, kept, values, self.design, columns, shared)


@dataclass(frozen=True, repr=False)
class GrowthData(ShortRepr):
    """One marker's rows, reduced to what its likelihood needs.

    `patients` are all patients of the frame, sorted as text, also those without a value of this marker;
    `n_rows` (m,) counts the rows of each. Made by `GrowthModel.data` or `GrowthRows.data`, fitted by `fit_batch`.
    """

    specification: Specification
    response: str
    layout: Layout
    kept: Integers  # rows of the layout that have a response, in the engine's order
    values: Matrix  # (rows,): the response of these rows
    design: Design | None  # None where a stateful formula learns it per training set
    columns: Matrix | None
    shared: Shared | None = None

    def _facts(self) -> dict[str, str]:
        return {"response": repr(self.response), **self.specification.facts()} | {
            "patients": str(len(self.patients)),
            "rows": str(len(self.values)),
        }

    @property
    def patients(self) -> list[str]:
        return self.layout.patients

    @cached_property
    def codes(self) -> Integers:
        """Patient of every kept row."""
        return self.layout.codes[self.kept]

    @cached_property
    def n_rows(self) -> Integers:
        return np.bincount(self.codes, minlength=len(self.patients)).astype(np.int64)

    @cached_property
    def starts(self) -> Integers:
        return np.concatenate([[0], np.cumsum(self.n_rows)]).astype(np.int64)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The rows that have a response, with the columns of the formulas."""
        return self.layout.frame.iloc[self.kept]

    @property
    def weights(self) -> Matrix:
        return self.layout.weights[self.kept]

    @property
    def strata(self) -> Integers:
        return self.layout.strata[self.kept]

    @property
    def one_residual_variance(self) -> bool:
        """Whether all rows have the same residual variance: one stratum, and no prior weights that differ."""
        return len(self.layout.stratum_names) < 2 and bool((self.weights == 1.0).all())

    @cached_property
    def moments(self) -> Moments:
        """Per-patient moments under the one design of a formula that learns nothing from rows."""
        if self.shared is not None:
            return reduce_response(self.shared, self.values)
        assert self.design is not None and self.columns is not None
        return self.reduce(self.design, self.columns, self.weights)

    def reduce(self, design: Design, columns: Matrix, weights: Matrix) -> Moments:
        """Per-patient moments of these columns (rows, d - 1) with these weights (rows,)."""
        return reduce_rows(columns, self.values, weights, self.starts, design.x_columns, design.z_columns)

    def with_values(self, values: ArrayLike) -> GrowthData:
        """The same rows with another response (rows,), as `GrowthFit.simulate` makes it; the design is shared."""
        new = np.ascontiguousarray(values, dtype=np.float64)
        if new.shape != self.values.shape or not np.isfinite(new).all():
            raise ValueError(f"values must be {self.values.shape} finite numbers")
        return replace(self, values=new)

    def only(self, rows: NDArray[np.bool_]) -> GrowthData:
        """The same data with some of its rows, `rows` (rows,) true; patients, levels and the design stay."""
        columns = None if self.columns is None else self.columns[rows]
        return replace(self, kept=self.kept[rows], values=self.values[rows], columns=columns, shared=None)

    def release(self) -> None:
        """Forget the moments, which are made again when needed: memory then does not grow with the markers fitted."""
        self.__dict__.pop("moments", None)

    def learn(self, training: NDArray[np.bool_]) -> tuple[Design, Matrix]:
        """The design that the rows of the training patients settle, and its columns for all rows."""
        rows = training[self.codes]
        design, learned = Design.learn(self.specification, self.frame[rows], self.layout.levels)
        columns = np.zeros((len(rows), learned.shape[1]))
        columns[rows] = learned
        if not rows.all():
            columns[~rows] = design.replay(self.frame[~rows])
        return design, columns

    def moments_under(self, design: Design) -> Moments:
        """Moments of all patients under the design of one fit, all strata alike."""
        if self.design is not None:
            return self.moments
        return self.reduce(design, design.replay(self.frame), self.weights)
