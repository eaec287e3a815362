"""Location and scale of each batch in each marker, learned on every training set of the folds from its patients alone.

In two passes, so that never more than three numbers of a fit, a marker and a batch are held: the growth models with the
batch, marker by marker, whose residuals are summed up; then, fit by fit, the shrinkage across the markers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.folds import TrainingFit
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.batches.effects import KEYS, MarkerBatches, key_of, usable
from slopewise.slopes.batches.shrink import shrink

Floats = NDArray[np.float64]
PARAMETERS = [*KEYS, "marker", "batch", "rows", "location", "scale"]


@dataclass(frozen=True, repr=False)
class LearnedBatches(ShortRepr):
    """The table ``slopes/batch_parameters``, and whom each fit really saw.

    seen (F, n): the patients of whom rows were in the growth models of some marker; late (F,): their rows after the
    landmark; patients (F, K): how many of them have a row of each of the `batches`.
    """

    parameters: pd.DataFrame
    batches: tuple[str, ...]
    seen: NDArray[np.bool_]
    late: NDArray[np.int64]
    patients: NDArray[np.int64]


def learn_batches(
    markers: Iterable[MarkerBatches], fits: Sequence[TrainingFit], time: Floats, landmark: float, threads: int = 1
) -> LearnedBatches:
    """Learn the batches of all markers on the training patients of each of the `fits`.

    time (N,): that of each row of the cohort's measurements.
    """
    names: list[str] = []
    parts: list[_Sums] = []
    batches: tuple[str, ...] = ()
    held: NDArray[np.bool_] | None = None
    present: NDArray[np.bool_] | None = None
    late = np.zeros(len(fits), dtype=np.int64)
    for marker in markers:
        batches = marker.names
        sums, counts = _sums(marker, fits, threads)
        names.append(marker.data.response)
        parts.append(sums)
        trained = counts[:, marker.data.codes] > 0  # (F, R)
        late = np.maximum(late, (trained & (time[marker.row] > landmark)).sum(axis=1))
        if held is None or present is None:
            held = np.zeros(counts.shape, dtype=bool)
            present = np.zeros((counts.shape[1], len(batches)), dtype=bool)
        held |= (counts > 0) & (marker.data.n_rows > 0)
        present[marker.data.codes, marker.code] = True
    if held is None or present is None:
        raise ValueError("there is no marker")
    whole = _Sums(*(np.stack(one, axis=1) for one in zip(*parts, strict=True)))  # (F, M, K), sigma (F, M)
    made = []
    for j, fit in enumerate(fits):
        found = shrink(whole.rows[j], whole.mean[j], whole.squares[j])
        location = found.location * whole.sigma[j][:, None]
        made.append(_lines(fit, names, batches, whole.rows[j], location, found.scale))
    patients = held.astype(np.int64) @ present.astype(np.int64)
    return LearnedBatches(pd.concat(made, ignore_index=True), batches, held, late, patients)


class _Sums(NamedTuple):
    """Of the residuals e of a marker in its training rows, divided by their SD sigma: rows, mean and sum of squares
    about it in each batch, (F, K); sigma (F,), in units of the marker."""

    rows: Floats
    mean: Floats
    squares: Floats
    sigma: Floats


def _sums(marker: MarkerBatches, fits: Sequence[TrainingFit], threads: int) -> tuple[_Sums, NDArray[np.int64]]:
    """The sums of every fit, and the counts (F, n) of patients by which it was fitted."""
    batch = marker.fits(fits, threads)
    number = len(marker.names)
    rows, mean, squares = np.zeros((3, len(fits), number))
    sigma = np.ones(len(fits))
    for j in range(len(fits)):
        trained = batch.counts[j][marker.data.codes] > 0
        code = marker.code[trained]
        rows[j] = np.bincount(code, minlength=number)
        if not usable(batch, j):
            rows[j] = 0.0
            continue
        residual = marker.residuals(batch, j)[1][trained]
        filled = np.maximum(rows[j], 1.0)
        mean[j] = np.bincount(code, residual, minlength=number) / filled
        squares[j] = np.bincount(code, (residual - mean[j][code]) ** 2, minlength=number)
        # The mean square about the batches, as in ComBat: sigma² of REML is larger than that of predicted residuals, so
        # that dividing by it would enlarge the noise of every adjusted value.
        sigma[j] = np.sqrt(squares[j].sum() / len(code))
        if sigma[j] > 0:
            mean[j], squares[j] = mean[j] / sigma[j], squares[j] / sigma[j] ** 2
        else:
            rows[j] = 0.0
    return _Sums(rows, mean, squares, sigma), batch.counts


def _lines(
    fit: TrainingFit, names: Sequence[str], batches: Sequence[str], rows: Floats, location: Floats, scale: Floats
) -> pd.DataFrame:
    """The lines of one fit: a marker and a batch each."""
    size = len(batches)
    table = pd.DataFrame(dict(zip(KEYS, key_of(fit), strict=True)), index=range(len(names) * size))
    return table.assign(
        marker=np.repeat(np.array(names, dtype=object), size),
        batch=np.tile(np.array(batches, dtype=object), len(names)),
        rows=rows.ravel().astype(np.int64),
        location=location.ravel(),
        scale=scale.ravel(),
    )[PARAMETERS]


def audited(learned: LearnedBatches, fits: Sequence[TrainingFit], scored: Sequence[NDArray[np.bool_]]) -> pd.DataFrame:
    """The table ``slopes/batch_audit``: whom the batch effects of each fit saw, in how many batches, and a verdict.

    It does not trust `fits`: seen are the patients whose rows the growth models with the batch counted, and `scored`
    (n,) of each fit are those whom the fold table holds out.
    """
    lines = []
    for j, fit in enumerate(fits):
        shared = 0 if fit.repeat == 0 else int((learned.seen[j] & scored[j]).sum())
        verdict = "clean" if shared == 0 and learned.late[j] == 0 else "leak"
        unseen = [name for name, count in zip(learned.batches, learned.patients[j], strict=True) if count == 0]
        lines.append(
            (*key_of(fit), int(learned.seen[j].sum()), shared, learned.late[j], ", ".join(unseen) or None, verdict)
        )
    columns = [*KEYS, "patients", "shared_patients", "rows_after_landmark", "unseen", "verdict"]
    return pd.DataFrame(lines, columns=columns)
