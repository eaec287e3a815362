"""The finding, with which the report opens: the verdict, its numbers, key figures and a picture."""

from __future__ import annotations

import math
from typing import Any

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import HEADLINES, evidence_of, gain, reliabilities
from slopewise.report.sections.ladder import short_picture
from slopewise.report.sections.ranking import kept_sentence
from slopewise.report.words.growth_summary import growth_summary
from slopewise.report.words.ledger import slope_reasons
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, interval, number, signed
from slopewise.report.words.verdict import answer, headline, second_opinion
from slopewise.report.words.wording import scope_sentence
from slopewise.run.words import amount
from slopewise.validate.gains import headline_metric, slopes_of
from slopewise.validate.verdict import Verdict, verdict


def summary(frames: Frames, naming: Naming) -> dict[str, Any]:
    """The first page: the verdict, its numbers, key figures and a picture."""
    if not naming.kind.predicts:
        return growth_summary(frames, naming)
    metric = headline_metric(frames.performance)
    level, found = gain(frames, "level", metric), evidence_of(frames, naming.study)
    said = verdict(found)
    return {
        "template": "summary.html.j2",
        "headline": headline(said, naming),
        "verdict": said.name.lower(),
        "scope": scope_sentence(frames, naming),
        "kept": kept_sentence(frames, naming),
        "answer": answer(said, found, level, naming),
        "second": second_opinion(frames, found, said),
        "reasons": slope_reasons(frames, naming),
        "key_figures": key_figures(frames, naming, said, metric),
        "picture": short_picture(frames, naming, metric, found.kept),
    }


def key_figures(frames: Frames, naming: Naming, said: Verdict, metric: str) -> list[tuple[str, str, str]]:
    """The numbers that matter: (number, its interval, what it is)."""
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
    figures.append(whom(frames, naming))
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


def whom(frames: Frames, naming: Naming) -> tuple[str, str, str]:
    """Whom the finding is about: how many patients, how many events, from when on."""
    limit = naming.study.report.small_cells
    patients = str(amount(count(frames.n_patients, limit), "patient"))
    events = f"{count(frames.n_events, limit)} with the {naming.words.event}" if naming.kind.has_events else ""
    if not naming.has_landmark:
        return patients, events, "measured up to each patient’s last visit"
    return patients, events, f"{'at risk' if naming.kind.timed else 'measured up to'} {naming.up_to}"
