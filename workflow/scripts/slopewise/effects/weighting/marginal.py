"""The marginal structural growth model: weighted estimating equations with an independence working correlation.

Solves sum_i X_i' W_i (y_i - X_i beta) = 0, with the robust variance A^-1 B A^-1, A = X'WX and B the sum over patients
of the outer products of their scores (Liang & Zeger 1986, 10.1093/biomet/73.1.13). The weights count as known.
docs/methods.md, section 8.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import screen
from slopewise.effects.weighting.histories import refuse_missing
from slopewise.run.errors import InputError

Floats = NDArray[np.float64]
NORMAL = 1.959963984540054


def marginal_model(rows: pd.DataFrame, marker: str, formula: str, weights: Floats) -> pd.DataFrame:
    """term, estimate, se (robust), p_value, ci_low, ci_high of the fixed effects `formula` on rows with a value.

    rows: those of `with_histories`, whose columns `treated` and `exposure` the formula names; weights (rows,).
    Raises `InputError` where a column is missing, or terms are linear combinations of others.
    """
    refuse_missing(rows, (marker,))
    from scipy.stats import norm

    seen = rows[marker].notna().to_numpy()
    screened = screen(formula)
    recipe, x = Recipe.learn(screened, rows[seen], learn_levels([screened], rows))
    y, w = rows.loc[seen, marker].to_numpy(dtype=float), weights[seen]
    size = np.sqrt((x**2).mean(axis=0))
    x = x / np.where(size > 0, size, 1.0)
    bread = (x * w[:, None]).T @ x
    if np.linalg.matrix_rank(bread, hermitian=True) < x.shape[1]:
        raise InputError(f"formula {formula!r}: its terms are linear combinations of each other; leave one out")
    beta = np.linalg.solve(bread, x.T @ (w * y))
    scores = pd.DataFrame(x * (w * (y - x @ beta))[:, None]).groupby(rows.loc[seen, "patient"].to_numpy()).sum()
    turned = np.linalg.solve(bread, scores.to_numpy().T)
    beta, se = beta / size, np.sqrt((turned**2).sum(axis=1)) / size
    return pd.DataFrame(
        {"term": recipe.names, "estimate": beta, "se": se, "p_value": 2.0 * norm.sf(np.abs(beta / se)),
         "ci_low": beta - NORMAL * se, "ci_high": beta + NORMAL * se}
    )  # fmt: skip


def e_value(estimate: float, se: float, sd: float) -> tuple[float, float]:
    """E-values of a difference in a marker of standard deviation `sd`, and of the end of its 95% interval next to 0.

    The least risk ratio by which an unmeasured confounder would have to be associated with treatment and marker to
    explain the estimate, with RR = exp(0.91 d), d = estimate / sd (VanderWeele & Ding 2017, 10.7326/M16-2607).
    """
    size, error = abs(estimate) / sd, se / sd
    return _e_value(math.exp(0.91 * size)), _e_value(math.exp(max(0.0, 0.91 * size - 1.78 * error)))


def _e_value(ratio: float) -> float:
    return ratio + math.sqrt(ratio * (ratio - 1.0))
