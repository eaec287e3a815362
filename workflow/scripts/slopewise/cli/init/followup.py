"""Which column ends a patient's follow-up, and in which unit: its name proposes, the visits before it decide.

A follow-up ends no earlier than the last visit and, where patients are seen until it ends, not long after it. So a
column of unknown name or unit is tried in each unit against the visits, and what is taken on such evidence is a guess
that says what it would mean otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from slopewise.cli.columns import Column, named, readable
from slopewise.cli.init.clock import Clock, fitting_format
from slopewise.cli.init.guess import COVARIATES, START
from slopewise.cli.init.units import duration, without_unit
from slopewise.cohort.clock import DAYS, read_times
from slopewise.cohort.named_units import named_unit, vocabulary
from slopewise.sources.table import TextTable

FOLLOWUP = vocabulary(
    "time futime followup fu fup followuptime futimes survtime survivaltime survival tte timetoevent os ostime pfs "
    "pfstime eventtime lastcontact lastdate enddate endoffollowup end exit stop stime stay los lengthofstay aval "
    "nachbeobachtung beobachtungszeit uberlebenszeit letzterkontakt ende suivi findesuivi survie seguimiento "
    "supervivencia dateofdeath deathdate censordate timetodeath ttd dfs ttp rfs duration exittime lastfollowup lastfu "
    "lastseen"
)
PARTS = ("follow", "futime", "surv", "lastcontact", "endof", "nachbeob", "uberleb", "suivi", "timeto", "seguim")
ENDINGS = ("time", "tte", "zeit", "dur")
LATE = 0.8
"""Share of patients whose follow-up must not end before their last visit."""
PRESENT = 0.8
NEAR = 3.0
"""Typical steps between visits after which a follow-up ends that is near its last visit."""
RELATED = 0.6
"""Rank correlation with the last visits from which a column without a telling name could be the follow-up, in the
visits' own unit or in one that its name says; and in any other unit."""
CLOSELY = 0.9


@dataclass(frozen=True)
class FollowUp:
    """A column that could be the follow-up: its unit, how well it fits, and why it is not taken (empty: it could be).

    `guess` is said on the terminal where the unit was not told by the name.
    """

    column: str
    unit: str
    score: float
    why_not: str = ""
    guess: str = ""
    date_format: str = "auto"
    missing: int = 0


@dataclass(frozen=True)
class UnitFit:
    """A column in one unit beside the last visits: share not before them, median distance, largest follow-up."""

    unit: str
    late: float
    before: int
    after: float
    longest: float


def candidates(table: TextTable, columns: Mapping[str, Column], clock: Clock) -> list[FollowUp]:
    """All columns that could be the follow-up, best first; those that are not taken say why, nearest first, last."""
    found = [one for column in columns.values() if (one := _candidate(table, column, clock)) is not None]
    return sorted(found, key=lambda one: (bool(one.why_not), -one.score, one.column))


def told_followup(table: TextTable, column: Column, clock: Clock, unit: str) -> FollowUp:
    """The column that the user named, in the unit that was told or that fits."""
    found = _candidate(table, column, clock, told=True, unit=unit)
    return found if found is not None else FollowUp(column.name, unit or clock.unit, 0.0)


def name_score(column: str) -> int:
    """How well a column's name says follow-up, whatever unit stands in it."""
    bare = without_unit(column)
    best = max(named(column, FOLLOWUP, PARTS), named(bare, FOLLOWUP, PARTS) if bare else 0)
    return best or int(bare.endswith(ENDINGS) or not bare)  # a name that is a unit and nothing else


def _candidate(table: TextTable, column: Column, clock: Clock, told: bool = False, unit: str = "") -> FollowUp | None:
    name = column.name
    score = name_score(name)
    if not told and (named(name, COVARIATES) == 3 or (named(name, START) >= 2 and not score)):
        return None
    if not (column.is_number or column.is_date):
        odd = column.odd if column.odd and column.odd != "text" else ""
        return FollowUp(name, "", score, f"it has {odd}") if score and odd else None
    missing = len(column.values) - column.present
    if column.present < PRESENT * len(column.values) and not told:
        why = f"it is missing for {missing} of {len(column.values)} patients"
        return FollowUp(name, "", score, why) if score else None
    if column.is_date:
        return _dates(table, column, clock, score, missing)
    if clock.dates and clock.zero is None and not told:
        why = "it is a number, the visits have dates, and no date of time zero was found from which it could count"
        return FollowUp(name, "", score, why) if score else None
    return _durations(table, column, clock, score, told, unit, missing)


def _dates(table: TextTable, column: Column, clock: Clock, score: int, missing: int) -> FollowUp | None:
    date_format = fitting_format(table, column, clock.date_format)
    if not score:
        return None
    if not clock.dates and clock.zero is None:
        why = f"it has dates, the visits are in {clock.unit}, and no date of time zero was found from which they count"
        return FollowUp(column.name, "date", score, why)
    values, _ = read_times(table, column.name, "date", date_format)
    days = values - (clock.zero_of(table) if not clock.dates else 0.0)
    fit = _fit(table, days, "days", clock)
    why = "" if fit.late >= LATE else f"it ends before the last visit of {fit.before} of {len(clock.last)} patients"
    return FollowUp(column.name, "date", score + fit.late, why, "", date_format, missing)


def _durations(
    table: TextTable, column: Column, clock: Clock, score: int, told: bool, unit: str, missing: int
) -> FollowUp | None:
    """A column of numbers, in the unit that its name says and the visits allow, else in that which fits them."""
    values = column.values.astype(float)
    if unit:
        return FollowUp(column.name, unit, float(score), missing=missing)
    own = named_unit(column.name, short=False)
    fits = {other: _fit(table, values, other, clock) for other in DAYS if other != "date"}
    default = own or clock.unit
    near = [fit for fit in fits.values() if fit.late >= 0.95 and fit.after <= NEAR * clock.gap]
    related = _related(table, values, clock)
    alike = column.distinct > 10 and ((related >= RELATED and fits[default] in near) or (related >= CLOSELY and near))
    if not score and not told and not alike:
        return None
    chosen = fits[default]
    if chosen not in near and near and related >= RELATED:
        chosen = fits[clock.unit] if fits[clock.unit] in near else min(near, key=lambda fit: fit.after)
    if chosen.late < LATE:
        where = f"in {default}" + ("; its name suggests it" if own else "")
        why = f"{where}, it ends before the last visit of {chosen.before} of {len(clock.last)} patients"
        return FollowUp(column.name, default, score, why)
    guess = ""
    if chosen.unit != own:
        guess = _consequence(chosen, fits[default], own, clock)
    return FollowUp(
        column.name, chosen.unit, score + chosen.late + (chosen in near) + max(related, 0.0), "", guess,
        missing=missing,
    )  # fmt: skip


def _consequence(chosen: UnitFit, default: UnitFit, own: str, clock: Clock) -> str:
    """What the unit that was taken means, and what another would."""
    visits = duration(clock.span, clock.unit)
    longest = duration(chosen.longest, chosen.unit)
    if chosen.unit == clock.unit and not own:
        return f"in {chosen.unit}, as the visits: {longest} at the most, where visits go on for {visits}"
    told = f"A GUESS: in {chosen.unit}, {longest} of follow-up at the most, where visits go on for {visits}"
    if chosen.unit != default.unit:
        why = "as its name suggests" if own else "the unit of the visits"
        if default.late < LATE:
            before = f"{default.before} of {len(clock.last)} patients"
            return f"{told}; in {default.unit}, {why}, it would end before the last visit of {before}"
        return f"{told}; in {default.unit}, {why}, it would be {duration(default.longest, default.unit)}"
    return told


def _fit(table: TextTable, values: np.ndarray, unit: str, clock: Clock) -> UnitFit:
    """Compare follow-up in `unit` with each patient's last visit (in the clock's unit)."""
    ends = pd.Series(values * DAYS[unit] / DAYS[clock.unit], index=clock.ids(table)).groupby(level=0).first()
    after = (ends.reindex(clock.last.index) - clock.last).dropna()
    if after.empty:
        return UnitFit(unit, 0.0, 0, np.inf, 0.0)
    early = after < -max(1e-9, 0.01 * clock.gap)
    return UnitFit(unit, float(1 - early.mean()), int(early.sum()), float(after.median()), float(np.nanmax(values)))


def _related(table: TextTable, values: np.ndarray, clock: Clock) -> float:
    """Rank correlation of a column with the patients' last visits."""
    ends = pd.Series(values, index=clock.ids(table)).groupby(level=0).first().reindex(clock.last.index)
    both = pd.DataFrame({"end": ends, "last": clock.last}).dropna().rank()
    if len(both) < 5 or both["end"].nunique() < 2 or both["last"].nunique() < 2:
        return 0.0
    return float(both["end"].corr(both["last"]))


def nearest(found: list[FollowUp]) -> str:
    """The nearest column that is not the follow-up, and why."""
    for one in found:
        if one.why_not:
            return f"the nearest is {readable(one.column)}: {one.why_not}"
    return "none is named like one, and none goes with the patients' last visits"
