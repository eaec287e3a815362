"""Who is in the study, who left and why, and what the report's patients look like."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from slopewise.cohort.findings import ERROR, NOTE, WARNING
from slopewise.cohort.kinds import Kind, general, kinds, problems_of
from slopewise.metrics.ipcw import kaplan_meier
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.sections.excluded import excluded_table
from slopewise.report.words.kinds import WORDS
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import MISSING, count, count_of, counts_of_parts, figures, in_words, number, percent
from slopewise.report.words.scales import mean_and_sd, value_label
from slopewise.run.words import amount
from slopewise.study.kinds import KINDS
from slopewise.study.kinds import Kind as OutcomeKind

SURVIVAL = KINDS["survival"]
MOST_COLUMNS = 6
"""So many columns with findings of one kind are named."""


@dataclass(frozen=True)
class Removal:
    """One or more exclusion steps of the flow: the reasons, and how many patients they removed."""

    reasons: list[str]
    removed: int


@dataclass(frozen=True)
class Flow:
    """The flow for drawing: texts alone, small counts already masked."""

    start: str
    start_detail: str
    removals: list[tuple[str, str]]
    end: str
    end_detail: str


def removals(flow: pd.DataFrame, limit: int) -> list[Removal]:
    """The exclusion steps that removed somebody, small ones joined with their neighbours.

    A masked ``<5`` could be found by subtracting what is left, so steps are put together until `limit` is reached.
    """
    steps = [
        Removal([masked(str(row.reason if pd.notna(row.reason) else row.step), limit)], int(row.patients_removed))
        for row in flow.itertuples()
        if row.patients_removed > 0
    ]
    joined: list[Removal] = []
    for step in steps:
        if joined and (step.removed < limit or joined[-1].removed < limit):
            last = joined.pop()
            step = Removal([*last.reasons, *step.reasons], last.removed + step.removed)
        joined.append(step)
    return joined


def masked(reason: str, limit: int) -> str:
    """A reason that counts by column, as in ``a covariate is missing (age 2, sex 11)``, with small counts masked."""
    return re.sub(r" (\d+)(?=, |\)$)", lambda found: f" {count(int(found[1]), limit)}", reason)


def flow_of(flow: pd.DataFrame, limit: int, kind: OutcomeKind = SURVIVAL) -> Flow:
    """The cohort flow in texts; `kind` of the outcome, in a study without which nobody is asked about."""
    first, last = flow.iloc[0], flow.iloc[-1]
    steps = removals(flow, limit)
    total = sum(step.removed for step in steps)
    started = int(last["patients_left"]) + total
    # With fewer than `limit` removed in all, an exact start would tell how many.
    start = f"fewer than {int(last['patients_left']) + limit}" if 0 < total < limit else count(started, limit)
    rows = int(first["rows_left"]) + int(first["rows_removed"])
    events = ""
    if kind.has_events:
        events = f", {count(int(last['events_left']), limit)} with the {WORDS[kind.name].event} later"
    return Flow(
        start=f"{start} {'patient' if start == '1' else 'patients'} in the files",
        start_detail=f"{amount(rows, 'row')} of measurements",
        removals=[(count(step.removed, limit), in_words(step.reasons, "or")) for step in steps],
        end=f"{amount(count(int(last['patients_left']), limit), 'patient')} {WORDS[kind.name].analysed}",
        end_detail=f"{amount(int(last['rows_left']), 'row')}{' up to it' if kind.predicts else ''}{events}",
    )


def cohort_section(frames: Frames, naming: Naming) -> Section:
    """Flow, follow-up, characteristics, and what was odd in the files."""
    limit = naming.study.report.small_cells
    return Section(
        "patients",
        "The patients",
        "cohort.html.j2",
        {
            "flow": flow_of(frames.flow, limit, naming.kind),
            "clock": clock_sentence(naming),
            "followup": followup_sentence(frames, naming) if naming.kind.predicts else "",
            "characteristics": characteristics(frames, naming),
            "excluded": excluded_table(frames, naming),
            "problems": problem_lines(frames.problems, limit),
        },
    )


def clock_sentence(naming: Naming) -> str:
    """What the clock is, and why it matters."""
    if naming.predictor != "time" and not naming.kind.predicts:
        return (
            f"The groups are the values of the column {naming.study.data.patient}, which this report calls patients; "
            f"the slope is with respect to {naming.predictor}, not time."
        )
    clock = (
        f"The clock counts {naming.units} from time zero, which is {naming.time_zero}. It determines the meaning of "
        f"an intercept"
    )
    clock += (
        "; with independent intercepts and slopes (growth.structure: diagonal) it is also part of the model."
        if naming.study.growth.structure == "diagonal"
        else "; it does not change slopes or predictions."
    )
    if naming.predictor != "time":
        clock = (
            f"The clock counts {naming.units} from time zero, which is {naming.time_zero}. Slopes are with respect to "
            f"{naming.predictor}, not time, and levels are those at {naming.moment}."
        )
    if not naming.has_landmark:
        taken = "; a patient’s level and slope are those at the last visit" if naming.predictor == "time" else ""
        return f"{clock} All visits are used{taken}."
    if not naming.study.kind.predicts:
        return f"{clock} Only measurements up to the landmark, {naming.duration(naming.landmark)}, are used."
    return (
        f"{clock} The landmark is {naming.duration(naming.landmark)}: only measurements up to it are used for "
        f"prediction"
        f"{', and only patients still at risk then are included' if naming.kind.timed else ''}."
    )


def followup_sentence(frames: Frames, naming: Naming) -> str:
    """Events and the median follow-up by the reverse Kaplan–Meier estimate."""
    if not naming.kind.timed:
        return outcome_sentence(frames, naming)
    limit = naming.study.report.small_cells
    patients = frames.patients
    median = kaplan_meier(patients["followup"], patients["event"] == 0).median
    sentence = (
        f"After the landmark {count_of(frames.n_events, frames.n_patients, limit)} had the event ({naming.cause})"
    )
    if median == float("inf"):
        return f"{sentence}. The reverse Kaplan–Meier estimate stays above one half, so follow-up has no median."
    years = f"{number(median, 1)} {naming.units}"
    return f"{sentence}. Median follow-up was {years} (reverse Kaplan–Meier)."


def outcome_sentence(frames: Frames, naming: Naming) -> str:
    """A binary outcome: how many; a continuous one: mean and standard deviation."""
    if naming.kind.dichotomous:
        shown = count_of(frames.n_events, frames.n_patients, naming.study.report.small_cells)
        return f"The outcome ({naming.cause}) occurred in {shown}."
    column = frames.patients["outcome"]
    return (
        f"The outcome ({naming.cause}) averages {figures(column.mean())}, standard deviation {figures(column.std())}."
    )


def characteristics(frames: Frames, naming: Naming) -> Table:
    """Covariates, and each marker's first and last value: mean (SD), or count (share); of all, and by outcome."""
    groups = by_outcome(frames, naming)
    rows: list[list[Cell | str]] = []
    for name in naming.study.outcome.covariates:
        rows += _covariate(name, frames.patients, groups, naming)
    last_words = "last value up to the landmark" if naming.has_landmark else "last value"
    for marker in naming.pictured[:FIRST]:
        own = frames.of("slopes", marker).set_index("patient")
        for column_name, words in (("first", "first value"), ("last", last_words)):
            rows.append(_numeric(value_label(marker, words, naming), own[column_name], groups, naming, marker))
    visits = frames.measurements.groupby("patient")["time"].nunique()
    until = " up to the landmark" if naming.has_landmark else ""
    shown = [_median_range(visits[visits.index.isin(members)]) for members in groups.values()]
    limit = naming.study.report.small_cells
    rows.append([f"visits{until}, median (range)", *shown, count(len(visits), limit)])
    heads = [f"{name} ({count(len(members), limit)})" for name, members in groups.items()]
    return Table(
        "patients",
        f"{'At the landmark: m' if naming.has_landmark else 'M'}ean (standard deviation) or number (share)",
        ["characteristic", *heads, "patients with a value"],
        rows,
    )


Groups = dict[str, pd.Index]
"""The columns of the table of characteristics with their patients, that of all patients first."""


def by_outcome(frames: Frames, naming: Naming) -> Groups:
    """All patients, and those with and without the event, where it has two groups that are large enough to report."""
    patients = frames.patients.set_index("patient")
    groups = {"all": patients.index}
    if not naming.kind.has_events:
        return groups
    had = patients["event" if "event" in patients else "outcome"] == 1
    if min(had.sum(), (~had).sum()) < max(naming.study.report.small_cells, 2):
        return groups
    event = naming.words.event
    return groups | {f"with the {event}": patients.index[had], f"without the {event}": patients.index[~had]}


def _covariate(name: str, patients: pd.DataFrame, groups: Groups, naming: Naming) -> list[list[Cell | str]]:
    """One row of a number, one for each level of a text.

    Where one level is rare in one group, no level is counted by outcome: its number would follow from the others.
    """
    limit, column = naming.study.report.small_cells, patients.set_index("patient")[name]
    if pd.api.types.is_numeric_dtype(column):
        return [_numeric(name, column, groups, naming)]
    levels = sorted(column.dropna().astype(str).unique())
    known = count(int(column.notna().sum()), limit)
    whole, *parts = [
        [int((column[members].astype(str) == level).sum()) for level in levels] for members in groups.values()
    ]
    shown = [_shares(whole, len(column), limit)]
    rare = any(0 < n < limit for part in parts for n in part)
    sizes = [len(members) for members in groups.values()][1:]
    shown += [
        [MISSING] * len(levels) if rare else _shares(part, size, limit) for part, size in zip(parts, sizes, strict=True)
    ]
    return [[f"{name}: {level}", *(cells[place] for cells in shown), known] for place, level in enumerate(levels)]


def _shares(numbers: list[int], size: int, limit: int) -> list[str]:
    """How many patients have each level, and their share where the count is shown."""
    return [
        f"{shown} ({percent(n / size)})" if shown == str(n) else shown
        for n, shown in zip(numbers, counts_of_parts(numbers, limit), strict=True)
    ]


def _numeric(
    label: Cell | str, column: pd.Series, groups: Groups, naming: Naming, marker: str = ""
) -> list[Cell | str]:
    """Mean and standard deviation in each group; by outcome only where each group has enough values."""
    limit = naming.study.report.small_cells
    whole, *parts = [column[column.index.isin(members)] for members in groups.values()]
    enough = all(part.notna().sum() >= limit for part in parts)
    shown = [_mean_sd(part, naming, marker) if enough else MISSING for part in parts]
    return [label, _mean_sd(whole, naming, marker), *shown, count(int(column.notna().sum()), limit)]


def _mean_sd(column: pd.Series, naming: Naming, marker: str) -> str:
    if column.notna().sum() <= 1:
        return MISSING
    return mean_and_sd(float(column.mean()), float(column.std()), naming, marker)


def _median_range(column: pd.Series) -> str:
    return f"{column.median():g} ({column.min():g} to {column.max():g})" if len(column) else MISSING


def file_words(kind: Kind, limit: int) -> str:
    """A kind of finding in a sentence without end, naming no patient and no single value; small counts are masked."""
    first, number = kind.first, len(kind.problems)
    if first.is_whole:
        columns = [str(problem.column) for problem in kind.problems if problem.column]
        others = f" and {len(columns) - MOST_COLUMNS} more" if len(columns) > MOST_COLUMNS else ""
        such = f" ({number} such findings: columns {', '.join(columns[:MOST_COLUMNS])}{others})" if number > 1 else ""
        message = re.sub(
            r"\b(\d+)( of \d+ patients)", lambda found: count(int(found[1]), limit) + found[2], first.message
        )
        text = f"{message}{such}; {first.action}"
    else:
        column = f", column {first.column}" if first.column else ""
        patients = amount(count(kind.concerned, limit), "patient" if first.patient is not None else "row")
        text = f"{general(first, first.message)} ({patients}{column}); {general(first, first.action)}"
    return text[:1].upper() + text[1:]


def problem_lines(problems: pd.DataFrame, limit: int) -> list[str]:
    """What reading the files found, a line a kind, the gravest first."""
    found = [problem for severity in (ERROR, WARNING, NOTE) for problem in problems_of(problems, severity)]
    return [f"{kind.first.severity}: {file_words(kind, limit)}" for kind in kinds(found)]
