"""From the moments of all patients to the standardised problem of one fit's own training patients.

Centre and scale come from the patients with count > 0 alone, so nothing of a held-out patient is in a single bit.
A column may be centred where the model has an intercept to take the shift up; Z is centred for a correlated
covariance only, because a diagonal one depends on the origin of time.
"""

from __future__ import annotations

import numpy as np

from slopewise.kernels.cache import inner

ALIASED = 1e-11  # share of a column's squares that the columns before it leave; below, it is aliased


@inner
def lanes_for(patients, p1):
    """Patients in a block: many, so that a lane loop is worth its start, but all sums of a block stay in the cache."""
    most = 128 if p1 <= 6 else 64 if p1 <= 8 else 32
    blocks = max(1, (patients + most - 1) // most)
    return max(8, ((patients + blocks - 1) // blocks + 7) // 8 * 8)


@inner
def entries(count, n_rows):
    """Patient of every cluster of this fit: as many copies as its count, none for a patient without rows."""
    total = 0
    for i in range(count.shape[0]):
        if n_rows[i] > 0:
            total += count[i]
    who = np.empty(total, np.int64)
    position = 0
    for i in range(count.shape[0]):
        if n_rows[i] > 0:
            for _ in range(count[i]):
                who[position] = i
                position += 1
    return who


@inner
def centre_and_scale(who, moments, centred, centre, scale):
    """Weighted mean of every column (zero unless `centred`) and the root mean square about it."""
    means, ones, rows, left = moments.means, moments.ones, moments.rows, moments.left
    d, q = means.shape[1], ones.shape[1]
    total = 0.0
    origin, moved, squares = np.empty(d), np.zeros(d), np.zeros(d)
    for c in range(d):
        origin[c] = means[who[0], c]
        centre[c] = 0.0
    for k in range(who.shape[0]):
        weight = moments.weight[who[k]]
        total += weight
        for c in range(d):
            moved[c] += weight * (means[who[k], c] - origin[c])
    if centred:
        for c in range(d):
            centre[c] = origin[c] + moved[c] / total
    for k in range(who.shape[0]):
        i = who[k]
        for a in range(q):
            one = ones[i, a]
            for c in range(d):
                value = rows[i, a, c] + (means[i, c] - centre[c]) * one
                squares[c] += value * value
        for c in range(d):
            diagonal = (c + 1) * (c + 2) // 2 + c + 1
            if moments.z_columns[0] < 0:  # nothing of the intercept is left
                squares[c] += left[i, diagonal]
                continue
            shift = means[i, c] - centre[c]
            squares[c] += left[i, diagonal] + 2.0 * shift * left[i, diagonal - c - 1] + shift * shift * left[i, 0]
    for c in range(d):
        scale[c] = np.sqrt(squares[c] / total)
        if not scale[c] > 1e-13 * abs(centre[c]):
            scale[c] = max(abs(centre[c]), 1.0)


@inner
def fill_blocks(who, moments, columns, centre, scale, blocks):
    """blocks (b, q, len(columns), lanes): the standardised rotated rows of the design columns; -1 is the intercept."""
    rows, ones, means = moments.rows, moments.ones, moments.means
    lanes = blocks.shape[3]
    for block in range(blocks.shape[0]):
        first = block * lanes
        used = min(lanes, who.shape[0] - first)
        for a in range(ones.shape[1]):
            for j in range(columns.shape[0]):
                c = columns[j]
                for lane in range(used, lanes):
                    blocks[block, a, j, lane] = 0.0
                if c < 0:
                    for lane in range(used):
                        blocks[block, a, j, lane] = ones[who[first + lane], a]
                else:
                    middle, unit = centre[c], 1.0 / scale[c]
                    for lane in range(used):
                        i = who[first + lane]
                        blocks[block, a, j, lane] = (rows[i, a, c] + (means[i, c] - middle) * ones[i, a]) * unit


@inner
def sum_left(who, moments, columns, centre, scale, out):
    """out (p1, p1), lower: the standardised cross-products that the Z_i leave, summed over the fit's clusters.

    Where Z has the intercept nothing of it is left, and a shift of the origin changes nothing.
    """
    left, means = moments.left, moments.means
    size = means.shape[1] + 1
    total = np.zeros(size * (size + 1) // 2)
    shift = np.zeros(size)
    for k in range(who.shape[0]):
        i = who[k]
        if moments.z_columns[0] < 0:
            for t in range(total.shape[0]):
                total[t] += left[i, t]
        else:
            for c in range(1, size):
                shift[c] = means[i, c - 1] - centre[c - 1]
            t = 0
            for c in range(size):
                for s in range(c + 1):
                    total[t] += left[i, t]
                    if s > 0:
                        total[t] += shift[s] * left[i, c * (c + 1) // 2] + shift[c] * left[i, s * (s + 1) // 2]
                        total[t] += shift[c] * shift[s] * left[i, 0]
                    elif c > 0:
                        total[t] += shift[c] * left[i, 0]
                    t += 1
    for j in range(columns.shape[0]):
        for k in range(j + 1):
            high, low = max(columns[j], columns[k]) + 1, min(columns[j], columns[k]) + 1
            value = total[high * (high + 1) // 2 + low]
            scale_j = 1.0 if columns[j] < 0 else scale[columns[j]]
            scale_k = 1.0 if columns[k] < 0 else scale[columns[k]]
            out[j, k] = value / (scale_j * scale_k)


@inner
def aliased_columns(left, blocks, n, aliased):
    """Mark the columns of X that the columns before them span; returns how many stay.

    Cholesky of X'X without pivoting, so that of two equal columns the later one goes, as in lme4.
    """
    p, lanes = left.shape[0] - 1, blocks.shape[3]
    factor, sums = np.zeros((p, p)), np.empty(lanes)
    kept = 0
    for j in range(p):
        aliased[j] = False
        for k in range(j + 1):
            if aliased[k]:
                continue
            for i in range(lanes):
                sums[i] = 0.0
            for block in range(blocks.shape[0]):
                for a in range(blocks.shape[1]):
                    for i in range(lanes):
                        sums[i] += blocks[block, a, j, i] * blocks[block, a, k, i]
            total = left[j, k]
            for i in range(lanes):
                total += sums[i]
            for s in range(k):
                total -= factor[j, s] * factor[k, s]
            if k < j:
                factor[j, k] = total / factor[k, k]
            elif total <= ALIASED * n:
                aliased[j] = True
                for s in range(j):
                    factor[j, s] = 0.0
            else:
                factor[j, j] = np.sqrt(total)
                kept += 1
    return kept
