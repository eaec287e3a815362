"""The tables of the comparison of growth models: at a glance, and each in full."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import Lines, marker_cell, marker_table
from slopewise.report.material.parts import Cell, Table
from slopewise.report.words.courses import outside
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figure_interval, figures, number, p_value

MODELS = {
    "pooled": "pooled regression",
    "random_intercept": "random intercept",
    "random_slope": "random intercept and slope",
    "study": "as specified by the study",
}

VERDICTS = {"none": "none shown", "trend": "a trend", "unclear": "open"}
"""What the comparison says of a patient-specific slope: none shown, a trend, or that the tests disagree."""


BESIDE = ("p_f", "p_serial", "p_time", "p_fitted")


def row_of(frames: Frames, name: str, marker: str, model: str | None = None) -> pd.Series | None:
    """The marker's row (of a model) of the table with this frame's name, or nothing."""
    rows = frames.of(name, marker)
    if model is not None:
        rows = rows[rows["model"] == model]
    return rows.iloc[0] if len(rows) else None


def slope_spread(frames: Frames, naming: Naming, marker: str) -> pd.Series | None:
    """The row of the slopes' SD in the random-slope model."""
    rows = frames.of("covariance", marker)
    own = (rows["model"] == "random_slope") & (rows["term_1"] == naming.predictor)
    found = rows[own & (rows["term_2"] == naming.predictor)]
    return found.iloc[0] if len(found) else None


def glance_table(frames: Frames, naming: Naming) -> Table:
    """One row a marker: what the comparison found."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        level, slope = (row_of(frames, "comparison", marker, name) for name in ("random_intercept", "random_slope"))
        judged = row_of(frames, "judged", marker)
        spread = slope_spread(frames, naming, marker)
        sd = Cell("–") if spread is None else Cell(
            figures(spread["sd_or_correlation"]), figure_interval(spread["ci_low"], spread["ci_high"])
        )  # fmt: skip
        missing = math.nan
        tests = [slope[name] if slope is not None else missing for name in ("p_value", "p_value_bootstrap", "q_value")]
        lines.append(
            [
                marker_cell(naming, marker),
                number(level["icc"] if level is not None else missing, 2),
                sd,
                *(p_value(p) for p in tests),
                *(p_value(judged[name] if judged is not None else missing) for name in BESIDE),
                ("yes" if judged["singular"] else "no") if judged is not None else "–",
                VERDICTS[judged["verdict"]] if judged is not None else "–",
            ]
        )
    columns = [
        "marker", "ICC", "SD of slopes, 95% interval", "p, mixture", "p, bootstrap",
        "q", "p, F test", "p, with serial correlation", "p, with variance by time", "p, with variance by value",
        "singular", "least-squares slope",
    ]  # fmt: skip
    caption = "Is a random slope needed? One row per marker"
    marks = {"marker": list(naming.study.markers)}
    return Table("growth-evidence", caption, columns, lines, frozenset({0, 10, 11}), marks)


def beyond(frames: Frames, naming: Naming) -> str:
    """What a caption adds where a zero of the clock lies outside the measurements."""
    zero = naming.zero.removeprefix("at ")
    return f"; {zero} lies outside the measurements" if outside(frames, naming) else ""


def fixed_by_model(frames: Frames, naming: Naming) -> Table:
    """Fixed effects under each model, side by side."""
    lines: Lines = []
    named = {"Intercept": naming.zero, naming.predictor: f"slope per {naming.unit}"}
    for marker in naming.study.markers:
        rows = frames.of("fixed_effects", marker)
        terms, models = list(dict.fromkeys(rows["term"])), list(MODELS)
        known = [row for row in rows.itertuples() if row.model in MODELS]
        for row in sorted(known, key=lambda row: (terms.index(row.term), models.index(str(row.model)))):
            ends = figure_interval(row.ci_low, row.ci_high)
            test = [figures(row.se), number(row.df, 1), number(row.statistic, 2), p_value(row.p_value)]
            name = named.get(str(row.term), str(row.term))
            lines.append((marker, [name, MODELS[str(row.model)], Cell(figures(row.estimate), ends), *test]))
    columns = ["marker", "term", "model", "estimate, 95% interval", "standard error", "df (Satterthwaite)", "t", "p"]
    caption = f"Fixed effects under each model{beyond(frames, naming)}"
    return marker_table("growth-fixed-by-model", caption, columns, lines, naming, frozenset({0, 1, 2}), scaled=True)


def comparison_table(frames: Frames, naming: Naming) -> Table:
    """Deviance, criteria and tests of every model and marker."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        for model, words in MODELS.items():
            row = row_of(frames, "comparison", marker, model)
            if row is None:
                continue
            lines.append(
                [
                    naming.marker(marker),
                    words,
                    str(int(row["parameters"])),
                    *(number(row[name], 1) for name in ("deviance_reml", "deviance_ml", "aic", "bic")),
                    number(row["lrt"], 2),
                    *(p_value(row[name]) for name in ("p_value", "p_value_naive", "p_value_bootstrap", "q_value")),
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
            row = row_of(frames, "comparison", marker, model)
            if row is not None:
                shares = [number(row[name], 2) for name in ("icc", "r2_marginal", "r2_conditional")]
                lines.append([naming.marker(marker), words, *shares])
    columns = ["marker", "model", "between patients (ICC)", "fixed effects (R² marginal)", "both (R² conditional)"]
    return Table("growth-shares", "Shares of the variance in each model", columns, lines, frozenset({0, 1}))


def components_table(frames: Frames, naming: Naming) -> Table:
    """Variance components of every model with their intervals."""
    lines: list[list[Cell | str]] = []
    order = {model: place for place, model in enumerate(MODELS)}
    for marker in naming.study.markers:
        rows = frames.of("covariance", marker)
        for row in rows.assign(place=rows["model"].map(order)).sort_values("place", kind="stable").itertuples():
            one, other = str(row.term_1), str(row.term_2)
            what = f"SD of {one}" if one == other else f"correlation of {one} and {other}"
            what = f"SD of {one}, {other}" if one == "Residual" != other else what
            ends = figure_interval(row.ci_low, row.ci_high)
            lines.append(
                [marker_cell(naming, marker), MODELS[str(row.model)], what, figures(row.sd_or_correlation), ends]
            )
    columns = ["marker", "model", "component", "estimate", "95% interval"]
    caption = f"Variance components; those of the intercept are {naming.zero}{beyond(frames, naming)}"
    return Table("growth-components", caption, columns, lines, frozenset({0, 1, 2}))


def serial_table(frames: Frames, naming: Naming) -> Table | None:
    """The models with and without serial correlation."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        row = row_of(frames, "serial", marker)
        if row is not None:
            names = ("random_intercept", "random_slope", "serial", "slope_and_serial")
            deviances = [number(row[f"deviance_{name}"], 1) for name in names]
            fading = [number(row["share"], 2), figures(row["range"]), number(row["lrt"], 2), p_value(row["p_value"])]
            lines.append([naming.marker(marker), *deviances, *fading])
    columns = [
        "marker", "random intercept", "random slope", "intercept and serial correlation", "all three",
        "share that is serial", f"range ({naming.units})", "likelihood ratio of the slope given it",
        "p",
    ]  # fmt: skip
    caption = "Trend or serial correlation? REML deviances"
    return Table("growth-serial", caption, columns, lines) if lines else None


def scatter_table(frames: Frames, naming: Naming) -> Table | None:
    """The models with a residual variance that changes with the predictor, or with the expected value."""
    by = {"time": naming.predictor, "fitted": "expected value"}
    lines: Lines = []
    for marker in naming.study.markers:
        for row in frames.of("heteroscedastic", marker).itertuples():
            deviances = [number(row.deviance_intercept, 1), number(row.deviance_slope, 1)]
            scatter = [number(row.sd_ratio, 2), p_value(row.p_scatter)]
            test = [number(row.lrt, 2), p_value(row.p_value)]
            lines.append((marker, [by[str(row.by)], *deviances, *scatter, *test]))
    columns = [
        "marker", "variance by", "random intercept", "random slope", "SD at the 9th decile over the 1st",
        "p of that", "likelihood ratio of the slope given it", "p",
    ]  # fmt: skip
    caption = "Trend or a residual variance that changes? REML deviances"
    return marker_table("growth-scatter", caption, columns, lines, naming, frozenset({0, 1})) if lines else None


def trends_table(frames: Frames, naming: Naming) -> Table | None:
    """The spread of within-patient trends and the exact F test."""
    lines: list[list[Cell | str]] = []
    for marker in naming.study.markers:
        row = row_of(frames, "trends", marker)
        if row is not None:
            freedom = f"{int(row['df1'])}, {int(row['df2'])}"
            spread = [figures(row["sd_seen"]), figures(row["sd_expected"])]
            test = [number(row["f"], 2), freedom, p_value(row["p_value"])]
            lines.append([marker_cell(naming, marker), str(int(row["patients"])), *spread, *test])
    columns = [
        "marker", "patients with a trend", "SD of trends, observed", "SD expected from noise", "F", "df", "p",
    ]  # fmt: skip
    caption = "Trends of the random-intercept model’s residuals within patients, and the F test that all are equal"
    return Table("growth-trends", caption, columns, lines) if lines else None
