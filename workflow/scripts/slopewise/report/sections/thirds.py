"""How patients of low, middle and high predictions fared, where the outcome has no time."""

from __future__ import annotations

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.sections.ladder import present
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import count, counts_of_parts, figures, percent
from slopewise.validate.risk_groups import GROUPS, SHOWN, thirds


def thirds_section(frames: Frames, naming: Naming) -> Section:
    """Observed beside predicted in thirds of the validated prediction, for the steps that matter."""
    tables = [thirds_table(frames, naming, step) for step in present(frames, SHOWN)]
    return Section(
        "groups", "How patients of low, middle and high predictions fared", "thirds.html.j2", {"tables": tables}
    )


def thirds_table(frames: Frames, naming: Naming, step: str) -> Table:
    """Patients, what was seen and what was predicted, one row a third; a prediction is the mean over repeats."""
    limit = naming.study.report.small_cells
    own = frames.predictions[frames.predictions["predictors"] == step]
    predicted = own.groupby("patient", sort=True)["risk"].mean()
    outcome = frames.patients.set_index("patient")["outcome"].loc[predicted.index]
    members = pd.DataFrame({"third": thirds(predicted), "predicted": predicted, "outcome": outcome})
    parts = [(name, part) for name in GROUPS if len(part := members[members["third"] == name])]
    binary = naming.kind.dichotomous
    events = counts_of_parts([int(part["outcome"].sum()) for _, part in parts], limit) if binary else []
    lines: list[list[Cell | str]] = []
    for place, (name, part) in enumerate(parts):
        line: list[Cell | str] = [name, count(len(part), limit)]
        if binary:
            exact = events[place].isdigit()
            line += [
                events[place],
                percent(part["outcome"].mean()) if exact else "–",
                percent(part["predicted"].mean()),
            ]
        else:
            line += [f"{figures(part['outcome'].mean())} ({figures(part['outcome'].std())})"]
            line += [figures(part["predicted"].mean())]
        lines.append(line)
    columns = ["prediction", "patients"]
    columns += ["with the outcome", "share", "predicted"] if binary else ["outcome, mean (SD)", "predicted, mean"]
    return Table(f"groups-{step}", f"Thirds of the prediction by {STEP_NAMES[step]}", columns, lines)
