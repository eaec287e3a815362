"""What the data must hold for an effect to be estimated: its columns, its levels, and enough patients and rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.cohort.effect_columns import column_of, two_levels
from slopewise.cohort.findings import ERROR, NOTE, WARNING, Findings
from slopewise.cohort.flow import State
from slopewise.cohort.moments import examine_interruption
from slopewise.cohort.treatment_over_time import examine_treatment_over_time
from slopewise.study.keys import canonical_code
from slopewise.study.model import Study

FEWEST_BOTH = 3
"""Patients with rows under both treatments from which an effect is compared within patients."""


def examine_effects(study: Study, cohort: State, file: str, findings: Findings) -> None:
    """Add what is wrong with, or limited about, the columns of `effects`; `file` is that of the measurements."""
    examine = EXAMINERS.get(study.effects.kind)
    if examine is not None and len(cohort.rows):
        examine(study, cohort, file, findings)


def arrangement(counts: NDArray[np.int64]) -> str:
    """How treatments are given; counts (patients, 2): rows under the reference and under the other treatment.

    ``within``: patients have both, repeated; ``single``: at most one row under each; ``parallel``: nobody has both;
    ``mixed``: fewer than `FEWEST_BOTH` patients have both.
    """
    both = (counts > 0).all(axis=1)
    if not both.any():
        return "parallel"
    if both.sum() < FEWEST_BOTH:
        return "mixed"
    return "within" if (counts > 1).any() else "single"


def _examine_treatment(study: Study, cohort: State, file: str, findings: Findings) -> None:
    effects = study.effects
    assert effects.treatment is not None
    named = {"treatment": effects.treatment.column, "period": effects.period, "sequence": effects.sequence}
    texts = {key: column_of(study, cohort, column) for key, column in named.items() if column is not None}
    measured = cohort.rows[list(study.markers)].notna().any(axis=1)
    column = effects.treatment.column
    codes = texts["treatment"][measured].map(canonical_code)
    if not two_levels(codes, effects.treatment.reference, column, file, findings):
        return
    patient = cohort.rows.loc[measured, "patient"]
    if "sequence" in texts:
        _tell_changes(texts["sequence"][measured], patient, str(effects.sequence), file, findings)
    if "period" in texts:
        _tell_confounded(codes, texts["period"][measured], str(effects.period), file, findings)
    _tell_design(study, cohort, codes, file, findings)


def _tell_changes(values: pd.Series, patient: pd.Series, column: str, file: str, findings: Findings) -> None:
    """A patient has one sequence of treatments."""
    several = values.groupby(patient).nunique()
    names = several.index[several > 1]
    if len(names):
        message = f"{len(names)} patients have several sequences (effects.sequence)"
        action = "a patient has one sequence; correct it, or leave out effects.sequence"
        line = int(patient.index[patient == names[0]][0])
        findings.add(ERROR, file, message, action, line=line, patient=str(names[0]), column=column)


def _tell_confounded(codes: pd.Series, periods: pd.Series, column: str, file: str, findings: Findings) -> None:
    """Periods in each of which everybody has the same treatment cannot be separated from the treatment."""
    if (periods == periods.iloc[0]).all():
        message = "every row has the same period (effects.period)"
        findings.add(ERROR, file, message, "name the column of the period, or leave it out", column=column)
    elif codes.groupby(periods).agg(lambda values: len(set(values)) == 1).all():
        message = "everybody has the same treatment in each period, so that their effects cannot be separated"
        findings.add(
            ERROR, file, message, "leave out effects.period; the effect then includes that of time", column=column
        )


def _tell_design(study: Study, cohort: State, codes: pd.Series, file: str, findings: Findings) -> None:
    """What each marker's rows can tell of the effect in single patients."""
    assert study.effects.treatment is not None
    column, reference = study.effects.treatment.column, study.effects.treatment.reference
    for name in study.markers:
        rows = cohort.rows.loc[codes.index][cohort.rows.loc[codes.index, name].notna()]
        treated = (codes[rows.index] != reference).astype(int)
        table = rows.groupby(["patient", treated.rename("treated")]).size().unstack(fill_value=0)
        counts = table.reindex(columns=[0, 1], fill_value=0).to_numpy()
        made = arrangement(counts)
        both = int((counts > 0).all(axis=1).sum())
        if made == "mixed":
            message = f"{both} of {len(counts)} patients have both treatments in the rows of {name}"
            action = f"at least {FEWEST_BOTH} must have both, or none in parallel arms; select rows by data.where"
            findings.add(ERROR, file, message, action, column=column)
        elif made == "single":
            message = (
                f"each patient has one value of {name} under each treatment, so that the spread of the effect between "
                "patients cannot be separated from residual scatter and is not given"
            )
            findings.add(WARNING, file, message, "repeat each treatment in a patient, if that can be", column=column)
        elif made == "parallel":
            message = (
                f"no patient has both treatments in the rows of {name}, so that effects of single patients are not "
                "identified; the arms' variances are compared"
            )
            findings.add(NOTE, file, message, "nothing to do, or name a treatment that changes", column=column)


EXAMINERS: dict[str, Callable[[Study, State, str, Findings], None]] = {
    "treatment": _examine_treatment,
    "interruption": examine_interruption,
    "treatment_over_time": examine_treatment_over_time,
}
"""By the kind of effect."""
