"""METRICS and CLEAR, the checklists of studies of image features: answered from the run, or left to the authors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES, difference_words, gain
from slopewise.report.material.parts import Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import in_words, number
from slopewise.report.words.radiomics_items import CLEAR, METRICS
from slopewise.report.words.references import WORKS
from slopewise.report.words.tripod import AUTHORS
from slopewise.report.words.tripod import answers as of_tripod
from slopewise.run.words import amount
from slopewise.sources.features import IMAGE_FEATURE
from slopewise.validate.gains import headline_metric

LISTED = 8
"""Families of features that an answer names; of more it gives the number."""


def has_images(frames: Frames, naming: Naming) -> bool:
    """Whether markers are features of images, by the names that PyRadiomics gives them, and predict an outcome."""
    return naming.kind.predicts and any(IMAGE_FEATURE.fullmatch(one.column) for one in naming.study.markers.values())


def radiomics_section(frames: Frames, naming: Naming) -> Section:
    """Both checklists as tables."""
    tables, counts = [], []
    for name, items, known, source in (
        ("METRICS", METRICS, metrics_answers(frames, naming), WORKS["metrics"]),
        ("CLEAR", CLEAR, clear_answers(frames, naming), WORKS["clear"]),
    ):
        rows = [[key, asked, known.get(key, AUTHORS)] for key, asked in items]
        counts.append({"name": name, "answered": len(known), "total": len(items), "source": source})
        columns = ["item", "asks for", "answer"]
        tables.append(Table(name.lower(), f"{name}: the items, and the answers of this run", columns, rows,
                            frozenset({0, 1, 2}), whole=True))  # fmt: skip
    context: dict[str, Any] = {"authors": AUTHORS, "counts": counts, "tables": tables}
    return Section("radiomics", "Checklists for image features (METRICS, CLEAR)", "radiomics.html.j2", context)


def metrics_answers(frames: Frames, naming: Naming) -> dict[str, str]:
    """What the run knows of METRICS, by item."""
    whole, known = of_tripod(frames, naming), _shared(frames, naming)
    return {
        "1": "TRIPOD+AI, METRICS and CLEAR are in this report; the items left to the authors are open.",
        **({"4": f"{_centres(frames)}."} if len(frames.centres) else {}),
        "7": f"Images up to {naming.up_to}; the outcome after it, with the follow-up in “The patients”.",
        "12": f"Names of PyRadiomics; version and settings were compared between a patient’s visits. Which: {AUTHORS}.",
        **({"14": known["reproducible"]} if known["reproducible"] else {}),
        "15": known["redundant"],
        "16": whole["10"],
        "17": "Not applicable: no deep learning from end to end.",
        "18": f"{whole['12a']} {known['audit']}",
        **({"19": known["confounders"]} if known["confounders"] else {}),
        "20": whole["12e"],
        "21": "95% intervals of validated figures and of differences of models, in “What predicts the outcome”.",
        "22": "Slope and intercept out of fold, in “What predicts the outcome”; calibration curves in “Are the "
        "predicted risks calibrated, and are they useful?”.",
        "24": known["comparison"],
        "25": "First and last values, changes and least-squares slopes, in “What predicts the outcome”.",
        "26": known["internal"],
        "27": "No external test.",
        "29": f"{whole['18f']} The study file is in provenance.json.",
        "30": "model.json, beside this report; `slopewise predict` applies it.",
    }


def clear_answers(frames: Frames, naming: Naming) -> dict[str, str]:
    """What the run knows of CLEAR, by item."""
    whole, known = of_tripod(frames, naming), _shared(frames, naming)
    return {
        "7": "TRIPOD+AI, METRICS and CLEAR, in this report.",
        "9": whole["10"],
        "11": whole["6b"],
        "12": "“What was done” and “Methods, for a paper” have the steps in their order.",
        "13": whole["5a"],
        "15": whole["12a"],
        "17": f"{naming.covariates}; units and assessment are {AUTHORS}.",
        "18": whole["8a"],
        "24": known["images"],
        "25": f"Names of PyRadiomics; its version and settings are {AUTHORS}.",
        "26": known["classes"],
        "27": f"{amount(len(naming.study.markers), 'feature')}; those left out before are in cohort/problems.csv.",
        "29": whole["11"],
        "30": whole["13"],
        **({"31": known["reproducible"]} if known["reproducible"] else {}),
        "32": f"Transforms: {known['transforms']}. Predictors have mean 0 and SD 1 in the training patients.",
        "33": known["redundant"],
        "34": whole["12c"],
        "35": f"{whole['12a']} {known['tuned']}",
        **({"36": known["confounders"]} if known["confounders"] else {}),
        "37": "The sets of predictors are fixed and all are reported; none is chosen by its result.",
        "38": known["internal"],
        "39": whole["12e"],
        "40": "Bootstrap of patients and repeats of the validation, 95% intervals; instability of predictions where "
        "outcome.bootstrap is above 0.",
        "41": "Differences between sets of predictors with 95% intervals, permutation test of the slopes.",
        "42": known["comparison"],
        "43": "“The outcome models”, “The markers, ranked” and “Example patients”.",
        "44": "“The patients”.",
        "45": "“The patients”: the flow, with the reason for each exclusion.",
        "46": known["features"],
        "47": whole["23a"],
        "48": known["comparison"],
        "49": "The first page.",
        "52": whole["26"],
        "55": f"The study file, in provenance.json; settings of the extraction are {AUTHORS}.",
        "56": whole["18f"],
        "57": "model.json, beside this report.",
        "58": "`slopewise predict` with model.json, and the calculator of this report where it has one.",
    }


def _shared(frames: Frames, naming: Naming) -> Mapping[str, str]:
    """Answers that both checklists ask for; empty where only the authors know."""
    study, families = naming.study, _families(naming)
    filters, repeats = study.filters, study.validation.repeats
    leaks = int((frames.audit["verdict"] == "leak").sum())
    metric = headline_metric(frames.performance)
    level, slope = gain(frames, "level", metric), gain(frames, "slope", metric)
    alone = frames.metric(metric).loc["clinical", "validated"]
    added = f", the slopes add {difference_words(slope)}" if slope.has_interval else ""
    transforms = sorted(Counter(marker.transform for marker in study.markers.values()).items())
    given = [f"{transform} ({count})" for transform, count in transforms]
    left = [*study.outcome.strata, *([study.growth.residual_by] if study.growth.residual_by else [])]
    penalised = "The strength of the penalty is chosen within the training patients." if frames.penalised else ""
    reproduced = (
        f"Features are left out whose ICC({filters.icc_form}) in repeated scans has a lower 95% limit below "
        f"{filters.icc:g}."
        if filters.icc is not None
        else ""
    )
    return {
        "images": f"{_some([family.split('_')[0] for family in families])}.",
        "classes": f"{_some([family.split('_')[1] for family in families])}.",
        "transforms": in_words(given),
        "tuned": penalised or "Nothing is tuned.",
        "reproducible": reproduced,
        "redundant": _redundancy(naming),
        "confounders": f"{in_words(left)} in strata or residual variances; others are {AUTHORS}." if left else "",
        "audit": f"{len(frames.audit)} fits were audited, {leaks} saw a patient whom they had to predict.",
        "internal": f"Internal: nested cross-validation, {study.validation.folds} folds, "
        f"{amount(repeats, 'repeat')}; no external test.",
        "comparison": f"{HEADLINES[metric][0].upper()}{HEADLINES[metric][1:]}: covariates alone {number(alone)}, with "
        f"levels {number(level.value)}{added}.",
        "features": "“The slopes and their reliability”, “Which markers the filters left out” and “How stable the "
        "selection is”, where the study has them; slopes/filters.csv, outcome/selection.csv.",
    }


def _centres(frames: Frames) -> str:
    return f"{amount(frames.centres['group'].nunique(), 'centre')}, each left out once"


def _families(naming: Naming) -> list[str]:
    return sorted({"_".join(marker.column.split("_")[:2]) for marker in naming.study.markers.values()
                   if IMAGE_FEATURE.fullmatch(marker.column)})  # fmt: skip


def _some(names: Sequence[str]) -> str:
    found = list(dict.fromkeys(names))
    return in_words(found) if len(found) <= LISTED else f"{in_words(found[:LISTED])}, {len(found)} in all"


def _redundancy(naming: Naming) -> str:
    """How the number of features is reduced."""
    filters = naming.study.filters
    told = []
    if filters.redundant is not None:
        told.append(f"clusters of |Spearman| {filters.redundant:g} or above are represented by one feature")
    if filters.q_value is not None:
        told.append(f"slopes with a q-value of the random slope above {filters.q_value:g} are left out")
    if filters.reliability is not None:
        told.append(f"slopes with a mean reliability below {filters.reliability:g} are left out")
    if not told:
        return "No filter; the penalty of the outcome model selects within the training patients."
    first = in_words(told)
    return f"{first[0].upper()}{first[1:]}, estimated in each training set."
