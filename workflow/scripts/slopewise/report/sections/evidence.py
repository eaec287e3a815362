"""Is a random slope needed? The three models side by side, the test and its limit, in plain words."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import diagnostics as trends
from slopewise.figures import evidence as draw
from slopewise.growth.evidence.compare import EXCEEDANCES
from slopewise.report.material.evidence_tables import (
    comparison_table,
    components_table,
    fixed_by_model,
    glance_table,
    row_of,
    scatter_table,
    serial_table,
    shares_table,
    slope_spread,
    trends_table,
)
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Detailed, Draw, pictures
from slopewise.report.material.parts import Section
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figure_interval, figures, in_words, number, p_value, p_words, percent

LEVEL = 0.05


def evidence_section(frames: Frames, naming: Naming) -> Section:
    """The comparison of the growth models."""
    panels = evidence_panels(frames, naming)
    return Section(
        "evidence",
        "Is a patient-specific slope needed?",
        "evidence.html.j2",
        {
            "markers": naming.choices,
            "detailed": Detailed.of(naming),
            "words": [
                (marker, marker_words(frames, naming, marker))
                for marker in naming.pictured
                if marker not in naming.in_finding
            ],
            "in_finding": naming.listed(naming.in_finding),
            "glance": glance_table(frames, naming),
            "comparison": comparison_table(frames, naming),
            "shares": shares_table(frames, naming),
            "fixed": fixed_by_model(frames, naming),
            "serial": serial_table(frames, naming),
            "scatter": scatter_table(frames, naming),
            "trends": trends_table(frames, naming),
            "components": components_table(frames, naming),
            "lines": pictures(
                "trends", caption("trends"), naming, {name: panels[name] for name in ("trends", "trend-spread")}
            ),
            "variogram": pictures("variogram", caption("variogram"), naming, {"variogram": panels["variogram"]}),
            "implied": pictures("implied", caption("implied"), naming, {"implied": panels["implied"]}),
            "correlation": pictures(
                "correlation",
                caption("correlation"),
                naming,
                {"correlation": correlation_panel(frames, naming)},
            ),
            "bootstrap": naming.study.growth.bootstrap,
            "exceedances": EXCEEDANCES,
            "uneven": naming.study.growth.residual_by or naming.study.growth.weights,
        },
    )


def evidence_panels(frames: Frames, naming: Naming) -> dict[str, Draw]:
    """The panels of a marker, by name: trends in its residuals, and what would explain them as well."""
    return {
        "trends": trend_panel(frames, naming),
        "trend-spread": trend_spread_panel(frames, naming),
        "variogram": variogram_panel(frames, naming),
        "implied": implied_panel(frames, naming),
    }


def marker_words(frames: Frames, naming: Naming, marker: str) -> str:
    """What the comparison says of one marker, from its numbers."""
    name = naming.marker(marker)
    name = name[0].upper() + name[1:]
    slope = row_of(frames, "comparison", marker, "random_slope")
    level = row_of(frames, "comparison", marker, "random_intercept")
    if slope is None or level is None:
        return f"{name}: the data do not identify a patient-specific slope; too few patients have two visits."
    if not math.isfinite(slope["lrt"]):
        return (
            f"{name}: the model with a slope fits worse than the one without, which is impossible: its optimiser "
            "stopped too early. Do not rely on this marker’s slopes."
        )
    share = percent(level["icc"])
    said = [
        f"{name}: {share} of the variance that the fixed effects leave is between patients (intraclass correlation)."
    ]
    judged = row_of(frames, "judged", marker)
    if judged is None:
        return said[0]
    ratio = f"the likelihood ratio is {number(slope['lrt'], 2)} ({p_of(judged, slope)})"
    spread = spread_words(frames, naming, marker)
    if judged["verdict"] == "none":
        said.append(
            f"The data do not show that patients’ slopes differ: {ratio}. This does not prove that all slopes are the "
            f"same; {spread}"
        )
        if judged["p_f"] < LEVEL:
            said.append(f"The F test of equal slopes disagrees ({p_words(judged['p_f'])}): the tests disagree.")
    else:
        said.append(f"Parallel lines do not describe the courses: {ratio}; {spread}")
        said.append(judged_words(judged))
    return " ".join(part for part in said if part)


def p_of(judged: pd.Series, slope: pd.Series) -> str:
    """The p that decides, and how it was found; of several markers the q-value beside it."""
    p = f"{p_words(judged['p_value'])} from the parametric bootstrap"
    if judged["arbiter"] == "mixture":
        p = f"{p_words(judged['p_value'])} from the boundary mixture; no bootstrap was requested"
    elif (slope["p_value"] < LEVEL) != (judged["p_value"] < LEVEL):
        p += f", which decides; {p_words(slope['p_value'])} from the boundary mixture"
    return p + (f"; q across markers {p_value(judged['q_value'])}" if math.isfinite(judged["q_value"]) else "")


BESIDE = {
    "p_f": "the exact F test of equal slopes agrees",
    "p_serial": "the random slope is still supported with serially correlated residuals",
    "p_time": "with a residual variance that changes with the predictor",
    "p_fitted": "with one that changes with the expected value",
}
COMPARATORS = ("p_serial", "p_time", "p_fitted")
"""The p of the slope beside each other explanation; all are missing with ``growth.residual_by`` or ``weights``."""
AGAINST = {
    "f_test": ("p_f", "the exact F test of equal slopes does not find them ({})"),
    "serial": ("p_serial", "serially correlated residuals would explain the courses as well ({})"),
    "time": ("p_time", "a residual variance that changes with the predictor would explain them as well ({})"),
    "fitted": ("p_fitted", "a residual variance that changes with the expected value would explain them as well ({})"),
}


def judged_words(judged: pd.Series) -> str:
    """Whether all tests agree that there are slopes, and else what speaks against them."""
    if judged["verdict"] == "trend":
        known = [f"{words} ({p_words(judged[name])})" for name, words in BESIDE.items() if math.isfinite(judged[name])]
        if all(math.isnan(judged[name]) for name in COMPARATORS):
            return (
                "Neither serial correlation nor a changing residual variance could be examined as another explanation: "
                "a patient-specific trend is not established."
            )
        return f"All tests agree: {in_words(known)}. This supports a patient-specific trend."
    reasons = [
        AGAINST[word][1].format(p_words(judged[AGAINST[word][0]])) for word in str(judged["against"]).split()
        if word in AGAINST
    ]  # fmt: skip
    if judged["singular"]:
        reasons.append("the fit is singular, so slopes are not distinguished from levels")
    return f"It remains uncertain whether patients’ slopes differ: {in_words(reasons)}."


def spread_words(frames: Frames, naming: Naming, marker: str) -> str:
    """The SD of the slopes with its interval."""
    row = slope_spread(frames, naming, marker)
    if row is None:
        return "the standard deviation of the slopes is in the table."
    said = f"the standard deviation of the slopes is {figures(row['sd_or_correlation'])} {naming.slope_unit(marker)}"
    if not (math.isfinite(row["ci_low"]) and math.isfinite(row["ci_high"])):
        return f"{said}."
    return f"{said} (95% interval {figure_interval(row['ci_low'], row['ci_high'])})."


def trend_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("pooling", marker)
        if rows["trend"].notna().sum() < 2:
            return None
        own = rows["trend"].dropna()
        low, high = own.quantile(0.1), own.quantile(0.9)
        unit = naming.slope_unit(marker)
        drawn = trends.trend_lines(rows, f"{label}, {naming.unit_of(marker)}", naming.time_axis, name)
        return drawn, f"Eight of ten patients’ trends lie between {figures(low)} and {figures(high)} {unit}."

    return panel


def trend_spread_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        row, rows = row_of(frames, "trends", marker), frames.of("pooling", marker)
        if row is None or rows["trend"].notna().sum() < 2 or not math.isfinite(row["p_value"]):
            return None
        unit = naming.slope_unit(marker)
        drawn = trends.trend_spread(rows, f"{label}, {unit}", name)
        more = row["p_value"] < LEVEL
        told = "more than noise explains" if more else "compatible with noise"
        return drawn, (
            f"The trends differ by a standard deviation of {figures(row['sd_seen'])} {unit}, where noise alone would "
            f"give {figures(row['sd_expected'])}. By the exact F test of equal slopes, in which long courses weigh "
            f"more, this is {told} ({p_words(row['p_value'])})."
        )

    return panel


def _with_unit(naming: Naming, marker: str, label: str) -> str:
    """The label of a picture of variances, with the unit of a transformed marker."""
    return f"{label}, {naming.unit_of(marker)}" if naming.is_transformed(marker) else label


def variogram_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("variogram", marker)
        if not len(rows):
            return None
        first, last = rows.iloc[0], rows.iloc[-1]
        unit = "" if naming.study.data.analysis_unit == "none" else f" {naming.study.data.analysis_unit}"
        near, far = (f"{figures(math.sqrt(2 * row['seen']))}" for row in (first, last))
        fits = {name: abs(last[name] - last["seen"]) for name in draw.CURVES if math.isfinite(last[name])}
        nearest = draw.CURVES[min(fits, key=lambda name: fits[name])][0]
        return draw.variogram(rows, _with_unit(naming, marker, label), naming.time_axis, name), (
            f"Two values of a patient {figures(first['lag'], 2)}{unit} apart typically differ by {near} "
            f"{naming.unit_of(marker)}, two values {figures(last['lag'], 2)}{unit} apart by {far}; at the longest lag "
            f"the model with {nearest} is closest to this."
        )

    return panel


def implied_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("implied", marker)
        if not len(rows):
            return None
        first, last = rows.iloc[0], rows.iloc[-1]
        seen = f"{figures(math.sqrt(first['seen']))} to {figures(math.sqrt(last['seen']))}"
        said = f"{figures(math.sqrt(first['random_slope']))} to {figures(math.sqrt(last['random_slope']))}"
        return draw.implied(rows, _with_unit(naming, marker, label), naming.time_axis, name), (
            f"From {figures(first['time'], 2)} to {figures(last['time'], 2)} ({naming.time_axis}) the standard "
            f"deviation of values about the average course goes from {seen} {naming.unit_of(marker)}; the "
            f"random-slope model implies {said}."
        )

    return panel


def correlation_panel(frames: Frames, naming: Naming) -> Draw:
    """The heat map of the random-slope model, unless it is of one colour, as that of a random intercept is."""

    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("correlation", marker)
        apart = rows.loc[rows["time_1"] != rows["time_2"], "random_slope"]
        if not len(rows) or not rows["random_slope"].notna().all() or apart.max() - apart.min() < 0.005:
            return None  # a surface of one colour says nothing: slopes do not differ
        return draw.correlation(rows, "random_slope", label, naming.time_axis, name), correlation_note(rows, naming)

    return panel


def correlation_note(rows: pd.DataFrame, naming: Naming) -> str:
    """What a heat map says, and what a random intercept alone would imply."""
    times = sorted(rows["time_1"].unique())

    def at(one: float, other: float) -> str:
        return number(float(rows[(rows["time_1"] == one) & (rows["time_2"] == other)]["random_slope"].iloc[0]), 2)

    alone = rows["random_intercept"].dropna()
    constant = f" A random intercept alone implies {number(float(alone.iloc[0]), 2)} at any lag." if len(alone) else ""
    return (
        f"The model expects a correlation of {at(times[0], times[1])} between values at {figures(times[0], 2)} and "
        f"{figures(times[1], 2)} ({naming.time_axis}), and of {at(times[0], times[-1])} between values at "
        f"{figures(times[0], 2)} and {figures(times[-1], 2)}.{constant}"
    )
