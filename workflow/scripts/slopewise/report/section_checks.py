"""Does the answer hold: slopes made in other ways, the gain against chance, the gain in groups of patients."""

from __future__ import annotations

import math

from slopewise.report.frames import Frames
from slopewise.report.naming import Naming
from slopewise.report.numbers import count, interval, number, signed
from slopewise.report.parts import Cell, Section, Table

WAYS = {
    "nested": "cross-fitted inside the training patients (this report)",
    "in_sample": "everybody’s from one model fitted on everybody",
    "reused_folds": "cross-fitted once, validated over the same folds",
}


def checks_section(frames: Frames, naming: Naming) -> Section:
    """Sensitivity to how slopes are made, the permutation test, subgroups."""
    tables = [sensitivity_table(frames)]
    if len(frames.subgroups):
        tables.append(subgroup_table(frames, naming))
    return Section("checks", "Does the answer hold?", "checks.html.j2", {"chance": chance(frames), "tables": tables})


def sensitivity_table(frames: Frames) -> Table:
    """Validated C of level and slope with the slopes made in three ways."""
    own = frames.sensitivity.set_index(["slopes", "predictors"])["validated"]
    rows = [
        [words, number(own[way, "level"]), number(own[way, "slope"]), signed(own[way, "slope"] - own[way, "level"])]
        for way, words in WAYS.items()
    ]
    columns = ["the slopes that train and test", "level", "level and slope", "slope adds"]
    return Table("sensitivity", "Harrell’s C, validated, by how the slopes were made", columns, rows)


def chance(frames: Frames) -> str:
    """The permutation test in a sentence."""
    row = frames.permutation.iloc[0]
    if math.isnan(row["p_value"]):
        return "No slope is in the model beside the level, so there is no gain to test against chance."
    return (
        f"In the first repeats of the validation the slopes added {signed(row['gain'])} to Harrell’s C. When what "
        "levels and covariates do not explain of the "
        f"slopes was dealt to other patients, {row['permutations']} times, they added {signed(row['null_mean'])} on "
        f"average and more than {signed(row['null_high'])} in one of twenty; p = {number(row['p_value'], 3)}."
    )


def subgroup_table(frames: Frames, naming: Naming) -> Table:
    """What the slope adds in each group, Harrell’s C."""
    own = frames.subgroups[frames.subgroups["metric"] == "c_harrell"]
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
                count(int(row.events), limit),
                Cell(number(at["validated"]), interval(at["ci_low"], at["ci_high"])),
                Cell(number(row.validated), interval(row.ci_low, row.ci_high)),
                Cell(signed(row.difference), ends),
            ]
        )
    columns = ["group", "patients", "events", "level", "level and slope", "slope adds"]
    return Table("subgroups", "Harrell’s C, validated, within groups; 95% intervals", columns, rows)
