"""The marginal structural growth model: weighted estimating equations with an independence working correlation.

Solves sum_i X_i' W_i (y_i - X_i beta) = 0, with the robust variance A^-1 B A^-1, A = X'WX and B the sum over patients
of the outer products of their scores (Liang & Zeger 1986, 10.1093/biomet/73.1.13). A few patients with large weights
make it too small, so that what is reported is corrected: residuals are (I - H_ii)^-1 r_i with
H_ii = X_i A^-1 X_i'W_i (Mancl & DeRouen 2001, 10.1111/j.0006-341X.2001.00126.x), and t has Satterthwaite's degrees of
freedom (Bell & McCaffrey 2002; Pustejovsky & Tipton 2018, 10.1080/07350015.2016.1247004) for errors of one variance.
The weights count as known. docs/methods.md, section 8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import screen
from slopewise.effects.weighting.histories import refuse_missing
from slopewise.growth.inference import t_tests
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr

Floats = NDArray[np.float64]

ALONE = 1e-9
"""Least eigenvalue of X'WX without a patient, as a share of that with all, above which the patient is not alone."""


@dataclass(frozen=True, repr=False)
class MarginalFit(ShortRepr):
    """Coefficients beta (k,), and covariances (k, k): `robust`, and `corrected` for the leverage of patients.

    For the degrees of freedom, of n patients, in scaled columns: bread A (k, k), own (n, k, k) X_i'W_i^2X_i, weighted
    (n, k, k) X_i'W_iX_i, and turned (n, k, k) I + (A - X_i'W_iX_i)^-1 X_i'W_iX_i; size (k,) of the columns.
    """

    beta: Floats
    robust: Floats
    corrected: Floats
    bread: Floats
    own: Floats
    weighted: Floats
    turned: Floats
    size: Floats

    def contrasts(self, rows: Floats) -> pd.DataFrame:
        """The t tests of rows @ beta, rows (c, k), with the corrected variance; se_robust: without the correction."""
        se, plain = (
            np.sqrt(np.maximum(np.einsum("ca,ab,cb->c", rows, part, rows), 0.0))
            for part in (self.corrected, self.robust)
        )
        return pd.DataFrame(t_tests(rows @ self.beta, se, self.degrees_of_freedom(rows))).assign(se_robust=plain)

    def degrees_of_freedom(self, rows: Floats) -> Floats:
        """Satterthwaite's, (c,): tr(P)^2 / tr(P^2) with P (n, n) the covariance of the patients' parts of rows @ beta.

        P = D - T A^-1 S' - S A^-1 T' + S A^-1 X'W^2X A^-1 S', with rows s_i, t_i of S and T; never formed.
        """
        inverse = np.linalg.inv(self.bread)
        k, found = len(self.beta), []
        kernel = np.zeros((2 * k, 2 * k))
        kernel[:k, k:], kernel[k:, :k] = -inverse, -inverse
        kernel[k:, k:] = inverse @ self.own.sum(axis=0) @ inverse
        for row in rows:
            v = self.turned @ (inverse @ (row / self.size))
            t, s = np.einsum("nab,nb->na", self.own, v), np.einsum("nab,nb->na", self.weighted, v)
            d, f = np.einsum("na,na->n", v, t), np.concatenate([t, s], axis=1)
            low_rank = np.einsum("na,ab,nb->n", f, kernel, f)
            crossed = f.T @ f @ kernel
            squares = (d**2).sum() + 2.0 * (d @ low_rank) + np.trace(crossed @ crossed)
            found.append((d.sum() + low_rank.sum()) ** 2 / squares if squares > 0 else np.nan)
        return np.array(found)


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

    def fit(self, weights: Floats) -> MarginalFit:
        """The fit to all rows; weights (rows,) count as known.

        Raises `InputError` as `solve` does, and where the rows of one patient alone determine a term, of which
        nothing is then known.
        """
        beta, bread = self.solve(weights)
        w = weights[self.seen]
        order = np.argsort(self.patient, kind="stable")
        starts = np.flatnonzero(np.diff(self.patient[order], prepend=-1))
        weighted, own, scores = (
            np.add.reduceat(part[order], starts, axis=0)
            for part in (
                self.x[:, :, None] * (w[:, None] * self.x)[:, None, :],
                self.x[:, :, None] * (w[:, None] ** 2 * self.x)[:, None, :],
                self.x * (w * (self.y - self.x @ (beta * self.size)))[:, None],
            )
        )
        rest = bread - weighted
        if (np.linalg.eigvalsh(rest)[:, 0] < ALONE * np.linalg.eigvalsh(bread)[0]).any():
            raise InputError(
                f"formula {self.recipe.formula.text!r}: the rows of one patient alone determine a term, so that it has "
                "no standard error; leave the term out, or join the levels of a category"
            )
        turned = np.eye(len(beta)) + np.linalg.solve(rest, weighted)
        corrected = np.einsum("nba,nb->na", turned, scores)
        robust, better = (np.linalg.solve(bread, part.T) / self.size[:, None] for part in (scores, corrected))
        return MarginalFit(beta, robust @ robust.T, better @ better.T, bread, own, weighted, turned, self.size)


def marginal_model(rows: pd.DataFrame, marker: str, formula: str, weights: Floats) -> pd.DataFrame:
    """term, and the t tests of the fixed effects `formula` on rows with a value, as `MarginalFit.contrasts` has them.

    rows: those of `with_histories`, whose columns `treated` and `exposure` the formula names; weights (rows,).
    Raises `InputError` where a column is missing, or terms are linear combinations of others.
    """
    model = Marginal.learn(rows, marker, formula)
    return model.fit(weights).contrasts(np.eye(len(model.names))).assign(term=model.names)


def e_value(estimate: float, half: float, sd: float) -> tuple[float, float]:
    """E-values of a difference in a marker of standard deviation `sd`, and of the end of its interval next to 0.

    half: half the width of the interval.

    The least risk ratio by which an unmeasured confounder would have to be associated with treatment and marker to
    explain the estimate, with RR = exp(0.91 d), d = estimate / sd (VanderWeele & Ding 2017, 10.7326/M16-2607).
    """
    size, error = abs(estimate) / sd, half / sd
    return _e_value(math.exp(0.91 * size)), _e_value(math.exp(0.91 * max(0.0, size - error)))


def _e_value(ratio: float) -> float:
    return ratio + math.sqrt(ratio * (ratio - 1.0))
