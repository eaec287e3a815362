"""Does the growth model fit? Residuals, quantiles, single patients' influence, and whether visits are informative."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import diagnostics as draw
from slopewise.growth.evidence.judgement import LEVEL
from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Detailed, Draw, Lines, component, marker_table, pictures
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, figure_interval, figures, number, p_value, percent, signed

NORMAL_BEYOND_3 = 0.0027
"""Share of a normal distribution beyond three standard deviations."""

HEAVY, SKEWED = 1.0, 0.75
"""Excess kurtosis and skewness from which the words call tails heavy and a distribution lopsided."""

FEWEST = 10
"""With fewer patients nothing is said of how their random effects are distributed."""

OUTSIDE = 0.15
"""Share outside the 95% band from which the words say so, where the share is also larger than normal data sets
give (the p-value of ``growth/normality``): neighbours in order leave the band together."""


def fit_section(frames: Frames, naming: Naming) -> Section:
    """The checks of the growth model's assumptions."""
    panels = fit_panels(frames, naming)
    return Section(
        "fit",
        "Does the growth model fit?",
        "fit.html.j2",
        {
            "markers": naming.choices,
            "detailed": Detailed.of(naming),
            "residuals": pictures(
                "residuals",
                caption("residuals"),
                naming,
                {name: panels[name] for name in ("residuals", "quantiles", "effects")},
            ),
            "normality": normality_table(frames, naming),
            "influence": pictures("influence", caption("influence"), naming, {"influence": panels["influence"]}),
            "influence_table": influence_table(frames, naming),
            "visits": pictures("visits", caption("visits"), naming, {"visits": panels["visits"]}),
            "visits_table": visits_table(frames, naming),
            "equal_visits": equal_visits(frames),
        },
    )


def fit_panels(frames: Frames, naming: Naming) -> dict[str, Draw]:
    """The panels of a marker, by name."""
    return {
        "residuals": residual_panel(frames, naming),
        "quantiles": quantile_panel(frames, naming, ("residual",)),
        "effects": quantile_panel(frames, naming, ("intercept", "slope")),
        "influence": influence_panel(frames, naming),
        "visits": visits_panel(frames, naming),
    }


def residual_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        points, classes = frames.of("scatter", marker), frames.of("spread", marker).sort_values("fitted")
        if not len(points):
            return None
        sd, unit = component(frames, marker, "Residual"), naming.unit_of(marker)
        if not math.isfinite(sd):  # strata have residual standard deviations of their own
            sd, unit = 1.0, "residual standard deviations"
        drawn = draw.residuals(points, classes, f"{label}, {unit}", name)
        if len(classes) < 2:
            return drawn, f"The residual standard deviation around the patients’ lines is {figures(sd)} {unit}."
        low, high = classes.iloc[0], classes.iloc[-1]
        ratio = high["sd"] / low["sd"] if low["sd"] > 0 else math.inf
        shape = (
            "much the same throughout" if 1 / 1.5 < ratio < 1.5 else "more where values are high" if ratio > 1
            else "more where values are low"
        )  # fmt: skip
        where = (figures(low["fitted"]), figures(high["fitted"]))
        spread = (figures(low["sd"] * sd), figures(high["sd"] * sd))
        return drawn, (
            f"Values scatter about the patients’ lines by {spread[0]} {unit} where {where[0]} is expected and by "
            f"{spread[1]} where {where[1]} is: {shape}."
        )

    return panel


def quantile_panel(frames: Frames, naming: Naming, kinds: tuple[str, ...]) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows = frames.of("quantiles", marker)
        rows = rows[rows["what"].isin(kinds)]
        if not len(rows):
            return None
        drawn = draw.quantiles(rows, f"{label}, in standard deviations", name)
        told = [
            shape_words(frames, naming, row) for row in frames.of("normality", marker).itertuples() if row.what in kinds
        ]
        return drawn, " ".join(told)

    return panel


def shape_words(frames: Frames, naming: Naming, row: object) -> str:
    """What a row of ``growth/normality`` says, in words and units."""
    what, largest = str(row.what), float(row.largest)  # type: ignore[attr-defined]
    skewness, kurtosis = float(row.skewness), float(row.kurtosis)  # type: ignore[attr-defined]
    if what == "residual":
        beyond = float(row.beyond_3)  # type: ignore[attr-defined]
        said = (
            f"{percent(beyond, 1)} of the residuals lie beyond three standard deviations "
            f"({percent(NORMAL_BEYOND_3, 1)} would if normal); the largest is {figures(largest)} of them."
        )
        if kurtosis > HEAVY:
            said += " The tails are heavier than normal: a few values deviate far more than the model expects."
        return said
    name = "starting values" if what == "intercept" else "slopes"
    outside = float(row.outside)  # type: ignore[attr-defined]
    if int(row.number) < FEWEST:  # type: ignore[attr-defined]
        return f"There are too few {name} to judge their distribution."
    shape = f"skewness {number(skewness, 1)}, excess kurtosis {number(kurtosis, 1)}"
    if outside > OUTSIDE and float(row.p_value) < LEVEL:  # type: ignore[attr-defined]
        side = "high" if skewness > 0 else "low"
        how = (
            f"a few patients lie far to the {side} side" if abs(skewness) > SKEWED
            else "a few patients are far from all others" if kurtosis > HEAVY
            else "the line is curved"
        )  # fmt: skip
        return f"{percent(outside)} of the {name} lie outside the band, where 5% should: {how} ({shape})."
    return f"The {name} are close to a normal distribution ({shape})."


def influence_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        rows, spread = frames.of("pooling", marker), component(frames, marker, naming.predictor)
        patients, rows = len(rows), rows[rows["slope_change"].notna()]
        if not len(rows) or not spread > 0:
            return None
        drawn = draw.influence(rows, spread, label, name)
        worst = rows.loc[rows["slope_change"].abs().idxmax()]
        change = rows["slope_sd_change"] / spread
        most = change.loc[change.abs().idxmax()]
        nobody = (
            "No single patient" if len(rows) == patients
            else f"Of {patients} patients {len(rows)} could be left out, or were the furthest from the average; none"
        )  # fmt: skip
        said = (
            f"{nobody} moves the average slope by more than {figures(abs(worst['slope_change']))} "
            f"{naming.slope_unit(marker)} ({number(abs(worst['slope_change_se']), 2)} standard errors), or the "
            f"standard deviation of the slopes by more than {percent(abs(most), 0 if abs(most) >= 0.1 else 1)}."
        )
        said += influence_words(frames.of("influence", marker))
        return drawn, said

    return panel


def influence_words(row: pd.DataFrame) -> str:
    """How probable so influential a patient is in data sets drawn from the model; nothing where no influence is large.

    row: the marker's of ``growth/influence``.
    """
    p = float(row["p_value"].iloc[0]) if len(row) else math.nan
    if not math.isfinite(p):
        return ""
    said = (
        " The probability that one patient has as large an influence in data sets drawn from the fitted model is "
        f"estimated as {percent(p, 1)}"
    )
    if p < LEVEL:
        return f"{said}: check this patient’s values before relying on the slopes."
    return f"{said}, so that chance may explain it."


def visits_panel(frames: Frames, naming: Naming) -> Draw:
    def panel(marker: str, label: str, name: str) -> tuple[str, str] | None:
        found, rows = frames.of("visits", marker), frames.of("pooling", marker)
        if not len(found) or not math.isfinite(found["estimate"].iloc[0]) or not len(rows):
            return None
        row = found.iloc[0]
        title = f"{label}, {naming.slope_unit(marker)}"
        return draw.visits(rows, float(row["estimate"]), title, name), visits_words(naming, marker, row)

    return panel


def visits_words(naming: Naming, marker: str, row: pd.Series) -> str:
    """Whether slopes differ with the number of visits."""
    ends = figure_interval(row["ci_low"], row["ci_high"])
    way = "higher" if row["estimate"] > 0 else "lower"
    said = (
        f"With each further visit the slope is {figures(abs(row['estimate']))} {naming.slope_unit(marker)} {way} (95% "
        f"interval of the change {ends}, p = {p_value(row['p_value'])})."
    ).replace("p = <", "p < ")
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        return (
            f"{said} The number of visits is associated with the slope, and the average slope gives more weight to "
            f"patients with many visits."
        )
    most = max((row["ci_low"], row["ci_high"]), key=abs)
    return (
        f"{said} The interval includes 0: the data do not show an association between the number of visits and the "
        f"slope, and are compatible with a difference of {figures(most)} per visit."
    )


def normality_table(frames: Frames, naming: Naming) -> Table | None:
    """Skewness, kurtosis and tails of residuals and random effects."""
    words = {"residual": "residuals", "intercept": "starting values", "slope": "slopes"}
    limit = naming.study.report.small_cells
    lines: Lines = []
    for marker in naming.study.markers:
        rows = frames.of("normality", marker)
        for row in rows.assign(place=rows["what"].map(list(words).index)).sort_values("place").itertuples():
            tails = [
                *(percent(share, 1) for share in (row.beyond_2, row.beyond_3, row.outside)),
                number(row.largest, 1),
            ]
            tails.insert(3, p_value(row.p_value))
            figures_of = [count(int(row.number), limit), number(row.skewness, 2), number(row.kurtosis, 2)]
            lines.append((marker, [words[str(row.what)], *figures_of, *tails]))
    columns = ["marker", "what", "number", "skewness", "excess kurtosis", "beyond 2 SD", "beyond 3 SD"]
    columns += ["outside the band", "p of the band", "largest, SD"]
    caption = "Shape of standardised residuals and random effects; on average of normal data: 0, 0, 4.6%, 0.3%, 5%"
    return marker_table("growth-normality", caption, columns, lines, naming, frozenset({0, 1})) if lines else None


def influence_table(frames: Frames, naming: Naming) -> Table | None:
    """The largest changes that leaving out one patient makes, a row a marker; it names nobody."""
    lines: Lines = []
    for marker in naming.study.markers:
        rows = frames.of("pooling", marker)
        rows = rows[rows["slope_change"].notna()]
        spread = component(frames, marker, naming.predictor)
        if len(rows) and spread > 0:
            change = rows["slope_change"]
            share = rows["slope_sd_change"] / spread
            cells = [
                f"{signed(change.min())} to {signed(change.max())}",
                number(rows["slope_change_se"].abs().max(), 2),
                f"{signed(100 * share.min(), 1)}% to {signed(100 * share.max(), 1)}%",
                number(rows["cook"].max(), 2),
                p_value(frames.of("influence", marker)["p_value"].max()),
                naming.slope_unit(marker),
            ]
            lines.append((marker, cells))
    columns = [
        "marker", "average slope without one patient", "most, in standard errors", "SD of slopes without one patient",
        "largest Cook’s distance", "p", "unit of slopes",
    ]  # fmt: skip
    caption = (
        "Leaving out one patient: the range of changes; p, where one is large: the probability that one "
        "patient changes as much in data sets drawn from the fitted model"
    )
    return marker_table("growth-influence", caption, columns, lines, naming, frozenset({0, 6})) if lines else None


def visits_table(frames: Frames, naming: Naming) -> Table | None:
    """Number of visits and slope, a row a marker."""
    lines: Lines = []
    for marker in naming.study.markers:
        for row in frames.of("visits", marker).itertuples():
            if math.isfinite(row.estimate) or math.isfinite(row.correlation):
                rho = f"{number(row.correlation_low, 2)} to {number(row.correlation_high, 2)}"
                cells = [
                    Cell(number(row.correlation, 2), rho if math.isfinite(row.correlation_low) else ""),
                    Cell(figures(row.estimate), figure_interval(row.ci_low, row.ci_high)),
                    number(row.df, 1),
                    p_value(row.p_value),
                    naming.slope_unit(marker),
                ]
                lines.append((marker, cells))
    columns = [
        "marker", "rank correlation of visits and slope, 95% interval", "slope with one more visit, 95% interval", "df",
        "p", "unit",
    ]  # fmt: skip
    caption = "Is the number of visits informative?"
    return marker_table("growth-visits", caption, columns, lines, naming, frozenset({0, 5})) if lines else None


def equal_visits(frames: Frames) -> str:
    """A sentence where everybody was seen equally often, so that nothing can be asked."""
    if not len(frames.visits) or not (frames.visits["fewest"] == frames.visits["most"]).all():
        return ""
    return "All patients have the same number of visits, so that the number carries no information about the slopes."
