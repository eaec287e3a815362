"""The page that `slopewise check` prints. It says what `cli_check` found and decides nothing."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass

import pandas as pd
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slopewise.cli.check.effects import effect_counts
from slopewise.cli.check.examine import Examination
from slopewise.cli.columns import readable
from slopewise.cohort.findings import ERROR
from slopewise.cohort.kinds import kinds, problems_of
from slopewise.outcome.sample_size import NAGELKERKE, SHRINKAGE
from slopewise.run.words import amount, duration
from slopewise.study.model import Study

MOST_LINES = 30
MOST_ERRORS = 20
WIDEST = 100
BAR = 30
"""Longest bar, in characters."""


@dataclass(frozen=True)
class KindWords:
    """What the page calls a kind of `outcome`: who is `asked` about, what is `counted` against coefficients, and the
    column `each` of counts for one coefficient."""

    outcome: str
    asked: str
    counted: str = "events"
    each: str = "each"


AT_RISK = "Who is at risk at the landmark"
KIND_WORDS = {
    "survival": KindWords("survival outcome", AT_RISK, each="events each"),
    "binary": KindWords("binary outcome", AT_RISK, counted="patients of the rarer outcome"),
    "continuous": KindWords("continuous outcome", AT_RISK, counted="patients"),
    "none": KindWords("courses alone, no outcome", "Who is analysed"),
}
"""By kind of outcome."""


def show(found: Examination) -> None:
    """Print the page."""
    console = Console(highlight=False)
    console.width = min(console.width, WIDEST) if console.is_terminal else WIDEST
    parts = (_head, _columns, _flow, _visits, _slopes, _effects, _ladder, _horizons, _told, _verdict)
    for part in parts:
        part(console, found)


def show_errors(problems: pd.DataFrame) -> str:
    """Print the errors of the data, a line each kind; what is left to say in the last line of the command.

    A single error is that last line, and nothing is printed.
    """
    console = Console(highlight=False, soft_wrap=True)
    errors = problems_of(problems, ERROR)
    lines = [str(kind) for kind in kinds(errors)]
    if len(lines) == 1:
        return lines[0]
    for line in lines[:MOST_ERRORS]:
        console.print(Text(readable(line)))
    if len(lines) > MOST_ERRORS:
        console.print(f"and {amount(len(lines) - MOST_ERRORS, 'more kind', 'more kinds')} of error")
    return f"the study cannot run: {len(errors)} errors of {len(lines)} kinds in its data, listed above"


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(Padding(Text(readable(text), style=style), (0, 0, 0, 2)))


def _table(console: Console, columns: list[str], rows: list[list[str]], words: int = 1) -> None:
    """A table whose first `words` columns are words and whose others are numbers."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    for place, column in enumerate(columns):
        first = place < words
        width = 20 if first and words == 1 else None
        table.add_column(column, justify="left" if first else "right", overflow="fold", min_width=width)
    for row in rows[:MOST_LINES]:
        table.add_row(*(Text(readable(cell)) if cell else Text("") for cell in row))
    console.print(Padding(table, (0, 0, 0, 1)))
    if len(rows) > MOST_LINES:
        _line(console, f"and {len(rows) - MOST_LINES} more")


def _head(console: Console, found: Examination) -> None:
    study = found.study
    console.print(Text(readable(study.title or study.study), style="bold"))
    markers = amount(len(study.markers), "marker")
    _line(console, f"{found.file}: study {study.study}, {markers}, {KIND_WORDS[study.kind.name].outcome}")


def _columns(console: Console, found: Examination) -> None:
    data = found.study.data
    _title(console, "What is read")
    rows = [[line.key, line.column, line.content] for line in found.columns]
    _table(console, ["key", "column", "content"], rows, words=3)
    files = ", ".join(dict.fromkeys(line.file for line in found.columns))
    zero = data.time_zero
    zero_words = {"first_visit": "each patient's first row"}.get(str(zero)) or (
        f"{zero:g}" if isinstance(zero, float | int) else f"column {getattr(zero, 'column', zero)}"
    )
    _line(console, f"from {files}")
    unit = "dates" if data.time_unit == "date" else data.time_unit
    _line(console, f"clock: {data.time} in {unit}; results in {data.analysis_unit} since {zero_words}")
    if found.study.visits_from_zero or found.study.followup_from_zero:
        counts = data.time if found.study.visits_from_zero else found.study.outcome.time
        _line(console, f"dates beside durations: {counts} is taken to count from {zero_words}")
    times = found.cohort.measurements["time"]
    until = " up to the landmark" if math.isfinite(found.study.landmark_time) else ""
    _line(console, f"rows{until} lie at {times.min():.4g} to {times.max():.4g} {data.analysis_unit}")


def _landmark(study: Study) -> str:
    value = study.landmark
    return duration(value, study.data.analysis_unit) if isinstance(value, float) else str(value)


def _flow(console: Console, found: Examination) -> None:
    asked = KIND_WORDS[found.study.kind.name].asked
    moment = f" ({_landmark(found.study)})" if math.isfinite(found.study.landmark_time) else ""
    _title(console, f"{asked}{moment}")
    flow, survival = found.cohort.flow, found.study.kind.timed
    numbers = ["patients_removed", "rows_removed", "patients_left", "rows_left", *(["events_left"] if survival else [])]
    told = flow[flow["step"].isin(["start", "final"]) | flow[["patients_removed", "rows_removed"]].any(axis=1)]
    counts = told[numbers].astype(str).to_numpy().tolist()
    rows = [[str(reason), *row] for reason, row in zip(told["reason"], counts, strict=True)]
    names = ["", "patients out", "rows out", "patients", "rows"] + (["events"] if survival else [])
    _table(console, names, rows)


def _visits(console: Console, found: Examination) -> None:
    until = " up to the landmark" if math.isfinite(found.study.landmark_time) else ""
    _title(console, f"Visits per patient{until}")
    groups = found.visits.clip(upper=6).value_counts().sort_index()
    largest, total = int(groups.max()), len(found.visits)
    block = "█" if console.encoding.startswith("utf") else "#"
    for visits, count in groups.items():
        name = "6 or more" if visits == 6 else str(visits)
        bar = block * max(1, round(BAR * count / largest))
        console.print(Text(f"  {name:>9} {bar} {count} ({count / total:.0%})"))
    _line(console, f"median {found.visits.median():g}, largest {found.visits.max()}")


def _slopes(console: Console, found: Examination) -> None:
    _title(console, "Can patient-specific slopes be estimated? Patients by number of visits with the marker")
    unit = found.study.data.analysis_unit
    rows = [
        [
            line.marker,
            str(line.none),
            str(line.one),
            str(line.two),
            str(line.more),
            str(line.rows),
            f"{line.spread:.3g}",
        ]
        for line in found.markers
    ]
    _table(console, ["marker", "none", "1", "2", "3 or more", "rows", f"spread of times ({unit})"], rows)


def _effects(console: Console, found: Examination) -> None:
    for counts in effect_counts(found.study, found.cohort):
        _title(console, counts.title)
        _table(console, counts.columns, counts.rows, counts.words)


def _ladder(console: Console, found: Examination) -> None:
    if not found.ladder:
        return
    size, words = found.size, KIND_WORDS[found.study.kind.name]
    _title(console, f"{words.counted.capitalize()} for each coefficient")
    rows = [
        [step.name, str(step.coefficients), f"{step.events_each:.1f}" if step.coefficients else "–"]
        for step in found.ladder
    ]
    _table(console, ["step of the ladder", "coefficients", words.each], rows)
    if size is None:
        return
    _line(
        console,
        f"{amount(size.events, 'event')} among {amount(size.patients, 'patient')}. With "
        f"{amount(size.parameters, 'coefficient')} a shrinkage of {SHRINKAGE} or better requires "
        f"{size.for_shrinkage} patients, a small optimism {size.for_optimism}; the "
        f"{size.margin_of.removeprefix('the ')} is known to ± {size.margin:.3f} "
        f"(Riley et al. 2019, 10.1002/sim.7992; 2020, 10.1136/bmj.m441; taking R² of Nagelkerke as {NAGELKERKE}).",
    )


def _horizons(console: Console, found: Examination) -> None:
    if not found.horizons:
        return
    _title(console, f"Horizons ({found.study.data.analysis_unit} after the landmark)")
    rows = [
        [f"{line.horizon:g}", str(line.events), str(line.beyond), "no" if line.reason else "yes"]
        for line in found.horizons
    ]
    _table(console, ["horizon", "events by then", "patients followed longer", "supported"], rows, words=0)


def _told(console: Console, found: Examination) -> None:
    for title, lines, style in (("Warnings", found.warnings, "yellow"), ("Notes", found.notes, "")):
        if lines:
            _title(console, title)
        for line in lines[:MOST_LINES]:
            _line(console, f"- {line}", style)
        if len(lines) > MOST_LINES:
            _line(console, f"and {len(lines) - MOST_LINES} more")


def _verdict(console: Console, found: Examination) -> None:
    time = found.time
    _title(console, "The run")
    work = f"{amount(time.jobs, 'job')}, {amount(f'{time.growth_fits:,}', 'growth model')}"
    work += f", {amount(f'{time.ladder_fits:,}', 'ladder')} of outcome models" if time.ladder_fits else ""
    _line(console, f"{time} on two cores ({work}); the first run ever takes a minute more")
    if found.stops:
        several = len(found.stops) > 1
        _line(console, f"The study cannot run{':' if several else '.'}", "bold red")
        for stop in found.stops if several else ():  # one alone is the last line of the command
            _line(console, f"- {stop}", "red")
        return
    told = f", with {amount(len(found.warnings), 'warning')}" if found.warnings else ""
    _line(console, f"The study can run{told}:", "bold green")
    _line(console, f"snakemake --cores all --config study={shlex.quote(str(found.file))}")
