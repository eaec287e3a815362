"""Rules of the study file that depend on the kind of outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from slopewise.study.errors import Finding
from slopewise.study.keys import Outcome
from slopewise.study.rules_of_clock import outcome_clock_rules

if TYPE_CHECKING:
    from slopewise.study.model import Study
from slopewise.study.formulas import RESERVED


def _outcome_rules(study: Study) -> Iterator[Finding]:
    """What the kind of outcome asks for, and what is not available for it yet."""
    for rules in RULES[study.kind.name]:
        yield from rules(study)
    if study.outcome.stability and study.outcome.penalty == "none":
        message = "counts how often a penalised model keeps a term, but outcome.penalty is none; leave one of them out"
        yield Finding(("outcome", "stability"), message)
    yield from _threshold_rules(study)
    yield from _imputation_rules(study)


def _imputation_rules(study: Study) -> Iterator[Finding]:
    """What is imputed must be a covariate of the outcome alone; several landmarks share one model without it."""
    outcome, path = study.outcome, ("outcome", "missing_covariate")
    if not outcome.imputes:
        if "imputations" in outcome.model_fields_set and study.kind.predicts:
            message = "is for `missing_covariate: impute`; add it, or leave this out"
            yield Finding(("outcome", "imputations"), message)
        return
    if not study.kind.predicts:
        return
    if not outcome.covariates:
        yield Finding(path, "there is no covariate to impute: outcome.covariates is empty; leave it out")
    if isinstance(study.landmark, tuple):
        message = "is not available yet with a list of landmarks; name one landmark, or leave it out"
        yield Finding(path, message)
    if outcome.covariates and not study.imputable:
        message = (
            f"each covariate ({', '.join(outcome.covariates)}) is the centre or in the growth formulas too, whose "
            "columns are not imputed; leave it out"
        )
        yield Finding(path, message)


def _of_outcome(study: Study) -> dict[str | None, str]:
    """The columns that hold the outcome, and the key that names each."""
    return {getattr(study.outcome, key): f"outcome.{key}" for key in ("time", "event", "column", "entry")}


def _no_outcome_rules(study: Study) -> Iterator[Finding]:
    """`outcome.kind: none`: a growth study, which has no key of an outcome."""
    kept = {"kind", "one_visit", "missing_marker", "bootstrap"}
    for key in Outcome.model_fields:
        if key in study.outcome.model_fields_set - kept:
            yield Finding(("outcome", key), "is for a study with an outcome; with `kind: none` leave it out")
    if "validation" in study.model_fields_set:
        yield Finding(("validation",), "there is no outcome model to validate (outcome.kind: none); leave it out")
    if isinstance(study.landmark, tuple):
        yield Finding(("landmark",), "a list of landmarks is not available yet without an outcome (outcome.kind: none)")
    if study.growth.slope_of != "time" and study.landmark != "none":
        message = "must be none with growth.slope_of other than time: the rows are not in the order of that predictor"
        yield Finding(("landmark",), message)


def _survival_rules(study: Study) -> Iterator[Finding]:
    outcome = study.outcome
    for key in ("time", "time_unit", "event", "events", "horizons"):
        if not getattr(outcome, key):
            yield Finding(("outcome", key), "is missing; `kind: survival` needs it")
    for key in ("column", "positive", "after_measurements"):
        if getattr(outcome, key):
            yield Finding(("outcome", key), "is for other kinds than survival; leave it out")
    if outcome.entry and outcome.entry in (outcome.time, outcome.event):
        yield Finding(("outcome", "entry"), f"column {outcome.entry!r} has another role in the outcome already")
    if outcome.time and outcome.time == outcome.event:
        yield Finding(("outcome", "event"), f"column {outcome.event!r} is outcome.time already")
    if any(horizon <= 0 for horizon in outcome.horizons):
        yield Finding(("outcome", "horizons"), "a horizon counts from the landmark and must be greater than 0")
    elif list(outcome.horizons) != sorted(set(outcome.horizons)):
        yield Finding(("outcome", "horizons"), "the horizons must be in increasing order without repeats")


def _value_rules(study: Study, needed: Sequence[str]) -> Iterator[Finding]:
    """A binary or continuous outcome: the keys `needed`, and that it lies after what predicts it."""
    outcome = study.outcome
    for key in needed:
        if not getattr(outcome, key):
            yield Finding(("outcome", key), f"is missing; `kind: {outcome.kind}` needs it")
    if "positive" not in needed and outcome.positive is not None:
        yield Finding(("outcome", "positive"), "is for binary outcomes; leave it out")
    for key in ("event", "events", "competing", "entry", "strata", "horizons"):
        if getattr(outcome, key):
            yield Finding(("outcome", key), f"is for survival; leave it out with `kind: {outcome.kind}`")
    if not outcome.time and not outcome.after_measurements:
        message = (
            "it is not known whether the outcome lies after its predictors: name its time (outcome.time) or set "
            "outcome.after_measurements: true"
        )
        yield Finding(("outcome",), message)
    if outcome.time and outcome.after_measurements:
        message = "outcome.time gives the time of the outcome; leave this out"
        yield Finding(("outcome", "after_measurements"), message)
    if outcome.time and not outcome.time_unit:
        yield Finding(("outcome", "time_unit"), "is missing; outcome.time needs it")
    if outcome.column and outcome.column == outcome.time:
        yield Finding(("outcome", "column"), f"column {outcome.column!r} is outcome.time already")


def _threshold_rules(study: Study) -> Iterator[Finding]:
    """Thresholds of risk lie on the decision curve's grid, and belong to outcomes that have risks."""
    given, path = study.outcome.thresholds, ("outcome", "thresholds")
    if not given or not study.kind.predicts:
        return
    if study.kind.numeric:
        yield Finding(path, f"are risks, which `kind: {study.outcome.kind}` has not; leave them out")
    elif any(not 0.01 <= one <= 0.99 or abs(round(100 * one) - 100 * one) > 1e-9 for one in given):
        yield Finding(path, "a threshold is a risk between 0.01 and 0.99 in hundredths, for example 0.15")
    elif list(given) != sorted(set(given)):
        yield Finding(path, "the thresholds must be in increasing order without repeats")


def _missing_rules(study: Study) -> Iterator[Finding]:
    """A code of missing values is no code of the outcome."""
    outcome = study.outcome
    named = {"events": outcome.events, "competing": outcome.competing, "positive": filter(None, [outcome.positive])}
    if "censored" in outcome.model_fields_set:
        named["censored"] = outcome.censored
    for key, codes in named.items():
        for code in codes:
            if code in study.data.missing:
                message = f"the code {code} is in outcome.{key} too: it cannot be missing and a code of the outcome"
                yield Finding(("data", "missing"), message)


def _code_rules(study: Study) -> Iterator[Finding]:
    outcome = study.outcome
    owner: dict[str, str] = {}
    codes = {"events": outcome.events, "competing": outcome.competing, "censored": outcome.censored}
    for key, named in codes.items():
        for code in named:
            if code in owner:
                message = f"the code {code} appears twice: in outcome.{owner[code]} and in outcome.{key}"
                if key == "censored" and "censored" not in outcome.model_fields_set:
                    message = (
                        f"the code {code} is in outcome.{owner[code]}, and {code} is also the code of a censored "
                        "follow-up where outcome.censored is not given; write `censored: []` where nobody was "
                        "censored, else the codes of censored follow-up"
                    )
                yield Finding(("outcome", key if key in outcome.model_fields_set else owner[code]), message)
            owner[code] = key
    labels = [*outcome.events.values(), *outcome.competing.values()]
    for label in sorted({label for label in labels if labels.count(label) > 1 or not label.strip()}):
        yield Finding(("outcome", "events"), f"the label {label!r} is empty or stands for two codes")


def _covariate_rules(study: Study) -> Iterator[Finding]:
    path = ("outcome", "covariates")
    outcome = study.outcome
    roles = {
        study.data.patient: "data.patient",
        study.data.time: "data.time",
        **_of_outcome(study),
    }
    for name in sorted(set(outcome.strata)):
        if name in roles or name in RESERVED or name in study.markers or name in outcome.covariates:
            message = f"`{name}` is a covariate, a marker or has another role; strata must be other columns"
            yield Finding(("outcome", "strata"), message)
    for name in sorted(set(outcome.covariates)):
        if outcome.covariates.count(name) > 1:
            yield Finding(path, f"`{name}` appears twice")
        if name in roles:
            yield Finding(path, f"`{name}` is {roles[name]}, which is not a covariate")
        elif name in RESERVED:
            yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; rename the column")
        elif name in study.markers:
            yield Finding(
                path, f"`{name}` is also a marker's name: give the marker another name, so that results stay clear"
            )


RULES: dict[str, tuple[Callable[[Study], Iterator[Finding]], ...]] = {
    "survival": (_survival_rules, _code_rules, outcome_clock_rules),
    "binary": (partial(_value_rules, needed=("column", "positive")), outcome_clock_rules),
    "continuous": (partial(_value_rules, needed=("column",)), outcome_clock_rules),
    "none": (_no_outcome_rules,),
}
"""The rules of each kind of outcome, in the order of their findings."""
