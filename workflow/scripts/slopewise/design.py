"""From a screened formula to a frozen recipe, and from a recipe to a design matrix.

formulaic evaluates Python, so a formula is data only after the screen below: it is parsed with `ast` and may hold
names of columns, numbers, the operators of model formulas, and calls of a short list of functions. A `Recipe` then
keeps every decision that the training rows settled (levels, knots, polynomial constants) and replays it on new rows,
so that a held-out patient can never change how it is encoded.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.run import InputError

Matrix = NDArray[np.float64]

MAX_CHARACTERS = 500
MAX_TERMS = 200
MAX_EXPONENT = 3
MAX_BASIS = 20  # columns that one poly, bs or cr may ask for
KEYWORDS: Mapping[str, frozenset[str]] = {
    "log": frozenset(),
    "sqrt": frozenset(),
    "exp": frozenset(),
    "C": frozenset(),
    "poly": frozenset({"degree", "raw"}),
    "bs": frozenset({"df", "knots", "degree", "include_intercept"}),
    "cr": frozenset({"df", "knots"}),
}
SPLINES = frozenset({"bs", "cr"})
_BACKTICK = re.compile(r"`([A-Za-z0-9_. -]{1,100})`")


@dataclass(frozen=True)
class Formula:
    """A formula that passed the screen: its text, the columns it names and the functions it calls."""

    text: str
    variables: tuple[str, ...]
    calls: tuple[str, ...]
    categorical: tuple[str, ...]  # columns inside C(...)
    stateful: bool  # some constant is learned from the training rows
    polynomial: bool  # of degree 4 at most in every numeric column


class _Screen:
    """Walks the syntax tree of a formula and refuses everything that is not on the list."""

    def __init__(self, text: str, aliases: Mapping[str, str]) -> None:
        self.text = text
        self.aliases = aliases
        self.variables: dict[str, None] = {}
        self.calls: dict[str, None] = {}
        self.categorical: dict[str, None] = {}
        self.stateful = False
        self.polynomial = True

    def refuse(self, what: str, remedy: str) -> InputError:
        return InputError(f"formula {self.text!r}: {what}; {remedy}")

    def terms(self, node: ast.expr) -> int:
        """Screen one node of formula level; an upper bound for the number of its terms."""
        match node:
            case ast.BinOp(left, ast.Add() | ast.Sub(), right):
                count = self.terms(left) + self.terms(right)
            case ast.BinOp(left, ast.Mult(), right):
                first, second = self.terms(left), self.terms(right)
                count = first * second + first + second
            case ast.BinOp(left, ast.MatMult(), right):  # ":" of the formula
                count = self.terms(left) * self.terms(right)
            case ast.BinOp(left, ast.Div(), right):
                first = self.terms(left)
                count = first + first * self.terms(right)
            case ast.BinOp(left, ast.Pow(), right):
                count = self.terms(left) ** int(self.exponent(right))
            case ast.UnaryOp(ast.USub() | ast.UAdd(), ast.Constant(value=0 | 1)):
                count = 1
            case ast.Constant(value=value):
                if isinstance(value, bool) or value not in (0, 1):
                    raise self.refuse(f"{value!r} is not a term", "only 0 and 1 (the intercept) may stand alone")
                count = 1
            case ast.Name() | ast.Call():
                self.factor(node)
                count = 1
            case _:
                raise self.refuse(
                    f"{_shown(node)} is not allowed",
                    "terms are columns and calls of " + ", ".join(KEYWORDS) + ", joined by + - * : / **",
                )
        if count > MAX_TERMS:
            raise self.refuse(f"it expands to more than {MAX_TERMS} terms", "write out the terms that you need")
        return count

    def factor(self, node: ast.expr) -> None:
        """Screen what stands inside one factor: arithmetic, names, numbers and listed calls."""
        match node:
            case ast.Name(id=name):
                self.variables[self.aliases.get(name, name)] = None
            case ast.Constant(value=value):
                self.number(value)
            case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult(), right):
                self.factor(left)
                self.factor(right)
            case ast.BinOp(left, ast.Div(), right):
                self.polynomial = self.polynomial and isinstance(right, ast.Constant)
                self.factor(left)
                self.factor(right)
            case ast.BinOp(left, ast.Pow(), right):
                self.polynomial = self.polynomial and float(self.exponent(right)).is_integer()
                self.factor(left)
            case ast.UnaryOp(ast.USub() | ast.UAdd(), operand):
                self.factor(operand)
            case ast.Call(func=ast.Name(id=name)) if name in KEYWORDS:
                self.call(name, node)
            case ast.Call():
                raise self.refuse(f"{_shown(node.func)} is no known function", "use one of " + ", ".join(KEYWORDS))
            case _:
                raise self.refuse(f"{_shown(node)} is not allowed", "inside a call use columns, numbers, + - * / **")

    def call(self, name: str, node: ast.Call) -> None:
        if len(node.args) < 1 or (not KEYWORDS[name] and len(node.args) > 1):
            raise self.refuse(f"{name} takes one column first", f"write {name}(time) or the like")
        self.calls[name] = None
        first, *rest = node.args
        if name == "C":
            if not isinstance(first, ast.Name):
                raise self.refuse("C takes the name of one column", "make the column beforehand")
            self.categorical[self.aliases.get(first.id, first.id)] = None
        self.factor(first)
        options: dict[str, Any] = {}
        for keyword in node.keywords:
            if keyword.arg not in KEYWORDS[name]:
                raise self.refuse(f"{name} has no option {keyword.arg!r} here", _options(name))
            options[keyword.arg] = self.option(keyword.value)
        for position, value in enumerate(rest):
            options[("degree", "raw")[position] if name == "poly" and position < 2 else f"#{position}"] = self.option(value)
        self.state(name, options)

    def state(self, name: str, options: Mapping[str, Any]) -> None:
        """Does this call learn anything from rows, and is it a polynomial?"""
        if name == "poly":
            self.stateful = self.stateful or not options.get("raw", False)
            self.polynomial = self.polynomial and options.get("degree", 1) <= 4
        elif name in SPLINES:
            self.stateful = True
            self.polynomial = False
        elif name in {"log", "sqrt", "exp"}:
            self.polynomial = False

    def option(self, node: ast.expr) -> Any:
        """The value of an option: a number, True or False, or a list of numbers."""
        if isinstance(node, ast.List | ast.Tuple):
            if len(node.elts) > MAX_BASIS:
                raise self.refuse("the list is too long", f"at most {MAX_BASIS} knots")
            return [self.option(element) for element in node.elts]
        sign = 1
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            node, sign = node.operand, -1
        if not isinstance(node, ast.Constant):
            raise self.refuse(f"{_shown(node)} is not allowed as an option", "options are numbers, True or False")
        if isinstance(node.value, bool):
            return node.value
        self.number(node.value)
        if isinstance(node.value, int) and abs(node.value) > MAX_BASIS and sign > 0:
            raise self.refuse(f"{node.value} is too large an option", f"at most {MAX_BASIS}; write a knot as {node.value}.0")
        return sign * node.value

    def number(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.refuse(f"{value!r} is not a plain number", "text and other literals are not allowed")

    def exponent(self, node: ast.expr) -> float:
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_EXPONENT:
            raise self.refuse(f"the exponent {_shown(node)} is not allowed", f"exponents are numbers up to {MAX_EXPONENT}")
        return value


def _shown(node: ast.expr) -> str:
    return repr(ast.unparse(node).replace(" @ ", ":")[:40])


def _options(name: str) -> str:
    return "its options are " + ", ".join(sorted(KEYWORDS[name])) if KEYWORDS[name] else "it has none"


def screen(text: str) -> Formula:
    """Check that `text` is a formula and nothing more.

    A one-sided formula such as ``"~ time * sex + age"``. Backticks quote a column whose name is no Python name.
    Raises `InputError` with the offending part and what is allowed instead.
    """
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"formula {text!r}: it is empty; write for example ~ time")
    if len(text) > MAX_CHARACTERS:
        raise InputError(f"formula {text[:40]!r}...: {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    body = text.strip().removeprefix("~").strip()
    aliases: dict[str, str] = {}

    def alias(found: re.Match[str]) -> str:
        name = f"backtick_{len(aliases)}_"
        aliases[name] = found.group(1)
        return name

    replaced = _BACKTICK.sub(alias, body)
    for character in "{}`~|^%@;\\\"'":
        if character in replaced:
            raise InputError(f"formula {text!r}: {character!r} is not allowed; see the list of what a formula may hold")
    if "\n" in replaced or not replaced.isascii():
        raise InputError(f"formula {text!r}: one line of plain characters only; quote other names with backticks")
    walker = _Screen(text, aliases)
    try:
        tree = ast.parse(replaced.replace(":", "@"), mode="eval")
        walker.terms(tree.body)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise InputError(f"formula {text!r}: it cannot be read; write for example ~ time * sex + age") from None
    clash = [name for name in walker.variables if name in KEYWORDS]
    if clash:
        raise walker.refuse(f"{clash[0]!r} is both a function and a column", "rename the column")
    return Formula(
        text="~ " + body,
        variables=tuple(walker.variables),
        calls=tuple(walker.calls),
        categorical=tuple(walker.categorical),
        stateful=walker.stateful,
        polynomial=walker.polynomial,
    )


def is_text(values: pd.Series) -> bool:
    """Does formulaic treat this column as categorical?"""
    return isinstance(values.dtype, pd.CategoricalDtype) or not (
        pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype)
    )


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
                levels[name] = tuple(sorted(values.dropna().unique().tolist(), key=lambda level: (str(type(level)), level)))
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
        result = np.zeros((len(frame), len(self.names)))
        for offset, weight in stencil.items():
            result += weight * self.matrix(frame.assign(**{self.time: now + offset * step}))
        return result / (12.0 * step[:, None])

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
    for node in ast.walk(ast.parse(_python(formula.text.removeprefix("~")), mode="eval")):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SPLINES:
            first = node.args[0]
            if isinstance(first, ast.Name) and first.id == time:
                state[ast.unparse(node)] = {"lower_bound": float(bounds[0]), "upper_bound": float(bounds[1])}
    return state


def _python(text: str) -> str:
    """The formula as text that `ast` reads: ":" becomes "@", backticks go."""
    return _BACKTICK.sub("quoted", text).replace(":", "@").strip()


def _functions() -> dict[str, Any]:
    """The functions that a formula may call and that formulaic lacks or has otherwise.

    Splines continue their end polynomials beyond the bounds (as R does), because a held-out patient may have a row
    outside the range of the training patients.
    """
    from formulaic.transforms import basis_spline
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
        return basis_spline(
            x, df=df, knots=knots, degree=degree, include_intercept=include_intercept, extrapolation="extend", _state=_state
        )

    return {"sqrt": np.sqrt, "log": np.log, "exp": np.exp, "bs": bs}


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
                raise InputError(
                    f"column {name!r}: the level {level!r} was not seen before; known are {', '.join(map(str, levels[name]))}"
                )
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
    from formulaic import ModelSpec
    from formulaic import Formula as Parsed

    prepared = _prepared(formula, frame, levels)
    spec = ModelSpec(
        formula=Parsed(formula.text), materializer="pandas", na_action="ignore", output="numpy", transform_state=state
    )
    try:
        with np.errstate(all="ignore"):
            made = spec.get_model_matrix(prepared, context=_functions())
    except (ValueError, KeyError, TypeError, ZeroDivisionError, ArithmeticError) as error:
        raise InputError(f"formula {formula.text!r}: {str(error).splitlines()[0][:200]}") from None
    except Exception as error:  # formulaic wraps whatever a factor raised
        cause = error.__cause__ or error
        raise InputError(f"formula {formula.text!r}: {str(cause).splitlines()[0][:200]}") from None
    matrix = np.ascontiguousarray(np.asarray(made, dtype=np.float64).reshape(len(frame), -1))
    names = tuple(str(name) for name in made.model_spec.column_names)
    bad = np.flatnonzero(~np.isfinite(matrix).all(axis=0))
    if len(bad):
        row = int(np.flatnonzero(~np.isfinite(matrix[:, bad[0]]))[0])
        raise InputError(
            f"formula {formula.text!r}: the term {names[bad[0]]!r} is not a finite number in row {frame.index[row]}; "
            "check the values it is made of (a logarithm of zero?)"
        )
    return matrix, names, made.model_spec.transform_state
