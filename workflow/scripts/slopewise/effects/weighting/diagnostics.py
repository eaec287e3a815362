"""What weights look like: their mean, extremes and effective number by visit, and the balance of what they weigh."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
    """column, before, after: standardised differences of histories between those then treated and the others.

    before: decisions as they are; after: each weighted by one over the probability of what was received. Both are
    divided by the root of the mean of the two groups' variances before weighting (Austin 2011,
    10.1080/00273171.2011.568786). A column of text has a row for each level, ``column: level``.
    """
    at = rows["decision"].to_numpy()
    history = _numbers(history_of(rows, columns)[at][list(columns)])
    treated = rows.loc[at, "treated"].to_numpy(dtype=float)
    inverse = 1.0 / _received(treated, weights)
    made = []
    for column in history:
        values = history[column].to_numpy(dtype=float)
        spread = np.sqrt(0.5 * sum(values[treated == group].var(ddof=1) for group in (0.0, 1.0)))
        gaps = [_gap(values, treated, weight) for weight in (np.ones(len(values)), inverse)]
        before, after = (gap / spread if spread > 0 else np.nan for gap in gaps)
        made.append({"column": column, "before": before, "after": after})
    return pd.DataFrame(made)


def _received(treated: Floats, weights: Weights) -> Floats:
    """The probability of what was received at each decision, given its history."""
    chance = weights.models["treatment, denominator"].probability
    return np.asarray(np.where(treated > 0, chance, 1.0 - chance), dtype=np.float64)


def _numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of text as one column of 0 and 1 for each level."""
    made: dict[str, pd.Series] = {}
    for column in frame:
        values = frame[column]
        if pd.api.types.is_numeric_dtype(values):
            made[str(column)] = values
            continue
        for level in sorted(set(values)):
            made[f"{column}: {level}"] = (values == level).astype(float)
    return pd.DataFrame(made)


def _gap(values: Floats, treated: Floats, weight: Floats) -> float:
    """The weighted mean of the treated less that of the others."""
    ones, others = weight * treated, weight * (1.0 - treated)
    return float(ones @ values / ones.sum() - others @ values / others.sum())


def positivity(rows: pd.DataFrame, columns: Sequence[str], weights: Weights) -> pd.DataFrame:
    """column, stratum, previous, decisions, treated, lowest, highest: decisions by strata of each history.

    Strata are the thirds of a number, or its values where there are three at most, and the levels of a text; previous:
    whether the patient was under treatment at the last row. lowest, highest: of the estimated probability of treatment.
    A stratum in which nobody, or everybody, is treated is one without positivity.
    """
    at = rows["decision"].to_numpy()
    history, decided = history_of(rows, columns)[at], rows[at]
    chance = weights.models["treatment, denominator"].probability
    parts = []
    for column in columns:
        frame = pd.DataFrame(
            {
                "stratum": strata_of(history[column]),
                "previous": np.where(decided["previous"] > 0, "yes", "no"),
                "treated": decided["treated"].to_numpy(dtype=float),
                "chance": chance,
            }
        )
        frame["place"] = frame["stratum"].map(list(ordered_strata(history[column])).index)
        grouped = frame.groupby(["previous", "place", "stratum"], sort=True)
        made = grouped.agg(
            decisions=("treated", "size"),
            treated=("treated", "sum"),
            lowest=("chance", "min"),
            highest=("chance", "max"),
        )
        made = made.reset_index().drop(columns="place")
        parts.append(made.assign(column=column, treated=made["treated"].astype(int)))
    return pd.concat(parts, ignore_index=True)


PARTS = 3
"""Strata of a number."""


def strata_of(values: pd.Series) -> list[str]:
    """The stratum of each value, in words."""
    names, edges = _strata(values)
    if edges is None:
        return [_level(value) for value in values]
    places = np.searchsorted(edges, values.to_numpy(dtype=float), side="left")
    return [names[place] for place in places]


def ordered_strata(values: pd.Series) -> list[str]:
    """The strata in the order of their values."""
    return _strata(values)[0]


def _strata(values: pd.Series) -> tuple[list[str], Floats | None]:
    """Names of the strata, and, of a number with more than `PARTS` values, the upper ends of all but the last."""
    found = sorted(set(values))
    if len(found) <= PARTS or not pd.api.types.is_numeric_dtype(values):
        return [_level(value) for value in found], None
    shares = np.arange(1, PARTS) / PARTS
    edges = np.unique(np.quantile(values.to_numpy(dtype=float), shares, method="inverted_cdf"))
    edges = edges[edges < found[-1]]
    ends = [f"{edge:.4g}" for edge in edges]
    if not ends:
        return ["all"], edges
    middle = [f"above {low} to {high}" for low, high in pairwise(ends)]
    return [f"up to {ends[0]}", *middle, f"above {ends[-1]}"], edges


def _level(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def histories(rows: pd.DataFrame) -> pd.DataFrame:
    """history, patients, rows, treated: patients and rows by how the treatment went, from the rows' own histories."""
    grouped = rows.groupby("patient")["treated"]
    first, last, ever = grouped.first(), grouped.last(), grouped.max()
    changes = (rows["treated"].diff().ne(0) & rows.duplicated("patient")).groupby(rows["patient"]).sum()
    kind = pd.Series("changes several times", index=first.index)
    kind[changes == 1] = np.where(last[changes == 1] > 0, "starts and stays", "stops and stays without")
    kind[changes == 0] = np.where(ever[changes == 0] > 0, "treated throughout", "never treated")
    own = rows["patient"].map(kind)
    made = rows.assign(history=own).groupby("history")["treated"].agg(rows="size", treated="sum")
    made.insert(0, "patients", kind.value_counts())
    order = [name for name in HISTORIES if name in made.index]
    return made.loc[order].astype(int).reset_index()


HISTORIES = (
    "never treated",
    "starts and stays",
    "stops and stays without",
    "changes several times",
    "treated throughout",
)
