"""rigour.json: the facts that a reviewer looks for, from the tables of a study (keys: `tables/rigour.py`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import pandas as pd

from slopewise.outcome.sample_size import counted_events, judge, ladder_sizes
from slopewise.report.material.frames import Frames
from slopewise.study.model import Study

FORMAT = 1
LEARNED: dict[str, str] = {
    "centres, scales, knots, imputed means": "the training patients of the outcome model",
    "growth models": "the training patients of the fold; no outcome",
    "levels and slopes that train an outcome model": "cross-fitted inside its training patients",
    "levels and slopes that test an outcome model": "growth models of its training patients, and the rows of the "
    "tested patient up to the landmark",
    "imputations of missing covariates": "the training patients of the outer fold; those of a predicted "
    "patient, without the outcome",
    "strength of a penalty": "folds inside the training patients",
    "effects of batches": "the training patients of the fold; no outcome",
    "filters of markers": "the training patients of the outer fold",
    "weights against censoring": "the training patients of the outer fold",
    "kind of model, terms": "all patients: their predictors and the number of events, not who had the event",
}
"""docs/methods.md, sections 3 and 4."""


def rigour(frames: Frames, study: Study, findings: Sequence[str]) -> dict[str, Any]:
    """The content of rigour.json, the report's `findings` among it; what a study lacks is null or empty."""
    record, patients, imputed = frames.provenance, frames.patients, frames.further["imputation_audit"]
    return {
        "format": FORMAT,
        "study": {
            "name": study.study,
            "title": study.title,
            "kind": study.kind.name,
            "events": record["event_labels"],
            "landmark": study.landmark,
            "horizons": [known(value) for value in study.horizons] if study.kind.predicts else [],
            "time_unit": study.data.analysis_unit,
        },
        "findings": list(findings),
        "cohort": _cohort(frames, study),
        **_parameters(study, patients),
        "missing_covariates": {
            name: shown(int(patients[name].isna().sum()), study) for name in study.outcome.covariates
        },
        "folds": {
            "crossfit": {"folds": study.crossfit.folds, "repeats": study.crossfit.repeats},
            "validation": {"folds": study.validation.folds, "repeats": study.validation.repeats},
            "resamples_of_patients": study.validation.bootstrap,
            "resamples_of_both_stages": study.outcome.bootstrap,
        },
        "learned": LEARNED,
        "audit": {
            "fits": len(frames.audit),
            "fits_with_shared_patients": int((frames.audit["shared_patients"] > 0).sum()),
            "rows_after_landmark": int(frames.audit["rows_after_landmark"].sum()),
            "imputations": len(imputed),
            "imputations_with_shared_patients": int((imputed["shared_patients"] > 0).sum()),
        },
        "performance": [row for cause in (frames, *frames.competing.values()) for row in _performance(cause)],
        "instability": _instability(frames),
        "given_up": {"models": len(frames.ledger), "validation": len(frames.validation_ledger)},
        "seed": record["seed"],
        "versions": record["versions"],
        "code_digest": record["code_digest"],
        "hashes": {
            "study_file": record["study_file_sha256"],
            "inputs": {PurePath(name.replace("\\", "/")).name: digest for name, digest in record["inputs"].items()},
            "tables": record["tables"],
        },
    }


def known(value: float) -> float | None:
    """A number for JSON, which has no NaN."""
    return float(value) if math.isfinite(value) else None


def shown(count: int, study: Study) -> int | None:
    """A count, or None where it is so small that it could point at a person."""
    return None if 0 < count < study.report.small_cells else count


def _cohort(frames: Frames, study: Study) -> dict[str, Any]:
    first, last = frames.flow.iloc[0], frames.flow.iloc[-1]
    counts = {
        f"{what}_{where}": shown(int(row[f"{what}_left"]), study)
        for where, row in (("in_files", first), ("analysed", last))
        for what in ("patients", "rows")
    }
    return {
        **counts,
        "events": shown(int(last["events_left"]), study) if study.kind.predicts else None,
        "excluded": [
            {"reason": str(row.reason), "patients": shown(int(row.patients_removed), study)}
            for row in frames.flow.itertuples()
            if row.patients_removed
        ],
    }


def _parameters(study: Study, patients: pd.DataFrame) -> dict[str, Any]:
    """How many coefficients are asked of how many events."""
    if not study.kind.predicts:
        return {"parameters": None, "sample_size": None}
    sizes = ladder_sizes(study, patients)
    largest, size = max(sizes.values()), judge(study, patients, sizes)
    per_coefficient = counted_events(study, patients) / largest if largest else None
    criteria = None
    if size is not None:
        criteria = {
            "needed": size.needed,
            "for_shrinkage": size.for_shrinkage,
            "for_optimism": size.for_optimism,
            "patients": size.patients,
            "margin": known(size.margin),
            "margin_of": size.margin_of,
        }
    return {"parameters": {"sets": sizes, "per_coefficient": per_coefficient}, "sample_size": criteria}


def _performance(frames: Frames) -> list[dict[str, Any]]:
    """The rows of one cause."""
    keys = ["predictors", "cause", "metric", "horizon"]
    corrected = frames.further["optimism"]
    table = frames.performance.merge(corrected[[*keys, "corrected"]], on=keys, how="left")
    return [
        {
            **{name: str(getattr(row, name)) for name in keys[:3]},
            **{
                name: known(getattr(row, name))
                for name in ("horizon", "apparent", "corrected", "validated", "ci_low", "ci_high")
            },
        }
        for row in table.itertuples()
    ]


def _instability(frames: Frames) -> list[dict[str, Any]]:
    rows = frames.further["instability"]
    return [
        {
            "predictors": str(row.predictors),
            "horizon": known(row.horizon),
            "difference": known(row.difference),
            "changed": known(row.changed),
            "models": int(row.resamples),
        }
        for row in rows[rows["part"] == 0].itertuples()
    ]
