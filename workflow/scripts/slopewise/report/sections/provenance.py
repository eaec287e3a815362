"""The section on provenance: settings, versions and digests."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import in_words
from slopewise.run.words import amount
from slopewise.sources.snapshot import source_name
from slopewise.study.model import Study


def provenance_section(frames: Frames, naming: Naming) -> Section:
    """Versions, hashes, seed and how to make the same bytes again; file names without their folders."""
    record = frames.provenance
    versions = [[name, version] for name, version in sorted(record["versions"].items())]
    inputs = [[source_name(name), digest] for name, digest in sorted(record["inputs"].items())]
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
        ["estimation", _estimation(study) + f", engine {study.growth.engine}"],
        ["landmark", naming.duration(naming.landmark) if naming.has_landmark else "none: each patient’s last visit"],
        *(_outcome_settings(naming) if study.kind.predicts else []),
        ["cross-fitting", f"{study.crossfit.folds} folds, {amount(study.crossfit.repeats, 'repeat')}"],
        *(_validation_settings(study) if study.kind.predicts else []),
        ["one visit only", f"least-squares slope and change: {study.outcome.one_visit}"],
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


def _estimation(study: Study) -> str:
    """By what the growth models are estimated."""
    if study.growth.engine == "bayes":
        return "posterior"
    return "REML" if study.growth.reml else "ML"
