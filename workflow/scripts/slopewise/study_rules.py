"""What a study file must hold beyond the types of its keys: keys that must agree."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slopewise.study_errors import Finding
from slopewise.study_keys import Outcome
from slopewise.study_rules_clock import clock_rules, outcome_clock_rules

if TYPE_CHECKING:
    from slopewise.study import Study

RESERVED = {
    "patient": "the column of the patient's identifier in every table",
    "time": "the time since time zero in every table and formula",
    "event": "the column of the event in the cohort",
    "followup": "the column of the follow-up since the landmark in the cohort",
    "entry": "the column of the delayed entry in the cohort",
    "outcome": "the column of a binary or continuous outcome in the cohort",
    "visit": "the number of a visit in the report",
}
"""Names that our own tables use, and for what."""

MARKER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


def formula_names(formula: str) -> frozenset[str]:
    """The names of columns in a one-sided formula such as ``~ time * sex + log(dose)``; functions are not among them.

    Raises `ValueError` with what cannot be read. Whether the formula is admissible is the design's question.
    """
    if not formula.strip().startswith("~"):
        _, tilde, right = formula.partition("~")
        written = f"`~ {(right if tilde else formula).strip()}`"
        raise ValueError(f"a formula starts with `~` and has no left side (the marker is it): write {written}")
    right = formula.strip()[1:].strip()
    if "|" in right:
        plain = " ".join(re.sub(r"\(?([^()|]*)\|+[^()|+]*\)?", r"\1", right).split()) or "time"
        raise ValueError(
            f"the formula `{formula}` has a bar; random effects are always by patient (data.patient), so nothing is "
            f"written for it: `~ {plain}`, fixed effects under growth.fixed and random ones under growth.random"
        )
    if not right:
        raise ValueError("the formula ends after `~`; write `~ 1` for an intercept alone")
    try:
        # `a:b` is an interaction in a formula and no expression in Python; for the names they are the same as `a * b`.
        tree = ast.parse(right.replace(":", "*"), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"the formula `{formula}` cannot be read") from error
    functions = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in functions)


def broken_rules(study: Study) -> Iterator[Finding]:
    """Keys that do not agree with each other, reserved names, formulas that cannot be read."""
    yield from clock_rules(study)
    yield from _landmark_rules(study)
    yield from _later_rules(study)
    yield from _category_rules(study)
    yield from _marker_rules(study)
    yield from _formula_rules(study)
    yield from _outcome_rules(study)
    yield from _covariate_rules(study)
    yield from _missing_rules(study)
    yield from _group_rules(study)


def _outcome_rules(study: Study) -> Iterator[Finding]:
    """What the kind of outcome asks for, and what is not available for it yet."""
    if not study.has_outcome:
        yield from _no_outcome_rules(study)
        return
    if study.outcome.kind == "survival":
        yield from _survival_rules(study)
        yield from _code_rules(study)
    else:
        yield from _value_rules(study)
    yield from outcome_clock_rules(study)


def _landmark_rules(study: Study) -> Iterator[Finding]:
    if isinstance(study.landmark, tuple) and (
        not study.landmark or list(study.landmark) != sorted(set(study.landmark))
    ):
        yield Finding(("landmark",), "a list of landmarks must hold one at least, and they must increase, each once")


def _category_rules(study: Study) -> Iterator[Finding]:
    """A column of categories is one that the study uses as a covariate or to make groups."""
    data, outcome = study.data, study.outcome
    if not data.categories:
        return
    try:
        used = {*outcome.covariates, *outcome.strata, *study.grouping, *study.growth_columns, data.centre}
    except ValueError:
        return  # a formula cannot be read, which is told with the formula
    for name in data.categories:
        if name in (study.growth.slope_of, study.growth.weights):
            key = "growth.weights" if name == study.growth.weights else "growth.slope_of"
            yield Finding(("data", "categories"), f"`{name}` is {key}, which is a number and no code")
        elif name not in used:
            message = f"`{name}` is no covariate, stratum, subgroup or column of a growth formula; leave it out"
            yield Finding(("data", "categories"), message)


def _later_rules(study: Study) -> Iterator[Finding]:
    """Training rows after the landmark need a landmark, and a formula that goes on after it."""
    if study.growth.rows != "all":
        return
    if study.landmark == "none":
        yield Finding(("growth", "rows"), "`all` asks for rows after the landmark, and the study has none (landmark)")
    for key in ("fixed", "random"):
        if re.search(r"\b(bs|cr)\s*\(", getattr(study.growth, key)):
            message = "a spline ends at the landmark, so rows after it have no place in it; leave out growth.rows: all"
            yield Finding(("growth", key), message)


def _marker_rules(study: Study) -> Iterator[Finding]:
    for name, marker in study.markers.items():
        path = ("markers", name)
        if name in RESERVED:
            yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; choose another name")
        elif not MARKER_NAME.fullmatch(name):
            message = "a marker's name starts with a letter and goes on with letters, digits, `_` or `-`, 100 at most"
            yield Finding(path, message)
        if marker.plausible is not None and marker.plausible[0] >= marker.plausible[1]:
            yield Finding((*path, "plausible"), "the lowest possible value comes first, then a higher one: [1, 7]")
        fast = marker.fast_change
        if fast is not None and fast.below is None and fast.above is None:
            yield Finding((*path, "fast_change"), "names no limit; for example {below: -0.2}")
        if fast is not None and fast.below is not None and fast.above is not None and fast.below >= fast.above:
            yield Finding((*path, "fast_change"), "`below` must be less than `above`, or every slope is fast change")
        for key in ("patient", "time"):
            if marker.column == getattr(study.data, key):
                yield Finding(
                    (*path, "column"), f"column {marker.column!r} is data.{key}; a marker is a measured value"
                )


def _of_outcome(study: Study) -> dict[str | None, str]:
    """The columns that hold the outcome, and the key that names each."""
    return {getattr(study.outcome, key): f"outcome.{key}" for key in ("time", "event", "column", "entry")}


def _predictor_rules(study: Study) -> Iterator[Finding]:
    """The predictor whose slope is wanted must be in a formula, or there is no slope."""
    growth = study.growth
    try:
        named = formula_names(growth.fixed) | formula_names(growth.random)
    except ValueError:
        return  # told with the formula
    if growth.slope_of == "time" and "time" not in named:
        message = "neither growth.fixed nor growth.random names `time`, so nobody has a slope; for example `~ time`"
        yield Finding(("growth", "fixed"), message)


def _formula_rules(study: Study) -> Iterator[Finding]:
    """What the growth model is made of: its formulas, and the columns of its residual variance."""
    growth = study.growth
    yield from _predictor_rules(study)
    for key in ("residual_by", "weights"):
        if getattr(growth, key) == "time":
            yield Finding(("growth", key), "`time` is the patient's clock; name a column of the data")
        elif getattr(growth, key) and growth.engine == "statsmodels":
            yield Finding(("growth", key), "the engine statsmodels has no such thing; use engine: slopewise")
    if growth.weights and growth.weights == growth.residual_by:
        yield Finding(("growth", "weights"), "is growth.residual_by already; a weight is a number of its own")
    for key in ("fixed", "random", "residual_by", "weights"):
        path, given = ("growth", key), getattr(growth, key)
        try:
            names = formula_names(given) if key in ("fixed", "random") else frozenset(filter(None, [given]))
        except ValueError as error:
            yield Finding(path, str(error))
            continue
        outcome = _of_outcome(study)
        for name in sorted(names - {"time"}):
            if name in study.markers:
                message = f"`{name}` is a marker; a marker cannot explain itself: give the marker another name"
                yield Finding(path, message)
            elif name in RESERVED:
                yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; rename the column")
            elif name in outcome:
                yield Finding(path, f"`{name}` is {outcome[name]}: the outcome cannot explain a marker")
            elif name == study.data.patient:
                yield Finding(path, f"`{name}` is data.patient, which is no covariate")
            elif name == study.data.time and name != study.growth.slope_of:
                yield Finding(path, f"`{name}` is data.time; in a formula it is called `time`")


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
    predictor = study.growth.slope_of
    if predictor == "time":
        return
    try:
        names = formula_names(study.growth.fixed) & formula_names(study.growth.random)
    except ValueError:
        return  # told with the formula
    if predictor not in names:
        message = f"`{predictor}` must be in growth.fixed and growth.random: its slope is wanted"
        yield Finding(("growth", "slope_of"), message)
    if study.landmark != "none":
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
        yield Finding(("outcome", "horizons"), "the horizons must increase, each once")


def _value_rules(study: Study) -> Iterator[Finding]:
    """A binary or continuous outcome: a column, and that it lies after what predicts it."""
    outcome = study.outcome
    needed = ("column", "positive") if outcome.kind == "binary" else ("column",)
    for key in needed:
        if not getattr(outcome, key):
            yield Finding(("outcome", key), f"is missing; `kind: {outcome.kind}` needs it")
    if outcome.kind == "continuous" and outcome.positive is not None:
        yield Finding(("outcome", "positive"), "is for binary outcomes; leave it out")
    for key in ("event", "events", "competing", "entry", "strata", "horizons"):
        if getattr(outcome, key):
            yield Finding(("outcome", key), f"is for survival; leave it out with `kind: {outcome.kind}`")
    if not outcome.time and not outcome.after_measurements:
        message = (
            "say that the outcome lies after what predicts it: name its time (outcome.time) or set "
            "outcome.after_measurements: true"
        )
        yield Finding(("outcome",), message)
    if outcome.time and outcome.after_measurements:
        message = "outcome.time tells when the outcome was seen; leave this out"
        yield Finding(("outcome", "after_measurements"), message)
    if outcome.time and not outcome.time_unit:
        yield Finding(("outcome", "time_unit"), "is missing; outcome.time needs it")
    if outcome.column and outcome.column == outcome.time:
        yield Finding(("outcome", "column"), f"column {outcome.column!r} is outcome.time already")


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
                message = f"the code {code} stands twice: in outcome.{owner[code]} and in outcome.{key}"
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


def _group_rules(study: Study) -> Iterator[Finding]:
    """The centre and the columns of subgroups: columns of their own, for a study that predicts something."""
    outcome, centre = study.outcome, study.data.centre
    roles = {study.data.patient: "data.patient", study.data.time: "data.time", **_of_outcome(study)}
    asked = [(("data", "centre"), centre)] if centre else []
    for path, name in [
        *asked,
        *((("validation", "subgroups"), name) for name in sorted(set(study.validation.subgroups))),
    ]:
        if name in roles:
            yield Finding(path, f"`{name}` is {roles[name]}, which makes no groups of patients")
        elif name in RESERVED:
            yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; rename the column")
        elif name in study.markers:
            yield Finding(path, f"`{name}` is also a marker's name: give the marker another name")
    if not centre:
        return
    if not study.has_outcome:
        message = "there is no outcome model to validate in each centre (outcome.kind: none); leave it out"
        yield Finding(("data", "centre"), message)
    learned: dict[str, tuple[str | None, ...]] = {
        "outcome.covariates": outcome.covariates,
        "outcome.strata": outcome.strata,
        "growth.residual_by": (study.growth.residual_by,),
        "a growth formula": study.growth_columns,
    }
    for key, names in learned.items():
        if centre in names:
            message = (
                f"`{centre}` is in {key} too: of a centre that is left out nothing would be learned; "
                "leave it out of one of the two"
            )
            yield Finding(("data", "centre"), message)


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
            message = f"`{name}` is a covariate, a marker or has another role; strata are columns of their own"
            yield Finding(("outcome", "strata"), message)
    for name in sorted(set(outcome.covariates)):
        if outcome.covariates.count(name) > 1:
            yield Finding(path, f"`{name}` stands twice")
        if name in roles:
            yield Finding(path, f"`{name}` is {roles[name]}, which is no covariate")
        elif name in RESERVED:
            yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; rename the column")
        elif name in study.markers:
            yield Finding(
                path, f"`{name}` is also a marker's name: give the marker another name, so that results stay clear"
            )
