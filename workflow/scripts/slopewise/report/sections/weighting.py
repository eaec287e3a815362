"""The effect of a treatment that follows the patient's state: with weights, without, and what the weights are."""

from __future__ import annotations

import pandas as pd

from slopewise.figures import weighting as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import marker_cell
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.interruption import unit_of
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import (
    count,
    counts_of_parts,
    figure_interval,
    figures,
    number,
    p_value,
    signed_figures,
)
from slopewise.report.words.treatment import clinical
from slopewise.report.words.weighting import (
    SLOPE,
    WHY,
    asked_of,
    assumption_words,
    balance_words,
    confounder,
    differ_words,
    effect_words,
    evalue_words,
    positivity_words,
    weight_words,
    when,
)


def weighting_section(frames: Frames, naming: Naming) -> Section:
    """Words, love plot and weights, tables. No patient is named."""
    known = set(frames.further["effects_design"]["marker"])
    markers = [marker for marker in naming.pictured if marker in known]
    tables = (analyses_table(frames, naming), positivity_table(frames, naming), weights_table(frames, naming),
              models_table(frames, naming))  # fmt: skip
    return Section(
        "weighting",
        "The effect of the treatment",
        "weighting.html.j2",
        {
            "parts": [_part(frames, naming, marker) for marker in markers],
            "pictures": _pictures(frames, naming, markers),
            "tables": [table for table in tables if table.rows],
        },
        layer=1,
    )


def weighting_headline(frames: Frames, naming: Naming) -> str:
    """What the study asks, before any answer."""
    column = asked_of(naming).column
    return f"What {column} does to {naming.all_markers()}, where {column} follows the state of the patient."


def weighting_figures(frames: Frames, naming: Naming) -> list[tuple[str, str, str]]:
    """The weighted effect of each marker at the start and at the last of its times under treatment."""
    shown: list[tuple[str, str, str]] = []
    known = set(frames.further["effects_design"]["marker"])
    for marker in [marker for marker in naming.pictured if marker in known][:3]:
        rows = _weighted(frames, marker)
        levels = rows[rows["effect"] != SLOPE] if len(rows) > 1 else rows
        chosen = levels.iloc[[0, -1]] if len(levels) > 1 else levels
        for _, row in chosen.iterrows():
            value, ends, unit = clinical(row, naming, marker)
            if row["effect"] == SLOPE:
                unit = unit_of(SLOPE, naming, marker)
                value, ends = signed_figures(row["estimate"]), figure_interval(row["ci_low"], row["ci_high"])
            moment = "on the slope" if row["effect"] == SLOPE else when(str(row["effect"]), naming)
            shown.append((value, ends, f"effect on {naming.marker(marker)} {moment} ({unit})"))
    return shown


def _weighted(frames: Frames, marker: str) -> pd.DataFrame:
    rows = frames.of("effects_analyses", marker)
    return rows[rows["analysis"] == "weighted"]


def _part(frames: Frames, naming: Naming, marker: str) -> dict[str, object]:
    """The sentences on one marker under the questions that they answer."""
    small, design = naming.study.report.small_cells, frames.of("effects_design", marker).iloc[0]
    rows, analyses = _weighted(frames, marker), frames.of("effects_analyses", marker)
    asked = [
        ("What does the weighted model estimate?", [effect_words(row, naming, marker) for _, row in rows.iterrows()]),
        ("Does a model without weights differ, and why?", [differ_words(analyses, naming, marker), WHY]),
        (
            "What do the weights achieve?",
            [
                balance_words(frames.of("effects_balance", marker), naming),
                weight_words(frames.of("effects_weights", marker), naming),
            ],
        ),
        ("Could treatment have gone either way?", [positivity_words(frames.of("effects_positivity", marker), naming)]),
        (
            "What does the result rest on?",
            [words for words in (assumption_words(naming), evalue_words(rows, naming)) if words],
        ),
    ]
    patients, both = count(int(design["patients"]), small), count(int(design["patients_both"]), small)
    on = (
        f"{patients} patients, {both} of them with rows under treatment and without; {design['rows_versus']} of "
        f"{design['rows']} values were measured under treatment."
    )
    return {"marker": naming.marker(marker), "asked": asked, "on": on}


def _pictures(frames: Frames, naming: Naming, markers: list[str]) -> list[Picture]:
    """Balance and weights."""
    love, spread = [], []
    for place, marker in enumerate(markers):
        label, balance = naming.marker(marker), frames.of("effects_balance", marker)
        balance = balance.assign(column=[confounder(name, naming) for name in balance["column"]])
        love.append(draw.love_plot(balance, f"{label}: balance", f"love-plot-{place}"))
        rows = frames.of("effects_weights", marker)
        spread.append(draw.weights(rows[rows["visit"] != "all"], f"{label}: weights", f"weights-{place}"))
    names = {"markers": markers, "first": FIRST}
    return [
        Picture("weighting-balance", caption("love_plot"), love, **names),
        Picture("weighting-weights", caption("weights_by_visit"), spread, **names),
    ]


def analyses_table(frames: Frames, naming: Naming) -> Table:
    """A row for each analysis and effect."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_analyses"].iterrows():
        ends = figure_interval(row["ci_low"], row["ci_high"])
        drawn = figure_interval(row["ci_low_bootstrap"], row["ci_high_bootstrap"])
        lines.append(
            [marker_cell(naming, row["marker"]), row["analysis"], row["effect"],
             Cell(signed_figures(row["estimate"]), ends), drawn, p_value(row["p_value"]),
             number(row["e_value"], 2), number(row["e_value_limit"], 2)]
        )  # fmt: skip
    columns = ["marker", "analysis", "effect", "estimate, 95% interval", "interval by the bootstrap of patients", "p",
               "E-value", "E-value of the interval"]  # fmt: skip
    return Table("weighting-analyses", "The effect with weights and without", columns, lines, frozenset({0, 1, 2}))


def positivity_table(frames: Frames, naming: Naming) -> Table:
    """A row for each stratum of a confounder."""
    small = naming.study.report.small_cells
    lines: list[list[Cell | str]] = []
    for _, rows in frames.further["effects_positivity"].groupby(["marker", "column"], sort=False):
        decisions, treated = (counts_of_parts(rows[name].tolist(), small) for name in ("decisions", "treated"))
        for (_, row), number_of, among in zip(rows.iterrows(), decisions, treated, strict=True):
            chance = figure_interval(row["lowest"], row["highest"], 2)
            lines.append(
                [naming.marker(row["marker"]), confounder(row["column"], naming), row["stratum"], row["previous"],
                 number_of, among, chance]
            )  # fmt: skip
    columns = ["marker", "confounder at the last visit", "stratum", "treated at the last visit", "decisions",
               "for treatment", "estimated probability"]  # fmt: skip
    caption = "Decisions by strata of each confounder"
    return Table("weighting-positivity", caption, columns, lines, frozenset({0, 1, 2, 3}))


def weights_table(frames: Frames, naming: Naming) -> Table:
    """A row for each visit."""
    small = naming.study.report.small_cells
    lines: list[list[Cell | str]] = []
    for _, rows in frames.further["effects_weights"].groupby("marker", sort=False):
        seen, treated = (
            [str(rows[name].iloc[0]), *counts_of_parts(rows[name].iloc[1:].tolist(), small)]
            for name in ("rows", "treated")
        )
        for (_, row), number_of, among in zip(rows.iterrows(), seen, treated, strict=True):
            lines.append(
                [naming.marker(row["marker"]), row["visit"], number_of, among, number(row["mean"], 2),
                 figures(row["minimum"]), figures(row["maximum"]), figures(row["effective"])]
            )  # fmt: skip
    columns = ["marker", "rows before", "rows", "under treatment", "mean weight", "smallest", "largest",
               "effective rows"]  # fmt: skip
    return Table("weighting-weights", "Weights by visit", columns, lines, frozenset({0, 1}))


def models_table(frames: Frames, naming: Naming) -> Table:
    """A row for each term of the models that the weights come from."""
    lines: list[list[Cell | str]] = [
        [naming.marker(row["marker"]), row["model"], row["term"], signed_figures(row["log_odds"])]
        for _, row in frames.further["effects_models"].iterrows()
    ]
    columns = ["marker", "model", "term", "log odds"]
    caption = "Models of treatment, and of staying, that the weights come from"
    return Table("weighting-models", caption, columns, lines, frozenset({0, 1, 2}))
