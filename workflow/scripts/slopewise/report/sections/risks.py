"""The section on predicted risks: calibration and decision curves."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.figures import curves as draw
from slopewise.report.material.frames import Frames, at_horizon
from slopewise.report.material.parts import Picture, Section
from slopewise.report.sections.coefficients import ACCEPTABLE
from slopewise.report.sections.distributions import distribution_picture
from slopewise.report.sections.ladder import present
from slopewise.report.sections.net_benefit import net_benefit_table
from slopewise.report.templates.environment import caption
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import in_words, interval, number
from slopewise.validate.risk_groups import SHOWN


def risks_section(frames: Frames, naming: Naming) -> Section:
    """Calibration and decision curves, a panel a horizon."""
    steps = present(frames, SHOWN)
    labels = {step: STEP_NAMES[step] for step in steps}
    calibrated, decided = [], []
    for index, horizon in enumerate(naming.moments):
        title = naming.at(horizon, naming.cause)
        points = at_horizon(frames.calibration, horizon)
        own = at_horizon(frames.predictions, horizon)
        own = own[own["predictors"].isin(steps)]
        risks = own.groupby(["predictors", "patient"], sort=True)["risk"].mean().reset_index()
        without_coin = {step: label for step, label in labels.items() if step != "clinical"}
        unit = not naming.kind.numeric
        if points["y"].notna().any():
            calibrated.append(draw.calibration(points, risks, without_coin, title, f"calibration-{index}", unit))
        benefit = at_horizon(frames.decision_curve, horizon)
        if benefit.empty:
            continue
        decided.append(draw.decision(benefit, labels, title, f"decision-{index}", float(risks["risk"].max())))
    return Section(
        "risks",
        "Are the predictions calibrated?"
        if naming.kind.numeric
        else "Are the predicted risks calibrated, and are they useful?",
        "risks.html.j2",
        {
            "calibration": Picture(
                "calibration",
                caption("calibration", outcome="outcome" if naming.kind.numeric else "risk"),
                calibrated,
            )
            if calibrated
            else None,
            "sentence": calibration_sentence(frames, naming),
            "decision": Picture(
                "decision",
                caption("decision"),
                decided,
            )
            if decided
            else None,
            "distribution": distribution_picture(frames, naming),
            "net_benefit": net_benefit_table(frames, naming),
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
    start = f"The calibration slope of level and slope is {slopes} (1 is ideal)"
    if not intercepts:
        return f"{start}.{said}"
    return (
        f"{start}; the calibration intercept is {intercepts} (0 is ideal; above 0, events are more frequent than "
        f"predicted).{said}"
    )


def _calibration_words(known: list[tuple[str, float, float]]) -> str:
    """What intervals of calibration slopes, (horizon, low, high), say; one may be too wide to say anything."""
    told = {
        "he predictions are too extreme: high ones are too high and low ones too low.": [k for k in known if k[2] < 1],
        "he predictions are not extreme enough.": [k for k in known if k[1] > 1],
    }
    holding = [k for k in known if k[1] <= 1 <= k[2]]
    close = [k for k in holding if ACCEPTABLE[0] <= k[1] and k[2] <= ACCEPTABLE[1]]
    told[f"he interval includes 1 and excludes slopes below {ACCEPTABLE[0]:g} and above {ACCEPTABLE[1]:g}."] = close
    told[
        "he interval includes 1 and is too wide to show whether the predictions are too extreme or not extreme enough."
    ] = [k for k in holding if k not in close]
    return "".join(f" {_where([at for at, _, _ in own])}{words}" for words, own in told.items() if own)


def _where(at: list[str]) -> str:
    """How a sentence about the horizons `at` starts, up to the t of ``the``; they have no name without a time."""
    named = in_words([name for name in at if name])
    return f"At {named} t" if named else "T"


def _with_ends(row: pd.Series) -> str:
    ends = f" ({interval(row['ci_low'], row['ci_high'], 2)})" if math.isfinite(row["ci_low"]) else ""
    return f"{number(row['validated'], 2)}{ends}"
