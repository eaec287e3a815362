"""Whom the finding is about: the patients in the files, those excluded, and those who were analysed."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.sections.cohort import flow_of
from slopewise.report.words.naming import Naming


def whom_section(frames: Frames, naming: Naming) -> Section:
    """The flow of patients in a few lines."""
    flow = flow_of(frames.flow, naming.study.report.small_cells, naming.kind)
    return Section("whom", "Whom it is about", "whom.html.j2", {"flow": flow}, layer=1)
