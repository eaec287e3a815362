"""From the moments of all patients to the standardised problem of one fit's own training patients.

Centre and scale come from the patients with count > 0 alone, so nothing of a held-out patient is in a single bit.
A column may be centred where the model has an intercept to take the shift up; Z is centred for a correlated
covariance only, because a diagonal one depends on the origin of time.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ALIASED = 1e-11  # share of a column's squares that the columns before it leave; below, it is aliased


@njit(error_model="numpy")
def lanes_for(patients, p1):
    """Patients in a block: many, so that a lane loop is worth its start, but all sums of a block stay in the cache."""
    most = 128 if p1 <= 6 else 64 if p1 <= 8 else 32
    blocks = max(1, (patients + most - 1) // most)
    return max(8, ((patients + blocks - 1) // blocks + 7) // 8 * 8)


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def centre_and_scale(who, rows, ones, means, weight, left, centred, centre, scale):
    """Weighted mean of every column (zero unless `centred`) and the root mean square about it."""
    d = means.shape[1]
    q = ones.shape[1]
    total = 0.0
    for k in range(who.shape[0]):
        total += weight[who[k]]
    for c in range(d):
        centre[c], scale[c] = 0.0, 0.0
    if centred and total > 0.0:
        for k in range(who.shape[0]):
            for c in range(d):
                centre[c] += weight[who[k]] * (means[who[k], c] - means[who[0], c])
        for c in range(d):
            centre[c] = means[who[0], c] + centre[c] / total
    for k in range(who.shape[0]):  # columns innermost: their sums do not wait for one another
        i = who[k]
        for a in range(q):
            for c in range(d):
                value = rows[i, a, c] + (means[i, c] - centre[c]) * ones[i, a]
                scale[c] += value * value
        for c in range(d):
            shift = means[i, c] - centre[c]
            diagonal = (c + 1) * (c + 2) // 2 + c + 1
            scale[c] += left[i, diagonal] + 2.0 * shift * left[i, diagonal - c - 1] + shift * shift * left[i, 0]
    for c in range(d):
        scale[c] = np.sqrt(scale[c] / total) if total > 0.0 else 0.0
        if not scale[c] > 1e-13 * abs(centre[c]):
            scale[c] = max(abs(centre[c]), 1.0)


@njit(error_model="numpy")
def fill_blocks(who, rows, ones, means, columns, centre, scale, blocks):
    """blocks (b, q, len(columns), lanes): the standardised rotated rows of the design columns; -1 is the intercept."""
    q, lanes = ones.shape[1], blocks.shape[3]
    for block in range(blocks.shape[0]):
        first = block * lanes
        filled = min(lanes, who.shape[0] - first)
        for a in range(q):
            for j in range(columns.shape[0]):
                c = columns[j]
                if c < 0:
                    for lane in range(filled):
                        blocks[block, a, j, lane] = ones[who[first + lane], a]
                else:
                    for lane in range(filled):
                        i = who[first + lane]
                        value = rows[i, a, c] + (means[i, c] - centre[c]) * ones[i, a]
                        blocks[block, a, j, lane] = value / scale[c]
                for lane in range(filled, lanes):
                    blocks[block, a, j, lane] = 0.0


@njit(error_model="numpy")
def sum_left(who, means, left, columns, centre, scale, z_intercept, out):
    """out (p1, p1), lower: the standardised cross-products that the Z_i leave, summed over the fit's clusters."""
    p1 = columns.shape[0]
    total = np.zeros(left.shape[1])
    for position in range(who.shape[0]):
        for c in range(left.shape[1]):
            total[c] += left[who[position], c]
    for j in range(p1):
        for k in range(j + 1):
            high, low = max(columns[j], columns[k]) + 1, min(columns[j], columns[k]) + 1
            out[j, k] = total[high * (high + 1) // 2 + low]
    if not z_intercept:  # then moving the origin changes what the Z_i leave
        for position in range(who.shape[0]):
            i = who[position]
            for j in range(p1):
                cj = columns[j]
                move_j = 0.0 if cj < 0 else means[i, cj] - centre[cj]
                for k in range(j + 1):
                    ck = columns[k]
                    move_k = 0.0 if ck < 0 else means[i, ck] - centre[ck]
                    row_j, row_k = cj + 1, ck + 1
                    if ck >= 0:
                        out[j, k] += move_k * left[i, row_j * (row_j + 1) // 2]
                    if cj >= 0:
                        out[j, k] += move_j * left[i, row_k * (row_k + 1) // 2]
                    out[j, k] += move_j * move_k * left[i, 0]
    for j in range(p1):
        for k in range(j + 1):
            scale_j = 1.0 if columns[j] < 0 else scale[columns[j]]
            scale_k = 1.0 if columns[k] < 0 else scale[columns[k]]
            out[j, k] /= scale_j * scale_k


@njit(error_model="numpy")
def aliased_columns(left, blocks, n, aliased):
    """Mark the columns of X that the columns before them span; returns how many stay.

    Cholesky of X'X without pivoting, so that of two equal columns the later one goes, as in lme4.
    """
    p, q, lanes = left.shape[0] - 1, blocks.shape[1], blocks.shape[3]
    factor, sums = np.zeros((p, p)), np.zeros((p * (p + 1) // 2, lanes))
    for block in range(blocks.shape[0]):
        for a in range(q):
            position = 0
            for j in range(p):
                for k in range(j + 1):
                    for i in range(lanes):
                        sums[position, i] += blocks[block, a, j, i] * blocks[block, a, k, i]
                    position += 1
    kept = 0
    for j in range(p):
        aliased[j] = False
        for k in range(j + 1):
            if aliased[k]:
                continue
            total = left[j, k]
            for i in range(lanes):
                total += sums[j * (j + 1) // 2 + k, i]
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
