"""Data of one marker ready to be fitted, and the results of many fits of it as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from slopewise.design import Matrix
from slopewise.growth import many
from slopewise.growth.engine import run
from slopewise.growth.layout import Design, Layout, Specification
from slopewise.growth.many import Results
from slopewise.growth.moments import Moments, reduce_rows
from slopewise.growth.optimise import CONVERGED
from slopewise.run import InputError

if TYPE_CHECKING:
    from slopewise.growth.fit import GrowthFit

Integers = NDArray[np.int64]
STRUCTURES = ("correlated", "diagonal", "intercept", "excluded")


@dataclass(frozen=True)
class GrowthData:
    """One marker's rows, reduced to what its likelihood needs.

    `patients` are all patients of the frame, sorted as text, also those without a value of this marker;
    `n_rows` (m,) counts the rows of each. Made by `GrowthModel.data`.
    """

    specification: Specification
    response: str
    layout: Layout
    kept: Integers  # rows of the layout that have a response, in the engine's order
    values: Matrix  # (rows,): the response of these rows
    design: Design | None  # None where a stateful formula learns it per training set
    columns: Matrix | None

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

    @cached_property
    def moments(self) -> Moments:
        """Per-patient moments under the one design of a formula that learns nothing from rows."""
        assert self.design is not None and self.columns is not None
        return self.reduce(self.design, self.columns)

    def reduce(self, design: Design, columns: Matrix) -> Moments:
        weights = self.layout.weights[self.kept]
        return reduce_rows(columns, self.values, weights, self.starts, design.x_columns, design.z_columns)

    def fit_batch(
        self, counts: ArrayLike, structures: Sequence[str] | None = None, threads: int = 1
    ) -> GrowthBatch:
        """Fit the model once for every row of `counts`.

        counts (F, m), integers: how often each patient enters each fit, in the order of `patients`; 0 = held out,
        2 = two copies as separate clusters. structures: None lets the ladder of METHODS decide, else F names that are
        imposed. A fit depends, to the last bit, on the patients with a count above 0 alone.
        """
        counted = self._checked_counts(counts)
        asked = self._asked(len(counted), structures)
        if self.design is not None:
            results = run(self.moments, counted, asked, self.specification.reml, threads)
            return GrowthBatch(self, results, (self.design,), np.zeros(len(counted), np.int64))
        return self._fit_stateful(counted, asked, threads)

    def _fit_stateful(self, counts: Integers, asked: Integers, threads: int) -> GrowthBatch:
        """Each distinct set of training patients learns its own recipe, and the fits that share it run together."""
        sets, group_of = np.unique(counts > 0, axis=0, return_inverse=True)
        group_of = np.asarray(group_of).reshape(-1).astype(np.int64)
        designs: list[Design] = []
        results: Results | None = None
        for group, training in enumerate(sets):
            rows = training[self.codes]
            design, learned = Design.learn(self.specification, self.frame[rows], self.layout.levels)
            columns = np.zeros((len(rows), learned.shape[1]))
            columns[rows] = learned
            if not rows.all():
                columns[~rows] = design.replay(self.frame[~rows])
            members = np.flatnonzero(group_of == group)
            moments = self.reduce(design, columns)
            part = run(moments, counts[members], asked[members], self.specification.reml, threads)
            if results is None:
                p, q, d = part.beta.shape[1], part.psi.shape[1], part.centre_x.shape[1]
                results = many.empty_results(len(counts), p, q, d)
            for whole, piece in zip(results, part, strict=True):
                whole[members] = piece
            designs.append(design)
        assert results is not None
        return GrowthBatch(self, results, tuple(designs), group_of)

    def _checked_counts(self, counts: ArrayLike) -> Integers:
        counted = np.asarray(counts)
        if counted.ndim != 2 or counted.shape[1] != len(self.patients):
            raise ValueError(f"counts must have the shape (fits, {len(self.patients)}), not {counted.shape}")
        if len(counted) and (counted.min() < 0 or not np.issubdtype(counted.dtype, np.integer)):
            raise ValueError("counts must be integers, 0 or more")
        return np.ascontiguousarray(counted, dtype=np.int64)

    def _asked(self, fits: int, structures: Sequence[str] | None) -> Integers:
        diagonal = self.specification.structure == "diagonal"
        if structures is None:
            return np.full(fits, many.DECIDE_DIAGONAL if diagonal else many.DECIDE, np.int64)
        if len(structures) != fits or not set(structures) <= set(STRUCTURES):
            raise ValueError(f"structures must be {fits} names of {', '.join(STRUCTURES)}")
        return np.array([STRUCTURES.index(name) for name in structures], dtype=np.int64)


@dataclass(frozen=True)
class GrowthBatch:
    """F fits of one marker, as arrays in the user's units; p fixed effects, q random ones, m patients.

    beta, se (F, p): 0 and NaN where the term is aliased; sigma (F,); covariance (F, q, q) of the random effects.
    """

    data: GrowthData
    results: Results
    designs: tuple[Design, ...]
    design_of: Integers  # (F,): which of `designs` a fit used

    def __len__(self) -> int:
        return len(self.results.deviance)

    @property
    def fixed_names(self) -> tuple[str, ...]:
        return self.designs[0].fixed.names

    @property
    def random_names(self) -> tuple[str, ...]:
        return self.designs[0].random.names

    @cached_property
    def response_scale(self) -> Matrix:
        return self.results.scale_x[:, -1]

    @cached_property
    def to_user_x(self) -> Matrix:
        """(F, p, p): beta in the user's units is response_scale * (this @ standardised beta) + the response's centre."""
        return _to_user(self.designs[0].x_columns, self.results.centre_x, self.results.scale_x)

    @cached_property
    def to_user_z(self) -> Matrix:
        """(F, q, q): the same for the random effects, without a centre."""
        return _to_user(self.designs[0].z_columns, self.results.centre_z, self.results.scale_z)

    @cached_property
    def beta(self) -> Matrix:
        beta = self.response_scale[:, None] * _apply(self.to_user_x, self.results.beta)
        intercept = np.flatnonzero(self.designs[0].x_columns < 0)
        if len(intercept):
            beta[:, intercept[0]] += self.results.centre_x[:, -1]
        return beta

    @cached_property
    def beta_covariance(self) -> Matrix:
        """(F, p, p): sigma^2 (X'V^-1X)^-1; rows and columns of aliased terms are 0."""
        factor = self.results.sigma2 * self.response_scale**2
        return factor[:, None, None] * _sandwich(self.to_user_x, self.results.inverse)

    @cached_property
    def se(self) -> Matrix:
        variance = np.einsum("fpp->fp", self.beta_covariance)
        with np.errstate(invalid="ignore"):
            return np.where(self.results.aliased, np.nan, np.sqrt(np.maximum(variance, 0.0)))

    @property
    def aliased(self) -> NDArray[np.bool_]:
        """(F, p): terms that the terms before them span; dropped, with beta 0."""
        return self.results.aliased

    @cached_property
    def sigma(self) -> Matrix:
        return self.response_scale * np.sqrt(self.results.sigma2)

    @cached_property
    def covariance(self) -> Matrix:
        factor = self.results.sigma2 * self.response_scale**2
        return factor[:, None, None] * _sandwich(self.to_user_z, self.results.psi)

    @property
    def deviance(self) -> Matrix:
        return self.results.deviance

    @cached_property
    def converged(self) -> NDArray[np.bool_]:
        return (self.results.status == CONVERGED) & (self.results.structure != many.EXCLUDED)

    @cached_property
    def singular(self) -> NDArray[np.bool_]:
        """Is Psi of lower rank than its structure allows? Judged on standardised columns, so units do not matter."""
        structure, psi = self.results.structure, self.results.psi
        answer = np.zeros(len(self), np.bool_)
        for j in range(len(self)):
            answer[j] = structure[j] != many.EXCLUDED and is_singular(psi[j], STRUCTURES[structure[j]])
        return answer

    @cached_property
    def structure(self) -> list[str]:
        return [STRUCTURES[code] for code in self.results.structure]

    @property
    def iterations(self) -> Integers:
        return self.results.evaluations

    @property
    def gradient(self) -> Matrix:
        """(F,): the norm of G Lambda at the end, standardised."""
        return self.results.gradient

    @property
    def n_patients(self) -> Integers:
        """(F,): clusters that have rows; a patient counted twice is two."""
        return self.results.patients

    @property
    def n_rows(self) -> Integers:
        return self.results.rows

    @cached_property
    def message(self) -> list[str]:
        """What a reader of the ledger should know about each fit; empty when nothing happened."""
        return [self._message(j) for j in range(len(self))]

    def _message(self, j: int) -> str:
        parts = []
        wanted = "diagonal" if self.data.specification.structure == "diagonal" else "correlated"
        structure = self.structure[j]
        if self.results.rows[j] == 0:
            parts.append("no training row has this response")
        elif not np.isfinite(self.results.deviance[j]):
            parts.append("the residual variance is zero or there are fewer rows than fixed effects")
        elif structure == "excluded":
            parts.append("no random effect can be identified: pooled regression")
        elif structure != wanted:
            parts.append(f"{wanted} covariance not identified or not converged: random intercept")
        if structure != "excluded" and self.results.status[j] != CONVERGED:
            parts.append("not converged")
        if self.singular[j]:
            parts.append("covariance of the random effects is singular")
        dropped = [name for name, gone in zip(self.fixed_names, self.aliased[j], strict=True) if gone]
        if dropped:
            parts.append("aliased terms dropped: " + ", ".join(dropped))
        return "; ".join(parts)

    def fit(self, j: int) -> GrowthFit:
        """One of the fits with its tables."""
        from slopewise.growth.fit import GrowthFit

        return GrowthFit.from_batch(self, j)

    def random_effects(self, fit_index: ArrayLike, patient_index: ArrayLike) -> tuple[Matrix, Matrix]:
        """b (n, q) and its covariance given beta (n, q, q), in the user's units, for n pairs (fit, patient).

        The patient may have been held out of the fit; one without rows gets b = 0 and the population's covariance.
        """
        which, who = np.broadcast_arrays(
            np.atleast_1d(np.asarray(fit_index, np.int64)), np.atleast_1d(np.asarray(patient_index, np.int64))
        )
        q = len(self.random_names)
        effects, covariances = np.empty((len(which), q)), np.empty((len(which), q, q))
        for number, design in enumerate(self.designs):
            chosen = np.flatnonzero(self.design_of[which] == number)
            if not len(chosen):
                continue
            moments = self._moments_under(design)
            b, covariance = np.empty((len(chosen), q)), np.empty((len(chosen), q, q))
            many.random_effects(which[chosen], who[chosen], moments, self.results, b, covariance)
            effects[chosen], covariances[chosen] = b, covariance
        transform, scale = self.to_user_z[which], self.response_scale[which]
        return scale[:, None] * _apply(transform, effects), scale[:, None, None] ** 2 * _sandwich(transform, covariances)

    def _moments_under(self, design: Design) -> Moments:
        if self.data.design is not None:
            return self.data.moments
        return self.data.reduce(design, design.replay(self.data.frame))

    def design(self, patient_frame: pd.DataFrame, time: ArrayLike, fit_index: int | None = None) -> tuple[Matrix, Matrix]:
        """X (n, p) and Z (n, q) at `time` (scalar or one per row) for the covariates in the frame's rows.

        With a stateful formula each training set has its own columns, so `fit_index` must be given.
        """
        chosen = self._design_for(fit_index)
        rows = self._at(patient_frame, time)
        return chosen.fixed.matrix(rows), chosen.random.matrix(rows)

    def design_derivative(
        self, patient_frame: pd.DataFrame, time: ArrayLike, fit_index: int | None = None
    ) -> tuple[Matrix, Matrix]:
        """Derivatives of X and Z with respect to the time column, as `design`."""
        chosen = self._design_for(fit_index)
        rows = self._at(patient_frame, time)
        return chosen.fixed.derivative(rows), chosen.random.derivative(rows)

    def _design_for(self, fit_index: int | None) -> Design:
        if fit_index is not None:
            return self.designs[self.design_of[fit_index]]
        if len(self.designs) > 1:
            raise ValueError("the formula learns its columns from the training rows: say for which fit (fit_index)")
        return self.designs[0]

    def _at(self, patient_frame: pd.DataFrame, time: ArrayLike) -> pd.DataFrame:
        values = np.broadcast_to(np.asarray(time, dtype=np.float64), (len(patient_frame),))
        return patient_frame.assign(**{self.data.specification.time: values})


def is_singular(psi: Matrix, structure: str) -> bool:
    """Smallest relative diagonal of the Cholesky factor of the standardised Psi below 1e-4 (or no variance at all)."""
    active = 1 if structure == "intercept" else len(psi)
    factor = np.zeros((active, active))
    for i in range(active):
        for k in range(i):
            factor[i, k] = (psi[i, k] - factor[i, :k] @ factor[k, :k]) / factor[k, k]
        square = psi[i, i] - factor[i, :i] @ factor[i, :i]
        if psi[i, i] < 1e-8 or square < 1e-8 * psi[i, i]:
            return True
        factor[i, i] = np.sqrt(square)
    return False


def _to_user(places: Integers, centre: Matrix, scale: Matrix) -> Matrix:
    """(F, k, k): coefficients of the standardised columns into those of the user's columns."""
    fits, count = len(centre), len(places)
    transform = np.zeros((fits, count, count))
    intercept = np.flatnonzero(places < 0)
    for position, place in enumerate(places):
        if place < 0:
            transform[:, position, position] = 1.0
        else:
            transform[:, position, position] = 1.0 / scale[:, place]
            if len(intercept):
                transform[:, intercept[0], position] = -centre[:, place] / scale[:, place]
    return transform


def _apply(transform: Matrix, vectors: Matrix) -> Matrix:
    return np.einsum("fij,fj->fi", transform, vectors)


def _sandwich(transform: Matrix, matrices: Matrix) -> Matrix:
    return np.einsum("fij,fjk,flk->fil", transform, matrices, transform)


def require_known(patients: Sequence[str], known: Sequence[str]) -> None:
    missing = sorted(set(patients) - set(known))
    if missing:
        raise InputError(f"patient {missing[0]!r} has no rows in the data")
