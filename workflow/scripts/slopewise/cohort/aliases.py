"""Predictors that say the same: repeated, rescaled, or the same levels under other names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

CLOSE = 1e-6
"""Columns whose correlation is 1 or -1 but for this are one column on two scales: rounding in a file reaches so far."""
FEWEST = 5
LARGEST = 1e100
"""Of larger numbers no line is computed."""
SCREENED = 300
"""So many rows choose the pairs, which all rows then confirm: of thousands of markers, all rows would take long."""


def aliases(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str, str]]:
    """(column, an earlier one that it repeats, how it follows from that) among `columns` of one length.

    Numbers with NaN, or texts with None, where missing. Both are missing in the same rows.
    """
    texts: dict[tuple[int, ...], str] = {}
    groups: dict[bytes, list[str]] = {}
    for name, values in columns.items():
        if values.dtype == object:
            codes = tuple(int(code) for code in pd.factorize(values)[0])
            if len(set(codes) - {-1}) >= 2:
                first = texts.setdefault(codes, name)
                if first != name:
                    yield name, first, "the same levels, if under other names"
        else:
            groups.setdefault(np.isfinite(values).tobytes(), []).append(name)
    for names in groups.values():
        yield from _linear({name: columns[name][np.isfinite(columns[name])] for name in names})


def _linear(columns: Mapping[str, np.ndarray]) -> Iterator[tuple[str, str, str]]:
    """The pairs of complete columns of which one is a straight line of the other."""
    varying = [name for name, values in columns.items() if len(values) >= FEWEST and np.ptp(values) > 0]
    if len(varying) < 2:
        return
    matrix = np.array([_standard(columns[name][:SCREENED]) for name in varying])
    repeated = set()
    for place, name in enumerate(varying):
        if name in repeated:
            continue
        alike = np.abs(matrix[place + 1 :] @ matrix[place]) > 1 - CLOSE
        for other in np.array(varying[place + 1 :], dtype=object)[alike]:
            one, two = columns[name], columns[str(other)]
            if str(other) not in repeated and abs(_standard(one) @ _standard(two)) > 1 - CLOSE:
                repeated.add(str(other))
                yield str(other), name, _line(one, two, name)


def _standard(values: np.ndarray) -> np.ndarray:
    """Centred, of length 1; zeros where nothing varies."""
    scale = np.abs(values).max()
    centred = values / scale - (values / scale).mean() if scale > 0 else np.zeros(len(values))
    length = np.linalg.norm(centred)
    return centred / length if length > 0 else np.zeros(len(values))


def _line(one: np.ndarray, two: np.ndarray, name: str) -> str:
    """``2 × b + 3``, by least squares."""
    if np.array_equal(one, two):
        return "the same values"
    if max(np.abs(one).max(), np.abs(two).max()) > LARGEST:
        return "a multiple of it"
    slope = float(np.std(two) / np.std(one) * np.sign(_standard(one) @ _standard(two)))
    start = float(two.mean() - slope * one.mean())
    start = 0.0 if abs(start) < 1e-6 * np.abs(two).max() else start
    added = "" if not start else f" {'+' if start > 0 else '-'} {abs(start):.4g}"
    return f"{slope:.4g} × {name}{added}"
