"""The effect of a treatment that follows the patient's state in sentences: with weights, without, assumptions."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.words.interruption import duration, unit_of
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import (
    figure_interval,
    figures,
    in_words,
    number,
    p_words,
    signed_figures,
)
from slopewise.report.words.treatment import relative
from slopewise.study.keys_of_effects import TreatmentOverTime

SMALL = 0.1
"""A standardised difference up to which groups are usually called balanced."""
RARE = 0.01
"""A probability of treatment, or of none, below which a decision is called almost settled."""
SLOPE, LEVEL, AFTER = "slope change", "level change", "effect after "


def asked_of(naming: Naming) -> TreatmentOverTime:
    """The keys of the study."""
    asked = naming.study.effects.treatment_over_time
    assert asked is not None
    return asked


def when(effect: str, naming: Naming) -> str:
    """When an effect is one: ``at the start of treatment``, ``after 1 year under treatment``."""
    if effect == LEVEL:
        return "at the start of treatment" if "slope" in asked_of(naming).changes else "under treatment"
    return f"after {duration(float(effect.removeprefix(AFTER)), naming)} under treatment"


def effect_words(row: pd.Series, naming: Naming, marker: str) -> str:
    """One effect of the weighted model with both intervals."""
    effect, name, unit = str(row["effect"]), naming.marker(marker), unit_of(str(row["effect"]), naming, marker)
    ends = f"95% interval {figure_interval(row['ci_low'], row['ci_high'])}, {p_words(row['p_value'])}"
    if math.isfinite(row["ci_low_bootstrap"]):
        ends += f"; by the bootstrap {figure_interval(row['ci_low_bootstrap'], row['ci_high_bootstrap'])}"
    clear = row["ci_low"] > 0 or row["ci_high"] < 0
    if effect == SLOPE:
        if not clear:
            return f"A change of the slope of {name} is not shown: {signed_figures(row['estimate'])} {unit} ({ends})."
        way = "higher" if row["estimate"] > 0 else "lower"
        return f"The slope of {name} is {figures(abs(row['estimate']))} {unit} {way} under treatment ({ends})."
    moment = when(effect, naming)
    if not clear:
        text = f"An effect {moment} is not shown: {signed_figures(row['estimate'])} {unit} ({ends})."
    else:
        way = "higher" if row["estimate"] > 0 else "lower"
        size = figures(abs(row["estimate"]))
        text = f"{moment[0].upper()}{moment[1:]} {name} is {size} {unit} {way} than without treatment ({ends})."
    return f"{text}{relative(row, naming, marker)}"


def differ_words(rows: pd.DataFrame, naming: Naming, marker: str) -> str:
    """The weighted effect beside that of the random-slope model; `rows` of ``effects/analyses``."""
    names = list(dict.fromkeys(rows["effect"]))
    last = next((name for name in reversed(names) if name != SLOPE), names[-1])
    found = rows[rows["effect"] == last].set_index("analysis")
    weighted, mixed = found.loc["weighted"], found.loc["random slopes"]
    unit = unit_of(last, naming, marker)
    what = "For the slope change" if last == SLOPE else f"{when(last, naming)[0].upper()}{when(last, naming)[1:]}"
    return (
        f"{what} the model with random slopes and no weights estimates {signed_figures(mixed['estimate'])} {unit} "
        f"({figure_interval(mixed['ci_low'], mixed['ci_high'])}), the weighted model "
        f"{signed_figures(weighted['estimate'])} ({figure_interval(weighted['ci_low'], weighted['ci_high'])})."
    )


WHY = (
    "They differ where treatment follows the state: a random slope is the same before and after the state changes, so "
    "it does not remove what led to treatment. Adjusting for a state that treatment changes removes part of the effect."
)


def confounder(name: str, naming: Naming) -> str:
    """A confounder as the report calls it: a marker by its label."""
    return naming.marker(name) if name in naming.study.markers else name


def balance_words(rows: pd.DataFrame, naming: Naming) -> str:
    """How the treated differed before the decision, without weights and with them."""
    known = rows.dropna(subset=["before", "after"])
    first = known.loc[known["before"].abs().idxmax()]
    left = known.loc[known["after"].abs().idxmax()]
    text = (
        f"At the visit before, those then treated differ from the others by up to {figures(abs(first['before']), 2)} "
        f"standard deviations ({confounder(first['column'], naming)}); with weights by up to "
        f"{figures(abs(left['after']), 2)} ({confounder(left['column'], naming)})."
    )
    if abs(left["after"]) > SMALL:
        text += f" More than {SMALL:g} is left: the weights do not balance the confounders."
    return text


def weight_words(rows: pd.DataFrame, naming: Naming) -> str:
    """What the weights are, and how many rows they amount to."""
    whole, visits = rows[rows["visit"] == "all"].iloc[0], rows[rows["visit"] != "all"]
    asked = asked_of(naming)
    cut = (
        f", truncated at {100 * asked.truncation:g}% and {100 - 100 * asked.truncation:g}%" if asked.truncation else ""
    )
    return (
        f"Weights lie between {figures(whole['minimum'])} and {figures(whole['maximum'])}{cut}; their mean at a visit "
        f"between {number(visits['mean'].min(), 2)} and {number(visits['mean'].max(), 2)}, where 1 is expected. The "
        f"{int(whole['rows'])} rows count as {figures(whole['effective'])}."
    )


def positivity_words(rows: pd.DataFrame, naming: Naming) -> str:
    """Whether decisions of every stratum went both ways, and the smallest probability."""
    none = rows[(rows["treated"] == 0) | (rows["treated"] == rows["decisions"])]
    low = min(float(rows["lowest"].min()), 1.0 - float(rows["highest"].max()))
    text = f"The smallest estimated probability of what a history could have led to is {figures(low, 2)}"
    text += ", almost none: there the effect rests on the model." if low < RARE else "."
    if len(none):
        named = [f"{confounder(row['column'], naming)} {row['stratum']}" for _, row in none.iterrows()]
        listed = in_words(list(dict.fromkeys(named))[:4])
        return f"In some strata all decisions went one way ({listed}), so nothing is compared there. {text}"
    return f"In every stratum decisions went both ways. {text}"


def evalue_words(rows: pd.DataFrame, naming: Naming) -> str:
    """How strong an unmeasured confounder would have to be."""
    known = rows.dropna(subset=["e_value"])
    if not len(known):
        return ""
    row = known.iloc[-1] if len(known) == 1 else known.loc[known["e_value"].idxmax()]
    return (
        f"An unmeasured confounder could explain the effect {when(str(row['effect']), naming)} if its risk ratios "
        f"with treatment and with the marker were both {number(row['e_value'], 2)} (E-value; "
        f"{number(row['e_value_limit'], 2)} for the end of the interval next to no effect)."
    )


def assumption_words(naming: Naming) -> str:
    """What the effect is causal under; nothing of it is called checked."""
    asked = asked_of(naming)
    listed = in_words([confounder(one, naming) for one in asked.confounders])
    dropout = (
        "drop-out depends on the same"
        if asked.followed_until is not None
        else "drop-out does not depend on the state (no weights of staying are asked for)"
    )
    return (
        f"The effect is causal if nothing but {listed}, as of the last visit, decided on treatment and is related to "
        f"the marker, {dropout}, every history could have led to either treatment, and the models of the weights are "
        "right. The data cannot show that."
    )
