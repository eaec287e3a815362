"""What to be careful about, in brief; the numbers behind each caution are in the evidence."""

from __future__ import annotations

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.words.cautions import cautions, not_examined
from slopewise.report.words.naming import Naming


def careful_section(frames: Frames, naming: Naming) -> Section:
    """The cautions by name, the gravest first, and what was not examined."""
    return Section(
        "careful",
        "What to be careful about",
        "careful.html.j2",
        {
            "cautions": list(dict.fromkeys(short for short, _ in cautions(frames, naming))),
            "not_examined": not_examined(frames, naming),
            "effect": naming.words.effect,
        },
        layer=1,
    )
