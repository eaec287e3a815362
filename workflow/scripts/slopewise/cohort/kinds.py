"""Findings by kind: one line says how many there are of one kind, gives examples and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

from slopewise.cohort.findings import ERROR, NOTE, WARNING, DataFinding

EXAMPLES = 3
"""So many findings of one kind are given as examples."""

MOST_ALIKE = 4
"""Different cells of one kind of finding that a line shows; the others are counted."""

QUOTED = r"(?:(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)|\"(?:[^\"\\]|\\.)*\"|“[^”]*”)"
CELL = re.compile(rf"^{QUOTED}")
VARYING = re.compile(
    rf"(?<=\bmarkers\.)[\w-]+|(?<=\bmarker )[\w-]+|{QUOTED}|(?<![\w.])[-+−]?\d[\d.,]*(?:e[-+]?\d+)?(?!\w)"
)
"""What differs between messages of one kind: names of markers, quoted texts (a cell) and numbers."""


def general(problem: DataFinding, text: str) -> str:
    """A text of a finding with “…” for the names, numbers and quoted texts that differ within its kind."""
    for name in filter(None, (problem.patient, problem.column)):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "…", text)
    return VARYING.sub("…", text)


def _key(problem: DataFinding) -> tuple[str, ...]:
    """What findings of one kind share: single rows' their column, those about whole columns their words alone."""
    column = "" if problem.is_whole else problem.column or ""
    words = general(problem, problem.message), general(problem, problem.action)
    return problem.severity, problem.file, str(problem.is_whole), column, *words


@dataclass(frozen=True)
class Kind:
    """All findings of one kind, in order."""

    problems: tuple[DataFinding, ...]

    @property
    def first(self) -> DataFinding:
        """The first of them."""
        return self.problems[0]

    @property
    def concerned(self) -> int:
        """How many patients they are about; lines where no patient is known, columns where there is no line."""
        patients = {problem.patient for problem in self.problems if problem.patient is not None}
        lines = {problem.line for problem in self.problems if problem.line is not None}
        return len(patients) or len(lines) or len(self.problems)

    def __str__(self) -> str:
        """``m.csv: column bili: 98 × '<30', 26 × 'x' is not a number; correct it (first at line 5, patient 7)``."""
        first, number = self.first, len(self.problems)
        if number == 1:
            return str(first)
        places = first.place
        if not CELL.match(first.message):  # cells are examples enough
            places = "; ".join(problem.place for problem in self.problems[:EXAMPLES])
            places += f"; and {number - EXAMPLES:,} more" if number > EXAMPLES else ""
        said = self._message()
        if first.is_whole:
            return " ".join(f"{first.file}: {said} ({number:,} such findings: {places}); {first.action}".split())
        column = f"column {first.column}: " if first.column else ""
        return " ".join(f"{first.file}: {column}{said}; {first.action} (first at {places})".split())

    def _message(self) -> str:
        """The cells with how often each occurs; else the message, and how many there are like it."""
        first, number = self.first.message, len(self.problems)
        cells = Counter(found[0] for problem in self.problems if (found := CELL.match(problem.message)))
        if cells:
            common = cells.most_common(MOST_ALIKE)
            shown = ", ".join(f"{count:,} × {cell}" for cell, count in common)
            others = number - sum(count for _, count in common)
            return f"{shown}{f' and {others:,} more' if others else ''} {CELL.sub('', first).strip()}"
        if self.first.is_whole:
            return first
        if all(problem.message == first for problem in self.problems):
            return f"{number:,} × {first}"
        return f"{number:,} {self.first.severity}s such as: {first}"


def kinds(problems: Iterable[DataFinding]) -> list[Kind]:
    """The findings by kind, the gravest first.

    Errors come before warnings and notes; within them findings about a file as a whole, then those about most patients.
    """
    groups: dict[tuple[str, ...], list[DataFinding]] = {}
    for problem in problems:
        groups.setdefault(_key(problem), []).append(problem)
    rank = (ERROR, WARNING, NOTE)
    return sorted(
        (Kind(tuple(group)) for group in groups.values()),
        key=lambda kind: (rank.index(kind.first.severity), not kind.first.is_whole, -kind.concerned),
    )


def problems_of(frame: pd.DataFrame, severity: str) -> list[DataFinding]:
    """The findings of one severity in a table ``cohort/problems``."""
    records = frame[frame["severity"] == severity].to_dict("records")
    known: list[dict[str, Any]] = [
        {str(key): None if pd.isna(value) else value for key, value in record.items()} for record in records
    ]
    return [DataFinding(**record) for record in known]
