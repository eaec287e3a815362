"""Is a random slope needed? The three models side by side, the test and its limit, in plain words."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import evidence as draw
from slopewise.report.frames import Frames
from slopewise.report.naming import Naming
from slopewise.report.numbers import figure_interval, figures, number, p_words, percent
from slopewise.report.parts import Cell, Picture, Section, Table

MODELS = {
    "pooled": "pooled regression",
    "random_intercept": "random intercept",
    "random_slope": "random intercept and slope",
    "study": "the study’s own",
}
LEVEL = 0.05


def evidence_section(frames: Frames, naming: Naming) -> Section:
    """The comparison of the growth models."""
    curves = [
        draw.variogram(rows, naming.marker(marker), naming.time_axis, f"variogram-{index}")
        for index, marker in enumerate(naming.pictured)
        if len(rows := frames.variogram[frames.variogram["marker"] == marker])
    ]
    spreads = [
        draw.implied(rows, naming.marker(marker), naming.time_axis, f"implied-{index}")
        for index, marker in enumerate(naming.pictured)
        if len(rows := frames.implied[frames.implied["marker"] == marker])
    ]
    return Section(
        "evidence",
        "Is a slope of the patient’s own needed?",
        "evidence.html.j2",
        {
            "words": [marker_words(frames, naming, marker) for marker in naming.pictured],
            "comparison": comparison_table(frames, naming),
            "shares": shares_table(frames, naming),
            "serial": serial_table(frames, naming),
            "trends": trends_table(frames, naming),
            "components": components_table(frames, naming),
            "variogram": Picture("variogram", VARIOGRAM, curves) if curves else None,
            "implied": Picture("implied", IMPLIED, spreads) if spreads else None,
            "bootstrap": naming.study.growth.bootstrap,
            "uneven": naming.study.growth.residual_by or naming.study.growth.weights,
        },
    )


VARIOGRAM = (
    "Half the mean squared difference of two residuals of one patient, by how far apart they were measured. Flat: a "
    "level of the patient’s own and nothing else. Rising faster and faster: a slope of the patient’s own. Rising and "
    "levelling off: values that were measured close together are alike (serial correlation)."
)
IMPLIED = (
    "The variance between and within patients about the average course. A random intercept says that it is the same "
    "throughout; a random slope makes it a parabola."
)


def row_of(table: pd.DataFrame, marker: str, model: str | None = None) -> pd.Series | None:
    """The marker's row (of a model), or nothing."""
    rows = table[table["marker"] == marker]
    if model is not None:
        rows = rows[rows["model"] == model]
    return rows.iloc[0] if len(rows) else None


def marker_words(frames: Frames, naming: Naming, marker: str) -> str:
    """What the comparison says of one marker, from its numbers."""
    name = naming.marker(marker)
    name = name[0].upper() + name[1:]
    slope = row_of(frames.comparison, marker, "random_slope")
    level = row_of(frames.comparison, marker, "random_intercept")
    if slope is None or level is None:
        return f"{name}: the data do not identify a slope of the patient’s own; too few patients have two visits."
    if not math.isfinite(slope["lrt"]):
        return (
            f"{name}: the model with a slope fits worse than the one without, which cannot be: its search for the best "
            "fit stopped too early. Do not rely on this marker’s slopes."
        )
    share = percent(level["icc"])
    said = [f"{name}: {share} of what is left after the fixed effects lies between patients (intraclass correlation)."]
    p = f"{p_words(slope['p_value'])} by the boundary mixture"
    if math.isfinite(slope["p_value_bootstrap"]):
        p += f", {p_words(slope['p_value_bootstrap'])} by the parametric bootstrap"
    if slope["p_value"] >= LEVEL:
        said.append(
            f"The data do not show that patients have slopes of their own: the likelihood ratio is "
            f"{number(slope['lrt'], 2)} ({p}). That is no proof that all slopes are the same; "
            f"{spread_words(frames, naming, marker)}"
        )
    else:
        said.append(
            f"Patients’ courses are not parallel: the likelihood ratio is {number(slope['lrt'], 2)} ({p}); "
            f"{spread_words(frames, naming, marker)}"
        )
        said.append(serial_words(frames, marker))
    return " ".join(part for part in said if part)


def spread_words(frames: Frames, naming: Naming, marker: str) -> str:
    """The SD of the slopes with its interval."""
    rows = frames.covariance
    own = (rows["marker"] == marker) & (rows["model"] == "random_slope") & (rows["term_1"] == naming.predictor)
    found = rows[own & (rows["term_2"] == naming.predictor)]
    if not len(found):
        return "the standard deviation of the slopes is in the table."
    row = found.iloc[0]
    ends = figure_interval(row["ci_low"], row["ci_high"])
    unit = naming.slope_unit(marker)
    return f"the standard deviation of the slopes is {figures(row['sd_or_correlation'])} {unit} (95% interval {ends})."


def serial_words(frames: Frames, marker: str) -> str:
    """Whether the slope survives beside serial correlation."""
    row = row_of(frames.serial, marker)
    if row is None:
        return ""
    if row["verdict"] == "trend":
        return (
            "The slope survives beside serially correlated residuals "
            f"({p_words(row['p_value'])}): it is a patient-specific trend."
        )
    return (
        "Residuals of which neighbours are alike would explain the courses as well "
        f"({p_words(row['p_value'])} for the slope beside them): patient-specific trend or serial correlation, the "
        "data cannot tell."
    )


def comparison_table(frames: Frames, naming: Naming) -> Table:
    """Deviance, criteria and tests of every model and marker."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        for model, words in MODELS.items():
            row = row_of(frames.comparison, marker, model)
            if row is None:
                continue
            lines.append(
                [
                    naming.marker(marker),
                    words,
                    str(int(row["parameters"])),
                    *(number(row[name], 1) for name in ("deviance_reml", "deviance_ml", "aic", "bic")),
                    number(row["lrt"], 2),
                    *(_p(row[name]) for name in ("p_value", "p_value_naive", "p_value_bootstrap", "q_value")),
                ]
            )
    columns = [
        "marker", "model", "parameters", "deviance, REML", "deviance, ML", "AIC", "BIC", "likelihood ratio",
        "p, mixture", "p, naive", "p, bootstrap", "q across markers",
    ]  # fmt: skip
    return Table("growth-comparison", "Growth models side by side", columns, lines, frozenset({0, 1}))


def shares_table(frames: Frames, naming: Naming) -> Table:
    """What share of the variance each model gives to patients and to its fixed effects."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        for model, words in MODELS.items():
            row = row_of(frames.comparison, marker, model)
            if row is not None:
                shares = [number(row[name], 2) for name in ("icc", "r2_marginal", "r2_conditional")]
                lines.append([naming.marker(marker), words, *shares])
    columns = ["marker", "model", "between patients (ICC)", "fixed effects (R² marginal)", "both (R² conditional)"]
    return Table("growth-shares", "Shares of the variance in each model", columns, lines, frozenset({0, 1}))


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else number(p, 3)


def components_table(frames: Frames, naming: Naming) -> Table:
    """Variance components of every model with their profile intervals."""
    lines: list[list[Cell | str]] = []
    order = {model: place for place, model in enumerate(MODELS)}
    for marker in naming.study.markers:
        rows = frames.covariance[frames.covariance["marker"] == marker]
        for row in rows.assign(place=rows["model"].map(order)).sort_values("place", kind="stable").itertuples():
            one, other = str(row.term_1), str(row.term_2)
            what = f"SD of {one}" if one == other else f"correlation of {one} and {other}"
            what = f"SD of {one}, {other}" if one == "Residual" != other else what
            ends = figure_interval(row.ci_low, row.ci_high)
            lines.append([naming.marker(marker), MODELS[str(row.model)], what, figures(row.sd_or_correlation), ends])
    columns = ["marker", "model", "component", "estimate", "95% profile interval"]
    return Table("growth-components", "Variance components", columns, lines, frozenset({0, 1, 2}))


def serial_table(frames: Frames, naming: Naming) -> Table | None:
    """The models with and without serial correlation."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        row = row_of(frames.serial, marker)
        if row is not None:
            names = ("random_intercept", "random_slope", "serial", "slope_and_serial")
            deviances = [number(row[f"deviance_{name}"], 1) for name in names]
            fading = [number(row["share"], 2), figures(row["range"]), number(row["lrt"], 2), _p(row["p_value"])]
            lines.append([naming.marker(marker), *deviances, *fading])
    columns = [
        "marker", "random intercept", "random slope", "intercept and serial correlation", "all three",
        "share that is serial", f"range ({naming.study.data.analysis_unit})", "likelihood ratio of the slope beside it",
        "p",
    ]  # fmt: skip
    caption = "Trend or serial correlation? REML deviances"
    return Table("growth-serial", caption, columns, lines) if lines else None


def trends_table(frames: Frames, naming: Naming) -> Table | None:
    """The spread of within-patient trends and the exact F test."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        row = row_of(frames.trends, marker)
        if row is not None:
            freedom = f"{int(row['df1'])}, {int(row['df2'])}"
            spread = [figures(row["sd_seen"]), figures(row["sd_expected"])]
            test = [number(row["f"], 2), freedom, _p(row["p_value"])]
            lines.append([naming.marker(marker), str(int(row["patients"])), *spread, *test])
    columns = [
        "marker", "patients with a trend", "SD of trends, seen", "SD that noise alone gives", "F", "df", "p",
    ]  # fmt: skip
    caption = "Trends of the random-intercept model’s residuals within patients, and the F test that all are equal"
    return Table("growth-trends", caption, columns, lines) if lines else None
