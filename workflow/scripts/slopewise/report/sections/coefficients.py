"""The section on the outcome models: their coefficients with intervals, and which are penalised."""

from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.parts import Cell, Section, Table
from slopewise.report.sections.ladder import present
from slopewise.report.words.ledger import shipped_lines
from slopewise.report.words.naming import STEP_NAMES, Naming
from slopewise.report.words.numbers import MINUS, MISSING, figures, in_words, percent
from slopewise.report.words.units import DERIVED, is_category, power_of_ten, sd_of, unit_words
from slopewise.report.words.verdict import reversal
from slopewise.run.words import amount
from slopewise.study.model import BCA_FROM
from slopewise.validate.risk_groups import SHOWN

ACCEPTABLE = (0.8, 1.25)
"""Calibration slopes between these need no recalibration; an interval that reaches beyond does not exclude it."""

FEW_TERMS = 40
"""A table of a penalised model of more terms shows those in the model, and the covariates."""


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
            "formula": model_formula(frames, naming, steps[0]) if steps else "",
            "reversal": reversal(frames, naming),
            "ledger": shipped_lines(frames, naming),
        },
    )


MOST_IN_FORMULA = 20
"""Models of more terms are not written out."""


def model_formula(frames: Frames, naming: Naming, step: str) -> str:
    """The shipped model of a step written out, with its coefficients per unit; nothing of one with many terms."""
    own = frames.coefficients
    rows = own[
        (own["predictors"] == step) & (own["scale"] == "unit") & own["estimate"].notna() & (own["estimate"] != 0)
    ]
    if not 0 < len(rows) <= MOST_IN_FORMULA:
        return ""
    sizes = rows.set_index("term")["estimate"]
    terms = [
        f"{'+' if sizes[term] > 0 else MINUS} {figures(abs(sizes[term]))} × ({_with_unit(term, frames, naming)})"
        for term in _in_order(list(sizes.index), naming)
    ]
    return " ".join([naming.words.left_side, *terms])


def _with_unit(term: str, frames: Frames, naming: Naming) -> str:
    """``bilirubin, level in log mg/dl``: a coefficient per unit says nothing without the unit."""
    unit = naming.term_unit(term)
    return naming.term(term, frames.patients) + (f" in {unit}" if unit else "")


def penalty_sentences(frames: Frames, naming: Naming) -> list[str]:
    """What a reader of penalised coefficients has to know; nothing where no model has a penalty."""
    having, lacking = frames.by_penalty(naming.cause)
    if not having:
        return []
    automatic = naming.study.outcome.penalty == "auto"
    counted = naming.kind.counted
    why = (
        f"there are fewer than 10 {counted} for each coefficient of the largest "
        "set of predictors (outcome.penalty: auto)"
        if automatic
        else f"the study asks for it (outcome.penalty: {naming.study.outcome.penalty})"
    )
    ties = ", ties by Breslow’s method" if naming.kind.timed else ""
    whose = f"The models of {in_words(having)}" if lacking else "These models"
    others = f" Those of {in_words(lacking)} have no penalty, and ties by Efron’s method." if lacking else ""
    decided = (
        "Whether there is a penalty was decided once, on the whole cohort, and is the same in every training set of "
        "the validation and in every bootstrap resample. "
        if automatic
        else ""
    )
    chosen = (
        f"{decided}Its strength was chosen by cross-validation within the training patients, separately in every "
        "training set of the validation and in every bootstrap resample."
    )
    grouped = naming.study.outcome.penalty == "group"
    lasso = "group lasso (the level and the slope of a marker enter together or not at all)" if grouped else "lasso"
    told = [
        *([_kept(frames, naming)] if frames.penalised else []),
        f"{whose} are penalised by an elastic net, half {lasso} and half ridge{ties}, because {why}.{others} {chosen}",
        "A penalised coefficient is deliberately shrunk towards 0, and one of exactly 0 is out of the model: it "
        "serves prediction and is not an estimate of an effect. A naive interval would ignore the selection, so there "
        "is none.",
    ]
    if naming.study.outcome.bootstrap:
        told.append(
            "The bootstrap interval shows how far the shrunk coefficient moves from sample to sample; “kept” is the "
            "share of resamples in which it is not 0."
        )
    return told


def _kept(frames: Frames, naming: Naming) -> str:
    """How many terms the largest penalised model keeps; that it keeps none comes before anything else."""
    own = frames.coefficients
    steps = [step for step in SHOWN if (own["predictors"] == step).any()]
    rows = own[(own["predictors"] == steps[-1]) & (own["scale"] == "unit") & own["estimate"].notna()]
    kept = int((rows["estimate"] != 0).sum())
    if not kept:
        return f"No predictor was kept in the model of {STEP_NAMES[steps[-1]]}: it predicts the same for all patients."
    return f"The model of {STEP_NAMES[steps[-1]]} keeps {kept} of {amount(len(rows), 'term')}."


def coefficient_table(frames: Frames, naming: Naming, step: str) -> Table:
    """Hazard ratios per SD and in a unit in which the predictor varies, with naive (Wald) and bootstrap intervals."""
    own = frames.coefficients[frames.coefficients["predictors"] == step]
    rows = own.set_index(["term", "scale"])
    penalised = bool(rows["penalty"].notna().any())
    terms = _in_order(list(dict.fromkeys(own["term"])), naming)
    every, terms = len(terms), _worth_a_row(terms, rows, naming) if penalised else terms
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
    what = "difference" if naming.kind.numeric else "ratio"
    ends = ["95% bootstrap"] if penalised else ["95% naive", "95% bootstrap"]
    columns = ["term", f"{what} per SD", *ends, f"{what} per unit shown", *ends, *(["kept"] if penalised else [])]
    return Table(
        f"coefficients-{step}",
        f"{naming.words.effects}: {STEP_NAMES[step]}{', penalised' if penalised else ''}{_shown_of(len(terms), every)}",
        columns,
        lines,
        marks={"marker": [_marker_of(term, naming) for term in terms]},
    )


def _worth_a_row(terms: list[str], rows: pd.DataFrame, naming: Naming) -> list[str]:
    """Of many terms of a penalised model those that are in it, and the covariates."""
    if len(terms) <= FEW_TERMS:
        return terms
    estimate = rows["estimate"].xs("unit", level="scale").fillna(0.0)
    return [term for term in terms if not _marker_of(term, naming) or estimate[term] != 0]


def _shown_of(shown: int, every: int) -> str:
    return "" if shown == every else f" ({shown} of {every} terms; the others have a coefficient of 0 or were left out)"


def _scaled(row: pd.Series, naming: Naming, times: float, shown: bool, penalised: bool) -> list[Cell | str]:
    """Estimate and intervals of one scale, `times` its unit; dashes where the scale says nothing of the term."""
    ends = [("ci_low_bootstrap", "ci_high_bootstrap")]
    ends = ends if penalised else [("ci_low", "ci_high"), *ends]
    if not shown:
        return [MISSING] * (1 + len(ends))
    if not math.isfinite(row["estimate"]):
        return ["left out", *[MISSING] * len(ends)]
    show = _effect if naming.kind.numeric else _ratio
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
