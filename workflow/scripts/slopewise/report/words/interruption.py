"""The effect of an interruption in sentences: what changed, how much that differs, and what it rests on."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import (
    count,
    figure_interval,
    figures,
    number,
    p_words,
    percent,
    signed_figures,
)
from slopewise.report.words.treatment import interval_kind, relative

SHOWN = 0.05
"""P below which a change or a difference is called shown."""
NORMAL = 1.959964


def moment_words(effect: str, naming: Naming) -> str:
    """When an effect is one: ``directly after the interruption``, ``5 years after the interruption``."""
    if effect == "level change":
        return "directly after the interruption"
    return f"{duration(float(effect.removeprefix('effect after ')), naming)} after the interruption"


def duration(value: float, naming: Naming) -> str:
    """``1 year``, ``2.5 years``."""
    words = naming.units
    return f"{value:g} {words.removesuffix('s') if value == 1 and words.endswith('s') and ' ' not in words else words}"


def unit_of(effect: str, naming: Naming, marker: str) -> str:
    """The unit of an effect: a slope change is one per unit of time."""
    unit = naming.unit_of(marker)
    if effect != "slope change":
        return unit
    return (
        f"{unit} per {naming.study.data.analysis_unit.removesuffix('s')}" if naming.units != "units of time" else unit
    )


def effect_words(row: pd.Series, naming: Naming, marker: str) -> str:
    """One average effect with its interval."""
    effect, name, unit = str(row["effect"]), naming.marker(marker), unit_of(str(row["effect"]), naming, marker)
    ends = f"95% interval {figure_interval(row['ci_low'], row['ci_high'])}, {p_words(row['p_value'])}"
    if effect == "slope change":
        if row["ci_low"] > 0 or row["ci_high"] < 0:
            way = "higher" if row["estimate"] > 0 else "lower"
            size = figures(abs(row["estimate"]))
            return (
                f"On average the slope of {name} is {size} {unit} {way} after the interruption than before it ({ends})."
            )
        return (
            f"The data do not show that the slope of {name} changed on average: the estimate is "
            f"{signed_figures(row['estimate'])} {unit} ({ends})."
        )
    when = moment_words(effect, naming)
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        way = "above" if row["estimate"] > 0 else "below"
        return (
            f"On average {name} is {figures(abs(row['estimate']))} {unit} {way} the course without the interruption "
            f"{when} ({ends}).{relative(row, naming, marker)}"
        )
    return (
        f"The data do not show an average effect {when}: the estimate is {signed_figures(row['estimate'])} {unit} "
        f"({ends}).{relative(row, naming, marker)}"
    )


def joint_words(joint: pd.Series) -> str:
    """Do the changes differ between patients at all?"""
    p = float(joint["p_value_bootstrap"])
    if not math.isfinite(p):
        return "Whether the effect differs between patients is not tested (growth.bootstrap: 0)."
    if p < SHOWN:
        return (
            f"The effect differs between patients (likelihood ratio {figures(joint['lrt'])}, bootstrap {p_words(p)})."
        )
    return (
        "The data do not show that the effect differs between patients (likelihood ratio "
        f"{figures(joint['lrt'])}, bootstrap {p_words(p)})."
    )


def spread_words(row: pd.Series, average: float, naming: Naming, marker: str) -> str:
    """How much one effect differs between patients, in its own units."""
    unit = unit_of(str(row["effect"]), naming, marker)
    what = "slope change" if row["effect"] == "slope change" else f"effect {moment_words(str(row['effect']), naming)}"
    low, high = (signed_figures(average + side * NORMAL * row["sd"]) for side in (-1, 1))
    return (
        f"The standard deviation of the {what} between patients is {figures(row['sd'])} {unit} (95% interval "
        f"{figure_interval(row['ci_low'], row['ci_high'])}). If effects are normally distributed, 95% of patients have "
        f"one between {low} and {high}."
    )


def share_words(row: pd.Series, naming: Naming, marker: str, masked: str) -> str:
    """In how many patients an effect went the other way."""
    patients = count(int(row["patients"]), naming.study.report.small_cells)
    when, way = moment_words(str(row["effect"]), naming), "above" if row["side"] == "above" else "below"
    what = f"{naming.marker(marker)} {when} is {way} the course without it, the opposite of the average effect"
    if masked:
        return f"In {masked} of {patients} patients {what}."
    ends = ""
    if math.isfinite(row["ci_low"]):
        ends = f" (95% {interval_kind(naming)} {percent(row['ci_low'])} to {percent(row['ci_high'])})"
    return f"In an estimated {percent(row['share'])} of {patients} patients{ends} {what}."


def characteristic_words(rows: pd.DataFrame, naming: Naming, marker: str) -> str:
    """Whether the effect depends on one characteristic."""
    first = rows.iloc[0]
    name = str(first["characteristic"])
    if first["p_joint"] >= SHOWN:
        return f"The data do not show that the effect depends on {name} ({p_words(first['p_joint'])})."
    parts = []
    for _, row in rows.iterrows():
        ends = figure_interval(row["ci_low"], row["ci_high"])
        unit = unit_of(str(row["effect"]), naming, marker)
        parts.append(f"{row['effect']} {signed_figures(row['estimate'])} {unit} ({ends}) for {row['level']}")
    return f"The effect depends on {name} ({p_words(first['p_joint'])}): {'; '.join(parts)}."


def serial_words(rows: pd.DataFrame, naming: Naming) -> str:
    """How neighbouring residuals correlate."""
    serial = rows[rows["residuals"] != "independent"]
    if not len(serial):
        return "Residuals of one patient are taken as independent (effects.interruption.correlation: none)."
    row = serial.iloc[0]
    ends = f"95% interval {number(row['ci_low'], 2)} to {number(row['ci_high'], 2)}"
    apart = f"{duration(float(figures(row['step'])), naming)} apart"
    numbers = f"the correlation is {number(row['correlation'], 2)} ({ends}), and the model takes it into account"
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        way = "the same direction" if row["ci_low"] > 0 else "opposite directions"
        return f"Values of one patient that lie {apart} tend to deviate from its course in {way}: {numbers}."
    return f"The data do not show that deviations of one patient’s values that lie {apart} go together: {numbers}."


def sensitivity_words(rows: pd.DataFrame, naming: Naming, marker: str) -> list[str]:
    """What the other analyses say of the level change and the slope change."""
    said = []
    for analysis, part in rows.groupby("analysis", sort=False):
        if analysis == "as reported":
            continue
        pairs = "; ".join(
            f"{row['effect']} {signed_figures(row['estimate'])} "
            f"({figure_interval(row['ci_low'], row['ci_high'])}, {p_words(row['p_value'])})"
            for _, row in part.iterrows()
        )
        if analysis == "independent residuals":
            said.append(
                f"Without that correlation in the model: {pairs}. Such a model claims to know more than it does."
            )
            continue
        units = count(int(part["units"].iloc[0]), naming.study.report.small_cells)
        found = (part["p_value"] < SHOWN).any()
        verdict = (
            "A change is also shown at that moment, so a change at the interruption may have other causes"
            if found
            else "No change is shown at that moment, where none is expected"
        )
        said.append(
            f"At a placebo moment, in the middle of the rows before the interruption, in the {units} patients with "
            f"enough of them: {pairs}. {verdict}."
        )
    return said
