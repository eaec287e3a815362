"""The effect of a treatment in sentences: what it is on average, how much it differs between patients, and for whom."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import (
    as_given,
    count,
    figure_interval,
    figures,
    p_words,
    percent,
    signed,
    signed_figures,
)

SHOWN = 0.05
"""P below which a difference is called shown."""

ONE_SD = "about two thirds of patients"


def levels(design: pd.Series, naming: Naming) -> tuple[str, str]:
    """The two treatments in words, the reference first: ``treatment R``, ``treatment T``."""
    treatment = naming.study.effects.treatment
    assert treatment is not None
    return f"{treatment.column} {design['reference']}", f"{treatment.column} {design['versus']}"


def average_words(row: pd.Series, design: pd.Series, naming: Naming, marker: str) -> str:
    """The average effect with its interval."""
    reference, versus = levels(design, naming)
    name, unit = naming.marker(marker), naming.unit_of(marker)
    ends = f"95% interval {figure_interval(row['ci_low'], row['ci_high'])}"
    in_per_cent = relative(row, naming, marker)
    if row["ci_low"] > 0 or row["ci_high"] < 0:
        way = "higher" if row["estimate"] > 0 else "lower"
        return (
            f"On average {name} is {figures(abs(row['estimate']))} {unit} {way} under {versus} than under {reference} "
            f"(difference {signed_figures(row['estimate'])}, {ends}, {p_words(row['p_value'])}).{in_per_cent}"
        )
    return (
        f"No average difference in {name} between {versus} and {reference} is shown: the estimate is "
        f"{signed_figures(row['estimate'])} {unit}, and the data are compatible with differences from "
        f"{figure_interval(row['ci_low'], row['ci_high'])} (95% interval, {p_words(row['p_value'])}).{in_per_cent}"
    )


def relative(row: pd.Series, naming: Naming, marker: str) -> str:
    """The average effect on a log-transformed marker in per cent."""
    if not naming.is_logarithm(marker):
        return ""
    value, ends, _ = clinical(row, naming, marker)
    return f" On the original scale this is {value} ({ends})."


def clinical(row: pd.Series, naming: Naming, marker: str) -> tuple[str, str, str]:
    """An average effect, its 95% interval and the unit: of a logarithm in per cent of the measurements."""
    if not naming.is_logarithm(marker):
        ends = figure_interval(row["ci_low"], row["ci_high"])
        return signed_figures(row["estimate"]), ends, naming.unit_of(marker)
    value, low, high = (signed(100 * math.expm1(row[key]), 1) for key in ("estimate", "ci_low", "ci_high"))
    return f"{value}%", f"{low} to {high}%", "relative"


def deciding_p(spread: pd.Series) -> float:
    """The p of the test that decides: the bootstrap's, or the mixture's where there was no draw."""
    drawn = float(spread["p_value_bootstrap"])
    return drawn if math.isfinite(drawn) else float(spread["p_value"])


def spread_words(spread: pd.Series, average: float, naming: Naming, marker: str) -> str:
    """How much the effect differs between patients, in its own units."""
    unit, p = naming.unit_of(marker), deciding_p(spread)
    ends = figure_interval(spread["ci_low"], spread["ci_high"])
    if p < SHOWN:
        return (
            f"The effect differs between patients ({p_words(p)}): its standard deviation between patients is "
            f"{figures(spread['sd'])} {unit} (95% interval {ends}). If effects are normally distributed, {ONE_SD} have "
            f"an effect between {_around(average, spread['sd'], 1.0)}, and 95% between "
            f"{_around(average, spread['sd'], 1.96)}."
        )
    most = ""
    if math.isfinite(spread["ci_high"]):
        most = (
            f" At the upper end of that interval {ONE_SD} would have an effect between "
            f"{_around(average, spread['ci_high'], 1.0)}."
        )
    return (
        f"The data do not show that the effect differs between patients ({p_words(p)}): one effect for all patients "
        f"describes these data as well. Its standard deviation between patients is estimated at "
        f"{figures(spread['sd'])} {unit}, and the data are compatible with values from {ends} (95% interval).{most}"
    )


def _around(middle: float, sd: float, times: float) -> str:
    """``−0.2 and +0.4``."""
    return f"{signed_figures(middle - times * sd)} and {signed_figures(middle + times * sd)}"


def interval_kind(naming: Naming) -> str:
    """What the intervals of shares and of patients' effects are."""
    return "credible interval" if naming.study.growth.engine == "bayes" else "interval"


def share_words(row: pd.Series, design: pd.Series, naming: Naming, marker: str, masked: str) -> str:
    """The share of patients beyond a limit; `masked`: what is printed in place of a small count, if it is one."""
    _, versus = levels(design, naming)
    unit, patients = naming.unit_of(marker), count(int(row["patients"]), naming.study.report.small_cells)
    way = "lower" if row["side"] == "below" else "higher"
    what = f"{naming.marker(marker)} is {way} under {versus}"
    if row["what"] == "meaningful":
        what += f" by at least {as_given(abs(float(row['limit'])))} {unit}, the difference that matters"
    else:
        what += ", against the average"
    if masked:
        return f"For {masked} of {patients} patients {what}."
    ends = f"95% {interval_kind(naming)} {percent(row['ci_low'])} to {percent(row['ci_high'])}"
    return f"For an estimated {percent(row['share'])} of {patients} patients ({ends}) {what}."


def reliability_words(spread: pd.Series) -> str:
    """What a single patient's estimate is worth."""
    if bool(spread["singular"]):
        return (
            "With the estimated spread at its limit, a patient’s own effect cannot be separated from the average one "
            "and the patient’s level; the average effect is the best prediction for everybody."
        )
    return (
        f"The mean reliability of a single patient’s effect is {figures(spread['reliability'], 2)} (1: known exactly; "
        "0: nothing known beyond the average)."
    )


def residual_words(rows: pd.DataFrame, design: pd.Series, naming: Naming, marker: str) -> str:
    """Whether a patient's values scatter less under one of the treatments."""
    if len(rows) < 2:
        return (
            "One residual variance is assumed for both treatments, since only one of them was repeated in a patient; "
            "whether a patient’s values scatter less under one of them cannot be determined."
        )
    reference, versus = levels(design, naming)
    own = rows.set_index("stratum")["residual_sd"]
    second = rows[rows["ratio"].notna() & rows["ci_low"].notna()].iloc[0]
    numbers = (
        f"standard deviation {figures(own[design['versus']])} {naming.unit_of(marker)} under {versus}, "
        f"{figures(own[design['reference']])} under {reference}; ratio {figures(second['ratio'])} (95% interval "
        f"{figure_interval(second['ci_low'], second['ci_high'])}, {p_words(second['p_value'])})"
    )
    if second["ci_high"] < 1 or second["ci_low"] > 1:
        better = versus if second["ci_high"] < 1 else reference
        return f"A patient’s values are more predictable under {better}: {numbers}."
    return f"The data do not show that a patient’s values are more predictable under one of the treatments: {numbers}."


CHECKS = {
    "period": ("values differ between periods", ""),
    "sequence": (
        "values differ between sequences of treatments, as they would if the effect of one period carried over to the "
        "next",
        " The test of sequences compares patients, so that it detects large differences alone.",
    ),
    "time": ("the effect changes over time", ""),
}


def check_words(rows: pd.DataFrame) -> str:
    """Periods, sequences and time."""
    said = []
    for _, row in rows[rows["p_value"].notna()].iterrows():
        what, note = CHECKS[row["what"]]
        shown = f"The data {'show' if row['p_value'] < SHOWN else 'do not show'} that {what}"
        said.append(f"{shown} ({p_words(row['p_value'])}).{note}")
    return " ".join(said)


SINGLE = (
    "Each patient has one value under each treatment. How much the effect differs between patients is then mixed "
    "up with the scatter of repeated values: the difference of two single values varies for both reasons, and "
    "nothing in the data separates them. So no spread, no effect of a single patient and no share of patients is "
    "given. It takes at least two values under each treatment in the same patients."
)

PARALLEL = (
    "Each patient has one of the treatments, so that the effect in a single patient is never observed and cannot "
    "be estimated: patients who respond differently and patients who differ anyway look alike. What can be "
    "compared is whether patients under one treatment differ more from each other than under the other."
)

COMPONENTS = {
    "level": ("level", "patients differ in level"),
    "slope": ("slope", "patients differ in their change per {unit}"),
    "residual": ("residual scatter", "a patient’s values scatter about the patient’s own course"),
}


def arms_words(rows: pd.DataFrame, design: pd.Series, naming: Naming) -> list[str]:
    """Variances of the arms: all at once, and each."""
    _, versus = levels(design, naming)
    table = rows.set_index("component")
    said = []
    for key, (_, what) in COMPONENTS.items():
        if key not in table.index:
            continue
        row = table.loc[key]
        ends = figure_interval(row["ci_low"], row["ci_high"]) if math.isfinite(row["ci_high"]) else ""
        numbers = f"ratio of standard deviations {figures(row['ratio'])}" + (f", 95% interval {ends}" if ends else "")
        what = what.format(unit=naming.unit)
        if ends and (row["ci_low"] > 1 or row["ci_high"] < 1):
            said.append(f"Under {versus} {what} {'more' if row['ci_low'] > 1 else 'less'} ({numbers}).")
        else:
            said.append(f"The data do not show that {what} more under one of the treatments ({numbers}).")
    p = float(table.loc["all", "p_value"])
    if math.isfinite(p):
        shown = "shows that the arms differ" if p < SHOWN else "shows no difference between the arms"
        said.append(f"A joint test of all variances and the correlation {shown} ({p_words(p)}).")
    return said
