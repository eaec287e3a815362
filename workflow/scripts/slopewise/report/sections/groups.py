"""The section on risk groups."""

from __future__ import annotations

import pandas as pd

from slopewise.figures import curves as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.sections.ladder import present
from slopewise.report.sections.thirds import thirds_section
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import count, counts_of_parts, in_words, percent
from slopewise.validate.risk_groups import GROUPS, SHOWN, RiskGroups, risk_groups, round_times


def groups_section(frames: Frames, naming: Naming) -> Section:
    """Kaplan–Meier by thirds of the validated risk, for covariates alone, levels, and levels and slopes."""
    if not naming.kind.timed:
        return thirds_section(frames, naming)
    horizon = max(naming.study.outcome.horizons)
    limit = naming.study.report.small_cells
    times = round_times(horizon)
    panels, tables = [], []
    for index, step in enumerate(present(frames, SHOWN)):
        groups = risk_groups(frames.patients, frames.predictions, step, horizon)
        at_risk = groups.at_risk(times)
        at_risk["shown"] = [count(n, limit) for n in at_risk["n"]]
        panels.append(
            draw.survival(
                groups.curves, at_risk, list(GROUPS), f"Risk by {STEP_NAMES[step]}",
                f"{naming.units} after the landmark", f"groups-{index}",
            )
        )  # fmt: skip
        tables.append(groups_table(groups, frames, naming, step))
    estimate = "one minus the Aalen–Johansen incidence" if frames.competing else "Kaplan–Meier"
    words = caption(
        "groups",
        cause=naming.cause,
        estimate=estimate,
        within=naming.duration(horizon),
        competing=in_words(list(frames.competing), "or") if frames.competing else "",
    )
    return Section(
        "groups",
        "How patients of low, middle and high risk fared",
        "groups.html.j2",
        {"picture": Picture("groups", words, panels, groups=GROUPS), "tables": tables},
    )


def groups_table(groups: RiskGroups, frames: Frames, naming: Naming, step: str) -> Table:
    """Patients, events, and survival at the horizons beside what was predicted, one row a group."""
    limit, horizons = naming.study.report.small_cells, naming.study.outcome.horizons
    own = frames.predictions[frames.predictions["predictors"] == step]
    risk = own.groupby(["patient", "horizon"], sort=True)["risk"].mean().unstack("horizon")
    lines: list[list[Cell | str]] = []
    parts = {str(group): part for group, part in groups.members.groupby("group", sort=False)}
    sizes = counts_of_parts([len(part) for part in parts.values()], limit)
    events = counts_of_parts([int((part["event"] == 1).sum()) for part in parts.values()], limit)
    for (group, members), size, happened in zip(parts.items(), sizes, events, strict=True):
        line: list[Cell | str] = [group, size, happened]
        for horizon in horizons:
            row = groups.at(horizon).loc[group]
            expected = 1.0 - float(risk.loc[members["patient"], horizon].mean())
            ends = f"{percent(row['ci_low'])} to {percent(row['ci_high'])}" if pd.notna(row["ci_low"]) else ""
            line += [Cell(percent(row["survival"]), ends), percent(expected)]
        lines.append(line)
    columns = ["risk", "patients", "events"]
    for horizon in horizons:
        columns += [f"free at {naming.duration(horizon)}", "predicted"]
    return Table(
        f"groups-{step}", f"Thirds of the risk by {STEP_NAMES[step]}", columns, lines, marks={"group": list(parts)}
    )
