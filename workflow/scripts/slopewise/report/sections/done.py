"""What was done, in a paragraph; the methods for a paper are in the evidence."""

from __future__ import annotations

from slopewise.report.material.audits import leaks
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.words.naming import Naming


def done_section(frames: Frames, naming: Naming) -> Section:
    """The way from the measurements to the finding, with the study's settings."""
    study = naming.study
    return Section(
        "done",
        "What was done",
        "done.html.j2",
        {
            "study": study,
            "naming": naming,
            "predicts": naming.kind.predicts,
            "penalised": naming.kind.predicts and frames.penalised,
            "clean": not leaks(frames),
        },
        layer=1,
    )
