"""From a screened formula to a frozen recipe, and from a recipe to a design matrix.

A `Recipe` keeps every decision that the training rows settled (levels, knots, polynomial constants) and replays it on
new rows, so that a held-out patient can never change how the others are encoded.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.screen import SPLINES, Formula, as_python, screen, screen_factor
from slopewise.run.errors import InputError

Matrix = NDArray[np.float64]


def is_text(values: pd.Series) -> bool:
    """Does formulaic treat this column as categorical?"""
    return isinstance(values.dtype, pd.CategoricalDtype) or not (
        pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype)
    )


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
                found = values.dropna().unique().tolist()
                rank = {level: place for place, level in enumerate(level_order(found))}
                levels[name] = tuple(sorted(found, key=lambda level: rank[str(level)]))
    return levels


def require_columns(formula: Formula, frame: pd.DataFrame) -> None:
    missing = [name for name in formula.variables if name not in frame.columns]
    if missing:
        known = ", ".join(str(name) for name in list(frame.columns)[:12])
        raise InputError(f"formula {formula.text!r}: there is no column {missing[0]!r}; the data have {known}")


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
        matrix, names, learned = _evaluate(formula, frame, kept, state)
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
        state = {key: dict(value) for key, value in self.state.items()}
        matrix, names, _ = _evaluate(self.formula, frame, self.levels, state)
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
        places = frame.iloc[np.tile(np.arange(n), len(offsets))]  # all at once: what a formula costs is its evaluation
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
            "state": json.loads(json.dumps(self.state, default=_plain)),
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


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


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


def _functions() -> dict[str, Any]:
    """The functions that a formula may call and that formulaic lacks or has otherwise.

    Splines continue their end polynomials beyond the bounds (as R does), because a held-out patient may have a row
    outside the range of the training patients.
    """
    from formulaic.materializers.types import FactorValues
    from formulaic.transforms import basis_spline
    from formulaic.transforms.cubic_spline import cubic_spline
    from formulaic.utils.stateful_transforms import stateful_transform

    @stateful_transform
    def bs(
        x: Any,
        df: int | None = None,
        knots: Any = None,
        degree: int = 3,
        include_intercept: bool = False,
        _state: dict[str, Any] = {},  # noqa: B006  formulaic replaces it by the state of this call
    ) -> Any:
        options = {"df": df, "knots": knots, "degree": degree, "include_intercept": include_intercept}
        return basis_spline(x, extrapolation="extend", _state=_state, **options)

    @stateful_transform
    def cr(x: Any, df: int | None = None, knots: Any = None, _state: dict[str, Any] = {}) -> Any:  # noqa: B006
        """A natural cubic spline of `df` columns that do not span the intercept, as R's ``ns`` and ``rms::rcs``.

        Its columns are the values at all knots but the first; the first is the reference, which the intercept holds.
        """
        made = cubic_spline(x, df=None if df is None else df + 1, knots=knots, _state=_state)
        made.__wrapped__.pop(1)
        kept = {place: made.__wrapped__[place + 1] for place in range(1, len(made.__wrapped__) + 1)}
        return FactorValues(kept, kind="numerical", spans_intercept=False, format="{name}[{field}]", encoded=False)

    def harmonic(x: Any, period: float, k: int = 1) -> Any:
        """Sine and cosine of the first k harmonics of a period: 2k columns."""
        turns = 2.0 * np.pi * np.asarray(x, dtype=np.float64) / period
        made = {
            f"{name}{j}": wave(j * turns) for j in range(1, k + 1) for name, wave in (("sin", np.sin), ("cos", np.cos))
        }
        return FactorValues(made, kind="numerical", spans_intercept=False, format="{name}[{field}]", encoded=False)

    return {"sqrt": np.sqrt, "log": np.log, "exp": np.exp, "bs": bs, "cr": cr, "harmonic": harmonic}


def _prepared(formula: Formula, frame: pd.DataFrame, levels: Mapping[str, tuple[Any, ...]]) -> pd.DataFrame:
    """The columns of the formula alone, complete, categorical ones with their frozen levels."""
    require_columns(formula, frame)
    columns: dict[str, Any] = {}
    for name in formula.variables:
        values = frame[name]
        absent = values.isna().to_numpy()
        if absent.any():
            row = frame.index[int(np.flatnonzero(absent)[0])]
            raise InputError(
                f"column {name!r}: {int(absent.sum())} missing values (the first in row {row}), but formula "
                f"{formula.text!r} needs it; fill it, or remove these rows"
            )
        if name in levels:
            known = pd.Index(levels[name])
            codes = known.get_indexer(pd.Index(values))
            if (codes < 0).any():
                level = values.iloc[int(np.flatnonzero(codes < 0)[0])]
                listed = ", ".join(map(str, levels[name]))
                raise InputError(f"column {name!r}: the level {level!r} was not seen before; known are {listed}")
            columns[name] = pd.Categorical.from_codes(codes.tolist(), categories=known)
        elif is_text(values):
            raise InputError(f"column {name!r}: text where formula {formula.text!r} had numbers")
        else:
            columns[name] = values.to_numpy(np.float64)
    return pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))


def _evaluate(
    formula: Formula, frame: pd.DataFrame, levels: Mapping[str, tuple[Any, ...]], state: dict[str, dict[str, Any]]
) -> tuple[Matrix, tuple[str, ...], dict[str, dict[str, Any]]]:
    """Matrix, column names and the state of the stateful calls, which formulaic completes in place."""
    from formulaic import Formula as Parsed
    from formulaic import ModelSpec

    prepared = _prepared(formula, frame, levels)
    try:
        parsed = Parsed(formula.text)
    except Exception as error:  # its own class of errors, with colours for a terminal
        reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).splitlines()[0][:200]
        raise InputError(f"formula {formula.text!r}: {reason}") from None
    for factor in {factor.expr for term in parsed for factor in term.factors}:
        screen_factor(factor, formula)
    spec = ModelSpec(formula=parsed, materializer="pandas", na_action="ignore", output="numpy", transform_state=state)
    try:
        with np.errstate(all="ignore"):
            made = spec.get_model_matrix(prepared, context=_functions())
    except (ValueError, KeyError, TypeError, ZeroDivisionError, ArithmeticError) as error:
        raise InputError(f"formula {formula.text!r}: {str(error).splitlines()[0][:200]}") from None
    except Exception as error:  # formulaic wraps whatever a factor raised
        cause = error.__cause__ or error
        raise InputError(f"formula {formula.text!r}: {str(cause).splitlines()[0][:200]}") from None
    names = tuple(str(name) for name in made.model_spec.column_names)
    matrix = np.ascontiguousarray(np.asarray(made, dtype=np.float64).reshape(len(frame), len(names)))
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=0))
    if len(bad):
        row = int(np.flatnonzero(~np.isfinite(matrix[:, bad[0]]))[0])
        made_of = ", ".join(
            f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
            for name, value in prepared.iloc[row].items()
        )
        raise InputError(
            f"formula {formula.text!r}: the term {names[bad[0]]!r} is not a finite number where {made_of}; "
            "choose a term that is defined there (a logarithm takes numbers above 0, a root numbers from 0)"
        )
    return matrix, names, made.model_spec.transform_state
