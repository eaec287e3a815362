"""Competing events: how often each cause comes, and what predicts the others."""

from __future__ import annotations

from slopewise.metrics.incidence import incidence
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.sections.coefficients import coefficient_table
from slopewise.report.sections.ladder import concordance_table, horizon_tables, present
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import MISSING, count, in_words, interval, number, percent
from slopewise.validate.gains import headlines


def competing_section(frames: Frames, naming: Naming) -> Section:
    """Aalen–Johansen incidence of every cause, then each competing event's model and its performance."""
    tables = []
    for index, (name, own) in enumerate(frames.competing.items()):
        step = next(step for step in ("slope", "level", "clinical") if step in present(own))
        table = coefficient_table(own, naming, step)
        caption = f"Hazard ratios of {name}: {STEP_NAMES[step]}"
        tables.append(Table(f"competing-{index}-coefficients", caption, table.columns, table.cells, table.words))
        measured = horizon_tables(own, naming) or [
            concordance_table(own, naming, metric) for metric in headlines(own.performance)
        ]
        for table in measured:
            caption, file = f"{name[0].upper()}{name[1:]}: {table.caption}", table.name.removeprefix("performance-")
            tables.append(Table(f"competing-{index}-{file}", caption, table.columns, table.cells, table.words))
    others = in_words(list(frames.competing))
    return Section(
        "competing",
        f"Competing events: {others}",
        "competing.html.j2",
        {"cause": naming.cause, "others": others, "incidence": incidence_table(frames, naming), "tables": tables},
    )


def incidence_table(frames: Frames, naming: Naming) -> Table:
    """How likely each cause is by each horizon, whatever the predictors: Aalen–Johansen with 95% intervals."""
    limit, patients = naming.study.report.small_cells, frames.patients
    lines: list[list[Cell | str]] = []
    for code, name in enumerate((naming.cause, *frames.competing), start=1):
        found = incidence(patients["followup"], patients["event"], code)
        line: list[Cell | str] = [name, count(int((patients["event"] == code).sum()), limit)]
        low, high = found.interval
        for horizon in naming.study.outcome.horizons:
            before = int((found.times <= horizon).sum()) - 1
            if before < 0:
                line.append(MISSING)
                continue
            ends = interval(100 * low[before], 100 * high[before], 1) if number(low[before]) != MISSING else ""
            line.append(Cell(percent(found.risk[before]), f"{ends}%" if ends else ""))
        lines.append(line)
    columns = ["first event", "patients"]
    columns += [f"within {naming.duration(horizon)}" for horizon in naming.study.outcome.horizons]
    caption = "Cumulative incidence after the landmark: Aalen–Johansen, 95% interval"
    return Table("incidence", caption, columns, lines)
