"""The leakage audit, cautions and provenance."""

from __future__ import annotations

from pathlib import PurePath

from slopewise.report.cautions import cautions, not_examined, outcome_among_predictors
from slopewise.report.frames import Frames
from slopewise.report.naming import Naming
from slopewise.report.numbers import in_words
from slopewise.report.parts import Section, Table
from slopewise.run_words import amount
from slopewise.study import Study

SCHEMES = {
    "crossfit": "cross-fitting (published slopes)",
    "validation": "nested validation",
    "centre": "each centre left out",
}


def audit_section(frames: Frames, naming: Naming) -> Section:
    """The leakage audit with its verdict."""
    leaks = int((frames.audit["verdict"] == "leak").sum())
    audit = frames.audit
    latest = float(audit["latest_time_fitted"].max())
    shared, late = int(audit["shared_patients"].sum()), int(audit["rows_after_landmark"].sum())
    found = "no leak" if not leaks else f"a leak in {leaks}"
    verdict = (
        f"In {amount(len(audit), 'set')} of fitted and scored patients the audit of folds and times found {found}."
    )
    allowed = naming.study.growth.rows == "all"
    of_whom = " of a patient whom it scores" if allowed else ""
    detail = (
        f"Patients who were scored by a model that they had helped to fit: {shared}. Rows after "
        f"the landmark{of_whom} in a fit: "
        f"{late}; the latest row lies at {naming.duration(round(latest, 3))}"
        + (f", the landmark at {naming.duration(naming.landmark)}." if naming.has_landmark else ", without a landmark.")
    )
    if allowed:
        detail += (
            " Rows after the landmark of the patients who train were allowed (growth.rows: all); the level and slope "
            "of whoever is scored rest on rows up to it alone."
        )
    detail += (
        " The audit is of folds and times: who was fitted and scored, and when rows were measured. What a column holds "
        "it does not see."
    )
    suspects = outcome_among_predictors(frames, naming)
    if suspects:
        detail += f" {suspects}"
    return Section(
        "audit",
        "Did anything leak?",
        "audit.html.j2",
        {
            "clean": leaks == 0 and not suspects,
            "verdict": verdict,
            "detail": detail,
            "table": audit_table(frames),
            "validated": frames.has_outcome,
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


def care_section(frames: Frames, naming: Naming) -> Section:
    """What to be careful about."""
    return Section(
        "care",
        "What to be careful about",
        "care.html.j2",
        {"cautions": cautions(frames, naming), "not_examined": not_examined(frames, naming)},
    )


def provenance_section(frames: Frames, naming: Naming) -> Section:
    """Versions, hashes, seed and how to make the same bytes again; file names without their folders."""
    record = frames.provenance
    versions = [[name, version] for name, version in sorted(record["versions"].items())]
    inputs = [[PurePath(name.replace("\\", "/")).name, digest] for name, digest in sorted(record["inputs"].items())]
    files = [[name, digest] for name, digest in sorted(record.get("tables", {}).items())]
    return Section(
        "provenance",
        "Where the numbers come from",
        "provenance.html.j2",
        {
            "study": naming.study.study,
            "study_hash": record["study_file_sha256"],
            "code": record["code_digest"],
            "seed": record["seed"],
            "inputs": Table("inputs", "Input files", ["file", "SHA-256"], inputs, frozenset({0, 1})),
            "versions": Table("versions", "Versions", ["package", "version"], versions, frozenset({0, 1})),
            "tables": Table(
                "tables", "Tables that this report was made from", ["file", "SHA-256"], files, frozenset({0, 1})
            ),
            "settings": settings_table(naming),
        },
    )


def settings_table(naming: Naming) -> Table:
    """The study's settings that decide about numbers."""
    study = naming.study
    rows = [
        ["markers", naming.all_markers()],
        [
            "growth model",
            f"{study.growth.fixed} fixed, {study.growth.random} random by patient, {study.growth.structure}",
        ],
        ["estimation", ("REML" if study.growth.reml else "ML") + f", engine {study.growth.engine}"],
        ["landmark", naming.duration(naming.landmark) if naming.has_landmark else "none: each patient’s last visit"],
        *(_outcome_settings(naming) if study.has_outcome else []),
        ["cross-fitting", f"{study.crossfit.folds} folds, {amount(study.crossfit.repeats, 'repeat')}"],
        *(_validation_settings(study) if study.has_outcome else []),
        ["one visit only", f"own slope and change: {study.outcome.one_visit}"],
        ["marker never measured", f"{study.outcome.missing_marker}"],
    ]
    return Table("settings", "Settings", ["setting", "value"], rows, frozenset({0, 1}))


def _outcome_settings(naming: Naming) -> list[list[str]]:
    outcome = naming.study.outcome
    return [
        [naming.words.event, naming.cause],
        ["competing events", in_words(list(dict.fromkeys(outcome.competing.values()))) or "none"],
        ["covariates", naming.covariates],
        ["strata", in_words(list(outcome.strata)) or "none"],
        ["delayed entry", outcome.entry or "none"],
        ["horizons", naming.horizons() if outcome.horizons else "none: the outcome has no time"],
    ]


def _validation_settings(study: Study) -> list[list[str]]:
    plan = study.validation
    return [
        ["validation", f"{plan.folds} folds, {amount(plan.repeats, 'repeat')}, {amount(plan.bootstrap, 'resample')}"],
        ["two-stage bootstrap", amount(study.outcome.bootstrap, "resample")],
    ]
