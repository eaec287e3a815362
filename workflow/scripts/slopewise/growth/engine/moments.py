"""Each patient's rows reduced to what the likelihood needs, whatever the number of visits.

With Z_i = Q_i R_i, the rows of a patient enter the likelihood through q rotated rows Q_i'[Z_i X_i y_i] and through the
cross-products of what is left, [X_i y_i]'(I - Q_i Q_i')[X_i y_i]. Nothing cancels: every column is centred at the
patient's own weighted mean before it is rotated, and the mean is kept beside it, so that a fit can move the origin to
the centre of its own training patients (an offset of 1e6 in the response costs no digit).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from slopewise.growth.engine.compiled import cached
from slopewise.kernels.cache import inner

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

RANK_TOLERANCE = 1e-11  # a column of Z_i that adds less than this to the others adds rounding alone


class Moments(NamedTuple):
    """The reduced data of m patients; d columns (those of X and Z without the intercept, then the response).

    rows (m, q, d): Q_i' of the columns, centred at the patient's mean; ones (m, q): Q_i' of the intercept.
    means (m, d): weighted means; weight (m,): sums of weights; n_rows (m,): rows; log_weight (m,): sum of log weights.
    left (m, (d+1)(d+2)/2): lower triangle of the cross-products that Z_i leaves, of the columns [intercept, columns].
    x_columns (p,), z_columns (q,): the column that a design column is, -1 for the intercept.
    """

    rows: Floats
    ones: Floats
    means: Floats
    weight: Floats
    n_rows: Integers
    log_weight: Floats
    left: Floats
    x_columns: Integers
    z_columns: Integers

    def __repr__(self) -> str:
        return f"Moments(patients={len(self.n_rows)})"


class Shared(NamedTuple):
    """What the moments of all responses on the same rows have in common.

    moments: those of a response of zeros; basis (N, q): Q_i, zero beyond its rank; left (N, d): the weighted columns
    [intercept, columns without the response], centred, less their part in Q_i.
    """

    moments: Moments
    weights: Floats  # (N,)
    roots: Floats  # (N,): square roots of the weights
    starts: Integers  # (m+1,)
    basis: Floats
    left: Floats

    def __repr__(self) -> str:
        return f"Shared(patients={len(self.moments.n_rows)})"


def reduce_rows(
    columns: Floats, response: Floats, weights: Floats, starts: Integers, x_columns: Integers, z_columns: Integers
) -> Moments:
    """Moments of patients whose rows lie together.

    columns (N, d-1); response (N,); weights (N,), positive; starts (m+1,): patient i has rows starts[i] to starts[i+1].
    """
    nothing = np.empty((0, 0))
    return _all_reduced(columns, response, weights, starts, x_columns, z_columns, nothing, nothing)


def share_rows(columns: Floats, weights: Floats, starts: Integers, x_columns: Integers, z_columns: Integers) -> Shared:
    """What `reduce_response` needs of these rows; arguments as for `reduce_rows`."""
    n, d = columns.shape[0], columns.shape[1] + 1
    basis, left = np.zeros((n, len(z_columns))), np.zeros((n, d))
    moments = _all_reduced(columns, np.zeros(n), weights, starts, x_columns, z_columns, basis, left)
    return Shared(moments, weights, np.sqrt(weights), starts, basis, left)


def reduce_response(shared: Shared, response: Floats) -> Moments:
    """`reduce_rows` of one more response (N,) on the same rows: the same bits for less work."""
    moments = shared.moments._replace(
        rows=shared.moments.rows.copy(), means=shared.moments.means.copy(), left=shared.moments.left.copy()
    )
    work = np.empty(int(moments.n_rows.max(initial=1)))
    _reduce_response(
        response,
        shared.weights,
        shared.roots,
        shared.starts,
        shared.basis,
        shared.left,
        work,
        moments.rows,
        moments.means,
        moments.weight,
        moments.left,
    )
    return moments


def _all_reduced(
    columns: Floats,
    response: Floats,
    weights: Floats,
    starts: Integers,
    x_columns: Integers,
    z_columns: Integers,
    row_basis: Floats,
    row_left: Floats,
) -> Moments:
    """Moments; row_basis and row_left are filled as `Shared` describes them, unless they have no rows."""
    m, d, q = len(starts) - 1, columns.shape[1] + 1, len(z_columns)
    moments = empty_moments(m, d, q, x_columns)._replace(n_rows=np.diff(starts), z_columns=z_columns)
    longest = int(moments.n_rows.max(initial=1))
    _reduce(
        columns,
        response,
        weights,
        starts,
        z_columns,
        np.empty((d + 1, longest)),
        np.empty((q, longest)),
        moments.rows,
        moments.ones,
        moments.means,
        moments.weight,
        moments.log_weight,
        moments.left,
        row_basis,
        row_left,
    )
    return moments


def empty_moments(m: int, d: int, q: int, x_columns: Integers) -> Moments:
    """Room for the moments of m patients."""
    return Moments(
        rows=np.zeros((m, q, d)),
        ones=np.zeros((m, q)),
        means=np.zeros((m, d)),
        weight=np.zeros(m),
        n_rows=np.zeros(m, np.int64),
        log_weight=np.zeros(m),
        left=np.zeros((m, (d + 1) * (d + 2) // 2)),
        x_columns=x_columns,
        z_columns=np.zeros(q, np.int64),
    )


@cached
def _reduce(
    columns,
    response,
    weights,
    starts,
    z_columns,
    work,
    basis,
    rows,
    ones,
    means,
    weight,
    log_weight,
    left,
    row_basis,
    row_left,
):
    """Fill the arrays of `Moments`, patient by patient; `work` (d+1, longest) and `basis` (q, longest) are scratch."""
    d = means.shape[1]
    q = z_columns.shape[0]
    for i in range(starts.shape[0] - 1):
        first, n = starts[i], starts[i + 1] - starts[i]
        if n == 0:
            continue
        _centre(columns, response, weights, first, n, work, means[i])
        for j in range(n):
            weight[i] += weights[first + j]
            log_weight[i] += np.log(weights[first + j])
        rank = z_columns[0] - z_columns[0]
        for k in range(q):
            if _orthogonal_column(z_columns[k], work, basis, rank, n, means[i], z_columns[0] < 0):
                rank += 1
        for a in range(rank):
            for c in range(d + 1):
                total = 0.0
                for j in range(n):
                    total += basis[a, j] * work[c, j]
                if c == 0:
                    ones[i, a] = total
                else:
                    rows[i, a, c - 1] = total
                for j in range(n):
                    work[c, j] -= total * basis[a, j]
        position = 0
        for c in range(d + 1):
            for e in range(c + 1):
                total = 0.0
                for j in range(n):
                    total += work[c, j] * work[e, j]
                left[i, position] = total
                position += 1
        for j in range(n if row_basis.shape[0] > 0 else 0):
            for a in range(rank):
                row_basis[first + j, a] = basis[a, j]
            for c in range(d):
                row_left[first + j, c] = work[c, j]


@cached
def _reduce_response(response, weights, roots, starts, row_basis, row_left, work, rows, means, weight, left):
    """Fill in the response's part of `Moments`, by the operations of `_reduce` in their order; `work` is scratch."""
    d, q = means.shape[1], row_basis.shape[1]
    bottom = d * (d + 1) // 2
    for i in range(starts.shape[0] - 1):
        first, n = starts[i], starts[i + 1] - starts[i]
        if n == 0:
            continue
        origin, moved = response[first], 0.0
        for j in range(n):
            moved += weights[first + j] * (response[first + j] - origin)
        mean = origin + moved / weight[i]
        means[i, d - 1] = mean
        for j in range(n):
            work[j] = roots[first + j] * (response[first + j] - mean)
        for a in range(q):
            total = 0.0
            for j in range(n):
                total += row_basis[first + j, a] * work[j]
            rows[i, a, d - 1] = total
            for j in range(n):
                work[j] -= total * row_basis[first + j, a]
        for c in range(d):
            total = 0.0
            for j in range(n):
                total += work[j] * row_left[first + j, c]
            left[i, bottom + c] = total
        total = 0.0
        for j in range(n):
            total += work[j] * work[j]
        left[i, bottom + d] = total


@inner
def _centre(columns, response, weights, first, n, work, mean):
    """Weighted means of one patient's columns; work[0] = sqrt(w), work[1 + c] = sqrt(w) (column c - its mean)."""
    total = 0.0
    for j in range(n):
        total += weights[first + j]
    d = mean.shape[0]
    for j in range(n):
        work[0, j] = np.sqrt(weights[first + j])
        for c in range(d - 1):
            work[1 + c, j] = columns[first + j, c]
        work[d, j] = response[first + j]
    for c in range(d):
        origin = work[1 + c, 0]
        moved = 0.0
        for j in range(n):
            moved += weights[first + j] * (work[1 + c, j] - origin)
        mean[c] = origin + moved / total
        for j in range(n):
            work[1 + c, j] = work[0, j] * (work[1 + c, j] - mean[c])


@inner
def _orthogonal_column(column, work, basis, rank, n, mean, with_intercept):
    """Gram-Schmidt, twice, of one column of Z_i against the basis so far; False where nothing new is left."""
    offset = 0.0 if column < 0 or with_intercept else mean[column]
    before = 0.0
    for j in range(n):
        value = work[0, j] if column < 0 else work[1 + column, j] + offset * work[0, j]
        basis[rank, j] = value
        full = value if column < 0 or not with_intercept else value + mean[column] * work[0, j]
        before += full * full
    for _ in range(2):
        for a in range(rank):
            share = 0.0
            for j in range(n):
                share += basis[a, j] * basis[rank, j]
            for j in range(n):
                basis[rank, j] -= share * basis[a, j]
    after = 0.0
    for j in range(n):
        after += basis[rank, j] * basis[rank, j]
    if after <= RANK_TOLERANCE**2 * before or after == 0.0:
        return False
    norm = np.sqrt(after)
    for j in range(n):
        basis[rank, j] /= norm
    return True
