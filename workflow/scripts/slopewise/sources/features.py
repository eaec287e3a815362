"""The markers that patterns stand for (`features` in the study file), from the columns of the measurements.

What a pattern must not match (text, `diagnostics_*`, a column that the study uses otherwise) is an error in one
sentence. What it may match but nobody can analyse (no value, one value, infinite values) is left out and listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cache
from pathlib import Path

import numpy as np

from slopewise.run.errors import InputError
from slopewise.sources.long import pivoted
from slopewise.sources.numbers import numbers
from slopewise.sources.readers import read_table
from slopewise.sources.selected import need_column, selected
from slopewise.sources.table import TextTable, shown
from slopewise.study.formulas import RESERVED
from slopewise.study.keys import MISSING, ColumnReference, Data, Marker
from slopewise.study.keys_of_layout import Layout
from slopewise.study.keys_of_many import Features
from slopewise.study.model import Study

MOST = 20_000
"""Features of a study at most."""
SHOWN = 3
LONGEST = 96
"""Characters of a marker's name; up to 4 more make it unique."""
SHOWN = 6
"""Columns that a message names, of many."""
DIAGNOSTICS = "diagnostics_"
PYRADIOMICS = re.compile(r"[A-Za-z0-9.-]+_[a-z0-9]+_.+")
"""``<image type>_<feature class>_<feature>``."""
IMAGE_FEATURE = re.compile(
    r"(original|wavelet|log-sigma|square|squareroot|logarithm|exponential|gradient|lbp)[A-Za-z0-9.-]*_[a-z0-9]+_.+"
)
"""The same with an image type that PyRadiomics has: a column of this name is a feature of an image."""


@dataclass(frozen=True)
class Matched:
    """A column that the group of patterns `group` claims."""

    column: str
    group: str


def expanded(study: Study, folder: Path) -> Study:
    """The study with a marker for each column that `features` matches; the study itself where it has no patterns.

    Of a long table the patterns match the parameters.

    Paths are taken from `folder`. Raises `InputError` for a pattern that matches no column or one that is no feature,
    for a column that two patterns claim, and where nothing is left.
    """
    if not study.features:
        return study
    table = read_table(folder, study.data.files["data.measurements"], "data.measurements", study.data)
    layout = study.data.layout
    if layout is None:
        matched = _claimed(study, table.name, [str(name) for name in table.text.columns])
    else:
        table, codes = _parameters(table, study.data, layout)
        matched = _claimed(study, table.name, codes)
        every = {one.column: Marker(column=one.column) for one in matched}
        table = pivoted(table, study.data, every)
    kept, left_out = _analysable(table, matched)
    markers = dict(study.markers) | dict(_markers(study, kept))
    if not markers:
        raise InputError(
            f"features: none of {len(matched)} columns can be analysed; {_first_reason(left_out)}; name others"
        )
    data = study.data.model_copy(update={"left_out": {**study.data.left_out, **left_out}})
    return study.model_copy(update={"markers": markers, "features": {}, "data": data})


def _parameters(table: TextTable, data: Data, layout: Layout) -> tuple[TextTable, list[str]]:
    """The rows of a long table that the study reads, and its parameters in the order of the file."""
    table = selected(table, data.where, "data.where")
    assert layout.parameter is not None
    need_column(table, layout.parameter, "data.layout.parameter")
    return table, [str(code) for code in table.text[layout.parameter].unique() if code not in MISSING]


def listed(columns: Sequence[str]) -> str:
    """The first of many columns, and how many more there are."""
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return ", ".join(map(shown, columns[:SHOWN])) + more


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a column's name matches one of the patterns, upper and lower case told apart."""
    return any(_compiled(pattern).match(name) for pattern in patterns)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern))


def family(column: str, group: str) -> str:
    """The family of a feature: image type and class of a name that PyRadiomics wrote, else the group of patterns."""
    return "_".join(column.split("_")[:2]) if PYRADIOMICS.fullmatch(column) else group


def _claimed(study: Study, file: str, columns: list[str]) -> list[Matched]:
    """Each column that a group claims, in the order of the file; what no group may claim is refused."""
    roles = _roles(study)
    own = {marker.column: f"markers.{name}" for name, marker in study.markers.items()}
    found: dict[str, str] = {}
    for name, group in study.features.items():
        for pattern in group.pattern:
            if not any(matches(column, [pattern]) for column in columns):
                raise InputError(
                    f"features.{name}: {pattern!r} matches no column of {file}; the columns are {listed(columns)}, and "
                    "upper and lower case differ"
                )
        chosen = [c for c in columns if matches(c, group.pattern) and not matches(c, group.exclude)]
        if not chosen:
            raise InputError(f"features.{name}: everything that the pattern matches is excluded; leave some of it")
        _refuse(name, [column for column in chosen if column.startswith(DIAGNOSTICS)], "how features were computed")
        for column in chosen:
            if column in roles:
                _refuse(name, [column], f"{roles[column]}")
            if column in own or column in found:
                other = own.get(column) or f"features.{found[column]}"
                message = f"column {shown(column)} is claimed by {other}, too; leave it out of one of them (exclude)"
                raise InputError(f"features.{name}: {message}")
            found[column] = name
    if len(found) > MOST:
        raise InputError(f"features: {len(found)} columns match, and {MOST} are the most; exclude some")
    unknown = [column for column in study.data.left_out if column not in found]
    if unknown:
        raise InputError(f"data.left_out: no pattern of features matches a column {shown(unknown[0])}")
    return [Matched(column, found[column]) for column in columns if column in found and not _left(study, column)]


def _left(study: Study, column: str) -> bool:
    return column in study.data.left_out


def _refuse(name: str, columns: list[str], what: str) -> None:
    """Refuse columns that are no features, if there are any."""
    if columns:
        more = f" (and {len(columns) - 1} more)" if len(columns) > 1 else ""
        way = f"{DIAGNOSTICS}*" if columns[0].startswith(DIAGNOSTICS) else columns[0]
        raise InputError(
            f"features.{name}: the pattern matches {shown(columns[0])}{more}, which is {what} and no feature; add "
            f'"{way}" to features.{name}.exclude'
        )


def _roles(study: Study) -> dict[str, str]:
    """What else the study uses columns for."""
    data, outcome = study.data, study.outcome
    listed: list[tuple[str | None, str]] = [(data.patient, "data.patient"), (data.time, "data.time")]
    listed += [(getattr(outcome, key), f"outcome.{key}") for key in ("time", "event", "column", "entry")]
    listed += [(name, "a covariate of the outcome") for name in outcome.covariates]
    listed += [(name, "a stratum of the outcome") for name in outcome.strata]
    listed += [(name, "in the growth model") for name in study.growth_columns]
    listed += [(name, key) for name, key in study.effect_columns.items()]
    listed += [(name, "a column of groups") for name in study.grouping]
    if data.lesion is not None:
        listed.append((data.lesion.column, "data.lesion.column"))
    if isinstance(data.time_zero, ColumnReference):
        listed.append((data.time_zero.column, "data.time_zero"))
    return {name: role for name, role in listed if name is not None}


def _analysable(table: TextTable, matched: list[Matched]) -> tuple[list[Matched], dict[str, str]]:
    """The columns that hold numbers which vary, and why each other one is left out; a column of text is refused."""
    kept, left_out = [], {}
    text: dict[str, list[str]] = {}
    for one in matched:
        values, bad = numbers(table, one.column)
        known = values[~np.isnan(values)]
        words = [cell for cell in bad if not cell.numeric]
        if words and 2 * len(words) > len(known) + len(bad):
            text.setdefault(one.group, []).append(one.column)
        elif bad and not words:
            left_out[one.column] = f"{len(bad)} values are infinite or no numbers"
        elif words:
            kept.append(one)  # single cells that are no numbers: errors of the cohort, each with its line
        elif not len(known):
            left_out[one.column] = "it has no value"
        elif np.ptp(known) == 0:
            left_out[one.column] = "it has one value in all rows"
        else:
            kept.append(one)
    for group, columns in text.items():
        _refuse(group, columns, "a column of text")
    return kept, left_out


def _first_reason(left_out: dict[str, str]) -> str:
    column, reason = next(iter(left_out.items()), ("", "all of them are in data.left_out"))
    return f"{shown(column)}: {reason}" if column else reason


def _markers(study: Study, kept: list[Matched]) -> Iterator[tuple[str, Marker]]:
    """A name and a marker for each column."""
    taken = {*study.markers, *RESERVED, *_roles(study)}
    for one in kept:
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", one.column)
        plain = (plain if re.match("[A-Za-z]", plain) else f"f_{plain}")[:LONGEST]
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        taken.add(name)
        group: Features = study.features[one.group]
        told = {key: getattr(group, key) for key in ("transform", "unit") if key in group.model_fields_set}
        yield name, Marker(column=one.column, family=family(one.column, one.group), **told)
