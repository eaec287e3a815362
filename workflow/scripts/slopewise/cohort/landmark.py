"""The landmark: who is at risk at it, which rows come before it, and the count of everything that is left out.

Only rows up to the landmark s and patients whose follow-up ends after it enter anything that predicts (van
Houwelingen & Putter 2011); the outcome's clock restarts at s (docs/methods.md, section 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from slopewise.cohort.clock import TOLERANCE
from slopewise.cohort.columns import Columns
from slopewise.cohort.findings import Findings
from slopewise.cohort.flow import Flow, State
from slopewise.cohort.moments import INTERRUPTION
from slopewise.cohort.rows import measured, settle_twins
from slopewise.cohort.visit_window import warn_of_split_visit
from slopewise.run.errors import InputError
from slopewise.study.model import Study
from slopewise.tables.order import ordered

OUTCOME = ("patient", "entry", "followup", "event", "outcome")
"""Columns of the patients that are no covariates."""


def snap(times: pd.Series, landmark: float) -> pd.Series:
    """Times that differ from the landmark by rounding alone, put on it; an infinite landmark changes none."""
    if not math.isfinite(landmark):
        return times
    close = (times - landmark).abs() <= TOLERANCE * max(1.0, abs(landmark))
    return times.mask(close, landmark)


def apply_landmark(
    study: Study,
    columns: Columns,
    flow: Flow,
    file: str,
    findings: Findings,
    runs: Callable[[float], bool] | None = None,
) -> tuple[State, pd.DataFrame, pd.DataFrame]:
    """Leave out, in order and with a reason each, what does not enter the analysis; `flow` has begun, on the clock.

    Returns the cohort's patients (follow-up since the landmark) with rows up to it, its rows after it, and the flow.
    """
    s = study.landmark_time
    when = _moment(study, "({})")
    markers = list(study.markers)
    start = State(flow.state.people, flow.state.rows.assign(time=snap(flow.state.rows["time"], s)))
    if study.kind.predicts:
        start = State(start.people.assign(followup=snap(start.people["followup"], s)), start.rows)
    start = State(_with_last_values(start, columns.last_values, s), start.rows)
    flow.record(
        "no_measurement", "rows without a value of any marker", State(start.people, measured(start.rows, markers))
    )
    if columns.growth_rows:
        reason = f"rows without a value of {' or '.join(columns.growth_rows)}, which the growth model needs"
        rows = flow.state.rows.dropna(subset=list(columns.growth_rows))
        flow.record("no_growth_covariate", reason, State(start.people, rows))
    rows = settle_twins(flow.state.rows, study.data.duplicates, s, file, study.data.time, findings)
    if study.data.duplicates in ("mean", "first", "last"):
        reason = f"rows of one patient at one time ({study.data.duplicates} taken)"
        flow.record("duplicate_visit", reason, State(start.people, rows))
    if study.kind.predicts:
        _leave_without_question(flow, s, when)
    warn_of_split_visit(study, flow.state.rows, file, findings, runs)
    seen = set(flow.state.rows.loc[flow.state.rows["time"] <= s, "patient"])
    flow.record("no_visit", f"no visit up to {when}", flow.state.without(set(flow.state.people["patient"]) - seen))
    of_groups = [name for name in study.grouping if name != study.data.centre]
    _leave_missing_covariates(flow, [*study.imputable, INTERRUPTION, *of_groups])
    _leave_sparse_patients(flow, study, s)
    left = flow.state
    later = left.rows[left.rows["time"] > s]
    flow.record("later_rows", f"rows after {when} set aside", State(left.people, left.rows[left.rows["time"] <= s]))
    flow.record("final", "the cohort", flow.state)
    cohort = flow.state
    if study.kind.predicts and math.isfinite(s):
        cohort = State(cohort.people.assign(followup=cohort.people["followup"] - s), cohort.rows)
    return cohort, later, flow.frame()


def _leave_without_question(flow: Flow, s: float, when: str) -> None:
    """Excludes patients without an outcome, or with one by the landmark (infinite: the patient's last visit)."""
    people = flow.state.people
    moment = pd.Series(s, index=people.index)
    if not math.isfinite(s):
        last = flow.state.rows.groupby("patient", sort=False)["time"].max()
        moment = pd.Series(last.reindex(people["patient"]).to_numpy(), index=people.index)
    ended, word = set(people.loc[people["followup"] <= moment, "patient"]), "follow-up ended"
    if "outcome" in people:
        unknown = set(people.loc[people["outcome"].isna(), "patient"])
        flow.record("no_outcome", "the outcome is missing", flow.state.without(unknown))
        word = "the outcome was seen"
    flow.record("followup_ended", f"{word} at or before {when}", flow.state.without(ended))
    if "entry" in people:
        late = set(people.loc[snap(people["entry"], s) > s, "patient"])
        flow.record("late_entry", f"entered after {when}", flow.state.without(late))


def _moment(study: Study, around: str = "{}") -> str:
    """The landmark in words, its number set into `around`."""
    if study.landmark == "none":
        return "the patient's last visit"
    unit = "" if study.data.analysis_unit == "none" else f" {study.data.analysis_unit}"
    return f"the landmark {around.format(f'{study.landmark_time:g}{unit}')}"


def _with_last_values(state: State, covariates: tuple[str, ...], s: float) -> pd.DataFrame:
    """The patients with the last value up to the landmark of each time-varying covariate."""
    people = state.people
    for column in covariates:
        rows = state.rows.loc[(state.rows["time"] <= s) & state.rows[column].notna(), ["patient", "time", column]]
        # Sorted by value too, so that of two rows at one time the file's order does not choose.
        last = ordered(rows, ["patient", "time", column]).groupby("patient", sort=False)[column].last()
        people = people.assign(**{column: last.reindex(people["patient"]).to_numpy()})
    return people


def _leave_missing_covariates(flow: Flow, optional: list[str]) -> None:
    """A patient who lacks a covariate leaves all ladder steps, so that all are compared on the same patients.

    Not so the columns in `optional`, which are imputed, only make subgroups, or whose lack means a control.
    """
    people = flow.state.people
    lacking = people.drop(columns=[name for name in (*OUTCOME, *optional) if name in people]).isna()
    counts = ", ".join(f"{column} {count}" for column, count in lacking.sum().items() if count)
    reason = "a covariate is missing" + (f" ({counts})" if counts else "")
    flow.record("missing_covariate", reason, flow.state.without(set(people.loc[lacking.any(axis=1), "patient"])))


def _leave_sparse_patients(flow: Flow, study: Study, s: float) -> None:
    """Patients with one visit, or none, of a marker leave where the study says so."""
    rows = flow.state.rows[flow.state.rows["time"] <= s]
    if "exclude" not in (study.outcome.missing_marker, study.outcome.one_visit):
        return
    distinct = {
        marker: rows[rows[marker].notna()].groupby("patient", sort=False)["time"].nunique() for marker in study.markers
    }
    visits = pd.DataFrame(distinct).reindex(flow.state.people["patient"]).fillna(0)
    for asked, number, step, reason in (
        (study.outcome.missing_marker, 0, "missing_marker", "a marker was never measured up to the landmark"),
        (study.outcome.one_visit, 1, "one_visit", "a marker was measured at one visit only up to the landmark"),
    ):
        if asked == "exclude":
            sparse = set(visits.index[(visits == number).any(axis=1)])
            flow.record(step, reason, flow.state.without(sparse))


def refuse_empty(study: Study, cohort: State, flow: pd.DataFrame, files: tuple[str, str]) -> None:
    """Raise `InputError` when nobody, or no event, is left to learn from; `files`: of measurements and of patients."""
    people = cohort.people
    removed = flow[flow["patients_removed"] > 0]
    lost = "; ".join(f"{why}: {n}" for why, n in zip(removed["reason"], removed["patients_removed"], strict=True))
    when = _moment(study)
    if len(people) < 2:
        raise InputError(
            f"{files[0]}: too few patients ({len(people)}) are left at {when} ({lost}); "
            "check landmark, data.analysis_unit and data.time_zero"
        )
    if "outcome" in people:
        if people["outcome"].nunique() < 2:
            raise InputError(
                f"{files[1]}: column {study.outcome.column}: the outcome is the "
                f"same for all {len(people)} patients at {when}; check outcome.column and landmark"
            )
        return
    if study.kind.predicts and not (people["event"] == 1).any():
        raise InputError(
            f"{files[1]}: column {study.outcome.event}: none of the "
            f"{len(people)} patients at risk at {when} has the event; check outcome.events and landmark"
        )
