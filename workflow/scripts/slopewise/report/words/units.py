"""The unit in which a coefficient is shown: one in which its predictor varies, and none per SD of a category.

A hazard ratio per unit of a predictor with a standard deviation of 0.02 is a number such as 10^9: it is shown per 0.01.
A category, or a predictor of two values, has no standard deviation that anybody could imagine: it is shown as it is.
"""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.words.numbers import as_given

SMALL, LARGE = 0.3, 30.0
"""Standard deviations between these are shown per unit; smaller and larger ones per power of ten."""

DERIVED = (".bend", ".product")
"""Ends of terms whose unit nobody could imagine: they are shown per SD alone."""


def power_of_ten(sd: float) -> float:
    """1, or the power of ten below a standard deviation that is small or large; 1 where it is not known."""
    if not math.isfinite(sd) or sd <= 0 or SMALL <= sd <= LARGE:
        return 1.0
    return 10.0 ** math.floor(math.log10(sd) + 1e-9)


def is_category(term: str, patients: pd.DataFrame) -> bool:
    """Whether a term is a level of a category (``sex[m]``) or a column of at most two values."""
    if term.endswith("]"):
        return True
    return term in patients and patients[term].nunique() <= 2


def sd_of(rows: pd.DataFrame, term: str) -> float:
    """Standard deviation of a term's predictor, from a table with estimates per unit and per SD; missing if unknown."""
    own = rows[rows["term"] == term]
    for _, part in own.groupby([name for name in ("predictors", "model", "landmark") if name in own], dropna=False):
        found = part.groupby("scale")["estimate"].first()
        if {"unit", "sd"} <= set(found.index) and abs(found["unit"]) > 0 and math.isfinite(found["sd"]):
            return abs(float(found["sd"] / found["unit"]))
    return math.nan


def unit_words(step: float, unit: str) -> str:
    """``per 0.01 g/dl per year``, ``per 10``; ``per g/dl``; empty for a unit without a name."""
    if step == 1.0:
        return f"per {unit}" if unit else ""
    return f"per {as_given(step)} {unit}".rstrip()
