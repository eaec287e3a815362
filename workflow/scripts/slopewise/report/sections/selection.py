"""How often halves of the patients keep each term of the penalised models, and how alike the models are."""

from __future__ import annotations

import math
from typing import Any

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import interval, number, percent

SHOWN = 20
"""Terms of a table, those that are kept most often; outcome/selection.csv has them all."""


def selection_section(frames: Frames, naming: Naming) -> Section:
    """The tables of the steps that were examined, and what the measures say."""
    steps = list(dict.fromkeys(frames.selection["predictors"]))[::-1]
    return Section(
        "selection",
        "How stable the selection is",
        "selection.html.j2",
        {
            "filtered": bool(naming.study.filters.model_fields_set),
            "pairs": naming.study.outcome.stability,
            "event": naming.cause,
            "several": bool(frames.competing),
            "steps": [measures(frames, step) for step in steps],
            "tables": [selection_table(frames, naming, step) for step in steps],
        },
    )


def measures(frames: Frames, step: str) -> dict[str, Any]:
    """The measures of one step as text."""
    own = frames.stability[frames.stability["predictors"] == step].set_index("measure")
    value, index = own["value"], own.loc["nogueira"]
    ends = interval(index["ci_low"], index["ci_high"], 2) if math.isfinite(index["ci_low"]) else ""
    return {
        "name": STEP_NAMES[step],
        "halves": int(value["halves"]),
        "terms": int(value["terms"]),
        "kept": number(value["kept"], 1),
        "stable": int(value["stable"]),
        "bound": number(value["bound"], 1),
        "informative": bool(value["bound"] < value["stable"]),
        "index": number(index["value"], 2) if math.isfinite(index["value"]) else "",
        "ends": ends,
        "changes": percent(value["group_changes"]) if math.isfinite(value["group_changes"]) else "",
    }


def selection_table(frames: Frames, naming: Naming, step: str) -> Table:
    """The terms of one step that the halves keep most often."""
    own = frames.selection[frames.selection["predictors"] == step]
    own = own.sort_values(["frequency", "both_halves"], ascending=False, kind="stable")
    lines: list[list[Cell | str]] = [
        [
            naming.term(row.term, frames.patients),
            percent(row.frequency),
            percent(row.both_halves),
            "yes" if row.stable else "no",
        ]
        for row in own.head(SHOWN).itertuples()
    ]
    more = f" ({SHOWN} of {len(own)}; outcome/selection.csv has them all)" if len(own) > SHOWN else ""
    columns = ["term", "kept by halves", "kept by both halves of a pair", "stable"]
    return Table(f"selection-{step}", f"Terms kept most often, {STEP_NAMES[step]}{more}", columns, lines)
