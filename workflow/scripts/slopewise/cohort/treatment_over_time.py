"""A treatment that follows the patient's state: two levels, visits before decisions, confounders of visits."""

from __future__ import annotations

import pandas as pd

from slopewise.cohort.effect_columns import column_of, two_levels
from slopewise.cohort.findings import ERROR, WARNING, Findings
from slopewise.cohort.flow import State
from slopewise.study.keys import canonical_code
from slopewise.study.keys_of_effects import OVER_TIME
from slopewise.study.model import Study

MOST_SINGLE = 0.2
"""The share of patients with one row from which a warning is given: nothing was decided for them."""


def examine_treatment_over_time(study: Study, cohort: State, file: str, findings: Findings) -> None:
    """Add what is wrong with, or limited about, the columns of `effects.treatment_over_time`."""
    asked = study.effects.treatment_over_time
    assert asked is not None
    codes = column_of(study, cohort, asked.column).map(canonical_code)
    if not two_levels(codes, asked.reference, asked.column, file, findings, OVER_TIME):
        return
    patient = cohort.rows["patient"]
    visits = patient.value_counts()
    single = int((visits == 1).sum())
    if single == len(visits):
        message = f"every patient has one row, and a treatment is decided between two ({OVER_TIME})"
        findings.add(ERROR, file, message, "give a row for each visit", column=study.data.time)
        return
    if single > MOST_SINGLE * len(visits):
        message = f"{single} of {len(visits)} patients have one row, so that no treatment was decided for them"
        findings.add(WARNING, file, message, "nothing to do; they count in the average course", column=study.data.time)
    if codes.groupby(patient).nunique().max() <= 1:
        message = f"nobody's treatment changes between visits ({OVER_TIME}.column), so that it follows no state"
        findings.add(
            ERROR, file, message, "name a treatment that changes, or use effects.treatment", column=asked.column
        )
        return
    _examine_confounders(study, cohort, codes, file, findings)
    _examine_baseline(study, cohort, file, findings)


def _examine_confounders(study: Study, cohort: State, codes: pd.Series, file: str, findings: Findings) -> None:
    """A confounder is measured at visits, before the treatment that it decides, and is not the treatment itself."""
    asked = study.effects.treatment_over_time
    assert asked is not None
    for name in asked.confounders:
        values, patient = column_of(study, cohort, name), cohort.rows["patient"]
        if values.groupby(patient).nunique().max() <= 1:
            message = (
                f"the confounder has one value a patient ({OVER_TIME}.confounders), so that it may have been measured "
                "after the treatment"
            )
            action = f"name it under {OVER_TIME}.baseline if it was measured before any treatment, else leave it out"
            findings.add(ERROR, file, message, action, column=name)
        elif len(set(values)) == 2 and codes.groupby(values).nunique().max() <= 1:
            message = f"the confounder is the treatment in other codes ({OVER_TIME}.confounders)"
            findings.add(ERROR, file, message, "leave it out; the last treatment is in the model anyway", column=name)


def _examine_baseline(study: Study, cohort: State, file: str, findings: Findings) -> None:
    """A baseline column has one value a patient."""
    asked = study.effects.treatment_over_time
    assert asked is not None
    for name in asked.baseline:
        if name not in cohort.rows:
            continue
        rows = cohort.rows[["patient", name]]
        several = rows.groupby("patient")[name].nunique()
        if not (several > 1).any():
            continue
        first = str(several.index[several > 1][0])
        own = rows[rows["patient"] == first]
        line = int(own.index[(own[name] != own[name].iloc[0]).to_numpy()][0])
        message = (
            f"a baseline column varies within the patient ({OVER_TIME}.baseline), so that some of its values are "
            "measured after treatment"
        )
        action = "name it under confounders, or give its first value in a column"
        findings.add(ERROR, file, message, action, line=line, patient=first, column=name)
