"""Conditions that a patient had at time zero (`data.conditions`), as columns of 1 and 0."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from slopewise.cohort.ages import date_of_time_zero
from slopewise.cohort.clock import read_times
from slopewise.cohort.findings import Findings
from slopewise.sources.conditions import histories
from slopewise.sources.table import TextTable
from slopewise.study.model import Study


def with_history(
    study: Study, measurements: TextTable, patients: TextTable | None, findings: Findings
) -> TextTable | None:
    """The patients with 1 or 0 in place of the first date of each condition: whether that is at or before time zero.

    Days are compared. The cell of a patient without a time zero is empty. A date that cannot be read is an error among
    the findings.
    """
    names = histories(study)
    if patients is None or not names:
        return patients
    start = np.floor(date_of_time_zero(study.data, measurements, patients).reindex(patients.text[study.data.patient]))
    text = patients.text.copy()
    for name in names:
        dates, bad = read_times(patients, name, "date", "auto")
        findings.add_cells(patients, name, bad, "write the day of the diagnosis", study.data.patient)
        had = np.where(np.isnan(dates), False, np.floor(dates) <= start.to_numpy(dtype=float))
        text[name] = np.where(start.isna(), "", np.where(had, "1", "0")).astype(object)
    return replace(patients, text=text)
