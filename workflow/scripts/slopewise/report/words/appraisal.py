"""What an appraisal of the models asks for: PROBAST+AI by part and domain, and STRATOS' essential measures.

The numbered questions of PROBAST+AI are the authors' text; here are the facts of a run to answer them with.
"""

from __future__ import annotations

from typing import Any

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.references import WORKS
from slopewise.report.words.tripod import AUTHORS, answers
from slopewise.run.words import amount

DEVELOPMENT, EVALUATION = "development (quality)", "evaluation (risk of bias)"
PARTICIPANTS, PREDICTORS, OUTCOME, ANALYSIS = "participants and data sources", "predictors", "outcome", "analysis"


def appraisal_section(frames: Frames, naming: Naming) -> Section:
    """Both as tables."""
    rows = [[part, domain, facts] for (part, domain), facts in domain_facts(frames, naming).items()]
    measures = [[name, where] for name, where in essential_measures(naming).items()]
    tables = [
        Table("probast-ai", "PROBAST+AI: facts of this run by part and domain", ["part", "domain", "facts"],
              rows, frozenset({0, 1, 2}), whole=True),
        Table("stratos", "Measures that STRATOS calls essential for models of risk", ["measure", "in this report"],
              measures, frozenset({0, 1}), whole=True),
    ]  # fmt: skip
    context: dict[str, Any] = {"sources": [WORKS["probast"], WORKS["stratos"]], "tables": tables, "authors": AUTHORS}
    return Section("appraisal", "For an appraisal (PROBAST+AI, STRATOS)", "appraisal.html.j2", context)


def domain_facts(frames: Frames, naming: Naming) -> dict[tuple[str, str], str]:
    """The facts of a run by part and domain of PROBAST+AI (Moons et al. 2025, 10.1136/bmj-2024-082505)."""
    known, audit = answers(frames, naming), frames.audit
    shared, after = int((audit["shared_patients"] > 0).sum()), int(audit["rows_after_landmark"].sum())
    return {
        (DEVELOPMENT, PARTICIPANTS): f"{known['5a']} {known['6b']}",
        (DEVELOPMENT, PREDICTORS): f"{known['9a']} {known['9b']}",
        (DEVELOPMENT, OUTCOME): f"{known['8a']} Whether it was determined without knowledge of the predictors is "
        f"{AUTHORS}.",
        (DEVELOPMENT, ANALYSIS): f"{known['10']} {known['11']} {known['12c']}",
        (EVALUATION, PARTICIPANTS): "The patients of the development, held out in turn; no other population.",
        (
            EVALUATION,
            PREDICTORS,
        ): f"Of {amount(len(audit), 'audited fit')}, {shared} had a patient in common with "
        f"those whom it scored; rows after the landmark in them: {after}.",
        (EVALUATION, OUTCOME): "Defined and measured as in the development.",
        (EVALUATION, ANALYSIS): f"{known['12a']} {known['12e']}",
    }


def essential_measures(naming: Naming) -> dict[str, str]:
    """Where the report has the measures that are called essential (Van Calster et al. 2024, arXiv 2412.10288)."""
    predicts, useful = "“What predicts the outcome”", "“Are the predicted risks calibrated, and are they useful?”"
    if naming.kind.numeric:
        return {"for models of a risk": f"the outcome is a number: its measures are in {predicts}"}
    times = " at each horizon" if naming.kind.timed else ""
    return {
        "area under the ROC curve": f"out of fold{times}, in {predicts}",
        "calibration plot": f"out of fold, in {useful}",
        "net benefit, decision curve": f"out of fold, in {useful}",
        "distribution of risks by outcome": f"out of fold, in {useful}",
    }
