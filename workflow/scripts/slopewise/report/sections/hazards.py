"""Do hazard ratios stay the same over time: the test in words, scaled Schoenfeld residuals, the numbers."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtri

from slopewise.figures import hazards as draw
from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Picture, Section, Table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import figures, in_words, p_value, p_words

UNEVEN = 0.05
"""Below this p a term, or all together, is reported to change with time."""

STEP = "slope"
MOST = 6
"""So many terms are named."""

POWER = 0.8


def hazards_section(frames: Frames, naming: Naming) -> Section:
    """The check of proportional hazards for level and slope, and its numbers for every cause."""
    tables = [_table(frames, naming, naming.cause)]
    tables += [_table(own, naming, cause) for cause, own in frames.competing.items() if len(_tests(own))]
    return Section(
        "hazards",
        "Do the effects stay the same over time?",
        "hazards.html.j2",
        {"sentence": sentence(frames, naming), "picture": _picture(frames, naming), "tables": tables},
    )


def _tests(frames: Frames, step: str = STEP) -> pd.DataFrame:
    """The tests of one step; the global one has no term."""
    own = frames.hazards[frames.hazards["predictors"] == step]
    return own.assign(term=own["term"].fillna(""))


def uneven(frames: Frames, naming: Naming) -> tuple[float | None, list[str]]:
    """p of the global test of level and slope, and the terms (with p) of which a test alone is below `UNEVEN`."""
    own = _tests(frames)
    whole = own.loc[own["term"] == "", "p_value"]
    terms = own[(own["term"] != "") & (own["p_value"] < UNEVEN)].sort_values("p_value")
    named = [f"{naming.term(row.term, frames.patients)} ({p_words(row.p_value)})" for row in terms.itertuples()]
    return (float(whole.iloc[0]) if len(whole) else None), named


def sentence(frames: Frames, naming: Naming) -> str:
    """What the tests say of the model of level and slope."""
    whole, terms = uneven(frames, naming)
    if whole is None:
        return "The model of level and slope could not be tested."
    named = in_words(terms[:MOST]) + (f" and {len(terms) - MOST} more" if len(terms) > MOST else "")
    start = f"For {STEP_NAMES[STEP]} the test of all predictors together gives {p_words(whole)}."
    if whole < UNEVEN:
        alone = f", most clearly that of {named}" if terms else ""
        return (
            f"{start} Hazard ratios change over the follow-up{alone}: those in the tables are averages over it, "
            "weighted by when events happened, and risks at early and late horizons may be biased (see calibration)."
        )
    if terms:
        return (
            f"{start} Individually, p is below {UNEVEN:g} for {named}; with many terms, some are below it by chance. "
            f"Where the curve rises or falls, the hazard ratio in the tables is an average over the follow-up."
        )
    seen = f"{start} There is no evidence of a change, which does not prove that there is none"
    if frames.n_events < naming.study.report.small_cells:
        return f"{seen}: with so few events only large changes can be detected."
    return (
        f"{seen}: with {frames.n_events} events a hazard ratio per SD would have to change by a factor of "
        f"{figures(visible_change(frames.n_events), 2)} from the first event to the last for the test of that "
        "predictor to find it with a power of 80%."
    )


def visible_change(events: int) -> float:
    """By which factor a hazard ratio per SD must change, evenly from the first event to the last, to be found.

    The score of a change δ in the log hazard ratio has information δ² · events · Var(g), and the moments g of evenly
    spread events have the variance of a uniform one, 1/12: δ = (z₀.₉₇₅ + z₀.₈) √(12 / events) at a power of 80%.
    """
    needed = float(ndtri(1 - UNEVEN / 2) + ndtri(POWER)) * math.sqrt(12 / events)
    return math.exp(min(needed, 700.0))


def _picture(frames: Frames, naming: Naming) -> Picture | None:
    points = frames.schoenfeld
    if points.empty:
        return None
    own = frames.coefficients[(frames.coefficients["predictors"] == STEP) & (frames.coefficients["scale"] == "sd")]
    beta = own.set_index("term")["estimate"]
    panels = [
        draw.residuals(
            points[points["term"] == term], float(beta[term]), naming.term(term, frames.patients),
            f"{naming.units} after the landmark", f"hazards-{place}",
        )
        for place, term in enumerate(dict.fromkeys(points["term"]))
    ]  # fmt: skip
    return Picture("hazards", caption("hazards", step=STEP_NAMES[STEP]), panels, first=6)


def _table(frames: Frames, naming: Naming, cause: str) -> Table:
    rows = []
    for step in STEP_NAMES:
        own = _tests(frames, step)
        shown = own if step in (STEP, "level") else own[own["term"] == ""]
        for row in shown.sort_values("term", key=lambda term: term == "", kind="stable").itertuples():
            term = naming.term(row.term, frames.patients) if row.term else "all together"
            rows.append([f"{STEP_NAMES[step]}: {term}", figures(row.statistic), str(row.df), p_value(row.p_value)])
    columns = ["predictors", "χ²", "df", "p"]
    return Table(f"hazards-{cause}", f"Test of proportional hazards, {cause}", columns, rows)
