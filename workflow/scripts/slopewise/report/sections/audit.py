"""The section on the audit for leaks."""

from __future__ import annotations

from slopewise.report.material.audits import audited, leaks
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section, Table
from slopewise.report.words.cautions import outcome_among_predictors
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import MISSING
from slopewise.run.words import amount

SCHEMES = {
    "crossfit": "cross-fitting (published slopes)",
    "validation": "nested validation",
    "centre": "each centre left out",
}


def audit_section(frames: Frames, naming: Naming) -> Section:
    """The leakage audit with its verdict."""
    found_leaks, audit = leaks(frames), frames.audit
    latest = float(audit["latest_time_fitted"].max())
    shared, late = int(audit["shared_patients"].sum()), int(audit["rows_after_landmark"].sum())
    found = "no leak" if not found_leaks else f"a leak in {found_leaks}"
    verdict = (
        f"In {amount(audited(frames), 'set')} of fitted and scored patients the audit of folds and times found {found}."
    )
    allowed = naming.study.growth.rows == "all"
    of_whom = " of a patient whom it scores" if allowed else ""
    detail = (
        f"Patients who were scored by a model to whose fit they contributed: {shared}. Rows after the "
        f"landmark{of_whom} in a fit: {late}; the latest row is at {naming.duration(round(latest, 3))}"
        + (f", the landmark at {naming.duration(naming.landmark)}." if naming.has_landmark else ", without a landmark.")
    )
    if allowed:
        detail += (
            " Rows after the landmark of the patients who train were allowed (growth.rows: all); the level and slope "
            "of the patients who are scored use only rows up to it."
        )
    imputed = frames.further["imputation_audit"]
    if len(imputed):
        detail += (
            f" Missing covariates are imputed by models of the training patients of each outer fold, "
            f"{_span(imputed['patients_fitted'])} patients; predicted patients among them: "
            f"{int(imputed['shared_patients'].sum())}."
        )
    detail += (
        " The audit is of folds and times: who was fitted and scored, and when rows were measured. It does not "
        "examine what a column contains."
    )
    suspects = outcome_among_predictors(frames, naming)
    if suspects:
        detail += f" {suspects}"
    return Section(
        "audit",
        "Did anything leak?",
        "audit.html.j2",
        {
            "clean": found_leaks == 0 and not suspects,
            "verdict": verdict,
            "detail": detail,
            "table": audit_table(frames),
            "validated": naming.kind.predicts,
        },
    )


def audit_table(frames: Frames) -> Table:
    """The audit by scheme."""
    rows = []
    for scheme, part in frames.audit.groupby("scheme", sort=True):
        rows.append(
            [
                SCHEMES[str(scheme)],
                str(len(part)),
                _span(part["patients_fitted"]),
                _span(part["patients_scored"]),
                str(int(part["shared_patients"].sum())),
                str(int(part["rows_after_landmark"].sum())),
                "clean" if (part["verdict"] == "clean").all() else "leak",
            ]
        )
    imputed = frames.further["imputation_audit"]
    if len(imputed):
        rows.append(
            [
                "imputation of covariates",
                str(len(imputed)),
                _span(imputed["patients_fitted"]),
                _span(imputed["patients_predicted"]),
                str(int(imputed["shared_patients"].sum())),
                MISSING,
                "clean" if (imputed["verdict"] == "clean").all() else "leak",
            ]
        )
    columns = [
        "scheme",
        "fits",
        "patients fitted",
        "patients scored",
        "shared patients",
        "rows after the landmark",
        "verdict",
    ]
    return Table("leakage-audit", "Leakage audit", columns, rows, frozenset({0, 6}))


def _span(column: object) -> str:
    low, high = int(column.min()), int(column.max())  # type: ignore[attr-defined]
    return str(low) if low == high else f"{low} to {high}"
