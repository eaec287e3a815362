"""What a study file must hold beyond the types of its keys: keys that must agree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slopewise.study.errors import Finding
from slopewise.study.formulas import RESERVED, formula_names
from slopewise.study.rules_of_batches import batch_rules
from slopewise.study.rules_of_clock import clock_rules
from slopewise.study.rules_of_effects import effect_rules
from slopewise.study.rules_of_outcome import _covariate_rules, _missing_rules, _of_outcome, _outcome_rules

if TYPE_CHECKING:
    from slopewise.study.model import Study


MARKER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,99}")


def broken_rules(study: Study) -> Iterator[Finding]:
    """Keys that do not agree with each other, reserved names, formulas that cannot be read."""
    yield from clock_rules(study)
    yield from _landmark_rules(study)
    yield from _later_rules(study)
    yield from _category_rules(study)
    yield from _layout_rules(study)
    yield from _marker_rules(study)
    yield from _filter_rules(study)
    yield from _formula_rules(study)
    yield from batch_rules(study)
    yield from _bayes_rules(study)
    yield from _outcome_rules(study)
    yield from _covariate_rules(study)
    yield from _missing_rules(study)
    yield from _group_rules(study)
    yield from effect_rules(study)


def _landmark_rules(study: Study) -> Iterator[Finding]:
    if isinstance(study.landmark, tuple) and (
        not study.landmark or list(study.landmark) != sorted(set(study.landmark))
    ):
        yield Finding(
            ("landmark",), "a list of landmarks must contain at least one, in increasing order without repeats"
        )


def _layout_rules(study: Study) -> Iterator[Finding]:
    """A long table has parameters for markers named one by one; rows of patients are selected in their own table."""
    if study.data.layout is not None and study.data.layout.wide is not None and study.features:
        yield Finding(
            ("features",), "needs a column or a parameter for each feature; with data.layout.wide there is none"
        )
    yield from _shape_rules(study)
    yield from _lesion_rules(study)
    if study.outcome.where and study.data.patients is None:
        yield Finding(("outcome", "where"), "selects rows of data.patients, and the study has no such table")
    for key in ("units", "below"):
        of_column: dict[str, object] = {}
        for name, marker in study.markers.items():
            if of_column.setdefault(marker.column, getattr(marker, key)) != getattr(marker, key):
                yield Finding(("markers", name, key), f"differs from that of another marker of {marker.column!r}")


def _lesion_rules(study: Study) -> Iterator[Finding]:
    """Lesions have a row each and, where volumes decide, a volume."""
    lesion, path = study.data.lesion, ("data", "lesion")
    if lesion is None:
        return
    if study.data.layout is not None:
        yield Finding(path, "needs a column for each marker; combine the lesions of a long or wide table before")
    if lesion.volume is None and lesion.rule in ("largest", "volume_weighted"):
        yield Finding(path, f"{lesion.rule} needs the column of volumes (data.lesion.volume)")
    if lesion.volume is not None and lesion.rule in ("sum", "mean"):
        yield Finding((*path, "volume"), f"is not used by {lesion.rule}")


def _shape_rules(study: Study) -> Iterator[Finding]:
    """`data.layout` describes a long table or a wide one."""
    data, layout, path = study.data, study.data.layout, ("data", "layout")
    if layout is None:
        return
    if layout.wide is None:
        for key in ("parameter", "value"):
            if getattr(layout, key) is None:
                yield Finding((*path, key), "is missing; a long table needs `parameter` and `value`, a wide one `wide`")
        return
    for key in ("parameter", "value", "unit"):
        if getattr(layout, key) is not None:
            yield Finding((*path, key), "is a column of a long table; a wide one (`wide`) has none")
    for part in ("{marker}", "{time}"):
        if layout.wide.count(part) != 1:
            yield Finding((*path, "wide"), f'needs {part} once, for example "{{marker}}_{{time}}"')
    if data.time_unit == "date":
        yield Finding((*path, "wide"), "has times as numbers; data.time_unit cannot be `date`")


def _category_rules(study: Study) -> Iterator[Finding]:
    """A column of categories is one that the study uses as a covariate or to make groups."""
    data, outcome = study.data, study.outcome
    if not data.categories:
        return
    try:
        used = {*outcome.covariates, *outcome.strata, *study.grouping, *study.model_columns, data.centre}
    except ValueError:
        return  # a formula cannot be read, which is told with the formula
    for name in data.categories:
        if name in (study.growth.slope_of, study.growth.weights):
            key = "growth.weights" if name == study.growth.weights else "growth.slope_of"
            yield Finding(("data", "categories"), f"`{name}` is {key}, which is a number and not a code")
        elif name not in used:
            message = f"`{name}` is not a covariate, stratum, subgroup or column of a growth formula; leave it out"
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
    if not study.markers and not study.features:
        yield Finding(("markers",), "must not be empty; name a marker, or a pattern of many columns under `features`")
    for name, group in study.features.items():
        if not group.pattern:
            yield Finding(("features", name, "pattern"), 'must not be empty; for example "original_*"')
    if study.data.left_out and not study.features and not any(one.family for one in study.markers.values()):
        yield Finding(("data", "left_out"), "lists columns of `features`, and the study has none; leave it out")
    for name, marker in study.markers.items():
        path = ("markers", name)
        if name in RESERVED:
            yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; choose another name")
        elif not MARKER_NAME.fullmatch(name):
            message = "a marker's name starts with a letter and goes on with letters, digits, `_` or `-`, 100 at most"
            yield Finding(path, message)
        if marker.plausible is not None and marker.plausible[0] >= marker.plausible[1]:
            yield Finding((*path, "plausible"), "the lowest possible value comes first, then a higher one: [1, 7]")
        if marker.units and (study.data.layout is None or study.data.layout.unit is None):
            yield Finding((*path, "units"), "needs the column of units of a long table (data.layout.unit)")
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


def _filter_rules(study: Study) -> Iterator[Finding]:
    """The filter of reproducibility needs one table, and a table a filter."""
    filters = study.filters
    files = list(filters.files)
    if filters.icc is not None and not files:
        yield Finding(
            ("filters", "icc"), "needs a table of ICC values (filters.icc_table) or of repeated scans (retest)"
        )
    if filters.icc is None and files:
        yield Finding(
            ("filters", files[0].split(".")[1]), "is read for filters.icc, which is missing; for example 0.75"
        )
    if len(files) > 1:
        yield Finding(
            ("filters", "retest"), "name repeated scans or a table of ICC values (filters.icc_table), not both"
        )


def _predictor_rules(study: Study) -> Iterator[Finding]:
    """The predictor whose slope is wanted must be in a formula, or there is no slope."""
    growth = study.growth
    try:
        named = formula_names(growth.fixed) | formula_names(growth.random)
    except ValueError:
        return  # told with the formula
    if growth.slope_of == "time" and "time" not in named:
        message = "neither growth.fixed nor growth.random names `time`, so no patient has a slope; for example `~ time`"
        yield Finding(("growth", "fixed"), message)
    both = formula_names(growth.fixed) & formula_names(growth.random)
    if growth.slope_of not in ("time", *both):
        message = f"`{growth.slope_of}` must be in growth.fixed and growth.random: its slope is wanted"
        yield Finding(("growth", "slope_of"), message)


def _bayes_rules(study: Study) -> Iterator[Finding]:
    """Priors are of the engine bayes and of markers of the study; what has no counterpart in a posterior is refused."""
    if study.growth.engine != "bayes":
        if study.bayes != type(study.bayes)():
            yield Finding(
                ("bayes",), "is read for growth.engine: bayes alone; name that engine, or leave this part out"
            )
        return
    if not study.growth.reml:
        yield Finding(("growth", "reml"), "the engine bayes maximises no likelihood; leave this key out")
    if study.filters.q_value is not None:
        yield Finding(("filters", "q_value"), "tests the random slope by REML, which growth.engine: bayes is not")
    for name in study.bayes.priors:
        if name not in study.markers:
            yield Finding(("bayes", "priors", name), f"`{name}` is no marker of the study")


def _formula_rules(study: Study) -> Iterator[Finding]:
    """What the growth model is made of: its formulas, and the columns of its residual variance."""
    growth = study.growth
    yield from _predictor_rules(study)
    for key in ("residual_by", "weights"):
        if getattr(growth, key) == "time":
            yield Finding(("growth", key), "`time` is the patient's clock; name a column of the data")
        elif key == "residual_by" and growth.residual_by and growth.engine == "bayes":
            yield Finding(("growth", key), "the engine bayes has one residual variance; use engine: slopewise")
        elif getattr(growth, key) and growth.engine == "statsmodels":
            yield Finding(("growth", key), "the engine statsmodels has no such thing; use engine: slopewise")
    if growth.weights and growth.weights == growth.residual_by:
        yield Finding(("growth", "weights"), "is growth.residual_by already; a weight must be another column")
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
                yield Finding(path, f"`{name}` is data.patient, which is not a covariate")
            elif name == study.data.time and name != study.growth.slope_of:
                yield Finding(path, f"`{name}` is data.time; in a formula it is called `time`")


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
            yield Finding(path, f"`{name}` is {roles[name]}, which does not define groups of patients")
        elif name in RESERVED:
            yield Finding(path, f"the name `{name}` is reserved: it is {RESERVED[name]}; rename the column")
        elif name in study.markers:
            yield Finding(path, f"`{name}` is also a marker's name: give the marker another name")
    if not centre:
        return
    if not study.kind.predicts:
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
                f"`{centre}` is in {key} too: its effect cannot be estimated for a centre that is left out; leave it "
                "out of one of the two"
            )
            yield Finding(("data", "centre"), message)
