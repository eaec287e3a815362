"""The effect of a treatment: its average, how much it differs between patients, for whom, and what was checked."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import effects as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import marker_cell
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.sections.effects_shape import (
    HEADLINE_MARKERS,
    Asked,
    Figure,
    MarkerPart,
    effect_section,
    estimated,
    has_posterior,
    posterior_table,
    rows_of,
)
from slopewise.report.sections.fast import few
from slopewise.report.templates.environment import caption
from slopewise.report.words.effect_posterior import posterior_average_words, posterior_spread_words
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import count, figure_interval, figures, number, p_value, percent, signed_figures
from slopewise.report.words.treatment import (
    COMPONENTS,
    PARALLEL,
    SINGLE,
    arms_words,
    average_words,
    check_words,
    clinical,
    deciding_p,
    interval_kind,
    levels,
    reliability_words,
    residual_words,
    share_words,
    spread_words,
)


def treatment_section(frames: Frames, naming: Naming) -> Section:
    """Words, a picture of the patients' effects, tables. No patient is named."""
    markers = estimated(frames, naming)
    return effect_section(
        "treatment",
        "The effect of the treatment",
        [_part(frames, naming, marker) for marker in markers],
        [_picture(frames, naming, markers)],
        (
            average_table(frames, naming),
            spread_table(frames, naming),
            posterior_table(frames, naming, "treatment-posterior"),
            arms_table(frames, naming),
        ),
        caption("treatment_note", posterior=has_posterior(frames, naming)),
    )


def treatment_headline(frames: Frames, naming: Naming) -> str:
    """What the study asks, before any answer."""
    treatment = naming.study.effects.treatment
    assert treatment is not None
    return f"What {treatment.column} does to {naming.all_markers()}, and whether it does the same in every patient."


def treatment_figures(frames: Frames, naming: Naming) -> list[Figure]:
    """The average effect of each marker, and its standard deviation between patients where that is identified."""
    said: list[Figure] = []
    for marker in estimated(frames, naming)[:HEADLINE_MARKERS]:
        design, row = rows_of(frames, "design", marker).iloc[0], effect_row(frames, marker)
        reference, versus = levels(design, naming)
        value, ends, unit = clinical(row, naming, marker)
        said.append((value, ends, f"average difference in {naming.marker(marker)}, {versus} less {reference} ({unit})"))
        for _, spread in rows_of(frames, "spread", marker).iterrows():
            ends = figure_interval(spread["ci_low"], spread["ci_high"])
            scale = f" ({naming.unit_of(marker)})" if naming.is_transformed(marker) else ""
            said.append((figures(spread["sd"]), ends, f"standard deviation of that difference between patients{scale}"))
    return said


def effect_row(frames: Frames, marker: str) -> pd.Series:
    """The average effect of the treatment itself."""
    rows = rows_of(frames, "average", marker)
    return rows[rows["effect"] == "treatment"].iloc[0]


def _part(frames: Frames, naming: Naming, marker: str) -> MarkerPart:
    """The sentences on one marker under the questions that they answer."""
    design = rows_of(frames, "design", marker).iloc[0]
    average = effect_row(frames, marker)
    said = [average_words(average, design, naming, marker)]
    if has_posterior(frames, naming, marker):
        own = rows_of(frames, "posterior", marker).set_index("what", drop=False)
        said.append(posterior_average_words(own.loc["average"], naming, marker))
    asked: list[Asked] = [("What is the effect on average?", said)]
    if design["design"] == "single":
        asked.append(("Does it differ between patients?", [SINGLE]))
    elif design["design"] == "parallel":
        asked.append(("Does it differ between patients?", [PARALLEL]))
        arms = arms_words(rows_of(frames, "arms", marker), design, naming)
        asked.append(("Do patients differ more under one treatment?", arms))
    else:
        asked += _within(frames, naming, marker, design, float(average["estimate"]))
    checked = check_words(rows_of(frames, "checks", marker))
    if checked:
        asked.append(("What else could explain it?", [checked]))
    return MarkerPart(naming.marker(marker), asked, _on_what(design, naming))


def _within(frames: Frames, naming: Naming, marker: str, design: pd.Series, average: float) -> list[Asked]:
    """How much, for whom, and how predictable, where patients have both treatments, repeated."""
    spread = rows_of(frames, "spread", marker).iloc[0]
    small = naming.study.report.small_cells
    whom = [
        share_words(row, design, naming, marker, few(float(row["share"]), int(row["patients"]), small))
        for _, row in rows_of(frames, "shares", marker).iterrows()
    ]
    residuals = rows_of(frames, "residuals", marker)
    differ = [spread_words(spread, average, naming, marker)]
    if has_posterior(frames, naming, marker):
        own = rows_of(frames, "posterior", marker).set_index("what", drop=False)
        differ.append(posterior_spread_words(own.loc["spread"], float(spread["sd"]), naming, marker))
    return [
        ("Does it differ between patients?", differ),
        ("For whom?", [*whom, reliability_words(spread)]),
        ("Is a patient more predictable under one treatment?", [residual_words(residuals, design, naming, marker)]),
    ]


def _on_what(design: pd.Series, naming: Naming) -> str:
    """Patients and values behind the estimate."""
    small = naming.study.report.small_cells
    reference, versus = levels(design, naming)
    patients = f"{count(int(design['patients']), small)} patients"
    if design["design"] != "parallel":
        patients += f", {count(int(design['patients_both']), small)} of them with both treatments"
    return (
        f"{patients}; {design['rows_versus']} values under {versus} and {design['rows_reference']} under {reference}."
    )


def _picture(frames: Frames, naming: Naming, markers: list[str]) -> Picture:
    """The patients' effects in order, of each marker that has them."""
    shown = [marker for marker in markers if len(rows_of(frames, "patients", marker)) > 1]
    panels = []
    for place, marker in enumerate(shown):
        rows, average = rows_of(frames, "patients", marker), effect_row(frames, marker)
        meaningful = naming.study.effects.meaningful
        limit = math.copysign(meaningful, average["estimate"]) if meaningful is not None else None
        unit = naming.unit_of(marker)
        panels.append(
            draw.effects(rows, float(average["estimate"]), limit, naming.marker(marker), unit, f"effect-{place}")
        )
    return Picture("treatment-effects", caption("treatment"), panels, markers=shown, first=FIRST)


def average_table(frames: Frames, naming: Naming) -> Table:
    """A row for each fixed effect."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_average"].iterrows():
        ends = figure_interval(row["ci_low"], row["ci_high"])
        lines.append(
            [
                marker_cell(naming, row["marker"]), row["effect"], row["term"],
                Cell(signed_figures(row["estimate"]), ends), figures(row["se"]), number(row["df"], 1),
                p_value(row["p_value"]),
            ]
        )  # fmt: skip
    columns = ["marker", "effect", "level or term", "estimate, 95% interval", "standard error", "df", "p"]
    return Table("treatment-average", "Average effects", columns, lines, frozenset({0, 1, 2}))


def spread_table(frames: Frames, naming: Naming) -> Table:
    """A row a marker: spread, its test, reliability, and the ratio of the residual SDs."""
    lines: list[list[Cell | str]] = []
    small = naming.study.report.small_cells
    for _, row in frames.further["effects_spread"].iterrows():
        marker = str(row["marker"])
        shares = rows_of(frames, "shares", marker).set_index("what")
        opposite = shares.loc["opposite"]
        masked = few(float(opposite["share"]), int(opposite["patients"]), small)
        ends = f"{percent(opposite['ci_low'])} to {percent(opposite['ci_high'])}"
        residuals = rows_of(frames, "residuals", marker)
        ratio: Cell | str = "–"
        if len(residuals) > 1:
            second = residuals[residuals["ci_low"].notna()].iloc[0]
            ratio = Cell(figures(second["ratio"]), figure_interval(second["ci_low"], second["ci_high"]))
        lines.append(
            [
                marker_cell(naming, marker), Cell(figures(row["sd"]), figure_interval(row["ci_low"], row["ci_high"])),
                figures(row["lrt"]), p_value(row["p_value"]), p_value(deciding_p(row)), number(row["reliability"], 2),
                masked or Cell(percent(opposite["share"]), ends), ratio,
            ]
        )  # fmt: skip
    columns = [
        "marker", "SD of the effect between patients, 95% interval", "likelihood ratio", "p, mixture", "p, bootstrap",
        "mean reliability", f"share with the other sign, 95% {interval_kind(naming)}",
        "ratio of residual SDs, 95% interval",
    ]  # fmt: skip
    return Table("treatment-spread", "How much the effect differs between patients", columns, lines)


def arms_table(frames: Frames, naming: Naming) -> Table:
    """A row for each component of the arms' variances."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_arms"].iterrows():
        if row["component"] not in COMPONENTS:
            continue
        ends = figure_interval(row["ci_low"], row["ci_high"])
        lines.append(
            [
                marker_cell(naming, row["marker"]), COMPONENTS[row["component"]][0], figures(row["reference"]),
                figures(row["versus"]), Cell(figures(row["ratio"]), ends),
            ]
        )  # fmt: skip
    columns = ["marker", "standard deviation of", "reference", "other treatment", "ratio, 95% interval"]
    return Table("treatment-arms", "Variances in the two arms", columns, lines, frozenset({0, 1}))
