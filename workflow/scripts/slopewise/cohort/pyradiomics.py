"""What PyRadiomics wrote beside its features (``diagnostics_*``), compared between the visits of a patient.

Features of one patient that were computed by other versions or settings differ for that reason alone: refused. Other
voxel spacing, one mask at two visits, and several volumes in a mask are warnings.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.cohort.findings import ERROR, WARNING, Findings
from slopewise.sources.numbers import numbers
from slopewise.sources.table import TextTable, shown
from slopewise.study.model import Study

VERSION, SETTINGS = "diagnostics_Versions_PyRadiomics", "diagnostics_Configuration_Settings"
SPACING, MASK, VOLUMES = (
    "diagnostics_Image-original_Spacing",
    "diagnostics_Mask-original_Hash",
    "diagnostics_Mask-original_VolumeNum",
)
ONE = {VERSION: "versions of PyRadiomics", SETTINGS: "settings of PyRadiomics"}
"""Columns that must have one value in all rows of a patient, and what their values are."""


def check_diagnostics(study: Study, table: TextTable, findings: Findings) -> None:
    """Findings from the diagnostics of the file, as far as it has them, where the study's markers are features."""
    if not any(marker.family for marker in study.markers.values()):
        return
    patient = table.text[study.data.patient]
    for column, what in ONE.items():
        if column in table.text.columns:
            _one_value(table, patient, column, what, findings)
    if SPACING in table.text.columns:
        rows = _differs(table, patient, SPACING)
        message = f"patients have images of different voxel spacing at their visits ({_patients(patient, rows)})"
        _warn(
            table,
            patient,
            rows,
            SPACING,
            message,
            "resample the images to one spacing before features are computed",
            findings,
        )
    if MASK in table.text.columns:
        known = ~table.missing(MASK)
        same = pd.DataFrame({"patient": patient, "mask": table.text[MASK]}).duplicated().to_numpy()
        rows = np.flatnonzero(same & known)
        message = f"patients have the same mask at two visits ({_patients(patient, rows)}): it was copied"
        _warn(table, patient, rows, MASK, message, "segment each image, or leave the row out", findings)
    if VOLUMES in table.text.columns:
        values, _ = numbers(table, VOLUMES)
        rows = np.flatnonzero(values > 1)
        message = f"masks hold several separate volumes ({_patients(patient, rows)}); their shape is doubtful"
        _warn(table, patient, rows, VOLUMES, message, "compute features of each lesion", findings)


def _one_value(table: TextTable, patient: pd.Series, column: str, what: str, findings: Findings) -> None:
    """An error where a patient has two values of the column; a warning where only different patients have."""
    values = sorted(set(table.text[column][~table.missing(column)]))
    if len(values) < 2:
        return
    listed = ", ".join(shown(value) for value in values[:3])
    rows = _differs(table, patient, column)
    if len(rows):
        message = f"a patient's features were computed with different {what} ({listed}; {_patients(patient, rows)})"
        place = {"line": int(table.lines[rows[0]]), "patient": patient.iloc[rows[0]]}
        findings.add(ERROR, table.name, message, "compute all features again in one way", column=column, **place)
    else:
        message = f"features of different patients were computed with different {what} ({listed})"
        findings.add(WARNING, table.name, message, "compute all features again in one way", column=column)


def _differs(table: TextTable, patient: pd.Series, column: str) -> np.ndarray:
    """The rows (by position) whose value is another than that of the patient's first row that has one."""
    known = np.flatnonzero(~table.missing(column))
    own, who = table.text[column].iloc[known], patient.iloc[known]
    return known[(own != own.groupby(who).transform("first")).to_numpy()]


def _patients(patient: pd.Series, rows: np.ndarray) -> str:
    number = patient.iloc[rows].nunique()
    return "1 patient" if number == 1 else f"{number} patients"


def _warn(
    table: TextTable, patient: pd.Series, rows: np.ndarray, column: str, message: str, action: str, findings: Findings
) -> None:
    """One warning for all `rows`, if there are any."""
    if len(rows):
        place = {"line": int(table.lines[rows[0]]), "patient": patient.iloc[rows[0]]}
        findings.add(WARNING, table.name, message, action, column=column, **place)
