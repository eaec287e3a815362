"""A recipe's columns as plain numbers and arithmetic, so that a program without Python can build the design matrix.

A column is a product of factors, each one of:

- ``{"number": e}``: arithmetic on columns, nested lists such as ``["+", ["name", "time"], ["number", 1.0]]``;
- ``{"level": [column, level]}``: 1 where the column has that level, as text, else 0;
- ``{"of": column, "bounds": [...], "pieces": [[centre, width, c0, c1, ...], ...]}``: a piecewise polynomial (a spline,
  an orthogonal polynomial): piece k holds from bound k − 1 to bound k, Σ c_j u^j with u = (x − centre)/width.

A column without factors is the intercept. What was made is compared with the recipe itself before it is given out.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.products import factors_of
from slopewise.design.recipe import Recipe
from slopewise.design.screen import screen

Floats = NDArray[np.float64]
Factor = dict[str, Any]
Column = list[Factor]
NODES = 6
"""Points by which each piece of a piecewise polynomial is found: of degree 5 at most."""
CLOSE = 1e-10
OPERATORS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
}
STATEFUL = ("bs", "cr", "poly")


class OutOfReach(ValueError):
    """The formula has something that these columns cannot hold; the message says what."""


def plain_columns(recipe: Recipe, numbers: Mapping[str, tuple[float, float]]) -> list[Column]:
    """The columns of `recipe`, in its order; `OutOfReach` where one cannot be written so.

    `numbers`: the range of every numeric column of the formula, in and around which the result is compared with the
    recipe's own matrix.
    """
    columns = [[_factor(text, recipe, numbers) for text in factors_of(name)] for name in recipe.names]
    frame = _probe(recipe, numbers)
    own, known = evaluated(columns, frame), recipe.matrix(frame)
    if not np.allclose(own, known, rtol=CLOSE, atol=CLOSE):
        raise OutOfReach(f"the formula {recipe.formula.text}")
    return columns


def evaluated(columns: Sequence[Column], frame: pd.DataFrame) -> Floats:
    """The design matrix of `frame` (n, columns), worked out from plain columns alone."""
    made = np.ones((len(frame), len(columns)))
    for place, column in enumerate(columns):
        for factor in column:
            made[:, place] *= _values(factor, frame)
    return made


def _values(factor: Factor, frame: pd.DataFrame) -> Floats:
    if "level" in factor:
        name, level = factor["level"]
        return (frame[name].astype(str) == level).to_numpy(dtype=float)
    if "of" in factor:
        x = frame[factor["of"]].to_numpy(dtype=float)
        place = np.searchsorted(factor["bounds"], x, side="right")
        return np.array([_polynomial(factor["pieces"][k], value) for k, value in zip(place, x, strict=True)])
    return np.asarray(_arithmetic(factor["number"], frame) * np.ones(len(frame)))


def _polynomial(piece: Sequence[float], x: float) -> float:
    centre, width, *coefficients = piece
    total = 0.0
    for coefficient in reversed(coefficients):
        total = total * (x - centre) / width + coefficient
    return total


def _arithmetic(node: list[Any], frame: pd.DataFrame) -> Any:
    form, *parts = node
    if form == "name":
        return frame[parts[0]].to_numpy(dtype=float)
    if form == "number":
        return float(parts[0])
    values = [_arithmetic(part, frame) for part in parts]
    if form in ("log", "exp", "sqrt"):
        return getattr(np, form)(values[0])
    return {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "**": np.power}[form](*values)


def _factor(text: str, recipe: Recipe, numbers: Mapping[str, tuple[float, float]]) -> Factor:
    for name, levels in recipe.levels.items():
        for level in levels:
            if text in {f"{head}[{mark}{level}]" for head in (name, f"C({name})") for mark in ("T.", "")}:
                return {"level": [name, str(level)]}
    call, bracket, place = text.rpartition("[")
    if bracket and call.split("(")[0] in STATEFUL:
        return _piecewise(call, int(place.rstrip("]")), recipe, numbers)
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise OutOfReach(f"the term {text}") from None
    return {"number": _tree(tree, text)}


def _tree(node: ast.expr, text: str) -> list[Any]:
    match node:
        case ast.Name(id=name):
            return ["name", name]
        case ast.Constant(value=int() | float() as value):
            return ["number", float(value)]
        case ast.BinOp(left, operator, right) if type(operator) in OPERATORS:
            return [OPERATORS[type(operator)], _tree(left, text), _tree(right, text)]
        case ast.UnaryOp(ast.USub(), operand):
            return ["-", ["number", 0.0], _tree(operand, text)]
        case ast.UnaryOp(ast.UAdd(), operand) | ast.Call(func=ast.Name(id="I"), args=[operand]):
            return _tree(operand, text)
        case ast.Call(func=ast.Name(id="log" | "exp" | "sqrt" as function), args=[operand]):
            return [function, _tree(operand, text)]
    raise OutOfReach(f"the term {text}")


def _piecewise(call: str, place: int, recipe: Recipe, numbers: Mapping[str, tuple[float, float]]) -> Factor:
    """Column `place` of a call such as ``bs(time, df=4)``, as polynomials between its knots and beyond them."""
    tree = ast.parse(call, mode="eval").body
    if not (isinstance(tree, ast.Call) and tree.args and isinstance(tree.args[0], ast.Name)):
        raise OutOfReach(f"the term {call}, of something other than a column")
    of = tree.args[0].id
    state = dict(recipe.state.get(call, {}))
    pattern = re.compile(rf"(?:^|:){re.escape(call)}\[(\d+)\](?=:|$)")
    found = sorted({int(number) for name in recipe.names for number in pattern.findall(name)})
    names = tuple(f"{call}[{number}]" for number in found)
    single = Recipe(screen(f"~ 0 + {call}"), {}, {call: state}, names, recipe.time, recipe.bounds)
    knots = np.asarray(state.get("knots", ()), dtype=float).ravel().tolist()
    ends = [float(state[end]) for end in ("lower_bound", "upper_bound") if end in state]
    bounds = sorted({*(float(knot) for knot in knots), *ends})
    low, high = numbers[of]
    pieces = [
        _piece(lambda x: single.matrix(pd.DataFrame({of: x}))[:, found.index(place)], *span)
        for span in _spans(bounds, low, high)
    ]
    return {"of": of, "bounds": bounds, "pieces": pieces}


def _spans(bounds: Sequence[float], low: float, high: float) -> Iterator[tuple[float, float]]:
    """The ends between which each piece is sampled: those of its interval, the outer ones as wide as all of them."""
    if not bounds:
        yield low, high if high > low else low + 1.0
        return
    width = max(bounds[-1] - bounds[0], high - low) or 1.0
    yield bounds[0] - width, bounds[0]
    yield from pairwise(bounds)
    yield bounds[-1], bounds[-1] + width


def _piece(column: Any, low: float, high: float) -> list[float]:
    centre, width = (low + high) / 2, (high - low) / 2
    nodes = np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)
    values = column(centre + width * nodes)
    coefficients = np.linalg.solve(np.vander(nodes, increasing=True), values)
    return [centre, width, *coefficients.tolist()]


def _probe(recipe: Recipe, numbers: Mapping[str, tuple[float, float]]) -> pd.DataFrame:
    """Rows in and, of the time, a little around the range, with every level of every category."""
    rows = 60
    frame: dict[str, Any] = {}
    for place, name in enumerate(recipe.formula.variables):
        if name in recipe.levels:
            levels = list(recipe.levels[name])
            frame[name] = [levels[(row // (place + 1)) % len(levels)] for row in range(rows)]
        else:
            low, high = numbers[name]
            # An irrational step visits the range evenly, differently for each column.
            share = (np.arange(rows) * (np.sqrt(2.0) + place * np.sqrt(3.0))) % 1.0
            frame[name] = low + (high - low) * share
    return pd.DataFrame(frame, index=pd.RangeIndex(rows))
