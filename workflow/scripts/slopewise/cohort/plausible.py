"""Do visits, follow-up and their units fit each other? What cannot be is an error, what is odd a warning."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.cohort.clock import DAYS, TOLERANCE
from slopewise.cohort.findings import ERROR, WARNING, Findings
from slopewise.cohort.named_units import contradicted
from slopewise.study.model import Study

LONGEST_YEARS = 120.0
"""A course of life: longer times are most often days that were called years."""
FEW = 5
ODD_SHARE = 0.2


def refuse_constant(study: Study, rows: pd.DataFrame, file: str, findings: Findings) -> None:
    """A marker without values, of one patient alone, or with one value in all `rows` of the cohort, is an error."""
    until = " up to the landmark" if np.isfinite(study.landmark_time) else ""
    for name, marker in study.markers.items():
        values = rows[name].dropna()
        if not len(values):
            message = f"no row of the cohort{until} has a value"
        elif len(set(rows.loc[values.index, "patient"])) == 1 < len(set(rows["patient"])):
            message = f"in the cohort{until} one patient alone has values; a growth model needs several patients"
        elif values.min() == values.max():
            message = f"all {len(values)} rows of the cohort{until} have the same value, {values.iloc[0]:g}"
        else:
            continue
        findings.add(ERROR, file, message, f"leave the marker {name} out", column=marker.column)


def warn_of_units(
    study: Study, rows: pd.DataFrame, people: pd.DataFrame, files: tuple[str, str], findings: Findings
) -> None:
    """Warn of visits or follow-up that spread over more years than a life has; `files`: of visits and of patients."""
    unit = study.data.analysis_unit
    if unit == "none":
        return
    warn_of_named_units(study, files, findings)
    spread = rows["time"].max() - rows["time"].min()
    _warn_of_spread(spread, unit, files[0], study.data.time, "data.time_unit", findings)
    if study.outcome.time is not None:
        followup = people["followup"].to_numpy()
        longest = followup[np.isfinite(followup)].max(initial=0.0)
        _warn_of_spread(longest, unit, files[1], study.outcome.time, "outcome.time_unit", findings)


def warn_of_named_units(study: Study, files: tuple[str, str], findings: Findings) -> None:
    """A column of times whose name says another unit than the study file: hours read as days."""
    given = [(files[0], study.data.time, study.data.time_unit, "data.time_unit")]
    if study.kind.timed and study.outcome.time is not None:
        given.append((files[1], study.outcome.time, study.outcome.time_unit or "none", "outcome.time_unit"))
    for file, column, unit, key in given:
        said = contradicted(column, str(unit))
        if said:
            message = f"the name of the column says {said}, and it is read as {unit} ({key})"
            findings.add(WARNING, file, message, f"correct {key} unless the values are in {unit}", column=column)


def _warn_of_spread(spread: float, unit: str, file: str, column: str, key: str, findings: Findings) -> None:
    years = spread * DAYS[unit] / DAYS["years"]
    if years > LONGEST_YEARS:
        findings.add(WARNING, file, f"the times spread over {years:,.0f} years", f"check {key}", column=column)


def _rest_of_the_day(followup: pd.Series, visits: pd.Series, unit: str) -> float:
    """What a follow-up in whole dates leaves of its last day, for visits with a time of day: a visit on it is no later
    one. In `unit`."""
    days, seen = (values.to_numpy() * DAYS[unit] for values in (followup, visits))
    days = days[np.isfinite(days)]
    whole = len(days) > 0 and np.allclose(days, np.round(days), atol=1e-6, rtol=0.0)
    timed = not np.allclose(seen, np.round(seen), atol=1e-6, rtol=0.0)
    return 1.0 / DAYS[unit] if whole and timed else 0.0


def check_followup(
    study: Study, rows: pd.DataFrame, people: pd.DataFrame, files: tuple[str, str], findings: Findings
) -> None:
    """Follow-up that ends before time zero is an error; visits after its end are a warning.

    An outcome that is no event may be seen at any time: the landmark decides.
    """
    if not study.kind.timed:
        return
    unit = study.data.analysis_unit
    early = people[people["followup"] < -TOLERANCE]
    for line, patient, followup in zip(early.index, early["patient"], early["followup"], strict=True):
        message = f"the follow-up ends {-followup:.4g} {unit} before time zero"
        action = "correct it, or data.time_zero"
        findings.add(ERROR, files[1], message, action, line=line, patient=patient, column=study.outcome.time)
    if "entry" in people:
        late = people[people["entry"] > people["followup"] + TOLERANCE]
        for line, patient, entry in zip(late.index, late["patient"], late["entry"] - late["followup"], strict=True):
            message = f"the patient enters {entry:.4g} {unit} after the end of the follow-up"
            findings.add(ERROR, files[1], message, "correct it", line=line, patient=patient, column=study.outcome.entry)
    end = people.set_index("patient")["followup"].reindex(rows["patient"]).to_numpy()
    if study.data.time_unit == "date" == study.outcome.time_unit:
        end = end + _rest_of_the_day(people["followup"], rows["time"], unit)
    after = rows[rows["time"].to_numpy() > end + TOLERANCE * np.maximum(1.0, end)]
    concerned = after["patient"].nunique()
    if concerned > max(FEW, ODD_SHARE * len(people)):
        message = f"{concerned} of {len(people)} patients have visits after the end of their follow-up"
        action = "check data.time_unit, outcome.time_unit and data.time_zero"
        findings.add(WARNING, files[0], message, action, column=study.data.time)
    for patient, group in after.groupby("patient", sort=True):
        message = f"visits after the end of follow-up: {len(group)}"
        action = "check the dates of the visits and of the outcome"
        findings.add(
            WARNING,
            files[0],
            message,
            action,
            line=int(group.index.min()),
            patient=str(patient),
            column=study.data.time,
        )
