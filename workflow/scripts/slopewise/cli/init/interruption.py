"""`slopewise init --kind interruption`: the moment at which each unit's series is interrupted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.cli.columns import Column, is_constant, listed, named, readable, scalar
from slopewise.cli.init.clock import fitting_format
from slopewise.cli.init.guess import Look
from slopewise.cli.init.proposed_effect import ProposedEffect
from slopewise.cohort.clock import read_times
from slopewise.cohort.moments import FEWEST
from slopewise.cohort.named_units import vocabulary
from slopewise.run.errors import InputError
from slopewise.study.keys import MISSING

MOMENT = vocabulary(
    "moment law policy reform intervention interruption implemented implementation introduced introduction adopted "
    "adoption passed enacted effective exposed change changed switch switched onset start started startdate since from "
    "gesetz einfuehrung beginn loi ley inicio debut"
)
WEIGHTS = vocabulary("exposure miles population pop persons personyears denominator offset weight weights")
MOST_LEVELS, MOST_CHARACTERISTICS = 6, 6
FEWEST_UNITS = 2
"""Units with enough rows on both sides from which an effect can differ between units."""


@dataclass(frozen=True)
class Moments:
    """A column of moments, or an indicator of them: how many units have one, and how many have enough rows about it."""

    name: str
    units: int
    enough: int
    date_format: str = ""


def guess_interruption(seen: Look, patient: str, time: str, date_format: str) -> ProposedEffect:
    """The column with each unit's moment, or the one moment of all; `InputError` where the tables show neither.

    A column of moments has one value a unit, on the clock of the rows, with rows before and after it. A column of two
    levels that changes once, at the same time in every unit that changes, gives one moment for all.
    """
    table = seen.measurements
    clock, _ = read_times(table, time, "date" if seen.columns[time].is_date else "none", date_format)
    rows = pd.DataFrame({"unit": table.text[patient].to_numpy(), "time": clock}).dropna()
    found = _columns_of_moments(seen, patient, time, date_format, rows)
    if found:
        best = max(found, key=lambda one: (named(one.name, MOMENT), one.enough))
        others = [one.name for one in found if one is not best]
        return _proposed(seen, patient, best.name, f"{{column: {scalar(best.name)}}}", best, others)
    switches = _switches(seen, patient, time, rows.index, clock)
    common = [(units, name, at) for name, at, units in switches if at is not None]
    if common:
        _, name, at = max(common, key=lambda one: (named(one[1], MOMENT), one[0]))
        written = _written(at, seen.columns[time].is_date)
        return _proposed(seen, patient, name, written, _about(name, rows, pd.Series(at, rows["unit"].unique())), [])
    if switches:
        name = readable(switches[0][0])
        raise InputError(
            f"{table.name}: {name} changes once within a unit, at different times; add a column with the time of that "
            "change, one value a unit and empty for units without one, and run this again"
        )
    raise InputError(
        f"{table.name}: no column has the moment of each unit's interruption (one value a unit, on the clock of "
        f"{readable(time)}, with at least {FEWEST} rows before and {FEWEST} after it in {FEWEST_UNITS} units or more); "
        "add one, or leave out --kind interruption and write one moment for all units in the study file as "
        "effects: {interruption: {at: MOMENT}}"
    )


def _columns_of_moments(seen: Look, patient: str, time: str, date_format: str, rows: pd.DataFrame) -> list[Moments]:
    """Columns whose values lie within most units' rows, in enough units with enough rows on both sides."""
    source, columns = (seen.patients, seen.people) if seen.patients is not None else (seen.measurements, seen.columns)
    dates, found = seen.columns[time].is_date, []
    for name, column in columns.items():
        if name in (patient, time) or not (column.is_date if dates else column.is_number):
            continue
        if seen.patients is None and not is_constant(source, patient, name):
            continue
        written = fitting_format(source, column, date_format) if dates else ""
        values, _ = read_times(source, name, "date" if dates else "none", written)
        one = _about(name, rows, pd.Series(values, source.text[patient].to_numpy()).dropna(), written)
        if one.enough >= FEWEST_UNITS and 2 * one.enough >= one.units:
            found.append(one)
    return found


def _about(name: str, rows: pd.DataFrame, moments: pd.Series, date_format: str = "") -> Moments:
    """The units with rows and a moment, and those with at least `FEWEST` rows before it and from it on."""
    moment = rows["unit"].map(moments.groupby(level=0).first())
    known = rows[moment.notna()].assign(after=(rows["time"] >= moment)[moment.notna()])
    counts = known.groupby("unit")["after"].agg(["sum", "size"])
    enough = (counts["sum"] >= FEWEST) & (counts["size"] - counts["sum"] >= FEWEST)
    return Moments(name, len(counts), int(enough.sum()), date_format)


def _switches(
    seen: Look, patient: str, time: str, kept: pd.Index, clock: np.ndarray
) -> list[tuple[str, float | None, int]]:
    """Columns of two levels that change at most once within each unit, always to the same level, and in some unit.

    Each with the time of the change where it is the same in all units that change, and the number of those units.
    """
    table, found = seen.measurements, []
    for name, column in seen.columns.items():
        if name in (patient, time) or column.distinct != 2 or column.is_date:
            continue
        text = table.text[[patient, name]].to_numpy()
        cells = pd.DataFrame({"unit": text[:, 0], "time": clock, "level": text[:, 1]}).iloc[kept]
        cells = cells[~cells["level"].isin(MISSING)].sort_values(["unit", "time"], kind="stable")
        before = cells.groupby("unit")["level"].shift()
        changed = cells[before.notna() & (cells["level"] != before)]
        if not len(changed) or changed["unit"].duplicated().any() or len(set(changed["level"])) > 1:
            continue
        times = set(changed["time"])
        same = float(times.pop()) if len(times) == 1 else None
        found.append((name, same, len(changed)))
    return found


def _written(moment: float, is_date: bool) -> str:
    """A moment as the study file has it: a number, or an ISO date."""
    if is_date:
        return f'"{np.datetime64(round(moment), "D")}"'
    return f"{moment:.15g}"


def _proposed(seen: Look, patient: str, name: str, at: str, moments: Moments, others: list[str]) -> ProposedEffect:
    """The lines: the moment and why, and other columns, characteristics and weights that could be named."""
    shown = readable(name)
    reason = f"{moments.enough} of {moments.units} units with a moment have at least {FEWEST} rows before and after it"
    lines = [
        "# Does the course change in level and slope at each unit's moment, and does that differ between units?",
        f"# at: {shown}; {reason}",
    ]
    lines += [f"# at: it could also be {listed(others)}"] if others else []
    lines += ["effects:", f"  interruption: {{at: {at}}}"]
    rest = _characteristics(seen, patient, {name, *others})
    lines.append("  # horizons: [NUMBER, NUMBER], times after the moment at which the effect is given")
    if rest:
        listing = ", ".join(scalar(one) for one in rest)
        lines.append(f"  # characteristics: [{listing}], where the effect may depend on them")
    weights = [one for one, column in seen.columns.items() if named(one, WEIGHTS) >= 2 and _positive(column)]
    if weights:
        lines.append(f"# growth.weights: {readable(weights[0])}, where rows differ in how much they rest on")
    return ProposedEffect(tuple(lines), frozenset({name}), f"interruption at {shown} ({reason})", moments.date_format)


def _characteristics(seen: Look, patient: str, gone: set[str]) -> list[str]:
    """Columns with one value a unit and a few levels."""
    columns = seen.people if seen.patients is not None else seen.columns
    return [
        name
        for name, column in columns.items()
        if name not in {patient, *gone} and not column.is_date and 2 <= column.distinct <= MOST_LEVELS
        and (seen.patients is not None or is_constant(seen.measurements, patient, name))
    ][:MOST_CHARACTERISTICS]  # fmt: skip


def _positive(column: Column) -> bool:
    return column.is_number and bool(np.nanmin(column.values) > 0)
