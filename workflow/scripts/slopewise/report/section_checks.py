"""Does the answer hold: slopes made in other ways, the gain against chance, the gain in groups of patients."""

from __future__ import annotations

import math

from slopewise.report.frames import Frames
from slopewise.report.naming import Naming
from slopewise.report.numbers import count, interval, number, signed
from slopewise.report.parts import Cell, Section, Table
from slopewise.report.wording import HEADLINES

WAYS = {
    "nested": "cross-fitted inside the training patients (this report)",
    "apparent": "not validated: the shipped model on its own training patients",
    "in_sample": "everybody’s from one model fitted on everybody",
    "reused_folds": "cross-fitted once, validated over the same folds",
}


COUNTED = {
    "survival": "events",
    "binary": "patients with the outcome, or without it,",
    "continuous": "patients",
}
"""Of what a group needs ten, by kind of outcome."""


def checks_section(frames: Frames, naming: Naming) -> Section:
    """Sensitivity to how slopes are made, the permutation test, subgroups."""
    tables = [sensitivity_table(frames)]
    if len(frames.subgroups):
        tables.append(subgroup_table(frames, naming))
    context = {
        "chance": chance(frames),
        "tables": tables,
        "metric": metric_of(frames),
        "counted": COUNTED[naming.kind],
        "pairs": naming.kind != "continuous",
    }
    return Section("checks", "Does the answer hold?", "checks.html.j2", context)


def metric_of(frames: Frames) -> str:
    """The metric of these tables in words: Harrell’s C, AUC or R²."""
    return HEADLINES[str(frames.sensitivity["metric"].iloc[0])]


def sensitivity_table(frames: Frames) -> Table:
    """What level and slope predict with the slopes made in other ways, and without a validation."""
    own = frames.sensitivity.set_index(["slopes", "predictors"])["validated"]
    rows = [
        [words, number(own[way, "level"]), number(own[way, "slope"]), signed(own[way, "slope"] - own[way, "level"])]
        for way, words in WAYS.items()
    ]
    columns = ["the slopes that train and test", "level", "level and slope", "slope adds"]
    return Table("sensitivity", f"{metric_of(frames)} by how the slopes were made", columns, rows)


def chance(frames: Frames) -> str:
    """The permutation test in a sentence."""
    row = frames.permutation.iloc[0]
    if math.isnan(row["p_value"]):
        return "No slope is in the model beside the level, so there is no gain to test against chance."
    once = f"In {row['repeats']} repeats of the validation the" if row["repeats"] > 1 else "In one repeat of it the"
    return (
        f"{once} slopes added {signed(row['gain'])} to {metric_of(frames)}. When what levels and covariates do not "
        f"explain of the slopes was dealt to other patients, {row['permutations']} times, they added "
        f"{signed(row['null_mean'])} on average and more than {signed(row['null_high'])} in one of twenty; "
        f"p = {number(row['p_value'], 3)}."
    )


def subgroup_table(frames: Frames, naming: Naming) -> Table:
    """What the slope adds in each group."""
    own = frames.subgroups[frames.subgroups["metric"] == frames.sensitivity["metric"].iloc[0]]
    with_events = naming.kind != "continuous"
    level = own[own["predictors"] == "level"].set_index(["column", "group"])
    limit = naming.study.report.small_cells
    rows = []
    for row in own[own["predictors"] == "slope"].itertuples():
        at = level.loc[(row.column, row.group)]
        ends = interval(row.difference_low, row.difference_high, plus=True)
        rows.append(
            [
                f"{row.column}: {row.group}",
                count(int(row.patients), limit),
                *([count(int(row.events), limit)] if with_events else []),
                Cell(number(at["validated"]), interval(at["ci_low"], at["ci_high"])),
                Cell(number(row.validated), interval(row.ci_low, row.ci_high)),
                Cell(signed(row.difference), ends),
            ]
        )
    events = {"survival": ["events"], "binary": ["with the outcome"], "continuous": []}[naming.kind]
    columns = ["group", "patients", *events, "level", "level and slope", "slope adds"]
    return Table("subgroups", f"{metric_of(frames)}, validated, within groups; 95% intervals", columns, rows)
