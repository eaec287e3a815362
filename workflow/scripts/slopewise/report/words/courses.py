"""A marker's growth model in words: the average course, how patients differ, and the state of the fit.

Values are stated at a moment within the measurements (`slopes_origin`): where time zero lies outside them, an intercept
describes no patient.
"""

from __future__ import annotations

import math

import pandas as pd

from slopewise.design.screen import is_straight
from slopewise.report.material.frames import Frames
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import figure_interval, figures, in_words, number, p_words
from slopewise.report.words.scales import average_words, slope_words

BOUNDARY = 0.999
"""A correlation of random effects beyond this lies at the boundary of what is possible."""


def model_words(frames: Frames, naming: Naming, marker: str) -> str:
    """One marker's growth model in a paragraph."""
    parts = [course_words(frames, naming, marker), *random_words(frames, naming, marker), fit_words(frames, marker)]
    return " ".join(part for part in parts if part)


def origin_of(frames: Frames, marker: str) -> pd.Series | None:
    """The marker's row of ``growth/origin``; None where no model could be fitted."""
    rows = frames.of("origin", marker)
    return rows.iloc[0] if len(rows) and math.isfinite(rows["estimate"].iloc[0]) else None


def where(naming: Naming, row: pd.Series) -> str:
    """``at time zero``, ``at the landmark``, ``at the mean time of measurement (79.3 years)``, ``at the mean ses``."""
    if row["moment"] == "zero":
        return naming.zero
    if row["moment"] == "landmark":
        return "at the landmark"
    if naming.predictor != "time":
        return f"at the mean of {naming.predictor} ({figures(row['at'])})"
    return f"at the mean time of measurement ({naming.duration(float(figures(row['at'])))})"


def outside(frames: Frames, naming: Naming) -> str:
    """A sentence about markers for which time zero lies outside the measurements; empty where there is none."""
    rows = {marker: origin_of(frames, marker) for marker in naming.study.markers}
    moved = {marker: row for marker, row in rows.items() if row is not None and row["moment"] != "zero"}
    if not moved:
        return ""
    zero = naming.zero.removeprefix("at ")
    whose = "" if len(moved) == len(rows) else f" of {naming.listed(list(moved))}"
    moments = list(dict.fromkeys(where(naming, row) for row in moved.values()))
    return (
        f"{zero[0].upper()}{zero[1:]} lies outside the measurements{whose}: intercepts, their standard deviations and "
        "their correlations with slopes are extrapolations there. The text gives values "
        f"{moments[0] if len(moments) == 1 else 'at a moment within the measurements'}."
    )


def course_words(frames: Frames, naming: Naming, marker: str) -> str:
    """The average course: its value at a moment within the measurements and its slope there."""
    row, name = origin_of(frames, marker), naming.marker(marker)
    if row is None:
        return f"The fixed effects of {name} are in the table."
    at, straight = where(naming, row), is_straight(naming.study.growth.fixed, naming.predictor)
    covariates = ", with covariates as in the cohort," if _has_covariates(frames, naming, marker) else ""
    value = average_words(naming, marker, float(row["estimate"]))
    start = f"{at[0].upper()}{at[1:]} {name} averages {value}{covariates}"
    slope = float(row["slope"])
    if not math.isfinite(slope):
        return f"{start}."
    ends = (float(row["slope_low"]), float(row["slope_high"]))
    if not straight:
        return (
            f"{start}; its average course is a curve ({naming.study.growth.fixed}) with a slope of "
            f"{slope_words(naming, marker, slope, *ends)} there."
        )
    change = slope_words(naming, marker, slope, *ends)
    if ends[0] <= 0 <= ends[1]:
        return f"{start}; its average change is {change}, of uncertain direction."
    if naming.is_logarithm(marker):
        return f"{start} and changes by {change}."
    return f"{start} and {'rises' if slope > 0 else 'falls'} by {slope_words(naming, marker, abs(slope), *ends)}."


def _has_covariates(frames: Frames, naming: Naming, marker: str) -> bool:
    """Whether the fixed effects have terms beyond the intercept and the predictor."""
    rows = frames.of("fixed_effects", marker)
    terms = set(rows[rows["model"] == "study"]["term"])
    if not is_straight(naming.study.growth.fixed, naming.predictor):
        return bool(naming.study.growth_columns)
    return bool(terms - {"Intercept", naming.predictor})


def components(frames: Frames, marker: str) -> tuple[dict[str, float], dict[tuple[str, str], float], float]:
    """SDs of the random effects by term, their correlations by pair, and the residual SD, of the study's model.

    The residual SD is missing where there is one for each stratum.
    """
    rows = frames.of("covariance", marker)
    rows = rows[rows["model"] == "study"]
    spread: dict[str, float] = {}
    together: dict[tuple[str, str], float] = {}
    residual = math.nan
    for row in rows.itertuples():
        second = row.term_1 if pd.isna(row.term_2) else row.term_2
        if str(row.term_1).lower().startswith("residual"):
            residual = float(row.sd_or_correlation) if second == row.term_1 else math.nan
        elif row.term_1 == second:
            spread[row.term_1] = float(row.sd_or_correlation)
        else:
            together[(row.term_1, second)] = float(row.sd_or_correlation)
    return spread, together, residual


def slope_is_nil(frames: Frames, naming: Naming, marker: str) -> bool:
    """Whether the fit on everybody gives the slopes (almost) no variance: over the whole time that was observed they
    move patients apart by less than a hundredth of the residual standard deviation."""
    spread, _, residual = components(frames, marker)
    times = frames.measurements[naming.predictor]
    reach = float(times.max() - times.min()) if len(times) else 0.0
    return naming.predictor in spread and not spread[naming.predictor] * reach > 0.01 * (residual or 0.0)


def random_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """How patients differ: SDs of values and slopes, their correlation, the scatter of single values."""
    spread, _, residual = components(frames, marker)
    if not spread:
        return ["The patients’ courses are modelled as parallel to the average one."]
    row, unit, slope_unit = origin_of(frames, marker), naming.unit_of(marker), naming.slope_unit(marker)
    sentences = []
    if row is not None and math.isfinite(row["sd"]) and math.isfinite(row["slope_sd"]):
        at = where(naming, row)
        sentences.append(
            f"Patients differ: the standard deviation of their values {at} is {figures(row['sd'])} {unit}, "
            f"of their slopes {figures(row['slope_sd'])} {slope_unit}."
        )
        if math.isfinite(row["correlation"]):
            sentences.append(correlation_words(row, at))
    else:
        listed = in_words([f"{term} {figures(value)}" for term, value in spread.items()])
        sentences.append(f"Patients differ; the standard deviations of their random effects are: {listed}.")
    if math.isfinite(residual):
        sentences.append(
            f"{values_vary(naming)} about a patient’s line with a standard deviation of {figures(residual)} {unit}"
            f"{of_other_weights(naming)}."
        )
    return [*sentences, *residual_words(frames, naming, marker)]


def correlation_words(row: pd.Series, at: str) -> str:
    """The correlation of value and slope, with a direction where its interval has one."""
    correlation, low, high = (float(row[name]) for name in ("correlation", "correlation_low", "correlation_high"))
    what = f"The correlation of values {at} and slopes"
    if abs(correlation) >= BOUNDARY:
        return (
            f"{what} is estimated at {number(correlation, 2)}, the boundary of the possible range: in this fit a "
            f"patient’s slope is determined by the patient’s value."
        )
    if not math.isfinite(low) or not math.isfinite(high):
        return f"{what} is estimated at {number(correlation, 2)}; no interval was computed for it."
    ends = f"{number(correlation, 2)} (95% interval {number(low, 2)} to {number(high, 2)})"
    if low <= 0 <= high:
        return f"{what} is {ends}; its sign is uncertain."
    way = "rise faster (or fall more slowly)" if correlation > 0 else "rise more slowly (or fall faster)"
    return f"Patients with higher values {at} tend to {way}: the correlation is {ends}."


def residual_words(frames: Frames, naming: Naming, marker: str) -> list[str]:
    """How the scatter about a patient's own line differs between the strata of ``growth.residual_by``."""
    rows = frames.of("residuals", marker)
    rows = rows[rows["rows"] > 0]
    if len(rows) < 2:
        return []
    listed = in_words([f"{figures(row.residual_sd)} ({row.stratum})" for row in rows.itertuples()])
    first, unit = rows.iloc[0], naming.unit_of(marker)
    ratios = in_words(
        [
            f"{figures(row.ratio)} times as large in {row.stratum} as in {first['stratum']} "
            f"(95% interval {figure_interval(row.ci_low, row.ci_high)})"
            for row in rows.iloc[1:].itertuples()
        ]
    )
    test = f"likelihood ratio {number(first['lrt'], 2)}, {p_words(first['p_value'])}"
    said = (
        "A common residual variance fits worse"
        if first["p_value"] < 0.05
        else "A common residual variance is compatible with the data"
    )
    return [
        f"{values_vary(naming)} about a patient’s line with a standard deviation of {listed} {unit}: {ratios}"
        f"{of_other_weights(naming)}. {said} ({test})."
    ]


def values_vary(naming: Naming) -> str:
    """Whose standard deviation the residual one is: with prior weights, that of a value of weight 1."""
    weights = naming.study.growth.weights
    return f"Values of weight 1 (column {weights}) vary" if weights else "Single values vary"


def of_other_weights(naming: Naming) -> str:
    """How the residual standard deviation goes with the prior weights."""
    return "; for a value of weight w it is divided by √w" if naming.study.growth.weights else ""


def fit_words(frames: Frames, marker: str) -> str:
    """Whether the fit on everybody converged, is singular, or had to be simplified."""
    if marker not in frames.published_fits.index:
        return ""
    fit = frames.published_fits.loc[marker]
    if fit["structure"] == "excluded":
        return "No growth model could be fitted; the marker has no slopes."
    said = []
    if fit["structure"] == "intercept":
        said.append("A random slope could not be identified, so all patients share the average slope.")
    if fit["singular"]:
        said.append(
            "The fit is singular: its optimum lies at the boundary, where the random effects have one dimension less. "
            "This is a valid fit and is kept."
        )
    if not fit["converged"]:
        said.append("The fit did not converge; do not rely on it.")
    return " ".join(said)
