"""`slopewise init --kind crossover`: the treatment, its reference, period and sequence of a table."""

from __future__ import annotations

import re
from collections.abc import Callable

from slopewise.cli.columns import Column, is_constant, named, readable, scalar
from slopewise.cli.init.guess import Look
from slopewise.cli.init.proposed_effect import ProposedEffect
from slopewise.cohort.named_units import vocabulary
from slopewise.run.errors import InputError
from slopewise.sources.table import TextTable

TREATMENT = vocabulary(
    "treatment treat trt trtp trta arm drug therapy intervention condition product formulation device diet dose "
    "behandlung therapie medikament traitement tratamiento behandeling"
)
PERIOD = vocabulary("period phase visit occasion session block aperiod periode periodo")
SEQUENCE = vocabulary("sequence seq order group sequenz folge ordre secuencia volgorde trtseqp")
CONTROL = re.compile(
    r"(0|r|ref|reference|placebo|plac|plc|pbo|control|ctrl|none|no|standard|usual|tau|off|baseline)", re.I
)
"""Levels that read as the reference."""
MOST_PERIODS, MOST_SEQUENCES = 20, 12


def guess_crossover(seen: Look, patient: str, time: str, date_format: str) -> ProposedEffect:
    """The effect of a treatment that patients have had both ways; `InputError` where no column looks like one."""
    table = seen.measurements
    two, treatment, reference, other = changing_treatment(
        seen, patient, time, "the treatment of a crossover trial", "crossover"
    )
    period = _column(seen, table, PERIOD, {patient, treatment.name}, MOST_PERIODS, lambda name: True)
    sequence = _column(
        seen, table, SEQUENCE, {patient, treatment.name, period}, MOST_SEQUENCES,
        lambda name: is_constant(table, patient, name),
    ) if period else ""  # fmt: skip
    lines = [
        f"# The effect of {readable(treatment.name)} {readable(other)} against {readable(reference)}: is the reference "
        "the right one?",
        "effects:",
        f"  treatment: {{column: {scalar(treatment.name)}, reference: {scalar(reference)}}}",
    ]
    lines += [f"  period: {scalar(period)}"] if period else ["  # period: COLUMN, where values may change over periods"]
    lines += [f"  sequence: {scalar(sequence)}"] if sequence else []
    lines.append("  # meaningful: NUMBER, the smallest effect that matters, in units of the marker after the transform")
    same = [column.name for column in two if column is not treatment and _repeats(table, column.name, treatment.name)]
    columns = frozenset({treatment.name, period, sequence, *same} - {"", time})
    parts = [
        f"{treatment.name}, {other} against {reference}",
        f"period {period}" if period else "",
        f"sequence {sequence}" if sequence else "",
    ]
    return ProposedEffect(tuple(lines), columns, "; ".join(readable(part) for part in parts if part))


def changing_treatment(
    seen: Look, patient: str, time: str, what: str, kind: str
) -> tuple[list[Column], Column, str, str]:
    """Columns of two levels that change within patients; the one that is called a treatment; its two levels."""
    table = seen.measurements
    two = [
        column
        for name, column in seen.columns.items()
        if name not in (patient, time) and column.distinct == 2 and not is_constant(table, patient, name)
    ]
    if not two:
        raise InputError(
            f"{table.name}: no column has two levels that change within a patient, as {what} does; check the table, or "
            f"leave out --kind {kind}"
        )
    treatment = max(two, key=lambda column: (named(column.name, TREATMENT, ("treat", "trt")), not column.is_number))
    levels = sorted(set(table.text[treatment.name][~table.missing(treatment.name)]))
    reference = next((level for level in levels if CONTROL.fullmatch(level.strip())), levels[0])
    return two, treatment, reference, next(level for level in levels if level != reference)


def _column(
    seen: Look, table: TextTable, words: frozenset[str], gone: set[str], most: int, fits: Callable[[str], bool]
) -> str:
    """The column whose name says it best, among those with 2 to `most` values; empty where none says it."""
    found = [
        column for name, column in seen.columns.items()
        if name not in gone and 2 <= column.distinct <= most and named(name, words) and fits(name)
    ]  # fmt: skip
    best: Column | None = max(found, key=lambda column: named(column.name, words), default=None)
    return best.name if best else ""


def _repeats(table: TextTable, name: str, other: str) -> bool:
    """Whether a column of two levels is another one in other codes."""
    return len(table.text[[name, other]].drop_duplicates()) == 2
