"""Columns that are made of other columns of a step: a bend of the level, the product of level and slope.

What they need (knots, centres) is learned from training patients and kept in the recipe.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slopewise.design.splines import bends

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
BEND, PRODUCT = "bend", "product"
QUANTITIES = {"nonlinear_level": BEND, "level_by_slope": PRODUCT}
"""``outcome.terms`` of the study file, and the quantity of a marker that each adds."""

KNOTS = (0.1, 0.5, 0.9)
"""Quantiles of the training patients' levels at which the spline has its knots."""


def quantities(step: Sequence[str], asked: Sequence[str]) -> tuple[str, ...]:
    """What the terms `asked` for add to a step with the quantities `step`: a bend of a level, a product of both."""
    has = {BEND: "level" in step, PRODUCT: "level" in step and "slope" in step}
    return tuple(QUANTITIES[term] for term in QUANTITIES if term in asked and has[QUANTITIES[term]])


@dataclass(frozen=True)
class Derived:
    """One derived column: its `term`, the places of the columns it is `of`, its knots or the centres it multiplies.

    One of no columns was left out, and is 0.
    """

    term: str
    of: tuple[int, ...]
    constants: tuple[float, ...]

    @property
    def is_bend(self) -> bool:
        """Whether it is the bend of a level; else the product of level and slope."""
        return self.term.endswith(f".{BEND}")

    def column(self, filled: Floats) -> Floats:
        """The column (n,) from the step's own columns (n, k), nothing missing in them."""
        if not self.of:
            return np.zeros(len(filled))
        if self.is_bend:
            return bends(filled[:, self.of[0]], self.constants)[:, 0]
        left, right = (filled[:, place] - centre for place, centre in zip(self.of, self.constants, strict=True))
        return np.asarray(left * right)

    def to_dict(self) -> dict[str, Any]:
        """Plain content for JSON."""
        return {"term": self.term, "of": list(self.of), "constants": list(self.constants)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Derived:
        """The inverse of `to_dict`."""
        return cls(content["term"], tuple(content["of"]), tuple(content["constants"]))


def learn_derived(
    term: str, terms: Sequence[str], filled: Floats, counts: Integers, reasons: Mapping[str, str],
    known: tuple[float, ...] | None = None,
) -> Derived | str:  # fmt: skip
    """The derived column `term` of a step with the columns `terms`, or why it is left out.

    `known`: its knots or centres where they are not to be learned.
    """
    marker, quantity = term.rsplit(".", 1)
    level = terms.index(f"{marker}.level")
    if quantity == BEND:
        values = np.repeat(filled[:, level], counts)
        knots = known or tuple(float(knot) for knot in np.quantile(values, KNOTS))
        if f"{marker}.level" in reasons or not knots[0] < knots[1] < knots[2]:
            return f"{term} left out: the level has too few different values for a spline"
        return Derived(term, (level,), knots)
    slope = terms.index(f"{marker}.slope")
    if {f"{marker}.slope", f"{marker}.level"} & set(reasons):
        return f"{term} left out: its level or its slope is"
    total = counts.sum()
    centres = known or tuple(float((counts * filled[:, place]).sum() / total) for place in (level, slope))
    return Derived(term, (level, slope), centres)
