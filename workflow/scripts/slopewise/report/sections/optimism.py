"""Two ways to say how much better a model looks in its own patients: the bootstrap and nested cross-validation."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.metrics.catalogue import METRICS
from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import interval, number
from slopewise.validate.examples import reference_horizon

STEPS = ("level", "slope")
LABELS = {**HEADLINES, **{name: metric.label for name, metric in METRICS.items()}}


def optimism_table(frames: Frames, naming: Naming) -> Table | None:
    """A row a metric: apparent, corrected by the bootstrap, and validated, without the slopes and with them.

    At the middle horizon; concordance up to τ. None where the study has no bootstrap.
    """
    table = frames.further["optimism"]
    if table.empty:
        return None
    horizon = reference_horizon(naming.moments)
    columns = ["metric"]
    for step in STEPS:
        columns += [f"{STEP_NAMES[step]}: apparent", "corrected", "validated, 95% interval"]
    lines: list[list[Cell | str]] = []
    for metric in [name for name in LABELS if name in set(table["metric"])]:
        line: list[Cell | str] = [LABELS[metric]]
        for step in STEPS:
            own = _at(table, step, metric, horizon)
            found = _at(frames.performance, step, metric, horizon)
            line += [
                number(own["apparent"]),
                number(own["corrected"]),
                Cell(number(found["validated"]), interval(found["ci_low"], found["ci_high"])),
            ]
        lines.append(line)
    at = naming.at(horizon)
    caption = (
        f"Apparent, corrected for optimism by {int(table['resamples'].max())} bootstrap samples through both stages, "
        f"and validated by nested cross-validation{f'; {at} after the landmark, C until τ' if at else ''}"
    )
    return Table("optimism", caption, columns, lines)


def _at(table: pd.DataFrame, step: str, metric: str, horizon: float) -> pd.Series:
    """The row of a metric at a horizon, or at the one that it has (C until τ)."""
    own = table[(table["predictors"] == step) & (table["metric"] == metric)]
    at = own[own["horizon"] == horizon]
    return (at if len(at) and not math.isnan(horizon) else own).iloc[0]
