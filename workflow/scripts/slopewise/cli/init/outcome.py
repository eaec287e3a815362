"""Is there a follow-up time and an event among the columns? A proposal with its reasons, or the reason for none."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import numpy as np

from slopewise.cli.columns import Column, is_constant, listed, looks_like_code, named, readable
from slopewise.cli.init.clock import Clock
from slopewise.cli.init.codes import (
    MARKS_CENSORED,
    MARKS_EITHER,
    Meaning,
    marks_censored,
    marks_either,
    meaning,
    reading,
)
from slopewise.cli.init.followup import PRESENT, FollowUp, candidates, name_score, nearest, told_followup
from slopewise.cli.init.guess import COVARIATES, Look, Named, told
from slopewise.cohort.clock import DAYS, read_times
from slopewise.cohort.leaks import describes_outcome
from slopewise.cohort.named_units import UNITS, named_unit, vocabulary, words
from slopewise.cohort.technical import technical
from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable
from slopewise.study.keys import canonical_code

EVENT = vocabulary(
    "status event dead death died deceased fustat vital vitalstatus outcome mortality exitus ereignis verstorben tod "
    "deces evento fallecido transplant relapse progression delta evt eventstatus gestorben mort muerte overleden died "
    "failure rezidiv stat tot dth censored cnsr alive"
)
EVENT_PARTS = ("event", "death", "dead", "cnsr", "verstorb", "deceas")
STATUS = vocabulary("status stat outcome delta failure vital vitalstatus fustat")
STATUS_PARTS = ("status", "stat")
LIFE_STEMS = vocabulary("vital patient pat surv s life last final study end os fu")
MOST_CODES = 6
NOT_STEMS = vocabulary(
    "time date day days follow up last contact end of to survival surv is has ind indicator flag code"
)


@dataclass(frozen=True)
class ProposedOutcome:
    """A survival outcome: its columns, unit and codes, and why; `reason` alone when there is none to propose.

    `described`: columns that describe the outcome, which are never offered as covariates, each with its reason.
    `asked_about`: numeric columns that look like codes. `remarks`: what the terminal says besides.
    """

    reason: str
    followup: str = ""
    unit: str = ""
    date_format: str = "auto"
    event: str = ""
    events: Mapping[str, str] = field(default_factory=dict)
    competing: Mapping[str, str] = field(default_factory=dict)
    censored: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    other_covariates: tuple[str, ...] = ()
    described: Mapping[str, str] = field(default_factory=dict)
    asked_about: tuple[str, ...] = ()
    event_reason: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether there is a follow-up time, an event column and a code for the event."""
        return bool(self.followup and self.event and self.events)


def of_patients(seen: Look, patient: str, time: str) -> tuple[TextTable, dict[str, Column]]:
    """The table with the patient-level columns, and these: a file of patients, or what is constant in the rows."""
    if seen.patients is not None:
        return seen.patients, {name: column for name, column in seen.people.items() if name != patient}
    table = seen.measurements
    return table, {
        name: column
        for name, column in seen.columns.items()
        if name not in (patient, time) and column.present and is_constant(table, patient, name)
    }


def guess_outcome(seen: Look, patient: str, time: str, clock: Clock, said: Named) -> ProposedOutcome:
    """Propose a survival outcome from the columns that have one value a patient, or tell why there is none."""
    table, columns = of_patients(seen, patient, time)
    for option, column in (("--followup", said.followup), ("--event", said.event)):
        if column:
            told(table, column, option)
            if column not in columns:
                raise InputError(
                    f"{table.name}: column {column!r} changes within a patient, so it cannot be the outcome's"
                )
    if not said.outcome:
        return ProposedOutcome("no outcome was asked for (--no-outcome)")
    times = candidates(table, columns, clock)
    if said.followup:
        times = [told_followup(table, columns[said.followup], clock, said.followup_unit)]
    stems = {stem(one.column) for one in times}
    events = {said.event: 3.0} if said.event else _event_columns(table, columns, stems)
    pairs = _pairs([one for one in times if not one.why_not or said.followup], events)
    if not pairs:
        return _none(times, events, columns)
    followup, event = pairs[0]
    meant = meaning(table.name, event, _codes(table, event), said)
    settled = _settled(table, columns, followup, event, meant, times, events, clock)
    remarks = [f"time_unit of {readable(followup.column)}: {followup.guess}"] if followup.guess else []
    codeless = int(table.missing(event).sum()) if seen.patients is not None else 0
    remarks += [_lacking(event, codeless)] if codeless else []
    remarks += [_lacking(followup.column, followup.missing)] if followup.missing else []
    remarks += _other_endpoints(pairs, followup.column, event)
    rest = [name for name in columns if name not in (followup.column, event, *settled) and _complete(columns[name])]
    covariates = _once(table, [name for name in rest if named(name, COVARIATES) >= 2])
    other = tuple(
        name
        for name in rest
        if name not in covariates and not columns[name].is_date and not technical(name, columns[name].values)
    )
    reason = f"{readable(followup.column)} and {readable(event)} have one value a patient"
    if not meant.events:
        reason = f"{reason}, but {meant.why}"
    return ProposedOutcome(
        reason, followup.column, followup.unit, followup.date_format, event, meant.events, meant.competing,
        meant.censored, covariates, other, settled, tuple(name for name in rest if looks_like_code(columns[name])),
        meant.why, tuple(remarks),
    )  # fmt: skip


def _none(times: list[FollowUp], events: Mapping[str, float], columns: Mapping[str, Column]) -> ProposedOutcome:
    """No pair of a follow-up and an event: what is missing, and what came nearest."""
    taken = [one for one in times if not one.why_not]
    missing = " and ".join(what for what, there in (("no follow-up time", taken), ("no event", events)) if not there)
    reason = f"{missing} was found among the columns with one value a patient"
    if not taken:
        reason += f"; {nearest(times)} (--followup takes a column all the same)"
    if not events:
        few = [name for name, column in columns.items() if 2 <= column.distinct <= MOST_CODES and not column.is_date]
        reason += f"; with few codes there are {listed(few)}: --event takes one" if few else ""
    described = {
        one.column: "may be a time of follow-up, by its name"
        for one in times
        if name_score(one.column) and one not in taken
    }
    described |= dict.fromkeys(events, "may be an event, by its name")
    unit, written = (taken[0].unit, taken[0].date_format) if taken else ("", "auto")
    rest = [name for name in columns if name not in described and _complete(columns[name])]
    covariates = tuple(name for name in rest if named(name, COVARIATES) >= 2)
    return ProposedOutcome(
        reason, taken[0].column if taken else "", unit, written, max(events, key=lambda name: events[name], default=""),
        covariates=covariates, described=described,
    )  # fmt: skip


def _lacking(column: str, patients: int) -> str:
    who = "1 patient, who is" if patients == 1 else f"{patients} patients, who are"
    return f"{readable(column)} is missing for {who} left out"


def _once(table: TextTable, names: list[str]) -> tuple[str, ...]:
    """Columns without those that only write an earlier one otherwise: ``gender`` beside ``sex``."""
    chosen: list[str] = []
    for name in names:
        pairs = [table.text[[name, other]].drop_duplicates() for other in chosen]
        if not any(pair[name].is_unique and pair.iloc[:, 1].is_unique for pair in pairs):
            chosen.append(name)
    return tuple(chosen)


def _complete(column: Column) -> bool:
    """Hardly anybody would leave the study for want of it, and it is no mixture of numbers and text."""
    return column.present == len(column.values) and column.distinct >= 2 and column.odd in ("", "text")


def _event_columns(table: TextTable, columns: Mapping[str, Column], stems: Collection[str]) -> dict[str, float]:
    """Columns that could say how the follow-up ended, with a few codes: by name, or by texts such as ``verstorben``."""
    found = {}
    for name, column in columns.items():
        if column.is_date or not 2 <= column.distinct <= MOST_CODES or column.present < PRESENT * len(column.values):
            continue
        score = float(event_name_score(name, stems))
        read = {reading(code) for code in _codes(table, name)}
        score += 2.0 if {"event", "censored"} <= read else 0.0
        if score and not marks_either(name):
            found[name] = score + 0.5 * (column.present == len(column.values))
        elif score:
            found[name] = 1.0
    return found


def event_name_score(name: str, stems: Collection[str] = ()) -> int:
    """How well a column's name says event; a status of something else (smoking) is one only beside a time of that.

    `stems` are those of the columns of time.
    """
    clear = max(named(name, EVENT - STATUS, EVENT_PARTS), named(name, MARKS_CENSORED | MARKS_EITHER))
    own = stem(name)
    if clear or marks_censored(name):
        return max(clear, 2)
    score = named(name, STATUS, STATUS_PARTS)
    return score if not own or own in stems or own in LIFE_STEMS else 0


def stem(name: str) -> str:
    """The endpoint that a name is about: ``os`` of ``os_time``, ``OSSTAT`` and ``os.event``; empty where none is."""
    units = frozenset().union(*UNITS.values())
    kept = []
    for word in words(name):
        bare = re.sub(
            r"(time|zeit|days|months|years|weeks|hours|tte|status|stat|event|evt|cens|cnsr|ind|flag)$", "", word
        )
        if bare and bare not in NOT_STEMS | units | EVENT | frozenset(("fu", "futime")):
            kept.append(bare)
    return "".join(kept)


def _pairs(times: list[FollowUp], events: Mapping[str, float]) -> list[tuple[FollowUp, str]]:
    """Every follow-up with every event, best first: names of one endpoint belong together."""
    scored = []
    for one in times:
        for event, score in events.items():
            if event == one.column:
                continue
            first, second = stem(one.column), stem(event)
            together = (
                4.0 if first == second and first else 0.5 if first == second else -2.0 if first and second else 0.0
            )
            scored.append((one.score + score + together, one.column, event, one))
    ranked = sorted(scored, key=lambda each: (-each[0], each[1], each[2]))
    return [(one, event) for _, _, event, one in ranked]


def _other_endpoints(pairs: list[tuple[FollowUp, str]], followup: str, event: str) -> list[str]:
    """Another endpoint of the same patients, which a study of its own could have."""
    for one, other in pairs:
        if one.column != followup and other != event and stem(one.column) == stem(other) and stem(other):
            how = f"--followup {readable(one.column)} --event {readable(other)}"
            return [f"another endpoint: {readable(other)} at {readable(one.column)} ({how})"]
    return []


def _settled(
    table: TextTable, columns: Mapping[str, Column], followup: FollowUp, event: str, meant: Meaning,
    times: list[FollowUp], events: Mapping[str, float], clock: Clock,
) -> dict[str, str]:  # fmt: skip
    """Columns that are settled only after the landmark, with the reason: by name or by what they hold."""
    found = {}
    codes = [canonical_code(str(cell)) for cell in table.text[event]]
    number = {code: 1 + place for place, code in enumerate((*meant.events, *meant.competing))}
    happened = np.array([number.get(code, 0) for code in codes])
    end = _end(table, columns[followup.column], followup, clock)
    once = ~table.text[clock.patient].duplicated().to_numpy()  # one row a patient, where rows are visits
    stems = {stem(one.column) for one in times}
    other_times = {one.column for one in times if name_score(one.column)}
    for name, column in columns.items():
        if name in (followup.column, event) or not column.present:
            continue
        values = column.values
        if column.is_date:
            values, _ = read_times(table, name, "date", column.formats[0])
            values = values - clock.zero_of(table)
        else:
            own = named_unit(name, short=False) or followup.unit
            scale = DAYS.get(own, 1.0) / DAYS.get(followup.unit, 1.0)
            values = values * scale
        cells, missing = table.text[name].to_numpy(dtype=object), table.missing(name)
        why = ""
        if meant.events:
            why = describes_outcome(cells[once], values[once], missing[once], happened[once], end[once])
        by_name = column.distinct <= MOST_CODES and (name in events or event_name_score(name, stems) >= 2)
        if not why and by_name:
            why = "may be an event or the status at the end, by its name"
        if not why and name in other_times and named(name, COVARIATES) < 2:
            why = "may be a time of follow-up, by its name"
        if why:
            found[name] = why
    return found


def _end(table: TextTable, column: Column, followup: FollowUp, clock: Clock) -> np.ndarray:
    """The end of follow-up of each row, dates in days since time zero where that is known."""
    if followup.unit != "date":
        return column.values
    days, _ = read_times(table, column.name, "date", followup.date_format)
    return days - clock.zero_of(table)


def _codes(table: TextTable, event: str) -> list[str]:
    cells = table.text[event][~table.missing(event)]
    return sorted({canonical_code(str(cell)) for cell in cells}, key=lambda code: (len(code), code))
