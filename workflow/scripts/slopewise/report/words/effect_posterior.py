"""Effects under a posterior, in sentences: the average, how much it differs between patients, what intervals are."""

from __future__ import annotations

import pandas as pd

from slopewise.report.words.interruption import moment_words, unit_of
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import chance_text, figure_interval, figures, number, signed_figures

BOUNDARY = 1e-3
"""Share of the posterior median below which a REML estimate of a standard deviation is called 0."""


def posterior_average_words(row: pd.Series, naming: Naming, marker: str) -> str:
    """What the posterior says of one average effect; `row` of ``effects/posterior``."""
    effect = str(row["effect"])
    positive = row["above_zero"] >= 0.5
    chance = chance_text(float(row["above_zero"] if positive else 1.0 - row["above_zero"]))
    ends = figure_interval(row["ci_low"], row["ci_high"])
    return (
        f"Under the priors of the study, the probability that the {_average(effect, naming)} is "
        f"{'positive' if positive else 'negative'} is {chance} (posterior mean {signed_figures(row['mean'])} "
        f"{unit_of(effect, naming, marker)}, 95% credible interval {ends})."
    )


def posterior_spread_words(row: pd.Series, reml: float, naming: Naming, marker: str) -> str:
    """What the posterior says of the SD of one effect between patients; reml: the estimate by REML."""
    effect = str(row["effect"])
    text = (
        f"The posterior of the standard deviation of the {_effect(effect, naming)} between patients has the median "
        f"{figures(row['median'])} {unit_of(effect, naming, marker)} (95% credible interval "
        f"{figure_interval(row['ci_low'], row['ci_high'])})."
    )
    if reml <= BOUNDARY * row["median"]:
        text += " REML estimates it as 0, the limit of what a standard deviation can be."
    return text


def posterior_residual_words(row: pd.Series) -> str:
    """What the posterior says of the further number of the residuals."""
    ends = f"{number(row['ci_low'], 2)} to {number(row['ci_high'], 2)}"
    middle = number(row["median"], 2)
    return f"The posterior of the {row['effect']} has the median {middle} (95% credible interval {ends})."


def _effect(effect: str, naming: Naming) -> str:
    if effect in ("treatment", "slope change"):
        return "effect" if effect == "treatment" else effect
    return f"effect {moment_words(effect, naming)}"


def _average(effect: str, naming: Naming) -> str:
    return f"average {_effect(effect, naming)}"
