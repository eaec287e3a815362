"""The rows of a data set in the engine's order, and their design, made once for every marker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.design.evaluate import missing, require_columns
from slopewise.design.products import Matrix
from slopewise.design.recipe import Recipe, learn_levels
from slopewise.design.screen import Formula
from slopewise.growth.bayes.priors import BayesSettings
from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.run.words import level_text

Integers = NDArray[np.int64]


def expanded(columns: Matrix, places: Integers) -> Matrix:
    """X or Z (rows, k) from the design's distinct columns (rows, d - 1); a place below 0 is the intercept, ones."""
    matrix = np.ones((len(columns), len(places)))
    matrix[:, places >= 0] = columns[:, places[places >= 0]]
    return matrix


@dataclass(frozen=True)
class Specification:
    """What a growth model is, apart from data: screened formulas and settings."""

    fixed: Formula
    random: Formula
    structure: str
    reml: bool
    residual_by: str | None
    time: str
    bounds: tuple[float, float] | None
    engine: str = "slopewise"
    weights: str | None = None
    bayes: BayesSettings | None = None  # of the engine bayes

    @property
    def stateful(self) -> bool:
        return self.fixed.stateful or self.random.stateful

    def facts(self) -> dict[str, str]:
        """The formulas, for a short `repr`."""
        return {"fixed": repr(self.fixed.text), "random": repr(self.random.text)}


@dataclass(frozen=True)
class Design:
    """The recipes of X and Z, and which of the d - 1 distinct columns each design column is (-1: the intercept)."""

    fixed: Recipe
    random: Recipe
    x_columns: Integers
    z_columns: Integers

    @staticmethod
    def learn(
        specification: Specification, frame: pd.DataFrame, levels: dict[str, tuple[object, ...]]
    ) -> tuple[Design, Matrix]:
        """The design that these rows settle, and the matrix of the distinct columns of [X Z], (rows, d - 1)."""
        time, bounds = specification.time, specification.bounds
        fixed, x = Recipe.learn(specification.fixed, frame, levels, time, bounds)
        random, z = Recipe.learn(specification.random, frame, levels, time, bounds)
        if not len(fixed.names):
            raise InputError(f"fixed formula {specification.fixed.text!r}: it makes no column; write ~ time or ~ 1")
        if not len(random.names) or len(random.names) > 4:
            raise InputError(
                f"random formula {specification.random.text!r}: it makes {len(random.names)} columns, not 1 to 4"
            )
        names: dict[str, int] = {}
        for name in (*fixed.names, *random.names):
            if name != "Intercept":
                names.setdefault(name, len(names))
        design = Design(
            fixed,
            random,
            np.array([names.get(name, -1) for name in fixed.names], dtype=np.int64),
            np.array([names.get(name, -1) for name in random.names], dtype=np.int64),
        )
        return design, design.columns(x, z)

    def columns(self, x: Matrix, z: Matrix) -> Matrix:
        """The distinct columns without the intercept, in the order that `x_columns` and `z_columns` refer to."""
        count = int(max(self.x_columns.max(initial=-1), self.z_columns.max(initial=-1))) + 1
        columns = np.empty((len(x), count))
        for matrix, places in ((z, self.z_columns), (x, self.x_columns)):
            for position, place in enumerate(places):
                if place >= 0:
                    columns[:, place] = matrix[:, position]
        return columns

    @property
    def fixed_names(self) -> tuple[str, ...]:
        return self.fixed.names

    @property
    def random_names(self) -> tuple[str, ...]:
        return self.random.names

    def replay(self, frame: pd.DataFrame) -> Matrix:
        """The distinct columns of other rows, by the same recipes."""
        return self.columns(self.fixed.matrix(frame), self.random.matrix(frame))


@dataclass(frozen=True, repr=False)
class Layout(ShortRepr):
    """Rows sorted by patient (as text), time and the other columns, so that the order of the input cannot matter.

    frame: the columns that the formulas name; codes (N,): patient of each row; order: positions in the user's frame;
    ties (N,): rows with the same number agree in everything but the response, or None where no two do.
    """

    patient: str  # the column that names the patient
    patients: list[str]
    codes: Integers
    order: Integers
    frame: pd.DataFrame
    levels: dict[str, tuple[object, ...]]
    ties: Integers | None
    weights: Matrix
    strata: Integers
    stratum_names: tuple[str, ...]
    prepared: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The same rows under other models (`growth.evidence.alike`), which markers share."""

    @staticmethod
    def make(
        specification: Specification,
        frame: pd.DataFrame,
        patient: str,
        weights: str | None,
        levels: dict[str, tuple[object, ...]] | None = None,
        stratum_names: tuple[str, ...] | None = None,
    ) -> Layout:
        """Sort the rows; raises `InputError` for a column that is not there, a missing patient or a bad weight.

        levels, stratum_names: those of an earlier fit, when the rows are new ones.
        """
        extra = [name for name in (patient, weights, specification.residual_by) if name is not None]
        for name in extra:
            if name not in frame.columns:
                raise InputError(f"there is no column {name!r}; the data have {_columns(frame)}")
        for formula in (specification.fixed, specification.random):
            require_columns(formula, frame)
        codes, patients = _patient_codes(frame[patient])
        weight = _weights(frame, weights)
        strata, stratum_names = _strata(frame, specification.residual_by, stratum_names)
        variables = list(dict.fromkeys((*specification.fixed.variables, *specification.random.variables)))
        if levels is None:
            levels = learn_levels((specification.fixed, specification.random), frame)
        columns = {name: frame[name] for name in variables}
        keys = [_sort_key(columns[name]) for name in sorted(variables, key=lambda name: name == specification.time)]
        keys = [strata, weight, *keys, codes]
        order = _sorted_order(keys)
        same = np.ones(max(len(order) - 1, 0), np.bool_)
        for key in keys:
            ordered = key[order]
            same &= ordered[1:] == ordered[:-1]
        ties = np.concatenate([[0], np.cumsum(~same)]).astype(np.int64) if same.any() else None
        return Layout(
            patient=patient,
            patients=patients,
            codes=codes[order],
            order=order,
            frame=_in_order(columns, frame.index, order),
            levels=levels,
            ties=ties,
            weights=weight[order],
            strata=strata[order],
            stratum_names=stratum_names,
        )

    def response(self, frame: pd.DataFrame, name: str) -> Matrix:
        """The response in the engine's order, (N,); NaN where missing, an error where it is no finite number."""
        if name not in frame.columns:
            raise InputError(f"there is no column {name!r} to fit; the data have {_columns(frame)}")
        column = frame[name]
        if not pd.api.types.is_numeric_dtype(column.dtype):
            raise InputError(f"column {name!r} is not numeric, so it cannot be a response")
        plain = column.dtype == np.float64
        values = (column.to_numpy() if plain else column.to_numpy(np.float64, na_value=np.nan))[self.order]
        infinite = np.flatnonzero(np.isinf(values))
        if len(infinite):
            raise InputError(
                f"patient {self.patients[self.codes[infinite[0]]]}, column {name!r}: an infinite value; "
                "check its transform (a logarithm of zero?) or leave the value empty"
            )
        return values

    def kept_rows(self, values: Matrix) -> Integers:
        """Rows that have a response, in an order that does not depend on the order of the input."""
        missing = np.isnan(values)
        if self.ties is None and not missing.any():
            return self.every
        kept = np.flatnonzero(~missing)
        if self.ties is not None:
            kept = kept[np.lexsort((values[kept], self.ties[kept]))]
        return kept

    @cached_property
    def every(self) -> Integers:
        """All rows (N,)."""
        return np.arange(len(self.order))

    @cached_property
    def all_complete(self) -> bool:
        """Is no column of the formulas missing anywhere?"""
        return bool(self.complete.all())

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Rows (N,) in which no column of the formulas is missing."""
        whole = np.ones(len(self.frame), np.bool_)
        for name in self.frame.columns:
            whole &= ~missing(self.frame[name])
        return whole

    def require_complete(self, rows: Integers) -> None:
        """Raise `InputError`, naming patient and column, where a covariate of one of these rows is missing."""
        if self.all_complete or self.complete[rows].all():
            return
        for name in self.frame.columns:
            absent = self.frame[name].isna().to_numpy()[rows]
            if absent.any():
                patient = self.patients[self.codes[rows[np.flatnonzero(absent)[0]]]]
                raise InputError(
                    f"patient {patient}, column {name!r}: missing ({int(absent.sum())} rows in all), but a growth "
                    "formula needs it; fill it, or leave these rows out"
                )


def _columns(frame: pd.DataFrame) -> str:
    return ", ".join(map(str, frame.columns[:12]))


def _patient_codes(values: pd.Series) -> tuple[Integers, list[str]]:
    """Codes of the patients in the order of their names as text."""
    codes, unique = pd.factorize(values)
    absent = np.flatnonzero(codes < 0)
    if len(absent):
        row = values.index[int(absent[0])]
        raise InputError(f"column {values.name!r}: no patient in row {row}; every row needs one")
    text = [str(value) for value in unique]
    ordered = sorted(set(text))
    place = {name: rank for rank, name in enumerate(ordered)}
    rank = np.array([place[name] for name in text], dtype=np.int64)
    return rank[codes] if len(codes) else np.empty(0, np.int64), ordered


def _in_order(columns: Mapping[str, pd.Series], index: pd.Index, order: Integers) -> pd.DataFrame:
    """The columns with their rows in this order."""
    taken = {name: values.array.take(order) for name, values in columns.items()}
    return pd.DataFrame(taken, index=index.take(order), copy=False)


def _sort_key(values: pd.Series) -> NDArray[np.generic]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(np.float64, na_value=np.nan)
    return np.asarray(pd.factorize(values, sort=True)[0], dtype=np.float64)


def _sorted_order(keys: Sequence[NDArray[np.generic]]) -> Integers:
    """Order by the last key, then the one before it, and so on."""
    return np.lexsort(keys).astype(np.int64)


def residual_columns(
    frame: pd.DataFrame, residual_by: str | None, weights: str | None, known: tuple[str, ...]
) -> tuple[Integers, Matrix]:
    """Stratum and weight of each row under a fit whose strata are `known`."""
    return _strata(frame, residual_by, known)[0], _weights(frame, weights)


def _weights(frame: pd.DataFrame, name: str | None) -> Matrix:
    if name is None:
        return np.ones(len(frame))
    values = frame[name].to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise InputError(
            f"column {name!r}: the weight in row {frame.index[int(bad[0])]} is {values[bad[0]]}; "
            "weights are positive numbers; remove rows that should not count"
        )
    return values


def _strata(frame: pd.DataFrame, name: str | None, known: tuple[str, ...] | None) -> tuple[Integers, tuple[str, ...]]:
    """Stratum of every row and the strata's names, as text in sorted order (or those known from an earlier fit)."""
    if name is None:
        return np.zeros(len(frame), np.int64), ()
    if frame[name].isna().any():
        row = frame.index[int(np.flatnonzero(frame[name].isna().to_numpy())[0])]
        raise InputError(f"column {name!r}: no stratum of the residual variance in row {row}; every row needs one")
    numeric = pd.api.types.is_float_dtype(frame[name].dtype)
    text = frame[name].astype(float).map(level_text) if numeric else frame[name].astype(str)
    names = known if known is not None else tuple(sorted(text.unique().tolist()))
    codes = pd.Index(names).get_indexer(pd.Index(text)).astype(np.int64)
    if (codes < 0).any():
        unseen = text.iloc[int(np.flatnonzero(codes < 0)[0])]
        listed = ", ".join(names)
        raise InputError(f"column {name!r}: the stratum {unseen!r} was not seen by the fit; known are {listed}")
    return codes, names
