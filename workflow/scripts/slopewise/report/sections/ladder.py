"""The ladder of predictor sets: how well each orders patients, and what each adds to its reference."""

from __future__ import annotations

import math
import re

import pandas as pd

from slopewise.figures import ladder as draw
from slopewise.metrics.catalogue import METRICS as CATALOGUE
from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.gains import HEADLINES, evidence_of
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.sections.optimism import optimism_table
from slopewise.report.templates.environment import caption
from slopewise.report.words.ledger import validation_lines
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import MINUS, MISSING, interval, number, signed
from slopewise.report.words.verdict import below_chance, evidence_table
from slopewise.report.words.wording import until
from slopewise.validate.gains import headline_metric, headlines
from slopewise.validate.recommendation import recommended_step

METRICS = {name: metric.label for name, metric in CATALOGUE.items()}
"""Metrics at a horizon, in the order of the table."""

SHORT = ("clinical", "baseline", "last", "level", "slope")
"""The steps of the small ladder in the summary."""


def present(frames: Frames, steps: tuple[str, ...] = tuple(STEP_NAMES)) -> list[str]:
    """Ladder steps that the performance table has, in order."""
    known = set(frames.performance["predictors"])
    return [step for step in steps if step in known]


def ladder_section(frames: Frames, naming: Naming) -> Section:
    """All steps: picture, sentences, tables by horizon."""
    metric = headline_metric(frames.performance)
    return Section(
        "ladder",
        "What predicts the outcome",
        "ladder.html.j2",
        {
            "steps": [(STEP_NAMES[step], naming.at_length(step)) for step in present(frames)],
            "below_chance": below_chance(frames, naming, metric),
            "evidence": evidence_table(evidence_of(frames, naming.study), naming),
            "picture": ladder_picture(frames, naming, metric),
            "discrimination": [concordance_table(frames, naming, name) for name in headlines(frames.performance)],
            "by_horizon": horizon_tables(frames, naming),
            "recommended": recommendation_sentence(frames, naming),
            "kind": naming.kind,
            "glossary": [(metric.term, metric.meaning) for metric in CATALOGUE.values() if metric.term],
            "optimism": optimism_table(frames, naming),
            "everything": everything_table(frames),
            "notes": validation_lines(frames, naming),
        },
    )


def recommendation_sentence(frames: Frames, naming: Naming) -> str:
    """Which predictors `slopewise predict` takes for new patients, and why: by the verdict on the same evidence."""
    advice = recommended_step(evidence_of(frames, naming.study))
    reason = re.sub(r"-(?=\d)", MINUS, advice.reason).replace("'", "’")
    return f"For new patients slopewise predict uses the model of {STEP_NAMES[advice.predictors]} by default: {reason}."


def ladder_picture(frames: Frames, naming: Naming, metric: str) -> Picture:
    """Two panels: every step's C, and each step's difference to its reference where the reference has markers too."""
    steps = present(frames)
    title = f"{HEADLINES[metric]} by predictors"
    labels = {step: STEP_NAMES[step] for step in steps}
    all_steps = draw.concordance(frames.metric(metric).reset_index(), labels, "", title, "ladder")
    rows = frames.metric(metric)
    rows = rows.loc[[step for step in steps if rows.loc[step, "versus"] in steps[1:]]]
    differences = rows.assign(
        label=[f"{STEP_NAMES[step]} − {STEP_NAMES[rows.loc[step, 'versus']]}" for step in rows.index]
    )
    added = draw.added_value(
        differences.reset_index(),
        naming.study.outcome.margin,
        "Difference from a simpler set",
        "added-value",
        list(rows.index).index("slope"),
    )
    events = until(rows, naming)
    words = caption("ladder", metric=f"{HEADLINES[metric]}{events and f' ({events})'}")
    return Picture("ladder", words, [all_steps, added])


def short_picture(frames: Frames, naming: Naming, metric: str, kept: int) -> Picture:
    """The summary's picture: the way from covariates to slopes, and the difference that the study asks about."""
    steps = present(frames, SHORT)
    labels = {step: STEP_NAMES[step] for step in steps}
    way = draw.concordance(
        frames.metric(metric).reset_index(), labels, "slope", f"{HEADLINES[metric]} by predictors", "summary-ladder"
    )
    panels = [way]
    names = headlines(frames.performance)
    rows = pd.DataFrame([frames.metric(name).loc["slope"] for name in names])
    if kept:
        differences = rows.assign(label=[HEADLINES[name] for name in names]).reset_index()
        panels.append(
            draw.added_value(
                differences, naming.study.outcome.margin, "Level and slope, compared with level", "summary-gain", 0
            )
        )
    events = until(frames.metric(metric), naming)
    below = f"Validated in patients whom the models had not seen; 95% intervals{events and f'; {events}'}."
    return Picture("summary", below, panels)


def concordance_table(frames: Frames, naming: Naming, metric: str) -> Table:
    """One concordance for all steps: validated, apparent, and the difference to the reference."""
    rows = frames.metric(metric)
    lines: list[list[Cell | str]] = []
    for step in present(frames):
        row = rows.loc[step]
        versus = STEP_NAMES.get(str(row["versus"]), MISSING)
        lines.append(
            [
                STEP_NAMES[step],
                Cell(number(row["validated"]), interval(row["ci_low"], row["ci_high"])),
                number(row["apparent"]),
                versus,
                Cell(signed(row["difference"]), interval(row["difference_low"], row["difference_high"], plus=True))
                if math.isfinite(row["difference"])
                else MISSING,
            ]
        )
    columns = ["predictors", "validated, 95% interval", "apparent", "compared with", "difference, 95% interval"]
    events = until(rows, naming)
    return Table(
        f"performance-{metric}", f"{HEADLINES[metric]}{events and f', {events}'}", columns, lines, frozenset({0, 3})
    )


def horizon_tables(frames: Frames, naming: Naming) -> list[Table]:
    """One table a horizon; none where no metric at a horizon was to be had."""
    if not set(METRICS) & set(frames.performance["metric"]):
        return []
    return [horizon_table(frames, naming, horizon) for horizon in naming.moments]


def horizon_table(frames: Frames, naming: Naming, horizon: float) -> Table:
    """All metrics at one horizon: validated with its interval."""
    rows = at_horizon(frames.performance, horizon).set_index(["predictors", "metric"])
    metrics = [metric for metric in METRICS if metric in set(rows.index.get_level_values("metric"))]
    lines: list[list[Cell | str]] = []
    for step in present(frames):
        line: list[Cell | str] = [STEP_NAMES[step]]
        for metric in metrics:
            row = rows.loc[(step, metric)]
            line.append(Cell(number(row["validated"]), interval(row["ci_low"], row["ci_high"])))
        lines.append(line)
    when = "All metrics" if math.isnan(horizon) else f"{naming.duration(horizon)} after the landmark"
    caption = f"{when}, validated with 95% interval"
    return Table(
        f"performance-{'all' if math.isnan(horizon) else f'{horizon:g}'}",
        caption,
        ["predictors", *(METRICS[metric] for metric in metrics)],
        lines,
    )


def _horizon(value: float) -> str:
    return MISSING if math.isnan(value) else f"{value:g}"


def everything_table(frames: Frames) -> Table:
    """The whole performance table."""
    order = {step: place for place, step in enumerate(STEP_NAMES)}
    names = {**HEADLINES, **METRICS}
    table = frames.performance
    table = table.assign(place=table["predictors"].map(order)).sort_values(
        ["metric", "horizon", "place"], kind="stable"
    )
    lines = [
        [
            names.get(str(row.metric), str(row.metric)),
            _horizon(float(row.horizon)),
            STEP_NAMES.get(str(row.predictors), str(row.predictors)),
            Cell(number(row.validated), interval(row.ci_low, row.ci_high)),
            number(row.apparent),
            STEP_NAMES.get(str(row.versus), MISSING),
            Cell(signed(row.difference), interval(row.difference_low, row.difference_high, plus=True))
            if math.isfinite(row.difference)
            else MISSING,
        ]
        for row in table.itertuples()
    ]
    columns = ["metric", "horizon", "predictors", "validated", "apparent", "compared with", "difference"]
    return Table("performance", "Every metric at every horizon", columns, lines, frozenset({0, 2, 5}))
