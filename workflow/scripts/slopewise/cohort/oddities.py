"""Values that are read as they stand although they look wrong: codes of missing values, outliers, piles of one value.

Each is a warning for a column, with the value, its count, where it stands first and the way out; no value is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from slopewise.cohort.conversions import APART_OR_TIME, Mixture, jumps_of_units, mixed_units
from slopewise.cohort.findings import WARNING, Findings
from slopewise.cohort.rows import TRANSFORMS
from slopewise.cohort.sentinels import as_code, sentinels
from slopewise.cohort.successive import Successive
from slopewise.study.model import Study

FAR = 10.0
"""An outlier lies beyond the quartiles by more than so many times their distance, on the scale of the transform."""

MANY_VALUES = 10
"""Scales with fewer different values pile up by their nature: only the ends are looked at, from `SCALE_END` on."""

PILED, END, SCALE_END = 0.4, 0.2, 0.6
"""Shares from which a value piles up: any value, the lowest or highest, the same on a scale of few values."""

FROM_PROGRAMS, FEW_COMPUTED = 20, 0.05
"""Families of more markers than this are computed by programs: values of several modes are no mixture of units, and no
more than this share of a marker's values is suspected."""

FEWEST = 20
"""With fewer values nothing is said: one of them stands apart too easily."""


def tell_odd_values(
    study: Study, rows: pd.DataFrame, people: pd.DataFrame, files: tuple[str, str], findings: Findings
) -> None:
    """Warn of odd values of the markers in `rows`, before their transform, and of numeric covariates and a continuous
    outcome in `people`.

    The frames are indexed by the line of the file; `files`: of visits and of patients.
    """
    successive, many = Successive(rows), len(study.markers) > FROM_PROGRAMS
    for name, marker in study.markers.items():
        range_ = f", or state what is possible in markers.{name}.plausible"
        apply = TRANSFORMS[marker.transform].apply
        computed = many and bool(marker.family)
        mixture = _mixture(rows[name], few=FEW_COMPUTED if computed else None)
        units = _units(rows[name], mixture, range_)
        told = [
            *_codes(rows[name], range_),
            *(units if units or computed else _jumps(rows, successive, name, range_)),
            *_outliers(rows[name], mixture, apply, range_),
            *_piles(rows[name]),
        ]
        for message, action, line in told:
            findings.add(WARNING, files[0], message, action, line=line, column=marker.column)
    numeric = [
        name
        for name in dict.fromkeys((*study.outcome.covariates, *study.model_columns))
        if name in people and pd.api.types.is_numeric_dtype(people[name])
    ]
    columns = {name: people[name] for name in numeric}
    measured = study.kind.numeric and study.outcome.column is not None and "outcome" in people
    for name, column in (columns | ({str(study.outcome.column): people["outcome"]} if measured else {})).items():
        mixture = _mixture(column, conversions=APART_OR_TIME)
        told = [*_codes(column, ""), *_units(column, mixture, ""), *_outliers(column, mixture, lambda x: x, "")]
        told += [] if name in columns else _piles(column)
        for message, action, line in told:
            findings.add(WARNING, files[1], message, action, line=line, column=name)


Told = tuple[str, str, int]


def _codes(values: pd.Series, range_: str) -> Iterator[Told]:
    """Numbers that look like codes of missing values."""
    known = values.dropna()
    for code, count in sentinels(known.to_numpy(dtype=float)).items() if len(known) >= FEWEST else ():
        others = known[known != code]
        message = (
            f"{as_code(code)} occurs {_times(count)} and lies far from the other values ({others.min():g} to "
            f"{others.max():g}), as a code for a missing value would"
        )
        action = f"if it is one, name it in data.missing: [{as_code(code)}]{range_}"
        yield message, action, int(known.index[known == code][0])


def _without_codes(values: pd.Series) -> pd.Series:
    known = values.dropna()
    return known[~known.isin(list(sentinels(known.to_numpy(dtype=float))))]


def _mixture(values: pd.Series, **how: Any) -> Mixture | None:
    """The `mixed_units` of the values `_without_codes`; `how`: what else it takes."""
    return mixed_units(_without_codes(values).to_numpy(dtype=float), **how)


def _units(values: pd.Series, mixture: Mixture | None, range_: str) -> list[Told]:
    """Values that one conversion of units, of their `_mixture`, brings to the others."""
    known = _without_codes(values)
    if mixture is None:
        return []
    some, others, factor = known[mixture.other], known[~mixture.other], mixture.conversion.factor
    by = f"divided by {factor:.6g}" if factor > 1 else f"times {1 / factor:.6g}"
    one = len(some) == 1
    message = (
        f"{len(some)} {'value lies' if one else 'values lie'} apart from the others ({others.min():g} to "
        f"{others.max():g}), such as {some.iloc[0]:g}, and {'would lie' if one else 'would all lie'} among them "
        f"{by}, as in another unit ({mixture.conversion.example})"
    )
    action = f"bring all values to one unit, or correct the {'cell' if one else 'cells'}{range_}"
    return [(message, action, int(some.index[0]))]


def _jumps(rows: pd.DataFrame, successive: Successive, name: str, range_: str) -> list[Told]:
    """Values that are one conversion of units away from the patient's previous one, oftener than chance would have."""
    values = rows[name].to_numpy(dtype=float)
    values = np.where(np.isin(values, list(sentinels(values))), np.nan, values)
    own, previous, lines = successive.pairs(values)
    found = jumps_of_units(own, previous)
    if found is None:
        return []
    factor = max(found.conversion.factor, 1 / found.conversion.factor)
    first = int(np.flatnonzero(found.jump)[np.argmin(lines[found.jump])])
    message = (
        f"{int(found.jump.sum())} values are the patient's previous value multiplied or divided by about {factor:.6g}, "
        f"such as {own[first]:g} after {previous[first]:g}, and fewer by a somewhat smaller or larger "
        f"factor: some rows may be in another unit ({found.conversion.example})"
    )
    return [(message, f"bring all values to one unit, or correct the cells{range_}", int(lines[first]))]


def _outliers(
    values: pd.Series, mixture: Mixture | None, apply: Callable[[np.ndarray], np.ndarray], range_: str
) -> Iterator[Told]:
    """Values far beyond all others that are neither codes nor, in the `_mixture`, in another unit."""
    known = _without_codes(values)
    if mixture is not None:
        known = known[~mixture.other]
    if len(known) < FEWEST:
        return
    with np.errstate(all="ignore"):
        scaled = np.asarray(apply(known.to_numpy(dtype=float)), dtype=float)
    low, high = np.nanquantile(scaled, [0.25, 0.75])
    width = high - low
    if not width > 0:
        return
    far = (scaled > high + FAR * width) | (scaled < low - FAR * width)
    if far.any():
        worst = known[far]
        extreme = worst.iloc[int(np.argmax(np.abs(scaled[far] - np.nanmedian(scaled))))]
        message = (
            f"{len(worst)} {'value lies' if len(worst) == 1 else 'values lie'} far beyond the others, such as "
            f"{extreme:g} where half of the values lie between {known.quantile(0.25):g} and {known.quantile(0.75):g}"
        )
        yield message, f"correct or empty the cell if it is a slip or another unit{range_}", int(worst.index[0])


def _piles(values: pd.Series) -> Iterator[Told]:
    """One value that a large share of the rows has: a limit of the method, a scale's end, an entry by default."""
    known = values.dropna()
    counts = known.value_counts()
    if len(known) < FEWEST or len(counts) < 3:
        return
    fine, low, high = len(counts) > MANY_VALUES, known.min(), known.max()
    for value, count in counts.items():
        share, number = count / len(known), float(str(value))
        if share < END:
            break  # the counts fall
        where = "the lowest value" if number == low else "the highest value" if number == high else ""
        least = (END if where else PILED) if fine else (SCALE_END if where else 1.0)
        if share < least:
            continue
        message = f"{share:.0%} of the values are {number:g}{f', {where}' if where else ''}"
        action = (
            "a limit of detection or the end of a scale is not a measured value, but a normal model treats it as "
            "one; consider another transform or marker"
            if where
            else "check whether it was entered by default; a normal model treats it as measured"
        )
        yield message, action, int(known.index[known == number][0])


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
