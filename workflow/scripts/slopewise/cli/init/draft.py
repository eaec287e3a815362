"""What `slopewise init` proposes, and how it is written: a study file in which every line says why it is there."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slopewise.cli.columns import listed, readable, scalar
from slopewise.cli.init.effects import ProposedEffect
from slopewise.cli.init.features import SPREAD, FeatureGroup
from slopewise.cli.init.guess import Proposal
from slopewise.cli.init.landmark import Moments
from slopewise.cli.init.markers import LeftOut, ProposedMarker, told_codes, told_factors
from slopewise.cli.init.outcome import ProposedOutcome
from slopewise.cohort.sentinels import as_code
from slopewise.study.formulas import AGE
from slopewise.study.keys_of_layout import Layout

WIDTH = 110
LISTED_MARKERS = 200
"""After so many markers the reasons are left out: nobody reads a thousand."""


@dataclass(frozen=True)
class Dialect:
    """How the files are written; ``auto`` is told from the files. The sheets of workbooks; empty: the only one."""

    delimiter: str = "auto"
    decimal: str = "auto"
    encoding: str = "auto"
    sheet: str = ""
    patients_sheet: str = ""
    subjects_sheet: str = ""

    @property
    def keys(self) -> dict[str, str]:
        """Those that the user told."""
        return {key: value for key, value in vars(self).items() if value not in ("auto", "")}


@dataclass(frozen=True)
class Draft:
    """All that is proposed, each with its reason."""

    name: str
    files: tuple[str, str | None]
    rows: tuple[int, int]
    written: str
    dialect: Dialect
    patient: Proposal
    patients_patient: str
    time: Proposal
    unit: Proposal
    date_format: str
    patients_date_format: str
    analysis_unit: Proposal
    time_zero: Proposal
    twins: int
    markers: list[ProposedMarker]
    left_out: list[LeftOut]
    outcome: ProposedOutcome
    moments: Moments
    trouble: str
    codes: Mapping[str, Mapping[float, int]] = field(default_factory=dict)
    """Columns in which numbers look like codes of a missing value, and how often each occurs."""

    features: Sequence[FeatureGroup] = ()
    """Groups of `markers` that are written as patterns."""
    layout: Layout | None = None
    """How a wide or a long table becomes a row per patient and time."""
    layout_why: str = ""
    birth_date: Proposal = field(default_factory=lambda: Proposal("", ""))
    """A column with the date of birth; without one, why there is none to propose, if a column is called so."""
    where: Mapping[str, str] = field(default_factory=dict)
    """Rows of the patients' table that are the outcome's: code by column."""
    subjects: str = ""
    """A third table with a row per patient."""
    rows_where: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Rows of the measurements that are read: codes by column."""
    where_why: str = ""

    effect: ProposedEffect = field(default_factory=ProposedEffect)

    @property
    def covariates(self) -> tuple[str, ...]:
        """The outcome's, with the age that a date of birth gives."""
        aged = self.outcome.found and self.birth_date.value
        return (*self.outcome.covariates, AGE) if aged else self.outcome.covariates

    @property
    def missing(self) -> list[str]:
        """All these codes, as files have them."""
        return [as_code(code) for code in sorted({code for found in self.codes.values() for code in found})]


def study_text(draft: Draft) -> str:
    """The study file."""
    lines = [
        *_comment(_opening(draft)),
        f"study: {draft.name}  # the results will lie in results/{draft.name}",
        'title: ""',
        "seed: 1  # all randomness comes from it: the same seed gives the same results",
        "",
        *_data(draft),
        "",
        *_markers(draft),
        "",
        *_comment("How a marker changes over time. Random effects: a patient-specific line."),
        'growth: {fixed: "~ time", random: "~ time"}',
        "",
        *draft.effect.lines,
        *([""] if draft.effect.lines else []),
        *_landmark(draft),
        "",
        *_outcome(draft),
    ]
    if draft.moments.folds != 5:
        few = f"Fewer folds than the usual 5: there are too few patients or events for more than {draft.moments.folds}."
        parts = [f"{key}: {{folds: {draft.moments.folds}}}" for key in ("crossfit", "validation")]
        lines += ["", *_comment(few), *parts]
    return "\n".join(lines) + "\n"


def _landmark(draft: Draft) -> list[str]:
    """The landmark; none where nothing is predicted, so that every row enters."""
    unit, moment = draft.analysis_unit.value, draft.moments.landmark
    if math.isinf(moment):
        why = draft.moments.reason
        told = f"{why[0].upper()}{why[1:]}. With a number, in {unit} since time zero, only rows up to then enter."
        return [*_comment(told), "landmark: none"]
    told = f"The moment from which one predicts, in {unit} since time zero. Only rows up to it enter"
    at_risk = ", and only patients still at risk then" if draft.outcome.found else ""
    return [*_comment(f"{told}{at_risk}: {draft.moments.reason}."), f"landmark: {moment:g}"]


def _comment(text: str, indent: str = "") -> list[str]:
    """A comment, wrapped."""
    mark = f"{indent}# "
    return textwrap.wrap(readable(text), WIDTH, initial_indent=mark, subsequent_indent=mark, break_on_hyphens=False)


def _key(key: str, proposal: Proposal, text: bool = True) -> list[str]:
    """A key below ``data`` with its reason above it."""
    value = scalar(proposal.value) if text else proposal.value
    return [*_comment(f"{key}: {proposal.reason}", "  "), f"  {key}: {value}"]


def _opening(draft: Draft) -> str:
    files = [f"{readable(draft.files[0])} ({draft.rows[0]} rows)"]
    if draft.files[1]:
        files.append(f"{readable(draft.files[1])} ({draft.rows[1]} patients)")
    return (
        f"Proposed by `slopewise init` from {' and '.join(files)}. It is a guess from names and values: read every "
        "line, change what is wrong (config/README.md explains each key), then run `slopewise check` on this file."
    )


def _data(draft: Draft) -> Iterator[str]:
    yield "data:"
    yield from _comment(f"read as: {draft.written}", "  ")
    yield f"  measurements: {scalar(draft.files[0])}"
    if draft.files[1]:
        yield f"  patients: {scalar(draft.files[1])}"
    if draft.subjects:
        yield f"  subjects: {scalar(draft.subjects)}  # its columns are joined to those of patients"
    for key, value in draft.dialect.keys.items():
        yield f"  {key}: {scalar(value)}"
    if draft.layout is not None and draft.layout.wide is not None:
        yield from _comment("layout: the times of the visits stand in the columns' names", "  ")
        yield f"  layout: {{wide: {scalar(draft.layout.wide)}}}"
    elif draft.layout is not None:
        keys = {key: column for key in ("parameter", "value", "unit") if (column := getattr(draft.layout, key))}
        why = f"; {draft.layout_why}" if draft.layout_why else ""
        told = f"layout: a row per patient, time and parameter; markers are named by the parameter{why}"
        yield from _comment(told, "  ")
        yield f"  layout: {{{', '.join(f'{key}: {scalar(column)}' for key, column in keys.items())}}}"
    if draft.rows_where:
        chosen = (f"{scalar(name)}: [{', '.join(map(_code, codes))}]" for name, codes in draft.rows_where.items())
        yield from _comment(f"where: {draft.where_why}", "  ")
        yield f"  where: {{{', '.join(chosen)}}}"
    for column, codes in draft.codes.items():
        yield from _comment(f"missing: in {readable(column)} {told_codes(codes)}: is it?", "  ")
    if draft.codes:
        yield f"  # missing: [{', '.join(draft.missing)}]"
    yield from _key("patient", draft.patient)
    if draft.patients_patient != draft.patient.value:
        yield f"  patients_patient: {scalar(draft.patients_patient)}"
    yield from _key("time", draft.time)
    yield from _key("time_unit", draft.unit)
    if draft.date_format != "auto":
        yield f"  date_format: {scalar(draft.date_format)}"
    if draft.patients_date_format:
        yield f"  patients_date_format: {scalar(draft.patients_date_format)}"
    yield from _key("analysis_unit", draft.analysis_unit)
    yield from _key("time_zero", draft.time_zero, text=False)
    if draft.birth_date.value and draft.outcome.found:
        yield from _key("birth_date", draft.birth_date)
    elif draft.birth_date.reason:
        yield from _comment(f"birth_date: {draft.birth_date.reason}", "  ")
    if draft.twins:
        yield from _comment(
            f"{draft.twins} rows share patient and time with an earlier row: their mean is taken; first, last and keep "
            "are the other ways, and error stops there",
            "  ",
        )
        yield "  duplicates: mean"


def _markers(draft: Draft) -> Iterator[str]:
    if draft.features:
        yield from _comment(
            "Features by pattern: each column that matches is a marker; transform: log where all values are "
            f"positive and the largest is more than {SPREAD:g} times the smallest. `exclude` leaves columns out."
        )
        yield "features:"
        for group in draft.features:
            yield from _comment(f"{len(group.columns)} columns", "  ")
            yield from group.lines
    by_pattern = {column for group in draft.features for column in group.columns}
    single = [marker for marker in draft.markers if marker.column not in by_pattern]
    if single:
        yield from _single_markers(single)
    if draft.left_out:
        yield from _comment("Left out:", "  ")
    for left in draft.left_out[:LISTED_MARKERS]:
        yield from _comment(f"- {readable(left.column)}: {left.reason}", "  ")


def _single_markers(markers: Sequence[ProposedMarker]) -> Iterator[str]:
    yield from _comment(
        "Markers: a name of yours, its column, and transform: log where values are skewed; unit and label are for the "
        "report."
    )
    yield "markers:"
    for marker in markers:
        if len(markers) <= LISTED_MARKERS:
            yield from _comment(f"{readable(marker.column)}: {marker.reason}", "  ")
        parts = [f"column: {scalar(marker.column)}"]
        parts += [f"transform: {marker.transform}"] if marker.transform != "none" else []
        if marker.factors:
            yield from _comment(f"{readable(marker.column)}: {told_factors(marker)}", "  ")
            factors = (f"{scalar(unit)}: {factor:.10g}" for unit, factor in marker.factors.items())
            parts.append(f"units: {{{', '.join(factors)}}}")
        parts += [f"unit: {scalar(marker.unit)}"] if marker.unit else []
        if marker.name != marker.label:
            parts.append(f"label: {scalar(marker.label)}")
        yield f"  {scalar(marker.name)}: {{{', '.join(parts)}}}"


def _outcome(draft: Draft) -> Iterator[str]:
    outcome = draft.outcome
    if outcome.found:
        yield from _comment(
            f"The outcome: {outcome.reason}. Is it the one you mean? `outcome: {{kind: none}}` describes the courses "
            "alone."
        )
        yield from _survival(draft, "")
        return
    yield from _comment(f"No outcome: {outcome.reason}. The courses are described and nothing is predicted.")
    yield "outcome: {kind: none}"
    yield from _comment(
        "To predict an event, replace that line by the following ones without their `#`, and give landmark a number:"
    )
    for line in _survival(draft, "COLUMN"):
        yield f"# {line}"


def _survival(draft: Draft, blank: str) -> Iterator[str]:
    """The keys of a survival outcome; `blank` stands where nothing was found."""
    outcome, unit = draft.outcome, draft.analysis_unit.value
    yield "outcome:"
    yield "  kind: survival"
    if draft.where:
        yield from _comment("where: the rows of one endpoint; each has a row per patient", "  ")
        yield f"  where: {{{', '.join(f'{scalar(name)}: {scalar(code)}' for name, code in draft.where.items())}}}"
    yield f"  time: {scalar(outcome.followup or blank)}  # end of follow-up, on the clock of data.time"
    yield from (line for remark in outcome.remarks for line in _comment(remark, "  "))
    yield f"  time_unit: {outcome.unit or draft.unit.value}"
    yield f"  event: {scalar(outcome.event or blank)}"
    if outcome.event_reason:
        yield from _comment(f"events: {outcome.event_reason}", "  ")
    yield f"  events: {_labels(outcome.events or {'1': 'event'})}"
    if outcome.competing:
        yield f"  competing: {_labels(outcome.competing)}"
    yield f"  censored: [{', '.join(_code(code) for code in outcome.censored or ('0',))}]"
    for name, why in outcome.described.items():
        yield from _comment(f"covariates: never {readable(name)}: it {why}", "  ")
    for name in outcome.asked_about:
        told = f"{readable(name)} has a few whole numbers: if they are codes, it is a category: C({readable(name)})"
        yield from _comment(f"covariates: {told}", "  ")
    if outcome.other_covariates:
        yield from _comment(f"covariates: more could be named: {listed(outcome.other_covariates)}", "  ")
    yield f"  covariates: [{', '.join(scalar(name) for name in draft.covariates)}]"
    horizons = draft.moments.horizons or (1.0,)
    yield f"  horizons: [{', '.join(f'{horizon:g}' for horizon in horizons)}]  # {unit} after the landmark"


def _labels(labels: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{_code(code)}: {scalar(label)}' for code, label in labels.items())}}}"


def _code(code: str) -> str:
    """A code of the data: a plain whole number as it is, all else in quotes."""
    return code if code.isascii() and code.isdigit() and str(int(code)) == code else scalar(code)
