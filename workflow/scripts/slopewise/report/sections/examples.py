"""Example patients: averages of neighbours by predicted risk, with the risk without the slopes and with them."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import examples as draw
from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Cell, Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import MISSING, figures, number, percent, signed, signed_figures
from slopewise.validate.examples import WITH, WITHOUT, reference_horizon

MARKERS = 3
"""Markers that are shown: all of so few, else those with the largest effects in the model with the slopes."""
ORDER = {"low": "Low", "middle": "Middle", "high": "High"}


def examples_section(frames: Frames, naming: Naming) -> Section:
    """A sentence and a row of a table an example, a picture of each marker, and one of the risk."""
    rows = of_cause(frames, naming)
    labels = {name: label for name, label in labels_of(naming).items() if (rows["example"] == name).any()}
    markers = shown_markers(frames, naming, rows)
    return Section(
        "examples",
        "Example patients",
        "examples.html.j2",
        {
            "size": int(rows.loc[rows["quantity"] == "risk", "patients"].max()),
            "sentences": [sentence(rows, name, label, naming) for name, label in labels.items()],
            "table": examples_table(rows, labels, markers, naming),
            "picture": _picture(rows, labels, markers, naming),
            "omitted": len(set(rows.loc[rows["quantity"] == "level", "item"])) - len(markers),
        },
        layer=1,
    )


def of_cause(frames: Frames, naming: Naming) -> pd.DataFrame:
    """The rows of ``outcome/examples`` without the risks of competing events."""
    rows = frames.further["examples"]
    return rows[~rows["quantity"].isin(["risk", "frequency"]) | (rows["item"] == naming.cause)]


def labels_of(naming: Naming) -> dict[str, str]:
    """The examples in order with their names."""
    what = "prediction" if naming.kind.numeric else "risk"
    return {name: f"{word} {what}" for name, word in ORDER.items()} | {"change": f"{what.capitalize()} changed most"}


def slopes_words(naming: Naming) -> str:
    """``the slope``, or ``the slopes`` of several markers."""
    return "the slope" if len(naming.study.markers) == 1 else "the slopes"


def shown_markers(frames: Frames, naming: Naming, rows: pd.DataFrame) -> list[str]:
    """The markers of the examples with the largest coefficients per SD, in the study's order."""
    known = [name for name in naming.study.markers if ((rows["item"] == name) & (rows["quantity"] == "level")).any()]
    table = frames.coefficients
    own = table[(table["predictors"] == WITH) & (table["scale"] == "sd")]
    effect = own["estimate"].abs().fillna(0.0).groupby(own["term"].str.rpartition(".")[0]).sum()
    largest = sorted(known, key=lambda name: -float(effect.get(name, 0.0)))[:MARKERS]
    return [name for name in known if name in largest]


def sentence(rows: pd.DataFrame, example: str, label: str, naming: Naming) -> str:
    """``Low risk: of 100 such patients, 8 have the event within 5 years; with the slopes known, 9.``"""
    horizon = reference_horizon(naming.moments)
    known = f"with {slopes_words(naming)} known"
    if naming.kind.numeric:
        values = [figures(_value(rows, example, "risk", step, horizon)) for step in (WITHOUT, WITH)]
        return f"{label}: the predicted outcome is {values[0]}; {known}, {values[1]}."
    first, second = (_row(rows, example, "frequency", step, horizon) for step in (WITHOUT, WITH))
    counts = [f"{float(row['value']):g}" for row in (first, second)]
    within = naming.at(horizon) and f" within {naming.at(horizon)}"
    verb = "has" if counts[0] == "1" else "have"
    return (
        f"{label}: of {float(first['of']):g} such patients, {counts[0]} {verb} the {naming.words.event}{within}; "
        f"{known}, {counts[1]}."
    )


def _row(rows: pd.DataFrame, example: str, quantity: str, step: str, horizon: float) -> pd.Series:
    own = rows[(rows["example"] == example) & (rows["quantity"] == quantity) & (rows["predictors"] == step)]
    return at_horizon(own.rename(columns={"time": "horizon"}), horizon).iloc[0]


def _value(rows: pd.DataFrame, example: str, quantity: str, step: str, horizon: float) -> float:
    return float(_row(rows, example, quantity, step, horizon)["value"])


def examples_table(rows: pd.DataFrame, labels: dict[str, str], markers: list[str], naming: Naming) -> Table:
    """A column an example: who it is, level and slope of each marker, and the predictions."""
    own = {name: rows[rows["example"] == name] for name in labels}
    lines: list[list[Cell | str]] = []
    for covariate in naming.study.outcome.covariates:
        lines.append([covariate, *(_covariate(part, covariate) for part in own.values())])
    for marker in markers:
        change = "slope" if naming.is_logarithm(marker) or not naming.is_transformed(marker) else "slope of the {0}"
        change = change.format(naming.study.markers[marker].transform)
        head = Cell(naming.marker(marker), f"{naming.clinical_unit(marker)}; {change} per {naming.unit}")
        lines.append([head, *(_marker_cell(part, marker, naming) for part in own.values())])
        log = f" of the {naming.study.markers[marker].transform}" if naming.is_transformed(marker) else ""
        head = Cell(f"{naming.marker(marker)}, reliability of the slope", f"standard error{log}")
        lines.append([head, *(_known_cell(part, marker) for part in own.values())])
    what = "prediction" if naming.kind.numeric else "risk"
    for horizon in naming.moments:
        at = naming.at(horizon)
        head = Cell(f"{what}{at and f' by {at}'}", f"below: with {slopes_words(naming)}")
        lines.append([head, *(_predicted(part, name, horizon, naming) for name, part in own.items())])
    columns = ["average of the patients", *labels.values()]
    return Table("examples", f"The examples: level and slope at {naming.moment}, and predictions", columns, lines)


def _covariate(own: pd.DataFrame, name: str) -> str:
    found = own[(own["quantity"] == "covariate") & (own["item"] == name)]
    if found.empty:
        return MISSING
    category = found["category"].iloc[0]
    return figures(float(found["value"].iloc[0])) if pd.isna(category) else f"mostly {category}"


def _marker_cell(own: pd.DataFrame, marker: str, naming: Naming) -> Cell:
    """The level as it was measured and, below, the slope: of a logarithm in per cent, else on the model's scale."""
    known = own[own["item"] == marker].set_index("quantity")
    level, slope = known.loc["level"], known.loc["slope"]
    measured = figures(naming.measured(marker, float(level["value"])))
    if not naming.is_logarithm(marker):
        return Cell(measured, f"slope {signed_figures(float(slope['value']))}")
    return Cell(measured, f"slope {signed(float(slope['original']), 1)}%")


def _known_cell(own: pd.DataFrame, marker: str) -> Cell:
    """How well the slope is known: its reliability and, below, its standard error."""
    known = own[own["item"] == marker].set_index("quantity")["value"]
    return Cell(number(float(known["reliability"]), 2), figures(float(known["slope_se"])))


def _predicted(own: pd.DataFrame, example: str, horizon: float, naming: Naming) -> Cell:
    values = [_value(own, example, "risk", step, horizon) for step in (WITHOUT, WITH)]
    return Cell(*(figures(value) if naming.kind.numeric else percent(value, 1) for value in values))


def _picture(rows: pd.DataFrame, labels: dict[str, str], markers: list[str], naming: Naming) -> Picture:
    panels = [
        draw.course(
            rows[rows["item"] == marker],
            labels,
            f"{naming.marker(marker)}, {naming.clinical_unit(marker)}",
            naming.study.markers[marker].transform,
            naming.landmark if naming.predictor == "time" else math.inf,
            naming.time_axis,
            f"examples-{place}",
        )
        for place, marker in enumerate(markers)
    ]
    if naming.kind.timed:
        own = rows[rows["quantity"] == "risk"]
        since = f"{naming.units} since {naming.end}"
        panels.append(draw.risk(own, labels, f"risk: {naming.cause}", since, "examples-risk"))
    dashed = naming.has_landmark and naming.predictor == "time"
    axis = naming.predictor
    words = caption("examples", timed=naming.kind.timed, slopes=slopes_words(naming), landmark=dashed, axis=axis)
    return Picture("examples", words, panels)
