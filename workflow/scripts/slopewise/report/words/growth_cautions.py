"""What the checks of the growth model give reason to be careful about: one caution a kind, with its markers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from slopewise.growth.evidence.compare import q_values
from slopewise.report.material.frames import Frames
from slopewise.report.sections.dropout import parts_of
from slopewise.report.sections.evidence import COMPARATORS
from slopewise.report.sections.fit import HEAVY, OUTSIDE
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figure_interval, figures, in_words, number, p_words, percent, signed_figures

LEVEL = 0.05
"""A check warns where its p-value, of several markers adjusted for them (Benjamini and Hochberg), is below this."""

UNEVEN_SCATTER = 1.5
"""A ratio of residual standard deviations between low and high fitted values from which it is a caution."""

NAMED = 6
"""So many markers are named; of more, their number."""

Caution = tuple[str, str]
Found = list[tuple[str, str]]
"""Markers that a check warns of, each with its words."""


def growth_checks(frames: Frames, naming: Naming) -> Iterator[Caution]:
    """The cautions from the checks of the growth models, the gravest first."""
    for short, find, text in CHECKS:
        found = [words for _, words in warned(find, frames, naming)]
        if found:
            named = in_words(found) if len(found) <= NAMED else f"{len(found)} markers, as in {found[0]}"
            yield short, text.format(named)


def warned(find: Callable[[Frames, Naming], Found], frames: Frames, naming: Naming) -> Found:
    """The markers that one of the checks warns of; a check runs once for a report."""
    return frames.once(find, lambda: find(frames, naming))


def _rows(table: pd.DataFrame, naming: Naming) -> pd.DataFrame:
    """The rows of the study's markers, in their order."""
    order = {marker: place for place, marker in enumerate(naming.study.markers)}
    return table.assign(place=table["marker"].map(order)).sort_values("place", kind="stable")


def _below(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows whose p-value, adjusted over all rows, is below `LEVEL`."""
    return rows[q_values(rows["p_value"].to_numpy(dtype=float)) < LEVEL]


def scatter(frames: Frames, naming: Naming) -> Found:
    """Markers whose residuals scatter differently where high values are expected, beyond what chance does."""
    found = []
    for marker in naming.study.markers:
        classes = frames.of("spread", marker)
        classes = classes[classes["sd"] > 0].sort_values("fitted")
        if len(classes) < 2:
            continue
        low, high = classes.iloc[0], classes.iloc[-1]
        ratio = float(high["sd"] / low["sd"])
        error = math.sqrt(1 / (2 * low["rows"]) + 1 / (2 * high["rows"]))
        if abs(math.log(ratio)) > max(math.log(UNEVEN_SCATTER), 1.96 * error):
            words = f"{naming.marker(marker)} ({figures(ratio)} times as large at high values as at low ones)"
            found.append((marker, words))
    return found


def tails(frames: Frames, naming: Naming) -> Found:
    """Markers whose residuals have heavier tails than normal ones, beyond what chance does."""
    rows = _rows(frames.normality[frames.normality["what"] == "residual"], naming)
    chance = 2 * np.sqrt(24 / rows["number"].clip(lower=1))
    heavy = rows[(rows["kurtosis"] > HEAVY) & (rows["kurtosis"] > chance)]
    return [
        (
            str(row.marker),
            f"{naming.marker(row.marker)} (excess kurtosis {number(row.kurtosis, 1)}, {percent(row.beyond_3, 1)} "
            "beyond three standard deviations)",
        )
        for row in heavy.itertuples()
    ]


def effects(frames: Frames, naming: Naming) -> Found:
    """Markers whose random effects leave the band of normal ones, further than those of normal data sets do."""
    rows = _rows(frames.normality[frames.normality["what"] != "residual"], naming)
    words = {"intercept": "values", "slope": "slopes"}
    return [
        (
            str(row.marker),
            f"{words[str(row.what)]} of {naming.marker(row.marker)} ({percent(row.outside)} outside the 95% band, "
            f"{p_words(row.p_value)})",
        )
        for row in _below(rows)[lambda found: found["outside"] > OUTSIDE].itertuples()
    ]


def one_patient(frames: Frames, naming: Naming) -> Found:
    """Markers of which a single patient moves the average slope or the spread of slopes more than chance does."""
    rows = _rows(frames.influence[frames.influence["p_value"] < LEVEL], naming)
    return [
        (
            str(row.marker),
            f"{naming.marker(row.marker)} (average slope by {number(row.slope_change_se, 2)} standard errors, SD of "
            f"slopes by {percent(row.slope_sd_change)})",
        )
        for row in rows.itertuples()
    ]


def visits(frames: Frames, naming: Naming) -> Found:
    """Markers whose slopes go with the number of visits."""
    return [
        (
            str(row.marker),
            f"{naming.marker(row.marker)} ({signed_figures(row.estimate)} {naming.slope_unit(row.marker)} for each "
            f"further visit, {p_words(row.p_value)})",
        )
        for row in _below(_rows(frames.visits, naming)).itertuples()
    ]


def dropout(frames: Frames, naming: Naming) -> Found:
    """Markers whose average slope differs between patients seen for a short and for a long time."""
    found = []
    for marker in naming.study.markers:
        rows = parts_of(frames, naming, marker)
        if len(rows) < 2:
            continue
        short = rows.iloc[0]
        low, high = short["difference_low"], short["difference_high"]
        if math.isfinite(low) and math.isfinite(high) and (low > 0 or high < 0):
            ends = figure_interval(low, high)
            words = f"{figures(short['difference'])} {naming.slope_unit(marker)}, 95% interval {ends}"
            found.append((marker, f"{naming.marker(marker)} ({words})"))
    return found


DOUBTS = {
    "f_test": "the F test disagrees",
    "serial": "serially correlated residuals",
    "time": "a residual variance that changes along the predictor",
    "fitted": "a residual variance that changes with the expected value",
    "singular": "singular fit",
}


def open_trends(frames: Frames, naming: Naming) -> Found:
    """Markers whose slopes the likelihood ratio finds, and something else speaks against or would explain as well."""
    rows = _rows(frames.judged, naming)
    return [
        (
            str(row.marker),
            f"{naming.marker(row.marker)} ({', '.join(DOUBTS[word] for word in str(row.against).split())})",
        )
        for row in rows[rows["verdict"] == "unclear"].itertuples()
    ]


def unexamined(frames: Frames, naming: Naming) -> Found:
    """Markers whose slopes the likelihood ratio finds, and which no model without slopes was compared with."""
    rows = _rows(frames.judged, naming)
    alone = (rows["verdict"] == "trend") & rows[list(COMPARATORS)].isna().all(axis=1)
    return [(str(marker), naming.marker(str(marker))) for marker in rows.loc[alone, "marker"]]


CHECKS: tuple[tuple[str, Callable[[Frames, Naming], Found], str], ...] = (
    (
        "Patient-specific slopes are not established",
        open_trends,
        "The likelihood ratio supports patient-specific slopes, but other evidence disagrees or offers another "
        "explanation: {}.",
    ),
    (
        "Other explanations of slopes not examined",
        unexamined,
        "Serially correlated residuals and a residual variance that changes over time were not compared with "
        "patient-specific slopes, which growth.residual_by and growth.weights do not allow: {}.",
    ),
    (
        "Unequal scatter",
        scatter,
        "The residual standard deviation depends on the fitted value, but the model assumes that it is constant: {}. "
        "Intervals and reliabilities rest on this assumption.",
    ),
    (
        "Heavy tails",
        tails,
        "Residuals have heavier tails than a normal distribution: {}. Single values strongly influence the slopes of "
        "patients with few visits.",
    ),
    ("Random effects not normal", effects, "Random effects are not normally distributed: {}."),
    (
        "Influential patients",
        one_patient,
        "Leaving out a single patient changes a growth model more than one patient does in data sets drawn from that "
        "model: {}. Check that patient’s values.",
    ),
    (
        "Informative visits",
        visits,
        "Slopes are associated with the number of visits: {}. The average slope gives more weight to patients with "
        "many visits.",
    ),
    (
        "Drop-out",
        dropout,
        "Patients who were measured for a short time have different slopes from those measured longest; difference: "
        "{}.",
    ),
)
"""What in short, the function that finds the markers, and the sentence around them; the gravest first."""
