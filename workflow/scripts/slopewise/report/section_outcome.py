"""The outcome models: coefficients, calibration, decision curves, and how patients of low and high risk fared."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from slopewise.figures import curves as draw
from slopewise.report.frames import Frames, at_horizon
from slopewise.report.ledger import shipped_lines, slope_reasons
from slopewise.report.naming import STEPS, Naming
from slopewise.report.numbers import MISSING, count, counts_of_parts, figures, in_words, interval, number, percent
from slopewise.report.parts import Cell, Picture, Section, Table
from slopewise.report.risk_groups import GROUPS, RiskGroups, risk_groups, round_times
from slopewise.report.section_ladder import present
from slopewise.report.section_thirds import thirds_section
from slopewise.report.units import DERIVED, is_category, power_of_ten, sd_of, unit_words
from slopewise.report.verdict_words import reversal
from slopewise.study import BCA_FROM

ACCEPTABLE = (0.8, 1.25)
"""Calibration slopes between these need no recalibration; an interval that reaches beyond does not exclude it."""

SHOWN = ("clinical", "level", "slope")
"""Steps in the pictures of risks; the last one with its interval."""


def coefficients_section(frames: Frames, naming: Naming) -> Section:
    """Hazard ratios of every step, naive beside bootstrap, and the ledger."""
    steps = [step for step in ("slope", "level") if step in present(frames)]
    others = [step for step in present(frames) if step not in steps]
    return Section(
        "coefficients",
        "The outcome models",
        "coefficients.html.j2",
        {
            "tables": [coefficient_table(frames, naming, step) for step in steps],
            "others": [coefficient_table(frames, naming, step) for step in others],
            "bootstrap": naming.study.outcome.bootstrap,
            "bca": naming.study.outcome.bootstrap >= BCA_FROM,
            "effect": naming.words.effect,
            "penalised": penalty_sentences(frames, naming),
            "dropped": [*slope_reasons(frames, naming), *reversal(frames, naming)],
            "ledger": shipped_lines(frames, naming),
        },
    )


def penalty_sentences(frames: Frames, naming: Naming) -> list[str]:
    """What a reader of penalised coefficients has to know; nothing where no model has a penalty."""
    having, lacking = frames.by_penalty(naming.cause)
    if not having:
        return []
    automatic = naming.study.outcome.penalty == "auto"
    counted = "patients" if naming.kind == "continuous" else "events"
    why = (
        f"there are fewer than 10 {counted} for each coefficient of the largest "
        "set of predictors (outcome.penalty: auto)"
        if automatic
        else "the study asks for it (outcome.penalty: elastic_net)"
    )
    ties = ", ties by Breslow’s method" if naming.kind == "survival" else ""
    whose = f"The models of {in_words(having)}" if lacking else "These models"
    others = f" Those of {in_words(lacking)} have no penalty, and ties by Efron’s method." if lacking else ""
    decided = (
        "Whether there is a penalty was decided once, on the whole cohort, and is the same in every training set of "
        "the validation and in every bootstrap resample. "
        if automatic
        else ""
    )
    chosen = (
        f"{decided}Its strength was chosen by cross-validation inside the training patients alone, anew in every "
        "training set of the validation and in every bootstrap resample."
    )
    told = [
        f"{whose} are penalised by an elastic net, half lasso and half ridge{ties}, because {why}.{others} {chosen}",
        "A penalised coefficient is shrunk towards 0 on purpose, and one of exactly 0 is out of the model: it serves "
        "prediction, and is no estimate of an effect. A naive interval would pretend that nothing was chosen, so there "
        "is none.",
    ]
    if naming.study.outcome.bootstrap:
        told.append(
            "The bootstrap interval shows how far the shrunk coefficient moves from sample to sample; “kept” is the "
            "share of resamples in which it is not 0."
        )
    return told


def coefficient_table(frames: Frames, naming: Naming, step: str) -> Table:
    """Hazard ratios per SD and in a unit in which the predictor varies, with naive (Wald) and bootstrap intervals."""
    own = frames.coefficients[frames.coefficients["predictors"] == step]
    rows = own.set_index(["term", "scale"])
    penalised = bool(rows["penalty"].notna().any())
    terms = _in_order(list(dict.fromkeys(own["term"])), naming)
    lines: list[list[Cell | str]] = []
    for term in terms:
        size = power_of_ten(sd_of(frames.coefficients, term))
        category = is_category(term, frames.patients)
        size = 1.0 if category else size
        unit = "" if category else unit_words(size, naming.term_unit(term))
        line: list[Cell | str] = [Cell(naming.term(term, frames.patients), unit)]
        shown = {"sd": not category, "unit": not term.endswith(DERIVED)}
        for scale in ("sd", "unit"):
            times = size if scale == "unit" else 1.0
            line += _scaled(rows.loc[(term, scale)], naming, times, shown[scale], penalised)
        if penalised:
            kept = rows.loc[(term, "unit"), "selected"]
            line += [percent(kept) if math.isfinite(kept) else MISSING]
        lines.append(line)
    what = "difference" if naming.kind == "continuous" else "ratio"
    ends = ["95% bootstrap"] if penalised else ["95% naive", "95% bootstrap"]
    columns = ["term", f"{what} per SD", *ends, f"{what} per unit shown", *ends, *(["kept"] if penalised else [])]
    return Table(
        f"coefficients-{step}",
        f"{naming.words.effects}: {STEPS[step]}{', penalised' if penalised else ''}",
        columns,
        lines,
        marks={"marker": [_marker_of(term, naming) for term in terms]},
    )


def _scaled(row: pd.Series, naming: Naming, times: float, shown: bool, penalised: bool) -> list[Cell | str]:
    """Estimate and intervals of one scale, `times` its unit; dashes where the scale says nothing of the term."""
    ends = [("ci_low_bootstrap", "ci_high_bootstrap")]
    ends = ends if penalised else [("ci_low", "ci_high"), *ends]
    if not shown:
        return [MISSING] * (1 + len(ends))
    if not math.isfinite(row["estimate"]):
        return ["left out", *[MISSING] * len(ends)]
    show = _effect if naming.kind == "continuous" else _ratio
    return [show(times * row["estimate"]), *(_ends(show, times * row[low], times * row[high]) for low, high in ends)]


def _marker_of(term: str, naming: Naming) -> str:
    """The marker of a term such as ``albumin.slope``; empty for a covariate's."""
    marker = term.rpartition(".")[0]
    return marker if marker in naming.study.markers else ""


def _in_order(terms: list[str], naming: Naming) -> list[str]:
    """Covariates as they come, then markers in the order of the study file."""
    markers = list(naming.study.markers)

    def place(term: str) -> tuple[int, int]:
        marker = _marker_of(term, naming)
        return (1, markers.index(marker)) if marker else (0, 0)

    return sorted(terms, key=place)


def _ends(show: Callable[[float], str], low: float, high: float) -> str:
    """Ends of an interval on the scale of the estimate, shown as the estimate is."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return MISSING
    return f"{show(low)} to {show(high)}"


def _effect(estimate: float) -> str:
    """A coefficient of a linear model, in units of the outcome."""
    return figures(estimate)


def _ratio(estimate: float) -> str:
    """exp(estimate) in three figures; beyond a thousandfold only that."""
    if abs(estimate) > math.log(1000):
        return ">1000" if estimate > 0 else "<0.001"
    return figures(math.exp(estimate))


def risks_section(frames: Frames, naming: Naming) -> Section:
    """Calibration and decision curves, a panel a horizon."""
    steps = present(frames, SHOWN)
    labels = {step: STEPS[step] for step in steps}
    calibrated, decided = [], []
    for index, horizon in enumerate(naming.moments):
        title = naming.at(horizon, naming.cause)
        points = at_horizon(frames.calibration, horizon)
        own = at_horizon(frames.predictions, horizon)
        own = own[own["predictors"].isin(steps)]
        risks = own.groupby(["predictors", "patient"], sort=True)["risk"].mean().reset_index()
        without_coin = {step: label for step, label in labels.items() if step != "clinical"}
        unit = naming.kind != "continuous"
        if points["y"].notna().any():
            calibrated.append(draw.calibration(points, risks, without_coin, title, f"calibration-{index}", unit))
        benefit = at_horizon(frames.decision_curve, horizon)
        if benefit.empty:
            continue
        decided.append(draw.decision(benefit, labels, title, f"decision-{index}"))
    return Section(
        "risks",
        "Do the predictions come true?"
        if naming.kind == "continuous"
        else "Do the predicted risks come true, and are they worth acting on?",
        "risks.html.j2",
        {
            "calibration": Picture(
                "calibration",
                f"Observed over predicted {'outcome' if naming.kind == 'continuous' else 'risk'}, validated, "
                "smoothed; the band is the 95% interval of level and slope. "
                "The grey "
                "bars below show where the predictions of the patients lie.",
                calibrated,
            )
            if calibrated
            else None,
            "sentence": calibration_sentence(frames, naming),
            "decision": Picture(
                "decision",
                "Net benefit, validated: events among those acted on, less the others among them weighted by the odds "
                "of the "
                "threshold, per patient. The higher curve is the better rule at that threshold.",
                decided,
            )
            if decided
            else None,
        },
    )


def calibration_sentence(frames: Frames, naming: Naming) -> str:
    """Calibration slopes and intercepts of level and slope in words, and what the intervals say."""
    has_intercept = "calibration_intercept" in set(frames.performance["metric"])
    known = []
    for horizon in naming.moments:
        slope = frames.metric("calibration_slope", horizon).loc["slope"]
        intercept = frames.metric("calibration_intercept", horizon).loc["slope"] if has_intercept else None
        known.append((naming.at(horizon), slope, intercept))
    known = [(at, slope, intercept) for at, slope, intercept in known if math.isfinite(slope["validated"])]
    if not known:
        return "Calibration could not be computed."
    slopes = in_words([f"{_with_ends(slope)}{at and f' at {at}'}" for at, slope, _ in known])
    intercepts = in_words([_with_ends(intercept) for _, _, intercept in known if intercept is not None])
    said = _calibration_words([(at, float(slope["ci_low"]), float(slope["ci_high"])) for at, slope, _ in known])
    start = f"The calibration slope of level and slope is {slopes} (1 is right)"
    if not intercepts:
        return f"{start}.{said}"
    return (
        f"{start}; the calibration intercept is {intercepts} (0 is right, above 0 events are more frequent than "
        f"predicted).{said}"
    )


def _calibration_words(known: list[tuple[str, float, float]]) -> str:
    """What intervals of calibration slopes, (horizon, low, high), say; one may be too wide to say anything."""
    told = {
        "he predictions are too extreme: high ones too high, low ones too low.": [k for k in known if k[2] < 1],
        "he predictions are not extreme enough.": [k for k in known if k[1] > 1],
    }
    holding = [k for k in known if k[1] <= 1 <= k[2]]
    close = [k for k in holding if ACCEPTABLE[0] <= k[1] and k[2] <= ACCEPTABLE[1]]
    told[f"he interval holds 1 and excludes slopes under {ACCEPTABLE[0]:g} and over {ACCEPTABLE[1]:g}."] = close
    told[
        "he interval holds 1 and is too wide to tell whether the predictions are too extreme or not extreme enough."
    ] = [k for k in holding if k not in close]
    return "".join(f" {_where([at for at, _, _ in own])}{words}" for words, own in told.items() if own)


def _where(at: list[str]) -> str:
    """How a sentence about the horizons `at` starts, up to the t of ``the``; they have no name without a time."""
    named = in_words([name for name in at if name])
    return f"At {named} t" if named else "T"


def _with_ends(row: pd.Series) -> str:
    ends = f" ({interval(row['ci_low'], row['ci_high'], 2)})" if math.isfinite(row["ci_low"]) else ""
    return f"{number(row['validated'], 2)}{ends}"


def groups_section(frames: Frames, naming: Naming) -> Section:
    """Kaplan–Meier by thirds of the validated risk, for covariates alone, levels, and levels and slopes."""
    if naming.kind != "survival":
        return thirds_section(frames, naming)
    horizon = max(naming.study.outcome.horizons)
    limit = naming.study.report.small_cells
    times = round_times(horizon)
    panels, tables = [], []
    for index, step in enumerate(present(frames, SHOWN)):
        groups = risk_groups(frames.patients, frames.predictions, step, horizon)
        at_risk = groups.at_risk(times)
        at_risk["shown"] = [count(n, limit) for n in at_risk["n"]]
        panels.append(
            draw.survival(
                groups.curves, at_risk, list(GROUPS), f"Risk by {STEPS[step]}",
                f"{naming.units} after the landmark", f"groups-{index}",
            )
        )  # fmt: skip
        tables.append(groups_table(groups, frames, naming, step))
    estimate = "one minus the Aalen–Johansen incidence" if frames.competing else "Kaplan–Meier"
    caption = (
        f"Free of {naming.cause} ({estimate}, 95% bands) in thirds of the risk that models predicted for patients "
        "they had "
        f"not seen (risk within {naming.duration(horizon)}, mean over repeats). Below: patients at risk."
    )
    if frames.competing:
        caption += f" A patient with {in_words(list(frames.competing), 'or')} stays free of it."
    return Section(
        "groups",
        "How patients of low, middle and high risk fared",
        "groups.html.j2",
        {"picture": Picture("groups", caption, panels, groups=GROUPS), "tables": tables},
    )


def groups_table(groups: RiskGroups, frames: Frames, naming: Naming, step: str) -> Table:
    """Patients, events, and survival at the horizons beside what was predicted, one row a group."""
    limit, horizons = naming.study.report.small_cells, naming.study.outcome.horizons
    own = frames.predictions[frames.predictions["predictors"] == step]
    risk = own.groupby(["patient", "horizon"], sort=True)["risk"].mean().unstack("horizon")
    lines: list[list[Cell | str]] = []
    parts = {str(group): part for group, part in groups.members.groupby("group", sort=False)}
    sizes = counts_of_parts([len(part) for part in parts.values()], limit)
    events = counts_of_parts([int((part["event"] == 1).sum()) for part in parts.values()], limit)
    for (group, members), size, happened in zip(parts.items(), sizes, events, strict=True):
        line: list[Cell | str] = [group, size, happened]
        for horizon in horizons:
            row = groups.at(horizon).loc[group]
            expected = 1.0 - float(risk.loc[members["patient"], horizon].mean())
            ends = f"{percent(row['ci_low'])} to {percent(row['ci_high'])}" if pd.notna(row["ci_low"]) else ""
            line += [Cell(percent(row["survival"]), ends), percent(expected)]
        lines.append(line)
    columns = ["risk", "patients", "events"]
    for horizon in horizons:
        columns += [f"free at {naming.duration(horizon)}", "predicted"]
    return Table(f"groups-{step}", f"Thirds of the risk by {STEPS[step]}", columns, lines, marks={"group": list(parts)})
