"""The first page of a study without an outcome: does every patient need a separate slope?"""

from __future__ import annotations

import math
from typing import Any

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import reliabilities
from slopewise.report.sections.courses import trajectories
from slopewise.report.sections.effects import FIGURES, HEADLINES
from slopewise.report.sections.evidence import marker_words
from slopewise.report.words.courses import model_words
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, interval, number
from slopewise.report.words.wording import reliability_sentence
from slopewise.run.words import amount


def growth_summary(frames: Frames, naming: Naming) -> dict[str, Any]:
    """Headline, key figures, and the courses."""
    limit = naming.study.report.small_cells
    rows, kind = int(frames.flow.iloc[-1]["rows_left"]), naming.study.effects.kind
    who = "patients" if naming.predictor == "time" else f"groups ({naming.study.data.patient})"
    return {
        "template": "summary_growth.html.j2",
        "headline": HEADLINES[kind](frames, naming) if kind in HEADLINES else headline(naming),
        "scope": f"{count(frames.n_patients, limit)} {who}, {amount(rows, 'row')} of measurements; no outcome is "
        "predicted.",
        "words": [
            words
            for marker in naming.in_finding
            for words in (marker_words(frames, naming, marker), model_words(frames, naming, marker))
        ],
        "key_figures": FIGURES[kind](frames, naming) if kind in FIGURES else key_figures(frames, naming),
        "picture": trajectories(frames, naming, "summary-courses"),
        "reliability": reliability_sentence(frames, naming),
    }


def headline(naming: Naming) -> str:
    """What the study asks, before any answer."""
    several = len(naming.study.markers) > 1
    if naming.predictor == "time":
        return f"How {naming.all_markers()} {'change' if several else 'changes'}, patient by patient."
    group = naming.study.data.patient
    return f"How {naming.all_markers()} {'depend' if several else 'depends'} on {naming.predictor}, {group} by {group}."


def key_figures(frames: Frames, naming: Naming) -> list[tuple[str, str, str]]:
    """The numbers that matter: (number, its interval, what it is)."""
    figures = []
    known = reliabilities(frames, naming.pictured[:3])
    for row in known.itertuples():
        ends = interval(row.ci_low, row.ci_high, 2) if math.isfinite(row.ci_low) else ""
        what = f"reliability of the slopes of {naming.marker(row.marker)}"
        figures.append((number(row.reliability, 2), ends, what))
    return figures
