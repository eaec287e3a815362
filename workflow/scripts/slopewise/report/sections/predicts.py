"""What predicts the outcome, and what that means in counts of patients."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Section, Table
from slopewise.report.sections.slow_fast import slow_fast_sentence, slow_fast_table
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import MISSING, figures, number
from slopewise.report.words.wording import ladder_sentences
from slopewise.validate.gains import headline_metric
from slopewise.validate.risk_groups import GROUPS


def predicts_section(frames: Frames, naming: Naming) -> Section:
    """What each set of predictors adds, and how patients of low, middle and high predicted risk fared."""
    metric = headline_metric(frames.performance)
    return Section(
        "predicts",
        "What predicts, and what that means in patients",
        "predicts.html.j2",
        {
            "ladder": ladder_sentences(frames, naming, metric),
            "kind": naming.kind,
            "thirds": thirds_table(frames, naming),
            "slow_fast": slow_fast_sentence(frames, naming),
            "slow_fast_table": slow_fast_table(frames, naming),
        },
        layer=1,
    )


def shown_horizon(naming: Naming) -> float:
    """The horizon of the counts: the middle one; missing where the outcome has no time."""
    moments = sorted(naming.moments)
    return moments[(len(moments) - 1) // 2]


def thirds_table(frames: Frames, naming: Naming) -> Table | None:
    """Of 100 patients in each third of the predictions, how many had the event; a mean where nothing is counted."""
    horizon = shown_horizon(naming)
    rows = at_horizon(frames.further["risk_groups"], horizon).set_index(["predictors", "third"])
    if not len(rows):
        return None
    steps = [step for step in STEP_NAMES if step in rows.index.get_level_values("predictors")]
    found = {key: _share(row, naming) for key, row in rows.iterrows()}
    lines = [[third, *(found.get((step, third), MISSING) for step in steps)] for third in GROUPS]
    what = f"mean {naming.cause}" if naming.kind.numeric else f"of 100 patients, so many had the event ({naming.cause})"
    within = "" if math.isnan(horizon) else f" within {naming.duration(horizon)} of the landmark"
    caption = f"Thirds of the validated prediction: {what}{within}"
    names = [f"predicted from {STEP_NAMES[step]}" for step in steps]
    return Table("risk-groups", caption, ["third", *names], lines)


def _share(row: pd.Series, naming: Naming) -> str:
    """A share in patients of 100, or a mean; a dash where too few patients had the event to say."""
    if naming.kind.numeric:
        return figures(row["observed"])
    limit = naming.study.report.small_cells
    events = int(row["events"])
    hidden = naming.kind.dichotomous and (0 < events < limit or 0 < int(row["patients"]) - events < limit)
    return MISSING if hidden else number(100 * row["observed"], 0)
