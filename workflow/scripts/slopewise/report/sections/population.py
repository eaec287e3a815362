"""The average course: straight or bent, for whom it is how steep, and what the choice of time zero does."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from slopewise.design.screen import is_straight
from slopewise.figures import strata as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Lines, marker_table
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.courses import origin_of
from slopewise.report.words.naming import FIRST, Naming
from slopewise.report.words.numbers import (
    counts_of_parts,
    figure_interval,
    figures,
    in_words,
    number,
    p_value,
    p_words,
    signed_figures,
)

LEVEL = 0.05
SHAPES = {
    "linear": "straight line",
    "quadratic": "quadratic",
    "spline": "natural spline",
    "study": "the curve of the study",
}


def population_section(frames: Frames, naming: Naming) -> Section:
    """Shape, strata and clock of the average course."""
    return Section(
        "population",
        "Is the average course linear?",
        "population.html.j2",
        {
            "markers": naming.choices,
            "words": [(marker, marker_words(frames, naming, marker)) for marker in naming.pictured],
            "first": FIRST,
            "strata": strata_table(frames, naming),
            "picture": picture(frames, naming),
            "linearity": linearity_table(frames, naming),
            "centring": centring_table(frames, naming),
            "centred": [(marker, centring_words(frames, naming, marker)) for marker in naming.pictured[:FIRST]],
            "predictor": naming.predictor,
        },
    )


def marker_words(frames: Frames, naming: Naming, marker: str) -> str:
    """One marker's shape and strata in a paragraph."""
    name = naming.marker(marker)
    parts = [linearity_words(frames, naming, marker), *strata_words(frames, naming, marker)]
    said = " ".join(part for part in parts if part)
    return f"{name[0].upper()}{name[1:]}: {said}" if said else ""


def texts_filled(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows, missing texts empty."""
    texts = [name for name in rows if pd.api.types.is_string_dtype(rows[name].dtype)]
    return rows.fillna(dict.fromkeys(texts, ""))


def linearity_words(frames: Frames, naming: Naming, marker: str) -> str:
    """Whether a curve fits better than a straight line, and what its slopes are early and late."""
    rows = texts_filled(frames.of("linearity", marker)).set_index("shape")
    curve = next((shape for shape in ("spline", "quadratic") if shape in rows.index), None)
    if curve is None:
        return f"{naming.predictor} has too few values to distinguish a straight average course from a curved one."
    row = rows.loc[curve]
    df = "degree" if row["df"] == 1 else "degrees"
    test = (
        f"{SHAPES[curve]} against straight line: likelihood ratio {number(row['lrt'], 2)} on {row['df']:g} {df} of "
        f"freedom, {p_words(row['p_value'])}"
    )
    if not math.isfinite(row["p_value"]):
        return f"whether the average course is curved could not be tested ({test})."
    if row["p_value"] >= LEVEL:
        return f"the data do not show that the average course is curved ({test})."
    unit = naming.slope_unit(marker)
    early, late = figures(row["slope_first"]), figures(row["slope_last"])
    advice = ""
    if "study" not in rows.index and is_straight(naming.study.growth.fixed, naming.predictor):
        own = origin_of(frames, marker)
        one = "one slope" if own is None else f"one slope, {figures(own['slope'])} {unit},"
        advice = f" The study’s straight line has {one} for all times; a curve can be given in growth.fixed."
    return (
        f"the average course is curved ({test}): its slope is {early} {unit} at the 10th percentile of the times of "
        f"measurement and {late} {unit} at the 90th.{advice}"
    )


def strata_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """The average slope of everybody; the slopes of strata and what the difference may be."""
    rows = texts_filled(frames.of("strata", marker))
    if not len(rows):
        return []
    unit = naming.slope_unit(marker)
    everybody = rows[(rows["by"] == "") & (rows["versus"] == "")].iloc[0]
    when = f" at {naming.moment}" if naming.has_landmark else ""
    said = [f"The average slope{when} is {_estimate(everybody)} {unit}."]
    for by, part in rows[rows["by"] != ""].groupby("by", sort=False):
        own = part[part["versus"] == ""]
        listed = in_words([f"{_estimate(row)} for {_alone(row)}" for _, row in own.iterrows()])
        said.append(f"By {by} it is {listed}.")
        for _, row in part[part["versus"] != ""].iterrows():
            other = _alone(row.drop("stratum").rename({"versus": "stratum"}))
            against = f"{_alone(row)} against {other}"
            ends = f"95% interval {_ends(row)}, {p_words(row['p_value'])}"
            if not math.isfinite(row["estimate"]):
                said.append(f"The slopes of {against} could not be compared: there are too few measurements.")
            elif row["p_value"] < LEVEL:
                said.append(f"The slopes differ: {against} by {signed_figures(row['estimate'])} {unit} ({ends}).")
            else:
                said.append(
                    f"The data do not show that {by} changes the slope: {against}, the difference is "
                    f"{signed_figures(row['estimate'])} {unit} ({ends}); all values within the interval remain "
                    f"possible."
                )
    return said


def _estimate(row: pd.Series) -> str:
    return f"{figures(row['estimate'])} ({_ends(row)})"


def _ends(row: pd.Series) -> str:
    return figure_interval(row["ci_low"], row["ci_high"])


def _stratum(row: pd.Series) -> str:
    by, stratum = str(row["by"]), str(row["stratum"])
    return stratum if stratum.startswith(f"{by} = ") else f"{by} {stratum}"


def _alone(row: pd.Series) -> str:
    """A stratum in a sentence that has named the characteristic: a code keeps its name beside it."""
    return str(row["stratum"]) if str(row["stratum"])[:1].isalpha() else _stratum(row)


def picture(frames: Frames, naming: Naming) -> Picture | None:
    """A panel a marker, a line a stratum; nothing where no characteristic changes a slope."""
    rows = frames.strata.fillna({"by": "", "versus": ""})
    rows = rows[(rows["versus"] == "") & rows["estimate"].notna()].sort_values(["marker", "by"], kind="stable")
    if not (rows["by"] != "").any():
        return None
    markers = [marker for marker in naming.pictured if (rows["marker"] == marker).any()]
    panels = [
        draw.slopes(rows[rows["marker"] == marker], naming.marker(marker), naming.slope_unit(marker), f"strata-{place}")
        for place, marker in enumerate(markers)
    ]
    return Picture("strata", caption("strata"), panels, markers=markers, first=FIRST)


def strata_table(frames: Frames, naming: Naming) -> Table | None:
    """Slopes of everybody and of the strata, and the contrasts."""
    lines: Lines = []
    for marker in naming.study.markers:
        rows = texts_filled(frames.of("strata", marker))
        order = rows.assign(place=(rows["versus"] != "").astype(int)).sort_values(["by", "place"], kind="stable")
        shown = _patients(rows, naming.study.report.small_cells)
        for _, row in order.iterrows():
            what = _stratum(row) if row["by"] else str(row["stratum"])
            other = row.drop("stratum").rename({"versus": "stratum"})
            what = f"{what} against {_stratum(other)}" if row["versus"] else what
            patients = shown.get((row["by"], row["stratum"]), "") if not row["versus"] else ""
            test = [number(row["df"], 1), p_value(row["p_value"])] if row["versus"] else [number(row["df"], 1), ""]
            lines.append((marker, [what, patients, figures(row["estimate"]), _ends(row), *test]))
    columns = ["marker", "slope of", "patients", "estimate", "95% interval", "df", "p of a difference"]
    where = f"at {naming.moment}, " if naming.has_landmark else ""
    caption = f"Average slopes, {where}and what changes them"
    return (
        marker_table("slopes-by-stratum", caption, columns, lines, naming, frozenset({0, 1}), scaled=True)
        if lines
        else None
    )


def _patients(rows: pd.DataFrame, limit: int) -> dict[tuple[str, str], str]:
    """Patients by characteristic and stratum; those of a characteristic add up to everybody, so are masked together."""
    shown = {}
    for by, part in rows[(rows["versus"] == "") & (rows["patients"] > 0)].groupby("by", sort=False):
        for stratum, text in zip(
            part["stratum"], counts_of_parts(part["patients"].astype(int).tolist(), limit), strict=True
        ):
            shown[str(by), str(stratum)] = text
    return shown


def linearity_table(frames: Frames, naming: Naming) -> Table | None:
    """The shapes of the average course side by side."""
    lines: Lines = []
    for marker in naming.study.markers:
        rows = texts_filled(frames.of("linearity", marker)).set_index("shape")
        for shape, words in SHAPES.items():
            if shape not in rows.index:
                continue
            row = rows.loc[shape]
            test = ["", "", ""]
            if shape != "linear":
                test = [number(row["lrt"], 2), f"{row['df']:g}", p_value(row["p_value"])]
            ends = [figures(row["slope_first"]), figures(row["slope_last"])]
            lines.append((marker, [words, number(row["deviance_ml"], 1), number(row["aic"], 1), *test, *ends]))
    columns = [
        "marker", "average course", "deviance, ML", "AIC", "likelihood ratio", "df", "p", "slope early", "slope late",
    ]  # fmt: skip
    caption = "Is the average course a straight line?"
    return (
        marker_table("growth-linearity", caption, columns, lines, naming, frozenset({0, 1}), scaled=True)
        if lines
        else None
    )


def centring_table(frames: Frames, naming: Naming) -> Table | None:
    """The same lines under two zeros."""
    lines: Lines = []
    effects = {"correlated": "correlated", "diagonal": "independent"}
    for marker in naming.study.markers:
        for row in texts_filled(frames.of("centring", marker)).itertuples():
            start = Cell(figures(row.intercept), _se(row.intercept_se))
            slope = Cell(figures(row.slope), _se(row.slope_se))
            spread = [figures(row.intercept_sd), figures(row.slope_sd), number(row.correlation, 2)]
            fit = [effects[str(row.structure)], figures(row.zero), number(row.deviance, 2)]
            lines.append((marker, [*fit, start, slope, *spread]))
    columns = [
        "marker", "random effects", f"zero at {naming.predictor}", "deviance, REML", "intercept", "slope",
        "SD of intercepts", "SD of slopes", "correlation",
    ]  # fmt: skip
    caption = "The same straight lines with two choices of time zero"
    return (
        marker_table("growth-centring", caption, columns, lines, naming, frozenset({0, 1}), scaled=True)
        if lines
        else None
    )


def _se(value: float) -> str:
    return f"SE {figures(value)}"


def centring_words(frames: Frames, naming: Naming, marker: str) -> str:
    """What moving time zero does to one marker's numbers."""
    rows = texts_filled(frames.of("centring", marker))
    if not len(rows):
        return ""
    by = {name: part.sort_values("zero").to_dict("records") for name, part in rows.groupby("structure")}
    one, two = sorted(by["correlated"], key=lambda row: abs(row["zero"]))
    apart, moved = (sorted(by["diagonal"], key=lambda row: abs(row["zero"]))[k] for k in (0, 1))
    name, unit = naming.marker(marker), naming.unit_of(marker)
    where = f"{figures(two['zero'])} {naming.units}"
    if naming.predictor != "time" or naming.study.data.analysis_unit == "none":
        where = f"{naming.predictor} {figures(two['zero'])}"
    moves = abs(moved["deviance"] - apart["deviance"])
    alone = (
        f"here its deviance changes by {number(moves, 2)} with the zero"
        if moves >= CHANGED
        else "here its deviance hardly changes with the zero, but it may"
    )
    kept = (
        f"the deviance ({number(two['deviance'], 2)}), the average slope ({figures(two['slope'])}) and the standard "
        f"deviation of slopes ({figures(two['slope_sd'])}) do not change"
    )
    if not _same(one, two):
        pairs = [f"{figures(two[key])} in place of {figures(one[key])}" for key in ("slope", "slope_sd")]
        kept = (
            f"the deviance is {number(two['deviance'], 2)} in place of {number(one['deviance'], 2)}, the average "
            f"slope {pairs[0]} and the standard deviation of slopes {pairs[1]}, although the two are the same model: "
            "one of the two fits did not reach its optimum"
        )
    return (
        f"{name[0].upper()}{name[1:]}: with zero at {where} {kept}; the intercept is now the value there, "
        f"{figures(two['intercept'])} {unit} in place of {figures(one['intercept'])}, its standard deviation between "
        f"patients {figures(two['intercept_sd'])} in place of {figures(one['intercept_sd'])}, and its correlation "
        f"with the slope {number(two['correlation'], 2)} in place of {number(one['correlation'], 2)}. With "
        f"independent intercept and slope the choice is part of the model: {alone}."
    )


CHANGED = 0.005
"""A change of deviance from which it is said to change."""


def _same(one: dict[Hashable, Any], two: dict[Hashable, Any]) -> bool:
    """Whether two fits of one model agree to the digits that are printed."""
    near = all(math.isclose(one[key], two[key], rel_tol=5e-3, abs_tol=1e-9) for key in ("slope", "slope_sd"))
    return near and abs(one["deviance"] - two["deviance"]) < CHANGED
