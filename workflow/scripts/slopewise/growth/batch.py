"""Many fits of one marker as arrays; frames and single fits are made when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from slopewise.design.products import Matrix
from slopewise.growth.bayes.mixture import Courses, Draws, courses
from slopewise.growth.data import GrowthData
from slopewise.growth.engine.estimates import STRUCTURES, Estimates, sandwich, transformed
from slopewise.growth.engine.layout import Design
from slopewise.growth.engine.many import Results
from slopewise.growth.engine.moments import Moments
from slopewise.growth.engine.run import random_effects
from slopewise.run.short_repr import ShortRepr

__all__ = ["STRUCTURES", "GrowthBatch"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class GrowthBatch(ShortRepr):
    """F fits of one marker in the user's units; p fixed effects, q random ones, m patients.

    The arrays: beta, se (F, p), 0 and NaN where the term is aliased; aliased (F, p); sigma (F,), with `residual_by`
    that of the first stratum, and ratios (F, K), the strata's variances relative to it; covariance (F, q, q) of the
    random effects; deviance, converged, singular, iterations, gradient, n_patients, n_rows (F,).
    """

    data: GrowthData
    counts: Integers  # (F, m)
    results: Results
    designs: tuple[Design, ...]
    design_of: Integers  # (F,): which of `designs` a fit used
    ratios: Matrix  # (F, K)
    draws: tuple[Draws, ...] = ()  # of the engine bayes: a sample of the parameters of each fit
    responses: Matrix | None = None  # (F, rows): the values of each fit, where they are not those of `data`

    def __len__(self) -> int:
        return len(self.results.deviance)

    def _facts(self) -> dict[str, str]:
        return {**self.data._facts(), "fits": str(len(self))}

    def followed_by(self, other: GrowthBatch) -> GrowthBatch:
        """These fits and then those of `other`, another batch of the same data and values."""
        shared = self.designs[0] is other.designs[0]  # a formula that learns nothing from rows: one design for all
        return GrowthBatch(
            self.data,
            np.concatenate([self.counts, other.counts]),
            Results._make(np.concatenate(pair) for pair in zip(self.results, other.results, strict=True)),
            self.designs if shared else self.designs + other.designs,
            np.concatenate([self.design_of, other.design_of + (0 if shared else len(self.designs))]),
            np.concatenate([self.ratios, other.ratios]),
            self.draws + other.draws,
        )

    @cached_property
    def estimates(self) -> Estimates:
        return Estimates(self.results, self.designs[0].x_columns, self.designs[0].z_columns)

    @property
    def fixed_names(self) -> tuple[str, ...]:
        return self.designs[0].fixed_names

    @property
    def random_names(self) -> tuple[str, ...]:
        return self.designs[0].random_names

    @property
    def beta(self) -> Matrix:
        return self.estimates.beta

    @property
    def beta_covariance(self) -> Matrix:
        return self.estimates.beta_covariance

    @property
    def se(self) -> Matrix:
        return self.estimates.se

    @property
    def aliased(self) -> NDArray[np.bool_]:
        return self.results.aliased

    @property
    def sigma(self) -> Matrix:
        return self.estimates.sigma

    @property
    def covariance(self) -> Matrix:
        return self.estimates.covariance

    @property
    def deviance(self) -> Matrix:
        return self.results.deviance

    @property
    def converged(self) -> NDArray[np.bool_]:
        return self.estimates.converged

    @property
    def singular(self) -> NDArray[np.bool_]:
        return self.estimates.singular

    @property
    def structure(self) -> list[str]:
        return self.estimates.structure

    @property
    def iterations(self) -> Integers:
        """(F,): evaluations of the likelihood."""
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
        """(F,): what a reader of the ledger should know; empty when nothing happened."""
        wanted = self.data.specification.structure
        return [self.estimates.message(j, wanted, self.fixed_names) for j in range(len(self))]

    def random_effects(self, fit_index: ArrayLike, patient_index: ArrayLike) -> tuple[Matrix, Matrix]:
        """b (n, q) and its covariance given beta (n, q, q), in the user's units, for n pairs (fit, patient).

        The patient may have been held out of the fit; one without rows gets b = 0 and the population's covariance. Of
        the engine bayes: posterior means, and the posterior covariance whatever the parameters.
        """
        which, who = np.broadcast_arrays(
            np.atleast_1d(np.asarray(fit_index, np.int64)), np.atleast_1d(np.asarray(patient_index, np.int64))
        )
        which, who = np.ascontiguousarray(which), np.ascontiguousarray(who)
        if self.draws:
            p = len(self.fixed_names)
            means, joint = self.posterior(which, who)
            return means, joint[:, p:, p:]
        q = len(self.random_names)
        effects, covariances = np.empty((len(which), q)), np.empty((len(which), q, q))
        apart = self.ratios.shape[1] > 1 or self.responses is not None
        group = which if apart else self.design_of[which]
        for member in np.unique(group):
            chosen = np.flatnonzero(group == member)
            moments = self.moments_of(int(which[chosen[0]]))
            effects[chosen], covariances[chosen] = random_effects(which[chosen], who[chosen], moments, self.results)
        transform, scale = self.estimates.to_user_z[which], self.estimates.response_scale[which]
        return scale[:, None] * transformed(transform, effects), scale[:, None, None] ** 2 * sandwich(
            transform, covariances
        )

    def posterior(self, which: Integers, who: Integers) -> tuple[Matrix, Matrix]:
        """Posterior mean of b (n, q) and covariance of beta and b (n, p + q, p + q) for n pairs (fit, patient)."""
        size = len(self.fixed_names) + len(self.random_names)
        means, joint = np.empty((len(which), len(self.random_names))), np.empty((len(which), size, size))
        for j in np.unique(which):
            pairs = np.flatnonzero(which == j)
            found = self.courses(int(j), who[pairs])
            means[pairs], joint[pairs] = found.mean_effects(), found.covariance()
        return means, joint

    def courses(self, j: int, who: Integers) -> Courses:
        """Of the engine bayes: fixed and random effects of patients `who` (n,) under each draw of fit j."""
        return courses(self.draws[j], self.designs[self.design_of[j]], self.moments_of(j), who)

    def moments_of(self, j: int) -> Moments:
        """Moments of all patients under the design and the residual variances of fit j."""
        design, data = self.designs[self.design_of[j]], self.data_of(j)
        if self.ratios.shape[1] == 1:
            return data.moments_under(design)
        return data.reduce(design, self.columns_of(j), data.weights / self.ratios[j][data.strata])

    def data_of(self, j: int) -> GrowthData:
        """The data with the values of fit j."""
        return self.data if self.responses is None else self.data.with_values(self.responses[j])

    def columns_of(self, j: int) -> Matrix:
        """Distinct columns of [X Z] of the data's rows under the design of fit j."""
        if self.data.columns is not None:
            return self.data.columns
        return self.designs[self.design_of[j]].replay(self.data.frame)

    def design(
        self, patient_frame: pd.DataFrame, time: ArrayLike, fit_index: int | None = None
    ) -> tuple[Matrix, Matrix]:
        """X (n, p) and Z (n, q) at `time` (scalar or one per row) for the covariates in the frame's rows.

        With a formula that learns its columns from rows each training set has its own, so `fit_index` must be given.
        """
        chosen, rows = self._design_for(fit_index), self._at(patient_frame, time)
        return chosen.fixed.matrix(rows), chosen.random.matrix(rows)

    def design_derivative(
        self, patient_frame: pd.DataFrame, time: ArrayLike, fit_index: int | None = None
    ) -> tuple[Matrix, Matrix]:
        """Derivatives of X and Z with respect to the time column, as `design`."""
        chosen, rows = self._design_for(fit_index), self._at(patient_frame, time)
        return chosen.fixed.derivative(rows), chosen.random.derivative(rows)

    def _design_for(self, fit_index: int | None) -> Design:
        if fit_index is not None:
            return self.designs[self.design_of[fit_index]]
        if len(self.designs) > 1:
            raise ValueError("the formula learns its columns from the training rows: give the fit (fit_index)")
        return self.designs[0]

    def _at(self, patient_frame: pd.DataFrame, time: ArrayLike) -> pd.DataFrame:
        values = np.broadcast_to(np.asarray(time, dtype=np.float64), (len(patient_frame),))
        spec = self.data.specification
        named = dict.fromkeys((*spec.fixed.variables, *spec.random.variables))
        known = patient_frame[[name for name in named if name in patient_frame.columns]]  # a cohort may have thousands
        return known.assign(**{spec.time: values})
