"""The compiled loops of elastic-net regression, plain and in groups: Cox, logistic and linear, by block descent.

Minimised is  loss(β)/W + λ (α Σ √p |β_g| + (1 − α)/2 |β|²),  W the number of patients, the sum over groups g of p
coefficients, |β_g| the Euclidean norm, the intercept without a penalty. Groups of one are the elastic net (Friedman et
al. 2010, 10.18637/jss.v033.i01; for Cox's partial likelihood Simon et al. 2011, 10.18637/jss.v039.i05); the
coefficients of a larger group are 0 together or not at all (group lasso; Yuan & Lin 2006,
10.1111/j.1467-9868.2005.00532.x).
Each outer step lays a quadratic with the diagonal of the second derivative on the loss; groups are visited in their
order, and a group of several takes a step under a bound on its curvature (Yang & Zou 2015, 10.1007/s11222-014-9498-5).
Where a predictor separates the events that diagonal is far too steep, and steps are far too short: after `PATIENCE` of
them each is doubled as long as the penalised loss falls. A row of weight 0 is never read.

Only groups that may enter are visited: those in the model, and those that the sequential strong rule keeps (Tibshirani
et al. 2012, 10.1111/j.1467-9868.2011.01004.x). The optimum's conditions are then checked for all others, and who
violates them is let in.
"""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np
from numba import prange

from slopewise.kernels.cache import inner
from slopewise.kernels.compiled import cached, cached_parallel
from slopewise.kernels.losses import COX, LINEAR, loss_of, null_intercept

OUTER, SWEEPS, PATIENCE = 2_000, 10_000, 20
"""Quadratics at the most, rounds over the groups of one at the most, quadratics before steps are lengthened."""

TOGETHER = 10
"""So many penalties of the paths are followed before the paths wait for each other. Changes no number."""


@inner
def _product(a, b):
    """a'b in four sums: the order is fixed, and the processor can work on four at once."""
    n = a.shape[0]
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(0, n - n % 4, 4):
        first += a[i] * b[i]
        second += a[i + 1] * b[i + 1]
        third += a[i + 2] * b[i + 2]
        fourth += a[i + 3] * b[i + 3]
    for i in range(n - n % 4, n):
        first += a[i] * b[i]
    return (first + second) + (third + fourth)


@inner
def _cross(a, b, curvature):
    """a' diag(curvature) b, as `_product`."""
    n = a.shape[0]
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for i in range(0, n - n % 4, 4):
        first += a[i] * b[i] * curvature[i]
        second += a[i + 1] * b[i + 1] * curvature[i + 1]
        third += a[i + 2] * b[i + 2] * curvature[i + 2]
        fourth += a[i + 3] * b[i + 3] * curvature[i + 3]
    for i in range(n - n % 4, n):
        first += a[i] * b[i] * curvature[i]
    return (first + second) + (third + fourth)


@inner
def _steepness(xt, columns, first, last, curvature, size):
    """The curvature along a group: exact for one column, for several the Frobenius norm, which is not below it."""
    if last - first == 1:
        return _cross(xt[columns[first]], xt[columns[first]], curvature) / size
    square = 0.0
    for c in range(first, last):
        for d in range(first, c + 1):
            value = _cross(xt[columns[c]], xt[columns[d]], curvature) / size
            square += value * value if c == d else 2.0 * value * value
    return np.sqrt(square)


@inner
def _sweep(
    xt, rest, curvature, steep, beta, columns, starts, members, active, only_active, pull, strength, share, size
):
    """One round over the groups `members`; the largest change, in units of the loss's curvature.

    `steep` (G,) is filled when a group first needs it; negative means not yet. `pull` (k,) is work space.
    """
    largest, ridge = 0.0, strength * (1.0 - share)
    for g in members:
        if only_active and not active[g]:
            continue
        first, last = starts[g], starts[g + 1]
        bound, square, inside = strength * share * np.sqrt(last - first), 0.0, False
        for c in range(first, last):
            pull[c] = _product(xt[columns[c]], rest) / size
            square += pull[c] * pull[c]
            inside = inside or beta[columns[c]] != 0.0
        norm = abs(pull[first]) if last - first == 1 else np.sqrt(square)
        if not inside and norm <= bound:
            continue
        if steep[g] < 0.0:
            steep[g] = _steepness(xt, columns, first, last, curvature, size)
        square = 0.0
        for c in range(first, last):
            pull[c] += steep[g] * beta[columns[c]]
            square += pull[c] * pull[c]
        norm = abs(pull[first]) if last - first == 1 else np.sqrt(square)
        length = max(norm - bound, 0.0) / (steep[g] + ridge)
        for c in range(first, last):
            a, new = columns[c], 0.0
            if length > 0.0:
                new = length if last - first == 1 else length * abs(pull[c]) / norm
                new = new if pull[c] > 0 else -new
            change = new - beta[a]
            if change != 0.0:
                beta[a] = new
                active[g] = True
                for i in range(rest.shape[0]):
                    rest[i] -= curvature[i] * xt[a, i] * change
                largest = max(largest, (steep[g] + ridge) * change * change)
    return largest


@inner
def _quadratic(
    xt, rest, curvature, steep, beta, columns, starts, members, active, pull, intercept, moving, strength, share, size,
    tolerance,
):  # fmt: skip
    """Block descent on the quadratic: all `members`, then those in the model until they rest, and again."""
    level = 0.0
    for i in range(rest.shape[0]):
        level += curvature[i]
    only_active = False
    for _ in range(SWEEPS):
        largest = _sweep(
            xt, rest, curvature, steep, beta, columns, starts, members, active, only_active, pull, strength, share, size
        )
        if moving and level > 0:
            shift = 0.0
            for i in range(rest.shape[0]):
                shift += rest[i]
            shift /= level
            for i in range(rest.shape[0]):
                rest[i] -= curvature[i] * shift
            intercept += shift
            largest = max(largest, level / size * shift * shift)
        if largest < tolerance:
            if not only_active:
                break
            only_active = False
        else:
            only_active = True
    return intercept


@inner
def _fill(xt, weight, beta, intercept, eta):
    for i in range(eta.shape[0]):
        eta[i] = intercept
    for a in range(beta.shape[0]):
        if beta[a] != 0.0:
            for i in range(eta.shape[0]):
                if weight[i] > 0:
                    eta[i] += xt[a, i] * beta[a]


@inner
def _penalty(beta, columns, starts, strength, share):
    value = 0.0
    for g in range(starts.shape[0] - 1):
        first, last = starts[g], starts[g + 1]
        square = 0.0
        for c in range(first, last):
            square += beta[columns[c]] ** 2
        norm = abs(beta[columns[first]]) if last - first == 1 else np.sqrt((last - first) * square)
        value += share * norm + 0.5 * (1.0 - share) * square
    return strength * value


@inner
def _objective(
    kind, time, y, stratum, weight, xt, columns, starts, beta, intercept, strength, share, eta, gradient, curvature
):
    """The penalised loss; fills `eta` (n,) and the loss's derivatives there."""
    _fill(xt, weight, beta, intercept, eta)
    loss = loss_of(kind, time, y, stratum, weight, eta, gradient, curvature) / weight.sum()
    return loss + _penalty(beta, columns, starts, strength, share)


@inner
def _lengthen(
    kind, time, y, stratum, weight, xt, columns, starts, beta, intercept, before, earlier, strength, share, loss, eta,
    gradient, curvature,
):  # fmt: skip
    """Doubles the step from `before`, `earlier` to `beta` (changed in place), `intercept` while `loss` falls.

    Returns the intercept and the loss; the derivatives are those at the coefficients that are kept.
    """
    kept, size = beta.copy(), 1.0
    for _ in range(30):
        size *= 2.0
        for a in range(beta.shape[0]):
            beta[a] = before[a] + size * (kept[a] - before[a])
        longer = earlier + size * (intercept - earlier)
        value = _objective(
            kind, time, y, stratum, weight, xt, columns, starts, beta, longer, strength, share, eta, gradient, curvature
        )
        if not value < loss - 1e-13 * (1.0 + abs(loss)):
            size *= 0.5
            break
        loss = value
    for a in range(beta.shape[0]):
        beta[a] = before[a] + size * (kept[a] - before[a])
    intercept = earlier + size * (intercept - earlier)
    loss = _objective(
        kind, time, y, stratum, weight, xt, columns, starts, beta, intercept, strength, share, eta, gradient, curvature
    )
    return intercept, loss


@inner
def _within(
    kind, time, y, stratum, weight, xt, columns, starts, members, beta, intercept, strength, share, tolerance, eta,
    gradient, curvature,
):  # fmt: skip
    """Minimise over the groups `members` and the intercept; arguments as `descend`. Returns intercept, converged."""
    k, groups, size = beta.shape[0], starts.shape[0] - 1, weight.sum()
    steep, before, pull = np.empty(groups), np.empty(k), np.empty(k)
    active = np.zeros(groups, dtype=np.bool_)
    for g in members:
        for c in range(starts[g], starts[g + 1]):
            active[g] = active[g] or beta[columns[c]] != 0.0
    loss = _objective(
        kind, time, y, stratum, weight, xt, columns, starts, beta, intercept, strength, share, eta, gradient, curvature
    )
    for taken in range(OUTER):
        before[:] = beta
        earlier = intercept
        steep[:] = -1.0
        intercept = _quadratic(
            xt, gradient, curvature, steep, beta, columns, starts, members, active, pull, intercept, kind != COX,
            strength, share, size, tolerance,
        )  # fmt: skip
        moved = (intercept - earlier) ** 2
        for a in range(k):
            moved = max(moved, (beta[a] - before[a]) ** 2)
        for _ in range(40):
            value = _objective(
                kind, time, y, stratum, weight, xt, columns, starts, beta, intercept, strength, share, eta, gradient,
                curvature,
            )  # fmt: skip
            if value <= loss + 1e-12 * (1.0 + abs(loss)):
                break
            intercept = 0.5 * (intercept + earlier)
            for a in range(k):
                beta[a] = 0.5 * (beta[a] + before[a])
        loss = value
        if kind == LINEAR or moved < tolerance:
            return intercept, True
        if taken >= PATIENCE:
            intercept, loss = _lengthen(
                kind, time, y, stratum, weight, xt, columns, starts, beta, intercept, before, earlier, strength, share,
                loss, eta, gradient, curvature,
            )  # fmt: skip
    return intercept, False


@inner
def _pulls(xt, columns, starts, gradient, size, pulls):
    """Fill `pulls` (G,): the norm of the loss's derivative by a group's coefficients, over √p."""
    for g in range(starts.shape[0] - 1):
        square = 0.0
        for c in range(starts[g], starts[g + 1]):
            square += (_product(xt[columns[c]], gradient) / size) ** 2
        pulls[g] = np.sqrt(square / (starts[g + 1] - starts[g]))


@cached
def null_pulls(kind, time, y, stratum, weight, xt, columns, starts, pulls):
    """Fill `pulls` (G,) for the model without predictors, and return its intercept.

    The largest of them over α is the smallest λ at which every coefficient is 0.
    """
    n, intercept = weight.shape[0], null_intercept(kind, y, weight)
    eta, gradient, curvature = np.full(n, intercept), np.empty(n), np.empty(n)
    loss_of(kind, time, y, stratum, weight, eta, gradient, curvature)
    _pulls(xt, columns, starts, gradient, weight.sum(), pulls)
    return intercept


@cached
def descend(
    kind, time, y, stratum, weight, xt, columns, starts, pulls, previous, beta, intercept, strength, share, tolerance
):
    """Minimise from `beta` (k,; changed in place) and `intercept`. Returns the intercept, converged.

    `xt` (k, n); `columns` (k,) the columns of `xt` group by group, group g at `starts[g]` up to `starts[g + 1]`.
    `pulls` (G,) are those of the start, which is the optimum under the penalty `previous`; they become those of the
    end. With `previous` equal to `strength` the strong rule keeps nothing that the start does not ask for.
    """
    n, groups, size = weight.shape[0], starts.shape[0] - 1, weight.sum()
    eta, gradient, curvature = np.empty(n), np.empty(n), np.empty(n)
    candidate = np.zeros(groups, dtype=np.bool_)
    for g in range(groups):
        candidate[g] = pulls[g] >= share * (2.0 * strength - previous)
        for c in range(starts[g], starts[g + 1]):
            candidate[g] = candidate[g] or beta[columns[c]] != 0.0
    while True:
        members = np.flatnonzero(candidate)
        intercept, ended = _within(
            kind, time, y, stratum, weight, xt, columns, starts, members, beta, intercept, strength, share, tolerance,
            eta, gradient, curvature,
        )  # fmt: skip
        _pulls(xt, columns, starts, gradient, size, pulls)
        let_in = False
        for g in range(groups):
            if not candidate[g] and pulls[g] > strength * share:
                candidate[g] = True
                let_in = True
        if not let_in:
            return intercept, ended


@inner
def _path(
    kind, time, y, stratum, weight, inside, outside, xt, columns, starts, pulls, strengths, begin, end, share,
    tolerance, betas, lost,
):  # fmt: skip
    """The path of rows with weights `inside` from the penalty `begin` up to `end`, and the loss of those `outside`."""
    n, k = weight.shape[0], xt.shape[0]
    eta, gradient, curvature = np.empty(n), np.empty(n), np.empty(n)
    held_out = outside.sum() > 0
    for place in range(begin, end):
        if place == 0:
            intercept = null_pulls(kind, time, y, stratum, inside, xt, columns, starts, pulls)
            previous = pulls.max() / share
        else:
            betas[place] = betas[place - 1]
            intercept, previous = betas[place - 1, k], strengths[place - 1]
        beta = betas[place, :k]
        intercept, _ = descend(
            kind, time, y, stratum, inside, xt, columns, starts, pulls, max(previous, strengths[place]), beta,
            intercept, strengths[place], share, tolerance,
        )  # fmt: skip
        betas[place, k] = intercept
        if held_out:
            _fill(xt, weight, beta, intercept, eta)
            if kind == COX:
                lost[place] = loss_of(kind, time, y, stratum, weight, eta, gradient, curvature) - loss_of(
                    kind, time, y, stratum, inside, eta, gradient, curvature
                )
            else:
                lost[place] = loss_of(kind, time, y, stratum, outside, eta, gradient, curvature)


@cached_parallel
def held_out_loss(
    kind, time, y, stratum, weight, fold, folds, xt, columns, starts, strengths, share, tolerance, patience, betas, lost
):
    """Paths of all rows (job 0) and without each fold (job j), and the loss of the fold by the path without it.

    `strengths` (L,) descend; fills `betas` (1 + folds, L, k + 1; the intercept last) and `lost` (1 + folds, L). A
    fold's partial likelihood is that of all rows less that of the rows without it (Verweij & van Houwelingen 1993).
    Paths end where the loss has not improved over `patience` penalties in a row. Returns how
    many penalties were reached.
    """
    n, groups = weight.shape[0], starts.shape[0] - 1
    inside, outside = np.zeros((folds + 1, n)), np.zeros((folds + 1, n))
    pulls = np.empty((folds + 1, groups))
    best, where = np.inf, 0
    for begin in range(0, strengths.shape[0], TOGETHER):
        end = min(begin + TOGETHER, strengths.shape[0])
        for job in prange(folds + 1):
            if begin == 0:
                for i in range(n):
                    if fold[i] == job and job > 0:
                        outside[job, i] = weight[i]
                    else:
                        inside[job, i] = weight[i]
            _path(
                kind, time, y, stratum, weight, inside[job], outside[job], xt, columns, starts, pulls[job], strengths,
                begin, end, share, tolerance, betas[job], lost[job],
            )  # fmt: skip
        for place in range(begin, end):
            total = lost[:, place].sum()
            if total < best:
                best, where = total, place
            elif place - where >= patience:
                return place + 1
    return strengths.shape[0]
