"""The section on what to be careful about."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.words.cautions import cautions, not_examined
from slopewise.report.words.naming import Naming


def care_section(frames: Frames, naming: Naming) -> Section:
    """Cautions."""
    return Section(
        "care",
        "Cautions",
        "care.html.j2",
        {"cautions": cautions(frames, naming), "not_examined": not_examined(frames, naming)},
    )
