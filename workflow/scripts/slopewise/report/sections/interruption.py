"""The effect of an interruption of a series: on average, between patients, where it worked, and what was checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slopewise.figures import effects as draw
from slopewise.figures import interruption as picture
from slopewise.figures.diagnostics import reach
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
from slopewise.report.words.effect_posterior import (
    posterior_average_words,
    posterior_residual_words,
    posterior_spread_words,
)
from slopewise.report.words.interruption import (
    characteristic_words,
    effect_words,
    joint_words,
    moment_words,
    sensitivity_words,
    serial_words,
    share_words,
    spread_words,
)
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import count, figure_interval, figures, number, p_value, signed_figures
from slopewise.report.words.treatment import clinical

COURSE, JOINT, SLOPE = "course", "both changes", "slope change"
EACH, EACH_OF_MANY = 9, 3
"""Patients whose courses are pictured, of one marker and of each of several."""
OPEN = 4
"""Panels of single patients that are seen at once; the others are folded."""


def interruption_section(frames: Frames, naming: Naming) -> Section:
    """Words, pictures of the course with and without the interruption, tables. No unit is named."""
    markers = estimated(frames, naming)
    return effect_section(
        "interruption",
        "The effect of the interruption",
        [_part(frames, naming, marker) for marker in markers],
        _pictures(frames, naming, markers),
        (average_table(frames, naming), spread_table(frames, naming),
         posterior_table(frames, naming, "interruption-posterior"), sensitivity_table(frames, naming),
         characteristics_table(frames, naming)),
        caption("interruption_note", posterior=has_posterior(frames, naming)),
    )  # fmt: skip


def interruption_headline(frames: Frames, naming: Naming) -> str:
    """What the study asks, before any answer."""
    return f"What the interruption changed in {naming.all_markers()}, and whether it did the same in every patient."


def interruption_figures(frames: Frames, naming: Naming) -> list[Figure]:
    """The average effect of each marker at the last of its moments, and its standard deviation between patients."""
    shown: list[Figure] = []
    for marker in estimated(frames, naming)[:HEADLINE_MARKERS]:
        average = rows_of(frames, "average", marker).set_index("effect", drop=False)
        effect = latest(average)
        value, ends, unit = clinical(average.loc[effect], naming, marker)
        shown.append(
            (value, ends, f"average effect on {naming.marker(marker)} {moment_words(effect, naming)} ({unit})")
        )
        spread = rows_of(frames, "spread", marker)
        for _, own in spread[spread["effect"] == effect].iterrows():
            ends = figure_interval(own["ci_low"], own["ci_high"])
            scale = f" ({naming.unit_of(marker)})" if naming.is_transformed(marker) else ""
            shown.append((figures(own["sd"]), ends, f"standard deviation of that effect between patients{scale}"))
    return shown


def _part(frames: Frames, naming: Naming, marker: str) -> MarkerPart:
    """The sentences on one marker under the questions that they answer."""
    average = rows_of(frames, "average", marker)
    spread = rows_of(frames, "spread", marker).set_index("effect", drop=False)
    average = average[average["effect"] != COURSE].set_index("effect", drop=False)
    average = average.reindex(sorted(average.index, key=_place))
    shown = [effect for effect in average.index if effect != SLOPE]
    small, design = naming.study.report.small_cells, rows_of(frames, "design", marker).iloc[0]
    differ = [joint_words(spread.loc[JOINT])] + [
        spread_words(row, float(average.loc[effect, "estimate"]), naming, marker)
        for effect, row in spread.reindex([one for one in average.index if one in spread.index]).iterrows()
    ]
    whom = [
        share_words(row, naming, marker, few(float(row["share"]), int(row["patients"]), small))
        for _, row in rows_of(frames, "shares", marker).set_index("effect", drop=False).reindex(shown).iterrows()
    ]
    changed = [effect_words(row, naming, marker) for _, row in average.iterrows()]
    checked = [serial_words(rows_of(frames, "serial", marker), naming)]
    if has_posterior(frames, naming, marker):
        _add_posterior(frames, naming, marker, changed, differ, checked)
    asked: list[Asked] = [
        ("What changed on average?", changed),
        ("Does the effect differ between patients?", differ),
        ("In how many patients did it go the other way?", whom),
    ]
    properties = rows_of(frames, "characteristics", marker)
    if len(properties):
        found = [characteristic_words(rows, naming, marker) for _, rows in properties.groupby("characteristic")]
        asked.append(("Where did it work?", found))
    checked += sensitivity_words(rows_of(frames, "sensitivity", marker), naming, marker)
    asked.append(("What does the result rest on?", checked))
    everybody, late = count(int(design["patients"]), small), count(int(design["patients_both"]), small)
    on = (
        f"{everybody} patients, {late} of them with an interruption; {design['rows_reference']} of their values lie "
        f"before it and {design['rows_versus']} after it."
    )
    return MarkerPart(naming.marker(marker), asked, on)


def _add_posterior(
    frames: Frames, naming: Naming, marker: str, changed: list[str], differ: list[str], checked: list[str]
) -> None:
    """Add what the posterior says of the averages, of the latest effect's spread and of the residuals."""
    rows = rows_of(frames, "posterior", marker)
    of = {what: part.set_index("effect", drop=False) for what, part in rows.groupby("what")}
    changed += [posterior_average_words(row, naming, marker) for _, row in of["average"].iterrows()]
    reml = rows_of(frames, "spread", marker).set_index("effect")["sd"]
    if "spread" in of:
        differ += [
            posterior_spread_words(row, float(reml[effect]), naming, marker) for effect, row in of["spread"].iterrows()
        ]
    if "residuals" in of:
        checked.append(posterior_residual_words(of["residuals"].iloc[0]))


def _pictures(frames: Frames, naming: Naming, markers: list[str]) -> list[Picture]:
    """The course about the moment, the effect after it, and the patients' effects."""
    about, after, units, each, many = [], [], [], [], 0
    most = EACH if len(markers) == 1 else EACH_OF_MANY
    for place, marker in enumerate(markers):
        label, unit, time = naming.marker(marker), naming.unit_of(marker), naming.units
        curves, rows = rows_of(frames, "curves", marker), rows_of(frames, "course", marker)
        about.append(picture.counterfactual(curves, label, unit, time, _step(curves), f"counterfactual-{place}"))
        after.append(picture.course(rows, label, unit, time, f"course-of-effect-{place}"))
        effects = rows_of(frames, "average", marker).set_index("effect")["estimate"]
        last = latest(effects)
        shown = rows_of(frames, "patients", marker)
        shown = shown[shown["effect"] == last]
        average = float(effects[last])
        units.append(draw.effects(shown, average, None, label, unit, f"effect-of-unit-{place}"))
        chosen = by_effect(shown, most)
        titles = [f"{label}: rank {rank} of {len(shown)}" for rank, _ in chosen]
        each += single_courses(curves, [patient for _, patient in chosen], titles, unit, f"unit-{place}")
        many = max(many, len(shown))
    names = {"markers": markers, "first": FIRST}
    return [
        Picture("interruption-counterfactual", caption("counterfactual"), about, **names),
        Picture("interruption-each", caption("counterfactual_each", shown=most, patients=many), each, first=OPEN),
        Picture("interruption-course", caption("course_of_effect"), after, **names),
        Picture("interruption-units", caption("effects_of_units"), units, **names),
    ]


def by_effect(effects: pd.DataFrame, most: int) -> list[tuple[int, str]]:
    """Rank and name of at most `most` patients, evenly spread over the ranks of the effect, lowest first."""
    names = effects.sort_values(["estimate", "patient"], kind="stable")["patient"].astype(str).tolist()
    places = np.unique(np.linspace(0, len(names) - 1, min(most, len(names))).round().astype(np.int64))
    return [(int(place) + 1, names[place]) for place in places]


def single_courses(
    curves: pd.DataFrame, patients: Sequence[str], titles: Sequence[str], unit: str, name: str
) -> list[str]:
    """A panel for each of the patients, with one vertical axis for all."""
    by_name = {str(patient): rows for patient, rows in curves.groupby("patient")}
    shown = pd.concat([by_name[patient] for patient in patients])[["observed", "fitted", "without"]]
    span = reach(shown.to_numpy(dtype=float).ravel(), 0.0)
    return [
        picture.single(by_name[patient], title, unit, span, f"{name}-{place}")
        for place, (patient, title) in enumerate(zip(patients, titles, strict=True))
    ]


def latest(rows: pd.DataFrame | pd.Series) -> str:
    """Of the effects in the index, the one that is farthest from the moment; the slope change has no time."""
    return max((effect for effect in rows.index if effect not in (COURSE, SLOPE)), key=_place)


def _place(effect: str) -> float:
    """Where an effect stands: the level change, effects by their time, the slope change."""
    if effect in ("level change", SLOPE):
        return 0.0 if effect != SLOPE else float("inf")
    return float(effect.removeprefix("effect after "))


def _step(curves: pd.DataFrame) -> float:
    """The width of a step about the moment: the median distance of neighbouring rows of a unit."""
    gaps = curves.sort_values(["patient", "time"]).groupby("patient")["time"].diff().dropna()
    return float(gaps[gaps > 0].median())


def average_table(frames: Frames, naming: Naming) -> Table:
    """A row for each effect and each other fixed effect."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_average"].iterrows():
        ends = figure_interval(row["ci_low"], row["ci_high"])
        name = row["effect"] if row["effect"] != COURSE else row["term"]
        lines.append(
            [marker_cell(naming, row["marker"]), name, Cell(signed_figures(row["estimate"]), ends), figures(row["se"]),
             number(row["df"], 1), p_value(row["p_value"])]
        )  # fmt: skip
    columns = ["marker", "effect", "estimate, 95% interval", "standard error", "df", "p"]
    return Table("interruption-average", "Average effects", columns, lines, frozenset({0, 1}))


def spread_table(frames: Frames, naming: Naming) -> Table:
    """A row for each effect that may differ between patients."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_spread"].iterrows():
        sd = Cell(figures(row["sd"]), figure_interval(row["ci_low"], row["ci_high"])) if row["sd"] == row["sd"] else "–"
        lines.append(
            [marker_cell(naming, row["marker"]), row["effect"], sd, number(row["correlation"], 2), figures(row["lrt"]),
             p_value(row["p_value"]), p_value(row["p_value_bootstrap"])]
        )  # fmt: skip
    columns = [
        "marker", "effect", "SD between patients, 95% interval", "correlation with the level at time zero",
        "likelihood ratio", "p, mixture", "p, bootstrap",
    ]  # fmt: skip
    caption = "How much the effect differs between patients"
    return Table("interruption-spread", caption, columns, lines, frozenset({0, 1}))


def sensitivity_table(frames: Frames, naming: Naming) -> Table:
    """A row for each analysis and change."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_sensitivity"].iterrows():
        ends = figure_interval(row["ci_low"], row["ci_high"])
        units = count(int(row["units"]), naming.study.report.small_cells)
        lines.append(
            [marker_cell(naming, row["marker"]), row["analysis"], row["effect"],
             Cell(signed_figures(row["estimate"]), ends), p_value(row["p_value"]), figures(row["sd"]),
             number(row["correlation"], 2), units]
        )  # fmt: skip
    columns = ["marker", "analysis", "effect", "estimate, 95% interval", "p", "SD between patients",
               "residual correlation", "patients with an interruption"]  # fmt: skip
    return Table("interruption-sensitivity", "The same under other assumptions", columns, lines, frozenset({0, 1, 2}))


def characteristics_table(frames: Frames, naming: Naming) -> Table:
    """A row for each level of a characteristic and change."""
    lines: list[list[Cell | str]] = []
    for _, row in frames.further["effects_characteristics"].iterrows():
        ends = figure_interval(row["ci_low"], row["ci_high"])
        lines.append(
            [marker_cell(naming, row["marker"]), row["characteristic"], row["level"], row["effect"],
             Cell(signed_figures(row["estimate"]), ends), p_value(row["p_value"]), p_value(row["p_joint"]),
             figures(row["sd_left"])]
        )  # fmt: skip
    columns = ["marker", "characteristic", "level", "effect", "difference, 95% interval", "p",
               "p of both changes", "SD between patients that is left"]  # fmt: skip
    return Table("interruption-characteristics", "Characteristics of patients", columns, lines, frozenset({0, 1, 2, 3}))


def courses_of_all(frames: Frames, naming: Naming) -> Picture | None:
    """A panel for each patient with an interruption and each marker, named, for the page of single patients."""
    if naming.study.effects.kind != "interruption":
        return None
    panels: list[str] = []
    for place, marker in enumerate(estimated(frames, naming)):
        effects = rows_of(frames, "patients", marker)
        shown = [patient for _, patient in by_effect(effects[effects["effect"] == "level change"], len(effects))]
        titles = [f"{patient}: {naming.marker(marker)}" for patient in shown]
        curves = rows_of(frames, "curves", marker)
        panels += single_courses(curves, shown, titles, naming.unit_of(marker), f"patient-{place}")
    return Picture("courses-of-all", caption("counterfactual_each", shown=1, patients=1), panels)
