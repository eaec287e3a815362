"""The report's summary and the order of its sections."""

from __future__ import annotations

import math
from typing import Any

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES, gain, reliabilities
from slopewise.report.material.parts import Section
from slopewise.report.sections.audit import audit_section
from slopewise.report.sections.care import care_section
from slopewise.report.sections.checks import checks_section
from slopewise.report.sections.coefficients import coefficients_section
from slopewise.report.sections.cohort import cohort_section
from slopewise.report.sections.competing import competing_section
from slopewise.report.sections.courses import courses_section
from slopewise.report.sections.dropout import dropout_section
from slopewise.report.sections.evidence import evidence_section
from slopewise.report.sections.fast import fast_section
from slopewise.report.sections.fit import fit_section
from slopewise.report.sections.groups import groups_section
from slopewise.report.sections.hazards import hazards_section
from slopewise.report.sections.ladder import ladder_section, short_picture
from slopewise.report.sections.population import population_section
from slopewise.report.sections.provenance import provenance_section
from slopewise.report.sections.risks import risks_section
from slopewise.report.sections.selection import selection_section
from slopewise.report.sections.slopes import slopes_section
from slopewise.report.words.cautions import cautions
from slopewise.report.words.growth_summary import growth_summary
from slopewise.report.words.ledger import slope_reasons
from slopewise.report.words.methods import methods_section
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import interval, number, signed
from slopewise.report.words.tripod import tripod_section
from slopewise.report.words.verdict import answer, headline, second_opinion
from slopewise.report.words.wording import ladder_sentences, order_sentence, reliability_sentence, scope_sentence
from slopewise.validate.evidence import evidence
from slopewise.validate.gains import headline_metric, slopes_of
from slopewise.validate.verdict import Verdict, verdict


def sections(frames: Frames, naming: Naming) -> list[Section]:
    """All sections but the summary, in order."""
    if not naming.kind.predicts:
        growth = (
            cohort_section,
            courses_section,
            population_section,
            evidence_section,
            fit_section,
            slopes_section,
            *([fast_section] if len(frames.fast_share) else []),
            *([dropout_section] if naming.study.is_in_time and len(frames.dropout) else []),
            audit_section,
            care_section,
            methods_section,
            provenance_section,
        )
        return [make(frames, naming) for make in growth]
    makers = [
        cohort_section,
        courses_section,
        population_section,
        evidence_section,
        fit_section,
        slopes_section,
        *([fast_section] if len(frames.fast_share) else []),
        *([dropout_section] if len(frames.dropout) else []),
        ladder_section,
        checks_section,
        coefficients_section,
        *([selection_section] if len(frames.selection) else []),
        *([hazards_section] if len(frames.hazards) else []),
        risks_section,
        groups_section,
        audit_section,
        care_section,
        methods_section,
        tripod_section,
        provenance_section,
    ]
    made = [make(frames, naming) for make in makers]
    if frames.competing:
        place = [section.anchor for section in made].index("risks")
        made.insert(place, competing_section(frames, naming))
    return made


def summary(frames: Frames, naming: Naming) -> dict[str, Any]:
    """The first page: the verdict, its numbers, three key figures, a picture, and what to be careful about."""
    if not naming.kind.predicts:
        return growth_summary(frames, naming)
    metric = headline_metric(frames.performance)
    level, found = gain(frames, "level", metric), evidence(frames, naming.study)
    said = verdict(found)
    return {
        "template": "summary.html.j2",
        "headline": headline(said, naming),
        "verdict": said.name.lower(),
        "scope": scope_sentence(frames, naming),
        "answer": answer(said, found, level, naming),
        "second": second_opinion(frames, found, said),
        "reasons": slope_reasons(frames, naming),
        "order": order_sentence(level, naming),
        "effect": naming.words.effect,
        "ladder": ladder_sentences(frames, naming, metric),
        "reliability": reliability_sentence(frames, naming),
        "key_figures": key_figures(frames, naming, said, metric),
        "picture": short_picture(frames, naming, metric, found.kept),
        "cautions": [short for short, _ in cautions(frames, naming)],
    }


def key_figures(frames: Frames, naming: Naming, said: Verdict, metric: str) -> list[tuple[str, str, str]]:
    """The three numbers that matter: (number, its interval, what it is)."""
    slope, level = gain(frames, "slope", metric), gain(frames, "level", metric)
    c = HEADLINES[metric]
    figures = [
        (
            number(level.value),
            interval(level.low, level.high),
            f"{c} with the covariates and the markers’ levels at {naming.moment}",
        )
    ]
    if said is not Verdict.DROPPED:
        ends = interval(slope.difference_low, slope.difference_high, plus=True)
        figures.append((signed(slope.difference), ends, "what the slopes add to that"))
    kept = slopes_of(frames.coefficients, kept=True) or list(naming.study.markers)
    known = reliabilities(frames, kept)
    if len(known) == 1:
        row = known.iloc[0]
        ends = interval(row["ci_low"], row["ci_high"], 2) if math.isfinite(row["ci_low"]) else ""
        figures.append(
            (number(row["reliability"], 2), ends, f"reliability of the slopes of {naming.marker(row['marker'])}")
        )
    elif len(known):
        low, high = known["reliability"].min(), known["reliability"].max()
        what = f"mean reliability of the slopes of {len(known)} markers"
        figures.append((f"{number(low, 2)} to {number(high, 2)}", "1 is without error, 0 all noise", what))
    return figures
