"""The marginal structural growth model: weighted estimating equations with an independence working correlation.

Solves sum_i X_i' W_i (y_i - X_i beta) = 0, with the robust variance A^-1 B A^-1, A = X'WX and B the sum over patients
of the outer products of their scores (Liang & Zeger 1986, 10.1093/biomet/73.1.13). The weights count as known.
docs/methods.md, section 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtr

from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import screen
from slopewise.effects.weighting.histories import refuse_missing
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]
NORMAL = 1.959963984540054


@dataclass(frozen=True, repr=False)
class Marginal(ShortRepr):
    """A marginal model coded: design `x` (n, k) of the rows with a value of the marker, columns divided by `size`.

    names: of the terms; y: values of the marker; seen (rows,): which rows have one; patient (n,): number of each row's
    patient; recipe: of the design.
    """

    names: tuple[str, ...]
    x: Floats
    size: Floats
    y: Floats
    seen: NDArray[np.bool_]
    patient: NDArray[np.int64]
    recipe: Recipe

    @staticmethod
    def learn(rows: pd.DataFrame, marker: str, formula: str) -> Marginal:
        """The fixed effects `formula` on rows with a value; `InputError` where the marker is missing."""
        refuse_missing(rows, (marker,))
        seen = rows[marker].notna().to_numpy()
        screened = screen(formula)
        recipe, x = Recipe.learn(screened, rows[seen], learn_levels([screened], rows))
        size = np.sqrt((x**2).mean(axis=0))
        size = np.where(size > 0, size, 1.0)
        number = np.unique(rows["patient"].to_numpy(), return_inverse=True)[1].reshape(-1)
        y = rows.loc[seen, marker].to_numpy(dtype=float)
        return Marginal(recipe.names, x / size, size, y, seen, number[seen].astype(np.int64), recipe)

    def solve(self, weights: Floats) -> tuple[Floats, Floats]:
        """Coefficients (k,) in the columns' units and the bread X'WX (k, k) of scaled columns; weights (rows,).

        Raises `InputError` where terms are linear combinations of others.
        """
        w = weights[self.seen]
        bread = (self.x * w[:, None]).T @ self.x
        if np.linalg.matrix_rank(bread, hermitian=True) < self.x.shape[1]:
            raise InputError(
                f"formula {self.recipe.formula.text!r}: its terms are linear combinations of each other; leave one out"
            )
        return np.linalg.solve(bread, self.x.T @ (w * self.y)) / self.size, bread

    def fit(self, weights: Floats) -> tuple[Floats, Floats]:
        """Coefficients (k,) and their robust covariance (k, k), the weights counted as known."""
        beta, bread = self.solve(weights)
        w = weights[self.seen]
        residual = w * (self.y - self.x @ (beta * self.size))
        scores = pd.DataFrame(self.x * residual[:, None]).groupby(self.patient).sum()
        turned = np.linalg.solve(bread, scores.to_numpy().T) / self.size[:, None]
        return beta, turned @ turned.T


def marginal_model(rows: pd.DataFrame, marker: str, formula: str, weights: Floats) -> pd.DataFrame:
    """term, estimate, se (robust), p_value, ci_low, ci_high of the fixed effects `formula` on rows with a value.

    rows: those of `with_histories`, whose columns `treated` and `exposure` the formula names; weights (rows,).
    Raises `InputError` where a column is missing, or terms are linear combinations of others.
    """
    model = Marginal.learn(rows, marker, formula)
    beta, covariance = model.fit(weights)
    return normal_rows(beta, np.sqrt(np.diag(covariance))).assign(term=model.names)


def normal_rows(estimate: Floats, se: Floats) -> pd.DataFrame:
    """estimate, se, statistic, p_value, ci_low, ci_high by the normal distribution."""
    statistic = estimate / se
    return pd.DataFrame(
        {"estimate": estimate, "se": se, "statistic": statistic, "p_value": 2.0 * ndtr(-np.abs(statistic)),
         "ci_low": estimate - NORMAL * se, "ci_high": estimate + NORMAL * se}
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
