"""Whether the effect of a batch (`data.batch`) can be distinguished from differences between patients and over time."""

from __future__ import annotations

import pandas as pd

from slopewise.cohort.findings import ERROR, WARNING, Findings
from slopewise.run.words import amount
from slopewise.sources.table import shown
from slopewise.study.model import Study

FEW = 5
"""Batches of fewer patients are named: a training set may lack them."""

TOLD_APART, ALIKE = 1e-8, 0.05
"""Shares of the variance of time that lies within batches: from the first on their effects are identified, below the
second with a warning."""


def examine_batches(study: Study, rows: pd.DataFrame, people: pd.DataFrame, file: str, findings: Findings) -> None:
    """Errors for one batch alone, a batch of one patient, and batches that are moments in time; warnings for less.

    `rows` and `people` are the cohort's; the batch is a column of either.
    """
    if study.data.batch is None:
        return
    column = study.data.batch.column
    if column not in rows:
        rows = rows.merge(people[["patient", column]], on="patient", how="left")
    rows = rows[["patient", "time", column]].dropna()
    batches = rows.groupby(column)
    if len(batches) == 1:
        message = f"all {len(rows)} rows of the cohort are of the batch {shown(str(rows[column].iloc[0]))}"
        findings.add(ERROR, file, message, "leave data.batch out", column=column)
        return
    patients = batches["patient"].nunique()
    for name, count in patients.items():
        if count == 1:
            own = rows.loc[rows[column] == name, "patient"]
            message = f"the batch {shown(str(name))} has rows of one patient alone ({amount(len(own), 'row')})"
            action = "give these rows the batch that they resemble, or leave them out; a batch needs 2 patients"
            findings.add(ERROR, file, message, action, patient=str(own.iloc[0]), column=column)
    few = [str(name) for name, count in patients.items() if 1 < count < FEW]
    if few:
        message = f"{amount(len(few), 'batch', 'batches')} with fewer than {FEW} patients ({', '.join(few[:5])})"
        action = "a training set may lack it, and then takes no effect of it out; join small batches that are alike"
        findings.add(WARNING, file, message, action, column=column)
    time = rows["time"].to_numpy(dtype=float)
    total = float(((time - time.mean()) ** 2).sum())
    within = float(((time - batches["time"].transform("mean").to_numpy(dtype=float)) ** 2).sum())
    if not total > 0:
        return
    share = within / total
    if share < TOLD_APART:
        message = "each batch was used at one time alone, so that a difference between batches is a change over time"
        findings.add(ERROR, file, message, "leave data.batch out: no method can distinguish the two", column=column)
    elif share < ALIKE:
        message = f"{share:.1%} of the variation of time lies within batches: the two are hard to distinguish"
        findings.add(WARNING, file, message, "expect wide intervals of the slopes", column=column)
