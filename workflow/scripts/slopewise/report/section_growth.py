"""What was measured and the growth model: courses, fixed and random effects, the state of the fit."""

from __future__ import annotations

import math

import pandas as pd

from slopewise import run
from slopewise.figures import groups
from slopewise.figures import growth as draw
from slopewise.report.frames import Frames
from slopewise.report.marker_panels import Lines, marker_table
from slopewise.report.naming import FIRST, Naming
from slopewise.report.numbers import MISSING, figure_interval, figures, in_words, number, p_value, p_words
from slopewise.report.parts import Cell, Picture, Section, Table
from slopewise.report.wording import fixed_words

SAMPLE = 60
"""Patients whose measured courses are drawn."""

BOUNDARY = 0.999
"""A correlation of random effects beyond this lies at the boundary of what is possible."""


def courses_section(frames: Frames, naming: Naming) -> Section:
    """What was measured, and the growth model in words and tables."""
    return Section(
        "courses",
        "The courses and the growth model",
        "courses.html.j2",
        {
            "picture": trajectories(frames, naming),
            "formula": (naming.study.growth.fixed, naming.study.growth.random),
            "words": [(marker, model_words(frames, naming, marker)) for marker in naming.pictured],
            "markers": naming.choices,
            "fixed": fixed_table(frames, naming),
            "random": random_table(frames, naming),
            "omitted": len(naming.study.markers) - len(naming.pictured),
        },
    )


def lines_of_groups(frames: Frames, naming: Naming, name: str) -> Picture | None:
    """Points and lines of each group, where there are so few that they can be told apart and all have lines."""
    markers = [marker for marker in naming.pictured if (frames.lines["marker"] == marker).any()]
    if not markers:
        return None
    rows = frames.fixed_effects[frames.fixed_effects["model"] == "study"].set_index(["marker", "term"])["estimate"]
    group = naming.study.data.patient
    panels = [
        groups.lines(
            frames.measurements,
            marker,
            naming.predictor,
            frames.lines[frames.lines["marker"] == marker],
            (float(rows[marker, "Intercept"]), float(rows[marker, naming.predictor])),
            f"{naming.marker(marker)}, {naming.unit_of(marker)}",
            group,
            f"{name}-lines-{place}",
        )
        for place, marker in enumerate(markers)
    ]
    caption = (
        f"Every {group} with its own straight line through its own points (dotted), the line that the mixed model "
        f"gives it (solid, drawn towards the average), and the average line (dashed). They are numbered in the order "
        f"of {group}; with so few of them the pull towards the average is itself little known."
    )
    return Picture(name, caption, panels, markers=markers, first=FIRST)


def trajectories(frames: Frames, naming: Naming, name: str = "courses") -> Picture:
    """Measured courses of a random sample of patients, the same for every marker; of a few groups, their lines."""
    if (lines := lines_of_groups(frames, naming, name)) is not None:
        return lines
    everybody = sorted(frames.patients["patient"])
    rng = run.generator(naming.study.seed, "report", "trajectories")
    chosen = rng.choice(len(everybody), size=min(SAMPLE, len(everybody)), replace=False)
    sample = [everybody[index] for index in sorted(chosen)]
    panels = [
        draw.trajectories(
            frames.measurements.assign(time=frames.measurements[naming.predictor]),
            frames.population,
            marker,
            f"{naming.marker(marker)}, {naming.unit_of(marker)}",
            naming.landmark,
            sample,
            naming.time_axis,
            f"{name}-{index}",
        )
        for index, marker in enumerate(naming.pictured)
    ]
    caption = (
        f"Measured courses of {len(sample)} patients drawn at random (thin), the growth model’s average course (bold)"
        f"{', and the landmark (dashed)' if naming.has_landmark else ''}. A dot is a patient with one visit."
    )
    return Picture(name, caption, panels, markers=naming.pictured, first=FIRST)


def model_words(frames: Frames, naming: Naming, marker: str) -> str:
    """One marker's growth model in a paragraph: the average course, how patients differ, and the state of the fit."""
    return " ".join(
        [fixed_words(frames, naming, marker), *random_words(frames, naming, marker), fit_words(frames, marker)]
    )


def components(frames: Frames, marker: str) -> tuple[dict[str, float], dict[tuple[str, str], float], float]:
    """SDs of the random effects by term, their correlations by pair, and the residual SD, of the study's model.

    The residual SD is missing where there is one for each stratum.
    """
    rows = frames.covariance
    rows = rows[(rows["marker"] == marker) & (rows["model"] == "study")]
    spread: dict[str, float] = {}
    together: dict[tuple[str, str], float] = {}
    residual = math.nan
    for row in rows.itertuples():
        second = row.term_1 if pd.isna(row.term_2) else row.term_2
        if str(row.term_1).lower().startswith("residual"):
            residual = float(row.sd_or_correlation) if second == row.term_1 else math.nan
        elif row.term_1 == second:
            spread[row.term_1] = float(row.sd_or_correlation)
        else:
            together[(row.term_1, second)] = float(row.sd_or_correlation)
    return spread, together, residual


def random_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """How patients differ: SDs of starting values and slopes, their correlation, the scatter of single values."""
    spread, together, residual = components(frames, marker)
    if not spread:
        return ["The patients’ courses are modelled as parallel to the average one."]
    unit, slope_unit = naming.unit_of(marker), naming.slope_unit(marker)
    sentences = []
    slope = naming.predictor
    if slope in spread and "Intercept" in spread:
        sentences.append(
            f"Patients differ: the standard deviation of their values {naming.zero} is {figures(spread['Intercept'])} "
            f"{unit}, "
            f"of their slopes {figures(spread[slope])} {slope_unit}."
        )
        correlation = together.get(("Intercept", slope), together.get((slope, "Intercept"), math.nan))
        if math.isfinite(correlation):
            sentences.append(correlation_words(correlation))
    else:
        listed = in_words([f"{term} {figures(value)}" for term, value in spread.items()])
        sentences.append(f"Patients differ; the standard deviations of their random effects are: {listed}.")
    if math.isfinite(residual):
        sentences.append(f"Single values scatter about a patient’s own line by {figures(residual)} {unit}.")
    return [*sentences, *residual_words(frames, naming, marker)]


def residual_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """How the scatter about a patient's own line differs between the strata of ``growth.residual_by``."""
    rows = frames.residuals[(frames.residuals["marker"] == marker) & (frames.residuals["rows"] > 0)]
    if len(rows) < 2:
        return []
    listed = in_words([f"{figures(row.residual_sd)} ({row.stratum})" for row in rows.itertuples()])
    first, unit = rows.iloc[0], naming.unit_of(marker)
    ratios = in_words(
        [
            f"{figures(row.ratio)} times as large in {row.stratum} as in {first['stratum']} "
            f"(95% interval {figure_interval(row.ci_low, row.ci_high)})"
            for row in rows.iloc[1:].itertuples()
        ]
    )
    differs = "does not fit" if first["p_value"] < 0.05 else "fits about as well"
    return [
        f"Single values scatter about a patient’s own line by {listed} {unit}: {ratios}. One and the same scatter for "
        f"all {differs} (likelihood ratio {number(first['lrt'], 2)}, {p_words(first['p_value'])})."
    ]


def correlation_words(correlation: float) -> str:
    """What the correlation of starting value and slope means."""
    if abs(correlation) >= BOUNDARY:
        return (
            f"The correlation of starting value and slope is estimated at {number(correlation, 2)}, the boundary of "
            "what is "
            "possible: the data do not tell the two apart, so the slope says nothing that the starting value does not."
        )
    way = "rise faster (or fall more slowly)" if correlation > 0 else "rise more slowly (or fall faster)"
    return f"Patients who start higher tend to {way}: the correlation is {number(correlation, 2)}."


def fit_words(frames: Frames, marker: str) -> str:
    """Whether the fit on everybody converged, is singular, or had to be simplified."""
    if marker not in frames.published_fits.index:
        return ""
    fit = frames.published_fits.loc[marker]
    if fit["structure"] == "excluded":
        return "No growth model could be fitted; the marker has no slopes."
    said = []
    if fit["structure"] == "intercept":
        said.append("A slope of the patient’s own could not be identified, so all patients share the average slope.")
    if fit["singular"]:
        said.append(
            "The fit is singular: its best value lies at the boundary, where the random effects have one dimension "
            "less. "
            "That is a valid fit and is kept."
        )
    if not fit["converged"]:
        said.append("The fit did not converge; do not rely on it.")
    return " ".join(said)


def fixed_table(frames: Frames, naming: Naming) -> Table:
    """Fixed effects of the study's model, all markers."""
    rows = frames.fixed_effects[frames.fixed_effects["model"] == "study"]
    lines: Lines = []
    for marker in naming.study.markers:
        for row in rows[rows["marker"] == marker].itertuples():
            unit = naming.slope_unit(marker) if row.term == naming.predictor else naming.unit_of(marker)
            ends = figure_interval(row.ci_low, row.ci_high)
            term = str(row.term)
            name = {"Intercept": naming.zero, naming.predictor: f"slope per {naming.unit}"}.get(term, term)
            test = [number(row.statistic, 2), number(row.df, 1), p_value(row.p_value)]
            lines.append((marker, [name, figures(row.estimate), ends, unit, *test]))
    columns = ["marker", "term", "estimate", "95% interval", "unit", "t", "df", "p"]
    caption = "Fixed effects: the average patient"
    return marker_table("growth-fixed", caption, columns, lines, naming, frozenset({0, 1, 4}))


def random_table(frames: Frames, naming: Naming) -> Table:
    """Standard deviations, correlation and residual of the study's model, one row a marker."""
    parts = {marker: components(frames, marker) for marker in naming.study.markers}
    terms = list(dict.fromkeys(term for spread, _, _ in parts.values() for term in spread))
    pairs = list(dict.fromkeys(pair for _, together, _ in parts.values() for pair in together))
    names = {"Intercept": f"SD {naming.zero}", naming.predictor: "SD of slopes"}
    columns = ["marker", *(names.get(term, f"SD of {term}") for term in terms)]
    columns += ["correlation" if len(pairs) == 1 else f"correlation {a}, {b}" for a, b in pairs]
    lines: list[list[Cell | str]] = []
    for marker, (spread, together, residual) in parts.items():
        line: list[Cell | str] = [naming.marker(marker)]
        line += [figures(spread.get(term, math.nan)) for term in terms]
        line += [number(together.get(pair, math.nan), 2) for pair in pairs]
        lines.append([*line, residual_text(frames, marker, residual), state_of(frames, marker)])
    return Table(
        "growth-random",
        "Random effects: how patients differ",
        [*columns, "residual SD", "fit"],
        lines,
        frozenset({0, len(columns) + 1}),
        {"marker": list(parts)},
    )


def residual_text(frames: Frames, marker: str, residual: float) -> str:
    """The residual SD, or that of each stratum."""
    rows = frames.residuals[frames.residuals["marker"] == marker]
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
