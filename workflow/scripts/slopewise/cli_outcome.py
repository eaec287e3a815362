"""Is there a follow-up time and an event among the columns? A proposal with its reasons, or the reason for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from slopewise.cli_columns import Column, is_constant, listed, named, readable, vocabulary, words
from slopewise.cli_guess import UNITS, Look, Named, Proposal, told
from slopewise.cohort.clock import DAYS, read_times
from slopewise.run import InputError
from slopewise.sources import Table
from slopewise.study_keys import canonical_code

FOLLOWUP = vocabulary(
    "futime followup fu fup followuptime survtime survivaltime survival tte timetoevent os ostime pfs pfstime "
    "eventtime lastcontact lastdate enddate endoffollowup end exit stop nachbeobachtung letzterkontakt ende suivi "
    "findesuivi seguimiento dateofdeath deathdate censordate"
)
FOLLOWUP_PARTS = ("follow", "futime", "surv", "lastcontact", "endof", "nachbeob", "suivi")
EVENT = vocabulary(
    "status event dead death died deceased fustat vital vitalstatus outcome mortality exitus ereignis verstorben tod "
    "deces evento fallecido transplant relapse progression"
)
EVENT_PARTS = ("status", "event", "death", "dead")
CENSORED = vocabulary("0 censored censor cens alive living no n none false lebt lebend zensiert nein vivant non vivo")
YES = vocabulary("yes y true ja j oui si sim")
COVARIATES = vocabulary("age sex gender alter geschlecht sexe edad sexo")
MOST_CODES = 6


@dataclass(frozen=True)
class ProposedOutcome:
    """A survival outcome: its columns, unit and codes, and why; `reason` alone when there is none to propose."""

    reason: str
    followup: str = ""
    unit: str = ""
    event: str = ""
    events: Mapping[str, str] = field(default_factory=dict)
    competing: Mapping[str, str] = field(default_factory=dict)
    censored: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    other_covariates: tuple[str, ...] = ()
    event_reason: str = ""

    @property
    def found(self) -> bool:
        """Whether there is a follow-up time, an event column and a code for the event."""
        return bool(self.followup and self.event and self.events)


def of_patients(seen: Look, patient: str, time: str) -> tuple[Table, dict[str, Column]]:
    """The table with the patient-level columns, and these: a file of patients, or what is constant in the rows."""
    if seen.patients is not None:
        return seen.patients, {name: column for name, column in seen.people.items() if name != patient}
    table = seen.measurements
    return table, {
        name: column
        for name, column in seen.columns.items()
        if name not in (patient, time) and column.present and is_constant(table, patient, name)
    }


def guess_outcome(
    seen: Look, patient: str, time: str, unit: Proposal, date_format: str, said: Named
) -> ProposedOutcome:
    """Propose a survival outcome from the columns that have one value a patient, or tell why there is none."""
    table, columns = of_patients(seen, patient, time)
    for option, column in (("--followup", said.followup), ("--event", said.event)):
        if column:
            told(table, column, option)
    if not said.outcome:
        return ProposedOutcome("no outcome was asked for (--no-outcome)")
    followup = said.followup or _followup(seen, table, columns, patient, time, unit.value, date_format)
    event = said.event or _event(columns, followup)
    where = "columns with one value a patient"
    if not followup or not event:
        wanted = (("no follow-up time", followup), ("no event", event))
        missing = " and ".join(what for what, name in wanted if not name)
        return ProposedOutcome(f"{missing} was found among the {where}", followup, event=event)
    if followup not in columns or event not in columns:
        vary = followup if followup not in columns else event
        raise InputError(f"{table.name}: column {vary!r} changes within a patient, so it cannot be the outcome's")
    events, competing, censored, why = _meaning(table.name, event, _codes(table, event), said)
    rest = [name for name in columns if name not in (followup, event) and _complete(columns[name])]
    covariates = tuple(name for name in rest if named(name, COVARIATES) >= 2)
    other = tuple(name for name in rest if name not in covariates and not columns[name].is_date)
    reason = f"{readable(followup)} and {readable(event)} have one value a patient"
    own_unit = unit.value if unit.value == "date" or not _named_unit(followup) else _named_unit(followup)
    return ProposedOutcome(reason, followup, own_unit, event, events, competing, censored, covariates, other, why)


def _named_unit(column: str) -> str:
    own = {word for word in words(column) if len(word) > 1}
    return next((unit for unit, known in UNITS.items() if own & known), "")


def _complete(column: Column) -> bool:
    """Nobody would leave the study for want of it, and it is no mixture of numbers and text."""
    return column.present == len(column.values) and column.distinct >= 2 and column.odd in ("", "text")


def _followup(
    seen: Look, table: Table, columns: Mapping[str, Column], patient: str, time: str, unit: str, date_format: str
) -> str:
    """The column that ends a patient's follow-up: by its name, and no earlier than the patient's last visit."""
    clock = seen.columns[time]
    last = _last_visits(seen, patient, clock, date_format)
    best = (0.0, "")
    for name, column in columns.items():
        score = float(named(name, FOLLOWUP, FOLLOWUP_PARTS))
        if not score or column.present < len(column.values) or column.is_date != clock.is_date:
            continue
        if not (column.is_date or column.is_number):
            continue
        values = column.values
        if column.is_date:
            values, bad = read_times(table, name, "date", date_format)
            if bad:
                continue
        own = _named_unit(name) or unit
        factor = 1.0 if unit == "date" else DAYS[own] / DAYS[unit]
        ends = pd.Series(values * factor, index=table.text[patient]).groupby(level=0).first()
        late = float((ends.reindex(last.index) >= last - 1e-9).mean())
        if late >= 0.8:
            best = max(best, (score + late, name))
    return best[1]


def _last_visits(seen: Look, patient: str, clock: Column, date_format: str) -> pd.Series:
    table, values = seen.measurements, clock.values
    if clock.is_date:
        values, _ = read_times(table, clock.name, "date", date_format)
    return pd.Series(values, index=table.text[patient]).groupby(level=0).max()


def _event(columns: Mapping[str, Column], followup: str) -> str:
    """The column that says how the follow-up ended: by its name, with a few codes and none missing."""
    best = (0, "")
    for name, column in columns.items():
        whole = column.present == len(column.values)
        if name != followup and whole and not column.is_date and 2 <= column.distinct <= MOST_CODES:
            best = max(best, (named(name, EVENT, EVENT_PARTS), name))
    return best[1] if best[0] else ""


def _codes(table: Table, event: str) -> list[str]:
    cells = table.text[event][~table.missing(event)]
    return sorted({canonical_code(str(cell)) for cell in cells}, key=lambda code: (len(code), code))


def _meaning(
    file: str, event: str, codes: list[str], said: Named
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...], str]:
    """Events, competing events and censored codes with labels, and why."""
    if said.events:
        events, competing = _labelled(said.events, "--event-code"), _labelled(said.competing, "--competing-code")
        unknown = [code for code in (*events, *competing) if code not in codes]
        if unknown:
            raise InputError(
                f"{file}: column {event}: the code {unknown[0]!r} does not occur; the codes there are: {listed(codes)}"
            )
        others = tuple(code for code in codes if code not in events and code not in competing)
        return events, competing, others, "as told; all other codes count as censored"
    censored = tuple(code for code in codes if code.lower() in CENSORED)
    rest = [code for code in codes if code not in censored]
    events = {code: _label(event, code, alone=len(rest) == 1) for code in rest}
    if not censored:
        return {}, {}, (), f"its codes are {listed(codes)}, and none of them is plainly the censored one"
    if not events:
        return {}, {}, censored, f"its codes are {listed(codes)}, and none of them is an event"
    several = " taken together as one event: separate a competing one" if len(events) > 1 else " is the event"
    return events, {}, censored, f"{listed(censored)} is censored, {listed(events)}{several}"


def _label(event: str, code: str, alone: bool) -> str:
    """A label for the report: of a 1 or a yes the column's name, of other words the word."""
    if code.isdigit() or code.lower() in YES:
        return readable(event) if alone else f"{readable(event)} {code}"
    return readable(code)


def _labelled(pairs: tuple[str, ...], option: str) -> dict[str, str]:
    """``1=transplant`` as code and label; a code alone is its own label."""
    found = {}
    for pair in pairs:
        code, _, label = pair.partition("=")
        if not code.strip():
            raise InputError(f"{option} {pair!r}: write CODE=LABEL, for example 1=death")
        found[canonical_code(code.strip())] = label.strip() or code.strip()
    return found
