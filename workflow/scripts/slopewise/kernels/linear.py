"""Small linear systems, compiled."""

# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False

from __future__ import annotations

import numpy as np

from slopewise.kernels.cache import inner


@inner
def cholesky_solve(matrix, vector, smallest, solution):
    """Solve a small positive definite system (lower triangle given); False, and nothing solved, when a pivot vanishes.

    A pivot vanishes below `smallest` times its diagonal.
    """
    k = vector.shape[0]
    factor = np.zeros((k, k))
    for a in range(k):
        for b in range(a + 1):
            value = matrix[a, b]
            for c in range(b):
                value -= factor[a, c] * factor[b, c]
            if a == b:
                if not value > smallest * matrix[a, a] or not value > 1e-300:
                    return False
                factor[a, a] = np.sqrt(value)
            else:
                factor[a, b] = value / factor[b, b]
    for a in range(k):
        value = vector[a]
        for c in range(a):
            value -= factor[a, c] * solution[c]
        solution[a] = value / factor[a, a]
    for a in range(k - 1, -1, -1):
        value = solution[a]
        for c in range(a + 1, k):
            value -= factor[c, a] * solution[c]
        solution[a] = value / factor[a, a]
    return True
