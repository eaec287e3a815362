"""Each patient's slope from models that never saw the patient, with its reliability, beside simple deltas.

For patient i in fold k, β, Ψ and σ² come from patients outside k; the random effects b̂_i from i's own rows up to
the landmark s with those parameters (docs/methods.md, section 3). With x(t), z(t) the design at time t:

    level = x(s)'β̂ + z(s)'b̂_i        slope = d/dt [x(t)'β̂ + z(t)'b̂_i] at s        intercept = the value at time zero
    level_se² = z(s)' Var(b_i | y, β̂) z(s)
    slope_se² = z'(s)' Var(b_i | y, β̂) z'(s)        reliability = 1 − slope_se² / z'(s)' Var(b_i) z'(s)

Units: level in marker units, slope in marker units per analysis unit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import NESTED, TrainingFit
from slopewise.growth import GrowthBatch, GrowthData
from slopewise.growth.fitting import fit_batch, fit_responses
from slopewise.slopes.marker import MarkerData
from slopewise.slopes.scores import score


def cross_fit(
    data: MarkerData, fits: Sequence[TrainingFit], threads: int = 1
) -> tuple[pd.DataFrame, pd.DataFrame, GrowthBatch]:
    """Fit the growth model for every fit of the fold table and score whom each has to score.

    Returns the marker's rows of ``slopes/crossfit`` (with slope_deviation besides), its rows of ``growth/fits``, and
    the batch. Structure is decided once per outer training set and imposed on the fits inside it, so that a slope
    does not encode which fold its patient was in.
    """
    batch = fit_all(data, fits, threads)
    keys = pd.DataFrame(
        [(data.marker, f.scheme, f.repeat, f.held_out, f.fold) for f in fits],
        columns=["marker", "scheme", "repeat", "held_out", "fold"],
    )
    fit_index = np.concatenate([np.full(int(f.scored.sum()), i) for i, f in enumerate(fits)])
    patient_index = np.concatenate([np.flatnonzero(f.scored) for f in fits])
    scores = pd.concat(
        [
            pd.DataFrame({"patient": np.array(data.patients, dtype=object)[patient_index]}),
            keys.iloc[fit_index].reset_index(drop=True),
            score(data, batch, fit_index, patient_index),
        ],
        axis=1,
    )
    ledger = keys.assign(
        structure=list(batch.structure),
        converged=batch.converged,
        singular=batch.singular,
        iterations=batch.iterations,
        gradient=batch.gradient,
        deviance=batch.deviance,
        patients=batch.n_patients,
        rows=batch.n_rows,
        message=list(batch.message),
    )
    return scores, ledger, batch


def fit_all(data: MarkerData, fits: Sequence[TrainingFit], threads: int = 1) -> GrowthBatch:
    """All fits of one marker: first the outer training sets, then the inner ones with the structure found there."""
    return data.scoring(fit_sets(data.trained_on, fits, threads, data.values_of(fits)))


def fit_sets(
    data: GrowthData, fits: Sequence[TrainingFit], threads: int = 1, values: NDArray[np.float64] | None = None
) -> GrowthBatch:
    """`fit_all` of the rows in `data`; values (fits, rows): those of each fit, where they are others."""
    copies = np.array([f.trained for f in fits], dtype=np.int64)
    return _nested(data, copies, outer_of(fits), threads, values)


def outer_of(fits: Sequence[TrainingFit]) -> NDArray[np.int64]:
    """For each fit the index of the fit on its whole outer training set (itself, where it is that fit)."""
    index: dict[tuple[str, int, int], int] = {}
    for i, f in enumerate(fits):
        if f.fold == 0:
            index[_training_set(f)] = i
    return np.array([index[_training_set(f)] for f in fits], dtype=np.int64)


def _training_set(fit: TrainingFit) -> tuple[str, int, int]:
    """The outer training set a fit lies in: everybody for cross-fitting, the patients outside held_out otherwise."""
    return (fit.scheme, fit.repeat, fit.held_out) if fit.scheme in NESTED else (fit.scheme, 0, 0)


def fit_nested(data: MarkerData, copies: NDArray[np.int64], outer: NDArray[np.int64], threads: int = 1) -> GrowthBatch:
    """Fits with `copies` (fits, cohort patients); fit i takes the structure that fit ``outer[i]`` ended with."""
    return data.scoring(_nested(data.trained_on, copies, outer, threads))


def _nested(
    data: GrowthData, copies: NDArray[np.int64], outer: NDArray[np.int64], threads: int,
    values: NDArray[np.float64] | None = None,
) -> GrowthBatch:  # fmt: skip
    leaders = np.unique(outer)
    decided = fitted(data, copies[leaders], None, threads, None if values is None else values[leaders])
    structure = dict(zip(leaders.tolist(), decided.structure, strict=True))
    return fitted(data, copies, [structure[i] for i in outer.tolist()], threads, values)


def fitted(
    data: GrowthData, copies: NDArray[np.int64], structures: Sequence[str] | None, threads: int = 1,
    values: NDArray[np.float64] | None = None,
) -> GrowthBatch:  # fmt: skip
    """`fit_batch`, or with `values` (fits, rows) `fit_responses`."""
    if values is None:
        return fit_batch(data, copies, structures, threads)
    return fit_responses(data, values, copies, structures, threads)
