"""Columns of a design that are products of numbers, levels and arithmetic, without reading the formula again.

formulaic decides once which columns a formula makes; their names say what each is: ``time:sex[T.m]`` is the product of
the column time and the indicator of a level. Most formulas make no others, and their matrices then cost microseconds.
Operations are those of formulaic in its order, so that the numbers are the same to the last bit.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slopewise.run.short_repr import ShortRepr

Matrix = NDArray[np.float64]
Integers = NDArray[np.int64]

OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {"log": np.log, "exp": np.exp, "sqrt": np.sqrt, "I": lambda x: x}


@dataclass(frozen=True, repr=False)
class Rows(ShortRepr):
    """The columns of a formula in `count` rows: numbers as they are, categories as places among their levels."""

    count: int
    numbers: Mapping[str, Matrix]
    codes: Mapping[str, Integers]


Factor = Callable[[Rows], Any]


@dataclass(frozen=True, repr=False)
class Products(ShortRepr):
    """A design matrix as products, column by column; the intercept is a product of nothing."""

    columns: tuple[tuple[Factor, ...], ...]

    @staticmethod
    def of(names: Sequence[str], levels: Mapping[str, Sequence[Any]], variables: Sequence[str]) -> Products | None:
        """The columns with these names; None where one of them is something else than a product of `variables`."""
        indicators, numeric = _indicators(levels), frozenset(variables) - frozenset(levels)
        columns = []
        for name in names:
            factors = [indicators.get(text) or _number(text, numeric) for text in factors_of(name)]
            columns.append([factor for factor in factors if factor is not None])
            if len(columns[-1]) < len(factors):
                return None
        return Products(tuple(map(tuple, columns)))

    def matrix(self, rows: Rows) -> Matrix:
        """The design matrix (rows, columns); not finite where an operation is not defined."""
        made = np.ones((rows.count, len(self.columns)))
        with np.errstate(all="ignore"):
            for place, factors in enumerate(self.columns):
                for factor in factors:
                    made[:, place] *= factor(rows)
        return made


def factors_of(name: str) -> list[str]:
    """The factors of a column's name, at the colons outside of brackets; none of the intercept's."""
    if name == "Intercept":
        return []
    parts, depth = [""], 0
    for letter in name:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(letter, 0)
        if letter == ":" and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts


def _indicators(levels: Mapping[str, Sequence[Any]]) -> dict[str, Factor]:
    """The indicator of every level by the texts that stand for it in a column's name."""

    def indicator(name: str, place: int) -> Factor:
        return lambda rows: (rows.codes[name] == place).astype(np.float64)

    found: dict[str, Factor] = {}
    for name, known in levels.items():
        for place, level in enumerate(known):
            for head in (name, f"C({name})"):
                for mark in ("T.", ""):
                    found[f"{head}[{mark}{level}]"] = indicator(name, place)
    return found


def _number(text: str, numeric: AbstractSet[str]) -> Factor | None:
    """Arithmetic on numeric columns; None where the text is something else."""
    if text in numeric:
        return _column(text)
    try:
        return _tree(ast.parse(text, mode="eval").body, numeric)
    except SyntaxError:
        return None


def _column(name: str) -> Factor:
    return lambda rows: rows.numbers[name]


def _tree(node: ast.expr, numeric: AbstractSet[str]) -> Factor | None:
    match node:
        case ast.Name(id=name) if name in numeric:
            return _column(name)
        case ast.Constant(value=int() | float() as value):
            return lambda rows: value
        case ast.BinOp(left, symbol, right) if type(symbol) in OPERATORS:
            one, other, apply = _tree(left, numeric), _tree(right, numeric), OPERATORS[type(symbol)]
            return None if one is None or other is None else _joined(apply, one, other)
        case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, operand):
            inner, turn = _tree(operand, numeric), operator.neg if isinstance(sign, ast.USub) else operator.pos
            return None if inner is None else _applied(turn, inner)
        case ast.Call(func=ast.Name(id=name), args=[operand], keywords=[]) if name in FUNCTIONS:
            inner, function = _tree(operand, numeric), FUNCTIONS[name]
            return None if inner is None else _applied(function, inner)
    return None


def _joined(apply: Callable[[Any, Any], Any], one: Factor, other: Factor) -> Factor:
    return lambda rows: apply(one(rows), other(rows))


def _applied(function: Callable[[Any], Any], inner: Factor) -> Factor:
    return lambda rows: function(inner(rows))
