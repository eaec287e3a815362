"""What weights look like: their mean, extremes and effective number by visit, and the balance of what they weigh."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slopewise.effects.weighting.histories import history_of
from slopewise.effects.weighting.models import Floats, Weights


def weights_by_visit(rows: pd.DataFrame, weights: Weights) -> pd.DataFrame:
    """visit (0 for a patient's first row), rows, treated, mean, minimum, maximum, effective of the final weights.

    The mean of stabilised weights is 1 at every visit where their models are right; effective: (sum w)^2 / sum w^2.
    """
    frame = pd.DataFrame(
        {"visit": rows.groupby("patient").cumcount(), "treated": rows["treated"], "w": weights.truncated}
    ).assign(square=lambda table: table["w"] ** 2)
    grouped = frame.groupby("visit")
    made = grouped["w"].agg(rows="size", mean="mean", minimum="min", maximum="max", total="sum")
    made["effective"] = made.pop("total") ** 2 / grouped["square"].sum()
    made.insert(1, "treated", grouped["treated"].sum().astype(int))
    return made.reset_index()


def balance(rows: pd.DataFrame, columns: Sequence[str], weights: Weights) -> pd.DataFrame:
    """column, before, after: standardised differences of numeric histories between those then treated and the others.

    before: decisions as they are; after: each weighted by one over the probability of what was received. Both are
    divided by the root of the mean of the two groups' variances before weighting (Austin 2011,
    10.1080/00273171.2011.568786).
    """
    at = rows["decision"].to_numpy()
    history = history_of(rows, columns)[at]
    treated = rows.loc[at, "treated"].to_numpy(dtype=float)
    chance = weights.models["treatment, denominator"].probability
    inverse = 1.0 / np.where(treated > 0, chance, 1.0 - chance)
    made = []
    for column in columns:
        values = history[column].to_numpy(dtype=float)
        spread = np.sqrt(0.5 * sum(values[treated == group].var(ddof=1) for group in (0.0, 1.0)))
        gaps = [_gap(values, treated, weight) / spread for weight in (np.ones(len(values)), inverse)]
        made.append({"column": column, "before": gaps[0], "after": gaps[1]})
    return pd.DataFrame(made)


def _gap(values: Floats, treated: Floats, weight: Floats) -> float:
    """The weighted mean of the treated less that of the others."""
    ones, others = weight * treated, weight * (1.0 - treated)
    return float(ones @ values / ones.sum() - others @ values / others.sum())
