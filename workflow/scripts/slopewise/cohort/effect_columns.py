"""Columns of effects as the cohort has them: as text, one value a row; a treatment with its two levels."""

from __future__ import annotations

import pandas as pd

from slopewise.cohort.findings import ERROR, Findings
from slopewise.cohort.flow import State
from slopewise.run.words import level_text
from slopewise.study.model import Study


def column_of(study: Study, cohort: State, column: str) -> pd.Series:
    """A column as text, one value a row, indexed by the line of the file."""
    rows, people = cohort.rows, cohort.people
    if column == study.data.time:
        values = rows["time"]
    elif column in rows:
        values = rows[column]
    else:
        values = rows["patient"].map(people.set_index("patient")[column])
    return values.map(level_text, na_action="ignore")


def two_levels(
    codes: pd.Series, reference: str, column: str, file: str, findings: Findings, key: str = "effects.treatment"
) -> bool:
    """Whether the treatment that `key` names has two levels, one of them the reference; else an error."""
    levels = sorted(set(codes))
    listed = ", ".join(repr(level) for level in levels[:6]) + (" and more" if len(levels) > 6 else "")
    if reference not in levels:
        message = f"no row has the reference {reference!r} ({key}.reference); the levels are {listed}"
        findings.add(ERROR, file, message, "name one of the levels", column=column)
        return False
    if len(levels) == 1:
        message = f"every row has the treatment {reference!r}, so nothing is compared"
        findings.add(ERROR, file, message, "name the column that holds both treatments", column=column)
        return False
    if len(levels) > 2:
        message = f"the treatment has {len(levels)} levels ({listed}), and an effect compares two"
        findings.add(ERROR, file, message, f"choose two of them by data.where: {{{column}: [A, B]}}", column=column)
        return False
    return True
