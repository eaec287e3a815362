"""A binary or continuous outcome: one value a patient, missing where nobody saw it."""

from __future__ import annotations

import numpy as np

from slopewise.cohort.clock import finite
from slopewise.cohort.findings import ERROR, Findings
from slopewise.cohort.incomplete import severity
from slopewise.sources.table import BadCell, TextTable, shown
from slopewise.study.keys import MISSING, canonical_code
from slopewise.study.model import Study


def read_outcome(study: Study, table: TextTable, findings: Findings) -> np.ndarray:
    """The outcome of each patient (n,), NaN where missing; of a binary one 1 for the positive level and 0 else."""
    outcome = study.outcome
    assert outcome.column is not None  # the study's rules see to it
    if severity(study) == ERROR:
        empty = [BadCell(int(row), "the outcome is missing") for row in np.flatnonzero(table.missing(outcome.column))]
        action = "fill it in, or delete the patient from the files"
        findings.add_cells(table, outcome.column, empty, action, study.data.patient)
    if study.kind.numeric:
        values, bad = finite(table, outcome.column)
        findings.add_cells(table, outcome.column, bad, "correct it", study.data.patient)
        return values
    cells = table.text[outcome.column]
    codes = [None if cell in MISSING else canonical_code(cell) for cell in cells]
    levels = sorted({code for code in codes if code is not None})
    if outcome.positive not in levels:
        message = f"no patient has the level {shown(str(outcome.positive))} (outcome.positive)"
        findings.add(ERROR, table.name, message, f"the levels are {_listed(levels)}", column=outcome.column)
    elif len(levels) != 2:
        message = f"a binary outcome has two levels, this column {len(levels)}: {_listed(levels)}"
        findings.add(ERROR, table.name, message, "merge levels into two, or choose another kind", column=outcome.column)
    return np.array([np.nan if code is None else float(code == outcome.positive) for code in codes])


def _listed(levels: list[str]) -> str:
    return ", ".join(levels[:10]) + (" ..." if len(levels) > 10 else "")
