"""Effects of a treatment or an interruption: the section of each kind of effect."""

from __future__ import annotations

from collections.abc import Callable

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.sections.effects_shape import Figure
from slopewise.report.sections.interruption import (
    interruption_figures,
    interruption_headline,
    interruption_section,
)
from slopewise.report.sections.treatment import treatment_figures, treatment_headline, treatment_section
from slopewise.report.sections.weighting import weighting_figures, weighting_headline, weighting_section
from slopewise.report.words.naming import Naming

SECTIONS: dict[str, Callable[[Frames, Naming], Section]] = {
    "treatment": treatment_section,
    "interruption": interruption_section,
    "treatment_over_time": weighting_section,
}
"""By the kind of effect."""


def effects_section(frames: Frames, naming: Naming) -> Section:
    """The section of the study's effect."""
    return SECTIONS[naming.study.effects.kind](frames, naming)


FIGURES: dict[str, Callable[[Frames, Naming], list[Figure]]] = {
    "treatment": treatment_figures,
    "interruption": interruption_figures,
    "treatment_over_time": weighting_figures,
}
HEADLINES: dict[str, Callable[[Frames, Naming], str]] = {
    "treatment": treatment_headline,
    "interruption": interruption_headline,
    "treatment_over_time": weighting_headline,
}
"""What the first page of a study without an outcome says of its effect, by kind."""
