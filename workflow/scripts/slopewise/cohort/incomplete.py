"""What lacks something that the analysis needs, and what becomes of it (`data.incomplete`).

A patient without rows, time zero, follow-up or event code, a row without a time or of a patient whom nobody knows: by
default they leave, each counted in the flow with its reason and listed among the problems; under ``error`` they are
errors. A cell that holds something wrong is an error whatever the key says, and so are ids that differ by spelling.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import pandas as pd

from slopewise.cohort.findings import ERROR, WARNING, Findings
from slopewise.cohort.flow import Flow, State
from slopewise.sources.table import shown
from slopewise.study.keys import MISSING, ColumnReference
from slopewise.study.model import Study

UNKNOWN_EVENT = -1
"""The event of a patient who has no code that the study names."""


def severity(study: Study) -> str:
    """What an incomplete patient or row is: a warning where it leaves, an error where the study is strict."""
    return WARNING if study.data.incomplete == "exclude" else ERROR


def way_out(study: Study, action: str) -> str:
    """What to do about something incomplete: it is left out unless `action` is taken."""
    return f"left out; {action}" if study.data.incomplete == "exclude" else action


def leave_incomplete(study: Study, start: State, files: tuple[str, str], findings: Findings) -> Flow:
    """The flow begun with everything in the files (`files`: of rows and of patients), without what is incomplete.

    A line for each reason that took something. An error when one reason takes most patients: then it is not they that
    are incomplete, but a key that names the wrong column.
    """
    flow = Flow(start)
    people, rows = start.people, start.rows
    _record(flow, "row_without_patient", "rows that name no patient", State(people, rows[~_nameless(rows)]))
    reason = f"rows of {files[1]} that name no patient"
    _record(flow, "nameless_patient", reason, _people(flow.state, ~_nameless(people)))
    known = flow.state.rows["patient"].isin(flow.state.people["patient"])
    reason = f"rows of patients who are not in {files[1]}"
    _record(flow, "unknown_patient", reason, State(flow.state.people, flow.state.rows[known]))
    _record(flow, "no_time", f"rows without a time ({study.data.time})",
            State(flow.state.people, flow.state.rows.dropna(subset=["time"])))  # fmt: skip
    seen = flow.state.people["patient"].isin(flow.state.rows["patient"])
    _record(flow, "no_rows", f"patients without rows in {files[0]}", _people(flow.state, seen))
    for step, column, key, what in _needed(study):
        whole = flow.state
        lacking = whole.people[step_column(step)].isna()
        if step == "no_event":
            lacking = whole.people["event"] == UNKNOWN_EVENT
        _record(flow, step, f"patients without {what} ({column})", _people(whole, ~lacking))
        if 2 * lacking.sum() > len(whole.people):
            message = f"{lacking.sum()} of {len(whole.people)} patients have no {what.split(' ', 1)[-1]}"
            action = (
                f"that is most of them: is {key} the right column, and does `data.patients` contain the same patients?"
            )
            findings.add(ERROR, files[1], message, action, column=column)
    return flow


def step_column(step: str) -> str:
    """The column of the patients whose gap is counted under `step`."""
    return {"no_time_zero": "time", "no_followup": "followup", "no_event": "event", "no_entry": "entry"}[step]


def _needed(study: Study) -> list[tuple[str, str, str, str]]:
    """What every patient needs: step of the flow, column, key and words."""
    outcome, zero = study.outcome, study.data.time_zero
    found = []
    if isinstance(zero, ColumnReference):
        found.append(("no_time_zero", zero.column, "data.time_zero", "a time zero"))
    if outcome.time is not None:
        word = "a follow-up time" if study.kind.timed else "a time of the outcome"
        found.append(("no_followup", outcome.time, "outcome.time", word))
    if outcome.event is not None:
        found.append(("no_event", outcome.event, "outcome.event", "an event code"))
    if outcome.entry is not None:
        found.append(("no_entry", outcome.entry, "outcome.entry", "a time of entry"))
    return found


def _record(flow: Flow, step: str, reason: str, after: State) -> None:
    """A line of the flow, where the step takes anything."""
    if len(after.people) < len(flow.state.people) or len(after.rows) < len(flow.state.rows):
        flow.record(step, reason, after)


def _nameless(frame: pd.DataFrame) -> pd.Series:
    return frame["patient"].isin(MISSING)


def _people(state: State, kept: pd.Series) -> State:
    """The state with the patients that are `kept`, without the rows of the others."""
    gone = state.people.loc[~kept.to_numpy(), "patient"]
    return State(state.people[kept.to_numpy()], state.rows[~state.rows["patient"].isin(gone)])


def match_ids(
    rows: pd.DataFrame, people: pd.DataFrame, study: Study, files: tuple[str, str], findings: Findings
) -> None:
    """Patients who are in one of the two files alone; `files`: names of that of the rows and that of the patients.

    Incomplete, as the study takes it; an error where the other file has the id in another spelling (001 and 1, p7 and
    P7), or where hardly any id is in both.
    """
    column = study.data.patient
    in_rows, in_people = set(rows["patient"]) - MISSING, set(people["patient"]) - MISSING
    if in_rows == in_people:
        return
    both = in_rows & in_people
    other_people, other_rows = _by_spelling(in_people), _by_spelling(in_rows)
    if len(in_rows) and len(in_people) and 2 * len(both) < min(len(in_rows), len(in_people)):
        message = f"{len(both)} of {len(in_people)} patients have rows in {files[0]}, which has {len(in_rows)} patients"
        alike = sorted(one for one in in_people - both if spelling(one) in other_rows)
        if 2 * len(alike) < len(in_people - both):
            action = "is data.patient the right column of both files, and are the ids written in the same way?"
            findings.add(ERROR, files[1], message, action, column=column)
        else:
            spelt = f"{shown(alike[0])} is written {shown(other_rows[spelling(alike[0])])} there"
            message = f"{message}: ids are text, and {spelt}"
            findings.add(ERROR, files[1], message, "write them alike in both files", column=column)
            return
    first_line = rows.index.to_series().groupby(rows["patient"]).agg(["min", "size"])
    for patient in sorted(in_rows - in_people):
        line, count = first_line.loc[patient]
        message = f"the patient is not in {files[1]} ({count} {'row' if count == 1 else 'rows'} here)"
        _tell(study, files[0], message, "add the patient there or delete the rows", other_people,
              findings, line=line, patient=patient)  # fmt: skip
    line_of = dict(zip(people["patient"], people.index, strict=True))
    for patient in sorted(in_people - in_rows):
        message = f"the patient has no rows in {files[0]}"
        _tell(study, files[1], message, "add rows or delete the patient", other_rows,
              findings, line=line_of[patient], patient=patient)  # fmt: skip


def _tell(
    study: Study, file: str, message: str, action: str, others: dict[str, str], findings: Findings,
    *, line: int, patient: str,
) -> None:  # fmt: skip
    alike = others.get(spelling(patient))
    if alike is None:
        findings.add(severity(study), file, message, way_out(study, action), line=line, patient=patient,
                     column=study.data.patient)  # fmt: skip
        return
    action = f"{action} (the other file has {shown(alike)}: ids are text)"
    findings.add(ERROR, file, message, action, line=line, patient=patient, column=study.data.patient)


def spelling(patient: str) -> str:
    """An id without what programs change: leading zeros, case, blanks, characters that nobody sees, the apostrophe by
    which spreadsheets mark text, and the decimals of a whole number (17.0)."""
    seen = patient
    if not patient.isascii():  # ASCII has no such characters
        seen = "".join(letter for letter in patient if unicodedata.category(letter) != "Cf")
    plain = "".join(seen.split()).removeprefix("'").casefold().lstrip("0")
    return plain.removesuffix(".0") if plain.removesuffix(".0").isdecimal() else plain


def _by_spelling(patients: Iterable[str]) -> dict[str, str]:
    return {spelling(patient): patient for patient in sorted(patients, reverse=True)}
