"""How far predictions depend on which patients the models were made of."""

from __future__ import annotations

import numpy as np
import pandas as pd

from slopewise.figures import instability as draw
from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import figures, number, percent
from slopewise.validate.instability import OFTEN
from slopewise.validate.question import action_thresholds, cohorts


def instability_section(frames: Frames, naming: Naming) -> Section:
    """A sentence, a picture and a table for the models without the slopes and with them."""
    rows = frames.further["instability"]
    steps = [step for step in STEP_NAMES if (rows["predictors"] == step).any()]
    what = "prediction" if naming.kind.numeric else "risk"
    shown = rows[(rows["part"] > 0) & (rows["patients"] >= naming.study.report.small_cells)]
    panels = [
        draw.band(
            shown[shown["predictors"] == step], STEP_NAMES[step], what, not naming.kind.numeric, f"instability-{place}"
        )
        for place, step in enumerate(steps)
        if (shown["predictors"] == step).any()
    ]
    whole = rows[rows["part"] == 0].set_index("predictors")
    horizon = float(whole["horizon"].iloc[0])
    return Section(
        "instability",
        "How stable are the predictions?",
        "instability.html.j2",
        {
            "resamples": int(whole["resamples"].iloc[0]),
            "what": f"{what}{naming.at(horizon) and f' within {naming.at(horizon)}'}",
            "sentences": [sentence(whole.loc[step], step, naming) for step in steps],
            "picture": Picture("instability", caption("instability", what=what), panels) if panels else None,
            "table": instability_table(shown, steps, what, naming),
            "classification": classification_table(frames, naming),
            "calibration": calibration_picture(frames, naming, what),
        },
    )


def classification_table(frames: Frames, naming: Naming) -> Table | None:
    """A row a threshold and step: how often the resamples' models put a patient on the other side of it."""
    rows = frames.further["classification"]
    if rows.empty:
        return None
    cohort = cohorts(naming.study, frames.patients)[0]
    chosen = action_thresholds(naming.study, cohort, float(rows["horizon"].iloc[0]))
    rows = rows[np.isclose(rows["threshold"].to_numpy()[:, None], chosen).any(axis=1)]
    lines: list[list[Cell | str]] = [
        [
            percent(row.threshold),
            STEP_NAMES[row.predictors],
            percent(row.above),
            percent(row.changed, 1),
            percent(row.often, 1),
        ]
        for row in rows.sort_values(["threshold", "predictors"]).itertuples()
    ]
    caption = (
        "Instability of the classification: at or above the threshold by the models of all patients, below it by those "
        "of a resample, or the reverse"
    )
    often = f"patients of whom more than {percent(OFTEN)} of the models do so"
    columns = ["threshold", "predictors", "patients at or above it", "models that disagree, mean", often]
    return Table("classification", caption, columns, lines, frozenset({0, 1}))


def calibration_picture(frames: Frames, naming: Naming, what: str) -> Picture | None:
    """The calibration curves of the resamples' models, a panel a step, at the horizon of the predictions above."""
    curves = frames.further["calibration_instability"]
    if curves.empty:
        return None
    horizon = float(frames.further["instability"]["horizon"].iloc[0])
    own = at_horizon(curves, horizon)
    panels = [
        draw.curves(
            own[own["predictors"] == step], name, what, not naming.kind.numeric, f"calibration-stability-{step}"
        )
        for step, name in STEP_NAMES.items()
        if own.loc[own["predictors"] == step, "y"].notna().any()
    ]
    resamples = int(own["resamples"].max())
    words = caption("calibration_instability", what=what, resamples=resamples)
    return Picture("calibration-instability", words, panels) if panels else None


def _size(value: float, naming: Naming) -> str:
    """A difference of predictions: percentage points of a risk."""
    return figures(value) if naming.kind.numeric else f"{number(100 * value, 1)} percentage points"


def sentence(row: pd.Series, step: str, naming: Naming) -> str:
    """``With level and slope, ... differ by 4.1 percentage points on average; 12% of the patients ...``"""
    return (
        f"With {STEP_NAMES[step]}, the predictions for a patient differ from those of the models of all patients by "
        f"{_size(float(row['difference']), naming)} on average, and {percent(float(row['changed']))} of the patients "
        "are in another third."
    )


def instability_table(shown: pd.DataFrame, steps: list[str], what: str, naming: Naming) -> Table:
    """A row a part of the patients and step."""

    def value(number_: float) -> str:
        return figures(number_) if naming.kind.numeric else percent(number_, 1)

    lines: list[list[Cell | str]] = [
        [
            Cell(value(row.predicted), STEP_NAMES[step]),
            str(row.patients),
            f"{value(row.low)} to {value(row.high)}",
            value(row.difference),
            percent(row.changed),
        ]
        for step in steps
        for row in shown[shown["predictors"] == step].itertuples()
    ]
    columns = [f"{what}, mean", "patients", "95% of the resamples’ models", "mean difference", "in another third"]
    return Table("instability", f"Instability of the {what} by parts of the patients", columns, lines)
