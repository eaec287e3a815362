"""Which columns of unknown measurements are markers, how they are transformed, and why the others are left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from slopewise.cli.columns import Column, bad_cells, is_constant, looks_like_code, readable
from slopewise.cli.init.guess import Look, told
from slopewise.cohort.sentinels import as_code, sentinels
from slopewise.cohort.technical import technical
from slopewise.run.errors import InputError
from slopewise.sources.numbers import BELOW
from slopewise.sources.table import TextTable
from slopewise.study.formulas import RESERVED
from slopewise.study.rules import MARKER_NAME

FEW_VALUES = 6
"""A column with no more different values than this looks like a grade or a flag."""
SKEWED = 1.0
MARKED = re.compile(r"[<>≤≥~]?\s*[-+]?[0-9]+([.,][0-9]+)?\s*([%*†A-Za-zµ°][^0-9]*(/[0-9.]*\s*m2)?)?")
MOSTLY = 0.5
"""The least share of a column's cells that are numbers, or numbers with a mark or a unit, where it is no mere text."""


@dataclass(frozen=True)
class ProposedMarker:
    """A marker of the study file: its name, column, label, transform and unit, and what was seen of it."""

    name: str
    column: str
    label: str
    transform: str
    unit: str
    reason: str
    factors: Mapping[str, float] = field(default_factory=dict)
    """By which values in each unit of its parameter are multiplied, where it has several."""

    def in_unit(self, unit: str, factors: Mapping[str, float]) -> ProposedMarker:
        """The marker with the unit of its column, if that is known, and the factors of several units."""
        if not unit:
            return self
        return replace(self, unit=f"log {unit}" if self.transform == "log" else unit, factors=factors)


@dataclass(frozen=True)
class LeftOut:
    """A column that is no marker, and why."""

    column: str
    reason: str


def guess_markers(
    seen: Look, patient: str, time: str, taken: set[str], asked: tuple[str, ...]
) -> tuple[list[ProposedMarker], list[LeftOut]]:
    """Markers among the columns of the measurements; `taken` are the columns with another role.

    `asked` are the columns that the user named: then these and no other.
    """
    asked = tuple(_asked(seen, wanted) for wanted in asked)
    left: list[LeftOut] = []
    graded: list[Column] = []
    chosen: list[Column] = []
    for name, column in seen.columns.items():
        if name in taken or name in (patient, time):
            continue
        reason = _why_not(seen, patient, time, column)
        if asked:
            if name in asked:
                chosen.append(column)
            elif not reason:
                left.append(LeftOut(name, "not named with --marker"))
        elif reason:
            left.append(LeftOut(name, reason))
        elif column.distinct <= FEW_VALUES:
            graded.append(column)
        else:
            chosen.append(column)
    if not chosen:
        chosen, graded = graded, []
    left += [LeftOut(c.name, f"{c.distinct} different values look like a grade, not a measurement") for c in graded]
    if not chosen:
        raise InputError(
            f"{seen.measurements.name}: no column looks like a marker (numbers that change within patients); give it "
            f"with --marker COLUMN" + (f"; {left[0].column}: {left[0].reason}" if left else "")
        )
    used = set(RESERVED) | taken
    return [_marker(column, used) for column in chosen], left


def _asked(seen: Look, wanted: str) -> str:
    """The column that `--marker` names, by its own name or by that under which it is proposed as a marker."""
    names = [str(name) for name in seen.measurements.text.columns]
    if wanted not in names:
        for alike in (str.__str__, str.casefold):
            found = [name for name in names if alike(wanted) in (alike(marker_name(name, set())), alike(_bare(name)))]
            if len(found) == 1:
                return found[0]
    return told(seen.measurements, wanted, "--marker")


def _why_not(seen: Look, patient: str, time: str, column: Column) -> str:
    table = seen.measurements
    if column.present == 0:
        return "no value at all"
    if column.is_date:
        return "dates"
    if column.odd == "text":
        return _what_text(table, column)
    if column.odd:
        return column.odd
    if column.distinct < 2:
        return "one value only"
    if what := technical(column.name, column.values):
        return what
    if is_constant(table, patient, column.name):
        return "does not change within a patient"
    if looks_like_code(column):
        return "few whole numbers, which look like codes (name it with --marker if it is measured)"
    measured = np.isfinite(column.values)
    if table.text[patient][measured].value_counts().ge(2).sum() < 3:
        return "measured twice in fewer than three patients"
    clock = seen.columns[time]
    if clock.is_number and _moves_with(table.text[patient].to_numpy(), clock.values, column.values):
        return f"goes up with {readable(time)}: another clock or a count of visits"
    return ""


def _what_text(table: TextTable, column: Column) -> str:
    """What a column without numbers holds: text, or mostly numbers with a mark or a unit (``<5``, ``4 mg/l``)."""
    cells = table.text[column.name]
    known = ~table.missing(column.name)
    marked = known & cells.map(lambda cell: MARKED.fullmatch(cell) is not None).to_numpy()
    if column.distinct <= FEW_VALUES or marked.sum() < MOSTLY * column.present:
        return "text"
    plain = np.isfinite(column.values)
    below = np.array([BELOW.fullmatch(cell) is not None for cell in cells])
    told_of = bad_cells(table, column.name, np.flatnonzero(known & ~plain).tolist())
    return f"{told_of}; markers.NAME.below says how limits are read" if (below | plain | ~known).all() else told_of


def _moves_with(patients: np.ndarray, time: np.ndarray, values: np.ndarray) -> bool:
    """Whether values are a straight line in time with one slope for all patients."""
    import pandas as pd

    frame = pd.DataFrame({"patient": patients, "time": time, "value": values}).dropna()
    centred = frame[["time", "value"]] - frame.groupby("patient")[["time", "value"]].transform("mean")
    spread = centred.std()
    if not (spread > 0).all():
        return False
    return bool(centred["time"].corr(centred["value"]) > 0.999)


def _marker(column: Column, used: set[str]) -> ProposedMarker:
    codes = sentinels(column.values)
    values = column.values[np.isfinite(column.values) & ~np.isin(column.values, list(codes))]
    transform, why = "none", ""
    if values.min() > 0 and len(values) >= 10:
        raw, logged = _skewness(values), _skewness(np.log(values))
        if raw > SKEWED and abs(logged) < raw:
            transform, why = "log", f"; skewed ({raw:.1f}, of the logarithm {logged:.1f})"
    share = 1 - len(values) / len(column.values)
    gaps = f", {share:.0%} missing" if share >= 0.005 else ""
    seen = f"{len(values)} values from {values.min():.4g} to {values.max():.4g}, median {np.median(values):.4g}{gaps}"
    seen += f"; {told_codes(codes)}" if codes else ""
    unit = _unit_of(column.name)
    unit = f"log {unit}" if unit and transform == "log" else unit
    name = marker_name(column.name, used)
    used.add(name)
    return ProposedMarker(name, column.name, readable(_bare(column.name)), transform, unit, seen + why)


def told_codes(codes: Mapping[float, int]) -> str:
    """``38 × 999 stands apart and looks like a code for missing``."""
    counted = ", ".join(f"{count} × {as_code(code)}" for code, count in codes.items())
    verb = "stand apart and look like codes" if len(codes) > 1 else "stands apart and looks like a code"
    return f"{counted} {verb} for missing"


def told_factors(marker: ProposedMarker) -> str:
    """``in mg/l; values in mg/dl times 10``."""
    (wanted, _), *others = marker.factors.items()
    return f"in {wanted}; " + ", ".join(f"values in {unit} times {factor:.6g}" for unit, factor in others)


def _skewness(values: np.ndarray) -> float:
    spread = float(values.std())
    return float(((values - values.mean()) ** 3).mean() / spread**3) if spread > 0 else 0.0


def _unit_of(name: str) -> str:
    """A unit that stands in brackets in a column's name, as in ``CRP [mg/l]``."""
    found = re.search(r"[\[(]([^\[\]()]{1,30})[\])]\s*$", name)
    return readable(found[1].strip()) if found and found[1].strip() else ""


def _bare(column: str) -> str:
    """A column's name without a unit in brackets."""
    return re.sub(r"[\[(][^\[\]()]*[\])]\s*$", "", column).strip() or column


def marker_name(column: str, used: set[str]) -> str:
    """A name for a marker, made of its column's: letters, digits and `_`, none of `used`."""
    plain = unicodedata.normalize("NFKD", _bare(column).replace("ß", "ss")).encode("ascii", "ignore").decode()
    name = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_")[:80]
    if not MARKER_NAME.fullmatch(name):
        name = f"marker_{name}".strip("_")
    candidate, number = name, 2
    while candidate in used:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
