"""The posterior of the growth models: estimates with probabilities, priors that matter, and data that it predicts."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.marker_panels import marker_cell
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import chance_text, figure_interval, figures, in_words, number, percent

KINDS = {"fixed": "average", "sd": "SD between patients", "correlation": "correlation", "residual": "residual SD"}
STATISTICS = {
    "mean": "mean",
    "sd": "SD",
    "smallest": "smallest value",
    "largest": "largest value",
    "sd_of_means": "SD of the patients’ means",
    "within_sd": "SD within patients",
    "step_sd": "SD of the change between visits",
}
UNUSUAL = 0.025
"""Share of predictions on one side of an observed statistic, under which the model does not predict it."""


def posterior_section(frames: Frames, naming: Naming) -> Section:
    """Words for each marker that is pictured, and the three tables."""
    rows = frames.posterior
    return Section(
        "posterior",
        "The posterior of the growth models",
        "posterior.html.j2",
        {
            "words": [sentence for marker in naming.pictured for sentence in marker_words(frames, naming, marker)],
            "chains": naming.study.bayes.chains,
            "draws": naming.study.bayes.draws,
            "rhat": number(float(rows["rhat"].max()), 3),
            "ess": f"{float(rows[['ess_bulk', 'ess_tail']].min().min()):,.0f}",
            "sensitive": sensitive_words(frames, naming),
            "checked": check_words(frames, naming),
            "tables": [posterior_table(frames, naming), check_table(frames, naming)],
        },
    )


def marker_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """What the posterior says of the average slope, and of how slopes differ."""
    rows = frames.of("posterior", marker).set_index(["kind", "term_1", "term_2"])
    clock, name, unit = naming.study.growth.slope_of, naming.marker(marker), naming.slope_unit(marker)
    said = []
    if ("fixed", clock, clock) in rows.index:
        row = rows.loc[("fixed", clock, clock)]
        rises = row["above_zero"] >= 0.5
        chance = chance_text(row["above_zero"] if rises else 1.0 - row["above_zero"])
        said.append(
            f"{name}: the probability that the coefficient of {naming.predictor} is "
            f"{'positive' if rises else 'negative'} is {chance} (posterior mean {figures(row['mean'])} {unit}, "
            f"95% credible interval {figure_interval(row['ci_low'], row['ci_high'])})."
        )
    if ("sd", clock, clock) in rows.index:
        row = rows.loc[("sd", clock, clock)]
        reml = row["reml"]
        boundary = (
            "REML estimates it as 0, the limit of what an SD can be, where it has no interval of the usual kind."
            if reml == 0 or reml < 1e-4 * row["mean"]
            else f"The REML estimate is {figures(reml)}."
        )
        said.append(
            f"The SD of the patients’ slopes of {name} is {figures(row['median'])} {unit} (posterior median; 95% "
            f"credible interval {figure_interval(row['ci_low'], row['ci_high'])}). {boundary}"
        )
    return said


def sensitive_words(frames: Frames, naming: Naming) -> str:
    """Which estimates hinge on their priors."""
    rows = frames.prior_sensitivity[frames.prior_sensitivity["sensitive"]]
    if not len(rows):
        return "No estimate moves by more than 0.3 posterior SDs under priors of half or of double the scales."
    listed = [f"{naming.marker(row.marker)}, {parameter(row, naming)}" for row in rows.itertuples()]
    several = len(listed) > 1
    return (
        f"{'Estimates' if several else 'One estimate'} that {'move' if several else 'moves'} by more than 0.3 "
        "posterior SDs under priors of half or of double the scales, so that the data alone do not settle "
        f"{'them' if several else 'it'}: {in_words(listed[:8])}{' and others' if len(listed) > 8 else ''}."
    )


def check_words(frames: Frames, naming: Naming) -> str:
    """Which observed statistics lie outside what the model predicts."""
    rows = frames.posterior_check
    odd = rows[(rows["above"] < UNUSUAL) | (rows["above"] > 1.0 - UNUSUAL)]
    if not len(odd):
        return "Every statistic of the data lies within the 95% range of data that the model predicts."
    listed = [f"{STATISTICS[row.statistic]} of {naming.marker(row.marker)}" for row in odd.itertuples()]
    return f"Outside the 95% range of data that the model predicts: {in_words(listed[:8])}."


def parameter(row: object, naming: Naming) -> str:
    """A parameter in words."""
    kind, first, second = (str(getattr(row, key)) for key in ("kind", "term_1", "term_2"))
    if kind == "residual":
        return KINDS[kind]
    terms = first if first == second else f"{first} and {second}"
    return f"{KINDS[kind]} of {terms}" if kind != "fixed" else f"average {terms}"


def posterior_table(frames: Frames, naming: Naming) -> Table:
    """Each parameter: posterior, REML, and both alternative priors."""
    keys = ["marker", "kind", "term_1", "term_2"]
    rows = frames.posterior.merge(frames.prior_sensitivity.drop(columns="mean"), on=keys, validate="one_to_one")
    lines: list[list[Cell | str]] = [
        [
            marker_cell(naming, str(row.marker)),
            parameter(row, naming),
            Cell(figures(row.mean), figure_interval(row.ci_low, row.ci_high)),
            figures(row.sd),
            figures(row.reml) if math.isfinite(row.reml) else "–",
            figures(row.narrow),
            figures(row.wide),
        ]
        for row in rows.itertuples()
    ]
    columns = ["marker", "parameter", "posterior mean", "SD", "REML", "narrower priors", "wider priors"]
    marks = {"marker": [str(marker) for marker in rows["marker"]]}
    caption = "Posterior means with 95% credible intervals, REML estimates, and means under other priors"
    return Table("posterior", caption, columns, lines, frozenset({0, 1}), marks)


def check_table(frames: Frames, naming: Naming) -> Table:
    """Observed statistics beside predicted ones."""
    rows: pd.DataFrame = frames.posterior_check
    lines: list[list[Cell | str]] = [
        [
            marker_cell(naming, str(row.marker)),
            STATISTICS[str(row.statistic)],
            figures(row.observed),
            Cell(figures(row.predicted), figure_interval(row.ci_low, row.ci_high)),
            percent(row.above),
        ]
        for row in rows.itertuples()
    ]
    columns = ["marker", "statistic", "observed", "predicted (median)", "predictions above"]
    marks = {"marker": [str(marker) for marker in rows["marker"]]}
    caption = "Posterior predictive check, with 95% ranges"
    return Table("posterior-check", caption, columns, lines, frozenset({0, 1}), marks)
