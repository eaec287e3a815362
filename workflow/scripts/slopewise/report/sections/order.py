"""The sections of the report in their order, each with the studies that have it.

A section declares where it stands (`Section.layer`): in the first layer, which is read from top to bottom, or among the
evidence, which is closed until somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Section
from slopewise.report.sections.audit import audit_section
from slopewise.report.sections.batches import batches_section
from slopewise.report.sections.calculator import calculator_section, has_calculator
from slopewise.report.sections.care import care_section
from slopewise.report.sections.careful import careful_section
from slopewise.report.sections.checks import checks_section
from slopewise.report.sections.coefficients import coefficients_section
from slopewise.report.sections.cohort import cohort_section
from slopewise.report.sections.competing import competing_section
from slopewise.report.sections.courses import courses_section
from slopewise.report.sections.done import done_section
from slopewise.report.sections.dropout import can_drop_out, dropout_section
from slopewise.report.sections.effects import effects_section
from slopewise.report.sections.evidence import evidence_section
from slopewise.report.sections.examples import examples_section
from slopewise.report.sections.fast import fast_section
from slopewise.report.sections.filters import filters_section
from slopewise.report.sections.fit import fit_section
from slopewise.report.sections.glance import glance_section
from slopewise.report.sections.groups import groups_section
from slopewise.report.sections.hazards import hazards_section
from slopewise.report.sections.instability import instability_section
from slopewise.report.sections.ladder import ladder_section
from slopewise.report.sections.population import population_section
from slopewise.report.sections.posterior import posterior_section
from slopewise.report.sections.predicts import predicts_section
from slopewise.report.sections.provenance import provenance_section
from slopewise.report.sections.ranking import is_many, ranking_section
from slopewise.report.sections.risks import risks_section
from slopewise.report.sections.selection import selection_section
from slopewise.report.sections.slopes import slopes_section
from slopewise.report.sections.whom import whom_section
from slopewise.report.words.appraisal import appraisal_section
from slopewise.report.words.methods import methods_section
from slopewise.report.words.naming import Naming
from slopewise.report.words.radiomics import has_images, radiomics_section
from slopewise.report.words.tripod import tripod_section

Maker = Callable[[Frames, Naming], Section]
Condition = Callable[[Frames, Naming], bool]


def every_study(frames: Frames, naming: Naming) -> bool:
    """A section of every report."""
    return True


def with_an_outcome(frames: Frames, naming: Naming) -> bool:
    """A section of studies that predict an outcome."""
    return naming.kind.predicts


def _with_effects(frames: Frames, naming: Naming) -> bool:
    return bool(naming.study.effects.kind)


def _has(table: str) -> Condition:
    """A section of studies that have rows in a table."""
    return lambda frames, naming: bool(len(getattr(frames, table)))


def _predicted_with(table: str) -> Condition:
    return lambda frames, naming: naming.kind.predicts and bool(len(getattr(frames, table)))


def _has_instability(frames: Frames, naming: Naming) -> bool:
    return bool(len(frames.further["instability"]))


def _has_batches(frames: Frames, naming: Naming) -> bool:
    return bool(len(frames.further["batch_audit"]))


def _has_filters(frames: Frames, naming: Naming) -> bool:
    return bool(len(frames.further["filter_survival"]))


def _of_many(frames: Frames, naming: Naming) -> bool:
    return is_many(naming) and bool(len(frames.further["associations"]))


def _has_examples(frames: Frames, naming: Naming) -> bool:
    return bool(len(frames.further["examples"]))


def _has_competing_events(frames: Frames, naming: Naming) -> bool:
    return bool(frames.competing)


ORDER: tuple[tuple[Maker, Condition], ...] = (
    (whom_section, every_study),
    (examples_section, _has_examples),
    (calculator_section, has_calculator),
    (predicts_section, with_an_outcome),
    (careful_section, every_study),
    (done_section, every_study),
    (cohort_section, every_study),
    (effects_section, _with_effects),
    (glance_section, every_study),
    (courses_section, every_study),
    (population_section, every_study),
    (evidence_section, every_study),
    (fit_section, every_study),
    (posterior_section, _has("posterior")),
    (slopes_section, every_study),
    (fast_section, _has("fast_share")),
    (dropout_section, can_drop_out),
    (ranking_section, _of_many),
    (batches_section, _has_batches),
    (filters_section, _has_filters),
    (ladder_section, with_an_outcome),
    (checks_section, with_an_outcome),
    (coefficients_section, with_an_outcome),
    (selection_section, _predicted_with("selection")),
    (hazards_section, _predicted_with("hazards")),
    (competing_section, _has_competing_events),
    (risks_section, with_an_outcome),
    (instability_section, _has_instability),
    (groups_section, with_an_outcome),
    (audit_section, every_study),
    (care_section, every_study),
    (methods_section, every_study),
    (tripod_section, with_an_outcome),
    (appraisal_section, with_an_outcome),
    (radiomics_section, has_images),
    (provenance_section, every_study),
)
"""Every section but the summary. A new one is a row here; the page has the first layer’s before all others."""


def numbered(number: int, frames: Frames, naming: Naming) -> Section | None:
    """The section of a row of `ORDER`; None in a study that does not have it."""
    make, stands = ORDER[number]
    return make(frames, naming) if stands(frames, naming) else None


def in_layers(made: Iterable[Section | None]) -> list[Section]:
    """The sections that a study has, those of the first layer before the evidence."""
    return sorted((section for section in made if section is not None), key=lambda section: section.layer)


def sections(frames: Frames, naming: Naming) -> list[Section]:
    """The study's sections: those of the first layer, then the evidence."""
    return in_layers(numbered(number, frames, naming) for number in range(len(ORDER)))
