"""The slopes: what pooling does to them, and how far to trust them."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import growth as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Detailed, Lines, marker_table
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.sections.levels import level_sentences, level_table
from slopewise.report.sections.pooling import pooling_pictures
from slopewise.report.templates.environment import caption
from slopewise.report.words.courses import components
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import count_of, counts_of_parts, figures, number
from slopewise.report.words.wording import reliability_sentence
from slopewise.run.seeds import generator

MARKS = 400
"""Patients with a mark in the pictures of shrinkage; half as many where there are more than `FIRST` pictures."""


def slopes_section(frames: Frames, naming: Naming) -> Section:
    """Slopes, what pooling does to them, and how reliable they are."""
    groups = by_visits(frames, naming)
    labels = {marker: naming.marker(marker) for marker in naming.pictured[:5]}
    return Section(
        "slopes",
        "The slopes and their reliability",
        "slopes.html.j2",
        {
            "reliability": reliability_sentence(frames, naming) if naming.kind.predicts else "",
            "moment": naming.moment,
            "shrinkage": shrinkage(frames, naming),
            "markers": naming.choices,
            "by_visits": by_visits_picture(groups, labels, naming),
            "table": slopes_table(frames, naming),
            "levels": level_table(frames, naming),
            "level_words": level_sentences(frames, naming),
            "visits_table": visits_table(groups, naming),
            "pooling": pooling_pictures(frames, naming),
            "detailed": Detailed.of(naming),
        },
    )


def by_visits_picture(groups: pd.DataFrame, labels: dict[str, str], naming: Naming) -> Picture | None:
    """Reliability by the number of visits; nothing where all have the same number."""
    if groups.dropna(subset=["reliability"])["visits"].nunique() < 2:
        return None
    drawn = draw.reliability(groups, labels, "reliability", naming.end)
    return Picture("reliability", caption("reliability"), [drawn])


def shrinkage(frames: Frames, naming: Naming) -> Picture:
    """Partial pooling beside no pooling and complete pooling, a panel a marker."""
    panels = []
    sample, sampled = shown_patients(frames, naming)
    for index, marker in enumerate(naming.pictured):
        own = frames.of("slopes", marker)
        own = own[own["patient"].isin(sample)]
        rows = frames.of("fixed_effects", marker)
        trend = rows[(rows["model"] == "study") & (rows["term"] == naming.predictor)]["estimate"]
        straight = naming.study.growth.fixed.replace(" ", "") == f"~{naming.predictor}"
        average = float(trend.iloc[0]) if len(trend) and straight else None
        panels.append(
            draw.shrinkage(own, f"{naming.marker(marker)}, {naming.slope_unit(marker)}", average, f"shrinkage-{index}")
        )
    return Picture("shrinkage", caption("shrinkage", sampled=sampled), panels, markers=naming.pictured, first=FIRST)


def shown_patients(frames: Frames, naming: Naming) -> tuple[set[str], str]:
    """The patients whose marks are drawn, and what the caption says of them: with very many, a random sample."""
    everybody = sorted(frames.patients["patient"])
    most = MARKS if len(naming.pictured) <= FIRST else MARKS // 2
    if len(everybody) <= most:
        return set(everybody), ""
    rng = generator(naming.study.seed, "report", "shrinkage")
    chosen = rng.choice(len(everybody), size=most, replace=False)
    return {everybody[index] for index in chosen}, f" A random sample of {most} patients is shown."


def most_visits(slopes: pd.DataFrame, limit: int) -> int:
    """Where the last group of visits starts: 5, or earlier where few patients have so many (for any marker)."""
    for start in (5, 4, 3):
        sizes = (slopes["visits"] >= start).groupby(slopes["marker"]).sum()
        if not ((sizes > 0) & (sizes < limit)).any():
            return start
    return 2


def visit_groups(visits: pd.Series, last: int) -> pd.Series:
    """``1``, ``2``, ... and the last group, ``5 or more`` visits for a `last` of 5."""
    return visits.clip(upper=last).map(lambda n: f"{last} or more" if n == last else str(int(n)))


def by_visits(frames: Frames, naming: Naming) -> pd.DataFrame:
    """Reliability and spread of slopes by number of visits: marker, visits, patients, reliability, sd, sd_ols.

    A group smaller than ``report.small_cells`` keeps its (masked) count and loses its means.
    """
    limit = max(naming.study.report.small_cells, 2)
    last = most_visits(frames.slopes, limit)
    rows = []
    for marker in naming.study.markers:
        own = frames.of("slopes", marker)
        for visits, part in own.groupby(visit_groups(own["visits"], last), sort=True):
            few = len(part) < limit
            rows.append(
                {
                    "marker": marker,
                    "visits": visits,
                    "patients": len(part),
                    "reliability": math.nan if few else float(part["reliability"].mean()),
                    "sd": math.nan if few else float(part["slope"].std()),
                    "sd_ols": math.nan if part["slope_ols"].notna().sum() < limit else float(part["slope_ols"].std()),
                }
            )
    return pd.DataFrame(rows).sort_values("visits", kind="stable").reset_index(drop=True)


def visits_table(groups: pd.DataFrame, naming: Naming) -> Table:
    """Shrinkage by number of visits."""
    limit = naming.study.report.small_cells
    lines: Lines = []
    for marker in naming.study.markers:
        own = groups[groups["marker"] == marker]
        shown = counts_of_parts(own["patients"].tolist(), limit)
        for row, patients in zip(own.itertuples(), shown, strict=True):
            spread = [figures(row.sd), figures(row.sd_ols)]
            lines.append((marker, [row.visits, patients, number(row.reliability, 2), *spread]))
    columns = [
        "marker",
        "visits",
        "patients",
        "mean reliability",
        "SD of cross-fitted slopes",
        "SD of least-squares slopes",
    ]
    caption = "Shrinkage by number of visits"
    return marker_table("slopes-by-visits", caption, columns, lines, naming, frozenset({0}), scaled=True)


def slopes_table(frames: Frames, naming: Naming) -> Table:
    """One row a marker: reliability with its interval, and the slopes' spread under no and partial pooling."""
    rows: list[list[Cell | str]] = []
    known = frames.reliability.set_index("marker")
    for marker in naming.study.markers:
        own = frames.of("slopes", marker)
        spread = components(frames, marker)[0].get(naming.predictor, math.nan)
        rel = known.loc[marker]
        ends = f"{number(rel['ci_low'], 2)} to {number(rel['ci_high'], 2)}" if math.isfinite(rel["ci_low"]) else ""
        without = count_of(int((own["visits"] < 2).sum()), len(own), naming.study.report.small_cells)
        rows.append(
            [
                naming.marker(marker),
                Cell(number(rel["reliability"], 2), ends),
                figures(own["slope"].mean()),
                figures(spread),
                figures(own["slope"].std()),
                figures(own["slope_ols"].std()),
                without,
                naming.slope_unit(marker),
            ]
        )
    columns = [
        "marker", "reliability, 95% interval", "mean slope", "SD of true slopes (model)", "SD of cross-fitted slopes",
        "SD of least-squares slopes", "fewer than 2 visits", "unit",
    ]  # fmt: skip
    markers = list(naming.study.markers)
    return Table("slopes", f"Slopes at {naming.moment}", columns, rows, frozenset({0, 7}), {"marker": markers})
