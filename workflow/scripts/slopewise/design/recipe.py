"""From a screened formula to a frozen recipe, and from a recipe to a design matrix.

A `Recipe` keeps every decision that the training rows settled (levels, knots, polynomial constants) and replays it on
new rows, so that a held-out patient can never change how the others are encoded.
"""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from slopewise.design.evaluate import evaluate, is_text, plain_value, require_columns
from slopewise.design.products import Matrix
from slopewise.design.screen import SPLINES, Formula, as_python, screen
from slopewise.run.errors import InputError


def level_order(values: Iterable[Any]) -> list[str]:
    """The distinct levels as text: by their numbers where all are numbers (2 before 10), else as text."""
    levels = sorted({str(value) for value in values})
    try:
        return sorted(levels, key=float)
    except ValueError:
        return levels


def learn_levels(formulas: Sequence[Formula], frame: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """The levels of every categorical column that the formulas name, in sorted order (or as the column orders them).

    Levels come from the whole cohort: which levels exist is no property of the outcome or of one fold.
    """
    levels: dict[str, tuple[Any, ...]] = {}
    for formula in formulas:
        require_columns(formula, frame)
        for name in formula.variables:
            values = frame[name]
            if isinstance(values.dtype, pd.CategoricalDtype):
                levels[name] = tuple(values.cat.categories.tolist())
            elif is_text(values) or name in formula.categorical:
                found = pd.factorize(values)[1].tolist()  # without missing ones
                rank = {level: place for place, level in enumerate(level_order(found))}
                levels[name] = tuple(sorted(found, key=lambda level: rank[str(level)]))
    return levels


@dataclass(frozen=True)
class Recipe:
    """Everything that turns rows into a design matrix, settled once and replayed.

    `levels` of the categorical columns come from the cohort; `state` (knots, polynomial constants) from the rows that
    `learn` was given; `bounds` are the range of `time` that a spline covers.
    """

    formula: Formula
    levels: Mapping[str, tuple[Any, ...]]
    state: Mapping[str, Mapping[str, Any]]
    names: tuple[str, ...]
    time: str = "time"
    bounds: tuple[float, float] | None = None

    @staticmethod
    def learn(
        formula: Formula,
        frame: pd.DataFrame,
        levels: Mapping[str, tuple[Any, ...]],
        time: str = "time",
        bounds: tuple[float, float] | None = None,
    ) -> tuple[Recipe, Matrix]:
        """The recipe that these rows settle, and the design matrix of the same rows, shape (rows, columns)."""
        state = _bounded_state(formula, time, bounds)
        kept = {name: levels[name] for name in formula.variables if name in levels}
        matrix, names, learned = evaluate(formula, frame, kept, state)
        plain = {key: dict(value) for key, value in learned.items() if value}
        return Recipe(formula, kept, plain, names, time, bounds), matrix

    @cached_property
    def key(self) -> str:
        """The recipe as text: recipes of equal text turn equal rows into equal matrices."""
        return json.dumps(self.to_dict(), sort_keys=True)

    @cached_property
    def intercept(self) -> int:
        """Position of the intercept, -1 without one."""
        return self.names.index("Intercept") if "Intercept" in self.names else -1

    def matrix(self, frame: pd.DataFrame) -> Matrix:
        """The design matrix of new rows, shape (rows, columns); raises for a missing value or an unseen level."""
        matrix, names, _ = evaluate(self.formula, frame, self.levels, self.state)
        if names != self.names:
            raise InputError(f"formula {self.formula.text!r}: these rows give the columns {names}, not {self.names}")
        return matrix

    def derivative(self, frame: pd.DataFrame) -> Matrix:
        """d(matrix)/d(time) at each row, shape (rows, columns).

        Five-point differences, which have no truncation error for polynomials up to degree four: with a step of the
        size of the time itself the result is exact to rounding for every formula made of + - * and powers. Other
        formulas take a step of 2^-10, one-sided next to a spline's bound.
        """
        if self.time not in self.formula.variables or not len(frame):
            return np.zeros((len(frame), len(self.names)))
        now = frame[self.time].to_numpy(np.float64)
        size = 2.0 ** np.ceil(np.log2(np.maximum(1.0, np.abs(now))))
        if self.formula.polynomial:
            return self._difference(frame, now, size / 4, _CENTRAL)
        step = size / 1024
        low, high = self.domain
        central = (now - 2 * step >= low) & (now + 2 * step <= high)
        forward = ~central & (now + 4 * step <= high)
        result = np.empty((len(frame), len(self.names)))
        for rows, stencil in ((central, _CENTRAL), (forward, _FORWARD), (~central & ~forward, _BACKWARD)):
            if rows.any():
                result[rows] = self._difference(frame.loc[rows], now[rows], step[rows], stencil)
        return result

    def _difference(self, frame: pd.DataFrame, now: Matrix, step: Matrix, stencil: Mapping[int, float]) -> Matrix:
        n, offsets = len(frame), np.array(list(stencil))
        named = frame[[name for name in self.formula.variables if name in frame.columns]]
        places = named.iloc[np.tile(np.arange(n), len(offsets))]  # all at once: what a formula costs is its evaluation
        matrix = self.matrix(places.assign(**{self.time: (now + offsets[:, None] * step).ravel()}))
        weights = np.array(list(stencil.values()))
        return np.einsum("o,onp->np", weights, matrix.reshape(len(offsets), n, -1)) / (12.0 * step[:, None])

    @cached_property
    def domain(self) -> tuple[float, float]:
        """The range of time inside which the splines of this formula are smooth."""
        lows = [value["lower_bound"] for value in self.state.values() if "lower_bound" in value]
        highs = [value["upper_bound"] for value in self.state.values() if "upper_bound" in value]
        return max(lows, default=-math.inf), min(highs, default=math.inf)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON: formula, levels, learned constants; no row of data."""
        return {
            "formula": self.formula.text,
            "levels": {name: list(values) for name, values in self.levels.items()},
            "state": json.loads(json.dumps(self.state, default=plain_value)),
            "names": list(self.names),
            "time": self.time,
            "bounds": list(self.bounds) if self.bounds else None,
        }

    @staticmethod
    def from_dict(content: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` wrote; the formula is screened again."""
        bounds = content["bounds"]
        return Recipe(
            formula=screen(content["formula"]),
            levels={name: tuple(values) for name, values in content["levels"].items()},
            state={key: {k: _restored(v) for k, v in value.items()} for key, value in content["state"].items()},
            names=tuple(content["names"]),
            time=content["time"],
            bounds=(bounds[0], bounds[1]) if bounds else None,
        )


_CENTRAL = {-2: 1.0, -1: -8.0, 1: 8.0, 2: -1.0}
_FORWARD = {0: -25.0, 1: 48.0, 2: -36.0, 3: 16.0, 4: -3.0}
_BACKWARD = {0: 25.0, -1: -48.0, -2: 36.0, -3: -16.0, -4: 3.0}


def _restored(value: Any) -> Any:
    """JSON turned the integer keys of poly's constants into text; turn them back."""
    return {int(key): number for key, number in value.items()} if isinstance(value, Mapping) else value


def _bounded_state(formula: Formula, time: str, bounds: tuple[float, float] | None) -> dict[str, dict[str, Any]]:
    """The study's bounds for every spline of the time column, in the place where formulaic looks for them."""
    if bounds is None or not SPLINES.intersection(formula.calls):
        return {}
    state: dict[str, dict[str, Any]] = {}
    for node in ast.walk(ast.parse(as_python(formula.text), mode="eval")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SPLINES:
            first = node.args[0]
            if isinstance(first, ast.Name) and first.id == time:
                state[ast.unparse(node)] = {"lower_bound": float(bounds[0]), "upper_bound": float(bounds[1])}
    return state
