"""What was measured and the growth model: courses, fixed and random effects, the state of the fit."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import groups
from slopewise.figures import growth as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Lines, marker_cell, marker_table
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.courses import components, model_words, origin_of, outside, where
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import MISSING, figure_interval, figures, number, p_value
from slopewise.run.seeds import generator

SAMPLE = 60
"""Patients whose measured courses are drawn."""


def courses_section(frames: Frames, naming: Naming) -> Section:
    """What was measured, and the growth model in words and tables."""
    return Section(
        "courses",
        "The courses and the growth model",
        "courses.html.j2",
        {
            "picture": trajectories(frames, naming) if naming.kind.predicts else None,
            "formula": (naming.study.growth.fixed, naming.study.growth.random),
            "words": [
                (marker, model_words(frames, naming, marker))
                for marker in naming.pictured
                if marker not in naming.in_finding
            ],
            "first": FIRST,
            "in_finding": naming.listed(naming.in_finding),
            "markers": naming.choices,
            "fixed": fixed_table(frames, naming),
            "random": random_table(frames, naming),
            "outside": outside(frames, naming),
            "omitted": len(naming.study.markers) - len(naming.pictured),
        },
    )


def lines_of_groups(frames: Frames, naming: Naming, name: str) -> Picture | None:
    """Points and lines of each group, where there are so few that they can be told apart and all have lines."""
    markers = [marker for marker in naming.pictured if len(frames.of("lines", marker))]
    if not markers:
        return None
    rows = frames.fixed_effects[frames.fixed_effects["model"] == "study"].set_index(["marker", "term"])["estimate"]
    group = naming.study.data.patient
    panels = [
        groups.lines(
            frames.measurements,
            marker,
            naming.predictor,
            frames.of("lines", marker),
            (float(rows[marker, "Intercept"]), float(rows[marker, naming.predictor])),
            f"{naming.marker(marker)}, {naming.clinical_unit(marker)}",
            naming.study.markers[marker].transform,
            group,
            f"{name}-lines-{place}",
        )
        for place, marker in enumerate(markers)
    ]
    return Picture(name, caption("lines_of_groups", group=group), panels, markers=markers, first=FIRST)


def trajectories(frames: Frames, naming: Naming, name: str = "courses") -> Picture:
    """Measured courses of a random sample of patients, the same for every marker; of a few groups, their lines."""
    if (lines := lines_of_groups(frames, naming, name)) is not None:
        return lines
    everybody = sorted(frames.patients["patient"])
    rng = generator(naming.study.seed, "report", "trajectories")
    chosen = rng.choice(len(everybody), size=min(SAMPLE, len(everybody)), replace=False)
    sample = [everybody[index] for index in sorted(chosen)]
    panels = [
        draw.trajectories(
            frames.measurements.assign(time=frames.measurements[naming.predictor]),
            frames.population,
            marker,
            f"{naming.marker(marker)}, {naming.clinical_unit(marker)}",
            naming.study.markers[marker].transform,
            naming.landmark if naming.predictor == "time" else math.inf,
            sample,
            naming.time_axis,
            f"{name}-{index}",
        )
        for index, marker in enumerate(naming.pictured)
    ]
    whom = f"{len(sample)} patients drawn at random" if len(sample) < len(everybody) else f"all {len(sample)} patients"
    visits = frames.slopes.loc[frames.slopes["patient"].isin(sample), "visits"]
    single = bool((visits == 1).any())
    dashed = naming.has_landmark and naming.predictor == "time"
    words = caption("courses", whom=whom, landmark=dashed, single=single)
    return Picture(name, words, panels, markers=naming.pictured, first=FIRST)


def fixed_table(frames: Frames, naming: Naming) -> Table:
    """Fixed effects of the study's model, all markers; the average value within the measurements, where 0 is not."""
    rows = frames.fixed_effects[frames.fixed_effects["model"] == "study"]
    lines: Lines = []
    for marker in naming.study.markers:
        origin = origin_of(frames, marker)
        inside = origin is None or origin["moment"] == "zero"
        start = naming.zero if inside else f"{naming.zero}, outside the measurements"
        for row in rows[rows["marker"] == marker].itertuples():
            unit = naming.slope_unit(marker) if row.term == naming.predictor else naming.unit_of(marker)
            ends = figure_interval(row.ci_low, row.ci_high)
            term = str(row.term)
            name = {"Intercept": start, naming.predictor: f"slope per {naming.unit}"}.get(term, term)
            test = [number(row.statistic, 2), number(row.df, 1), p_value(row.p_value)]
            lines.append((marker, [name, figures(row.estimate), ends, unit, *test]))
        if origin is not None and not inside:
            ends = figure_interval(origin["ci_low"], origin["ci_high"])
            value = [
                figures(origin["estimate"]),
                ends,
                naming.unit_of(marker),
                MISSING,
                number(origin["df"], 1),
                MISSING,
            ]
            lines.append((marker, [f"average value {where(naming, origin)}", *value]))
    columns = ["marker", "term", "estimate", "95% interval", "unit", "t", "df", "p"]
    caption = "Fixed effects: the average patient"
    return marker_table("growth-fixed", caption, columns, lines, naming, frozenset({0, 1, 4}))


def random_table(frames: Frames, naming: Naming) -> Table:
    """Standard deviations, correlation and residual of the study's model, one row a marker.

    Those of an intercept and its correlation are at a moment within the measurements (``growth/origin``).
    """
    parts = {marker: components(frames, marker) for marker in naming.study.markers}
    origins = {marker: origin_of(frames, marker) for marker in parts}
    terms = list(dict.fromkeys(term for spread, _, _ in parts.values() for term in spread))
    pairs = list(dict.fromkeys(pair for _, together, _ in parts.values() for pair in together))
    moved = any(row is not None and row["moment"] != "zero" for row in origins.values())
    names = {"Intercept": "SD of values" if moved else f"SD {naming.zero}", naming.predictor: "SD of slopes"}
    columns = ["marker", *(names.get(term, f"SD of {term}") for term in terms)]
    columns += ["correlation" if len(pairs) == 1 else f"correlation {a}, {b}" for a, b in pairs]
    lines: list[list[Cell | str]] = []
    for marker, (spread, together, residual) in parts.items():
        row = origins[marker]
        if row is not None and row["moment"] != "zero":
            spread, together = at_origin(spread, together, row, naming.predictor)
        line: list[Cell | str] = [marker_cell(naming, marker)]
        line += [figures(spread.get(term, math.nan)) for term in terms]
        line += [number(together.get(pair, math.nan), 2) for pair in pairs]
        line += [MISSING if row is None else where(naming, row).removeprefix("at ")] if moved else []
        lines.append([*line, residual_text(frames, marker, residual), state_of(frames, marker)])
    columns += ["values are those at"] if moved else []
    words = {0, len(columns) + 1, *([len(columns) - 1] if moved else [])}
    return Table(
        "growth-random",
        "Random effects: how patients differ",
        [*columns, "residual SD", "fit"],
        lines,
        frozenset(words),
        {"marker": list(parts)},
    )


def at_origin(
    spread: dict[str, float], together: dict[tuple[str, str], float], row: pd.Series, predictor: str
) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    """SDs and correlations with those of the intercept replaced by those of values at the moment of `row`."""
    moved = {pair: row["correlation"] if set(pair) == {"Intercept", predictor} else value
             for pair, value in together.items()}  # fmt: skip
    return spread | ({"Intercept": row["sd"]} if "Intercept" in spread else {}), moved


def residual_text(frames: Frames, marker: str, residual: float) -> str:
    """The residual SD, or that of each stratum."""
    rows = frames.of("residuals", marker)
    return "; ".join(f"{row.stratum} {figures(row.residual_sd)}" for row in rows.itertuples()) or figures(residual)


def state_of(frames: Frames, marker: str) -> str:
    """``converged``, ``singular``, ``random intercept only``, ...: the fit on everybody."""
    if marker not in frames.published_fits.index:
        return MISSING
    fit = frames.published_fits.loc[marker]
    if fit["structure"] == "excluded":
        return "excluded"
    said = ["converged" if fit["converged"] else "not converged"]
    if fit["singular"]:
        said.append("singular")
    if fit["structure"] != "correlated":
        said.append({"intercept": "random intercept only", "diagonal": "uncorrelated"}[fit["structure"]])
    return ", ".join(said)
