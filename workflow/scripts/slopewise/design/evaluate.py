"""The design matrix of a screened formula: by formulaic, or where its columns are known products, by arithmetic.

What formulaic made is kept for a while, since all markers of a study often have the same rows.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.products import Integers, Matrix, Products, Rows
from slopewise.design.screen import Formula, screen_factor
from slopewise.run.errors import InputError

State = Mapping[str, Mapping[str, Any]]
Levels = Mapping[str, tuple[Any, ...]]
Evaluated = tuple[Matrix, tuple[str, ...], dict[str, dict[str, Any]]]

REMEMBERED, LARGEST = 64, 20_000
"""So many evaluations are kept, of at most so many rows."""

KNOWN = 256
"""Formulas whose columns are known products, at most."""

_known: OrderedDict[str, tuple[tuple[str, ...], Products]] = OrderedDict()


def evaluate(formula: Formula, frame: pd.DataFrame, levels: Levels, state: State) -> Evaluated:
    """Matrix (rows, columns) of a frame, the columns' names and the state of the stateful calls, which is completed.

    levels: of the categorical columns. Raises `InputError` for a missing value, an unseen level, and a term that is
    not finite.
    """
    rows = rows_of(formula, frame, levels)
    key = json.dumps([formula.text, {name: [repr(level) for level in levels[name]] for name in levels}])
    known = _known.get(key)
    if known is not None:
        names, products = known
        matrix = products.matrix(rows)
        if np.isfinite(matrix).all():
            return matrix, names, {}
    asked = _Asked(_digest(key, rows, state), formula, rows, levels, state)
    matrix, names, learned = _remembered(asked) if rows.count <= LARGEST else _by_formulaic(asked)
    if not any(learned.values()):
        _learn_products(key, names, levels, rows, formula, matrix)
    return matrix.copy(), names, {call: dict(constants) for call, constants in learned.items()}


def _learn_products(
    key: str, names: tuple[str, ...], levels: Levels, rows: Rows, formula: Formula, matrix: Matrix
) -> None:
    """Keep the columns as products, where those are what formulaic made of these rows."""
    products = Products.of(names, levels, formula.variables) if len(set(names)) == len(names) else None
    if products is None or not np.array_equal(products.matrix(rows), matrix):
        return
    _known[key] = names, products
    while len(_known) > KNOWN:
        _known.popitem(last=False)


@dataclass(frozen=True)
class _Asked:
    """An evaluation; two are the same where their digests are."""

    digest: str
    formula: Formula = field(compare=False)
    rows: Rows = field(compare=False)
    levels: Levels = field(compare=False)
    state: State = field(compare=False)


def _digest(key: str, rows: Rows, state: State) -> str:
    made = hashlib.blake2b(key.encode())
    made.update(json.dumps(state, sort_keys=True, default=plain_value).encode())
    for columns in (rows.numbers, rows.codes):
        for column in columns.values():
            made.update(column.tobytes())
    return f"{rows.count} {made.hexdigest()}"


def plain_value(value: Any) -> Any:
    """An array as lists, for JSON."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def is_text(values: pd.Series) -> bool:
    """Does formulaic treat this column as categorical?"""
    return isinstance(values.dtype, pd.CategoricalDtype) or not (
        pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype)
    )


def missing(values: pd.Series) -> NDArray[np.bool_]:
    """Which values of a column are missing, (rows,)."""
    found = np.isnan(values.to_numpy()) if values.dtype == np.float64 else values.isna().to_numpy()
    return np.asarray(found, dtype=np.bool_)


def require_columns(formula: Formula, frame: pd.DataFrame) -> None:
    missing = [name for name in formula.variables if name not in frame.columns]
    if missing:
        known = ", ".join(str(name) for name in list(frame.columns)[:12])
        raise InputError(f"formula {formula.text!r}: there is no column {missing[0]!r}; the data have {known}")


def rows_of(formula: Formula, frame: pd.DataFrame, levels: Levels) -> Rows:
    """The columns of the formula alone, complete, categories as places among their frozen levels."""
    require_columns(formula, frame)
    numbers: dict[str, Matrix] = {}
    codes: dict[str, Integers] = {}
    for name in formula.variables:
        values = frame[name]
        absent = missing(values)
        if absent.any():
            row = frame.index[int(np.flatnonzero(absent)[0])]
            raise InputError(
                f"column {name!r}: {int(absent.sum())} missing values (the first in row {row}), but formula "
                f"{formula.text!r} needs it; fill it, or remove these rows"
            )
        if name in levels:
            codes[name] = pd.Index(levels[name]).get_indexer(pd.Index(values))
            if (codes[name] < 0).any():
                level = values.iloc[int(np.flatnonzero(codes[name] < 0)[0])]
                listed = ", ".join(map(str, levels[name]))
                raise InputError(f"column {name!r}: the level {level!r} was not seen before; known are {listed}")
        elif is_text(values):
            raise InputError(f"column {name!r}: text where formula {formula.text!r} had numbers")
        else:
            numbers[name] = values.to_numpy(np.float64)
    return Rows(len(frame), numbers, codes)


def _frame(asked: _Asked) -> pd.DataFrame:
    """The rows as formulaic reads them."""
    columns: dict[str, Any] = {}
    for name in asked.formula.variables:
        if name in asked.levels:
            known = pd.Index(asked.levels[name])
            columns[name] = pd.Categorical.from_codes(asked.rows.codes[name].tolist(), categories=known)
        else:
            columns[name] = asked.rows.numbers[name]
    return pd.DataFrame(columns, index=pd.RangeIndex(asked.rows.count))


def _by_formulaic(asked: _Asked) -> Evaluated:
    """What formulaic makes of the rows; it completes the state."""
    from formulaic import Formula as Parsed
    from formulaic import ModelSpec

    formula, rows, prepared = asked.formula, asked.rows, _frame(asked)
    state = {call: dict(constants) for call, constants in asked.state.items()}
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
    matrix = np.ascontiguousarray(np.asarray(made, dtype=np.float64).reshape(rows.count, len(names)))
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


_remembered = lru_cache(REMEMBERED)(_by_formulaic)


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
