"""What was found in the user's data: collected while reading, reported all together, never silently mended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import pandas as pd

from slopewise.run.errors import InputError
from slopewise.sources.readers import place_word
from slopewise.sources.table import BadCell, TextTable
from slopewise.study.keys import MISSING

ERROR, WARNING, NOTE = "error", "warning", "note"
MOST_CELLS = 10_000
"""After so many bad cells of one column the rest is counted: one that is wrong throughout needs no million lines."""


@dataclass(frozen=True)
class DataFinding:
    """One finding: where (file; line from 1, patient, column as far as they are known), what, and what to do."""

    severity: str
    file: str
    line: int | None
    patient: str | None
    column: str | None
    message: str
    action: str

    def __str__(self) -> str:
        named = ((place_word(self.file), self.line), ("patient", self.patient), ("column", self.column))
        place = ", ".join(f"{word} {value}" for word, value in named if value is not None)
        text = ": ".join(part for part in (self.file, place, f"{self.message}; {self.action}") if part)
        return " ".join(text.split())  # a patient or a column's name may hold a line end

    @property
    def place(self) -> str:
        """``line 4, patient P001``, as far as they are known; the column of a finding about a whole file."""
        named = ((place_word(self.file), self.line), ("patient", self.patient))
        known = [f"{word} {value}" for word, value in named if value is not None]
        return ", ".join(known) or (f"column {self.column}" if self.column else "")

    @property
    def is_whole(self) -> bool:
        """Whether it is about a file or a column as a whole."""
        return self.line is None and self.patient is None


class CohortError(InputError):
    """Errors in the data: the message gives the first and how many more; `problems` has all findings as a frame."""

    def __init__(self, message: str, problems: pd.DataFrame) -> None:
        super().__init__(message)
        self.problems = problems


class Findings:
    """Collects the problems of one preparation; a line of one of `tables` is reported with the file that it is in."""

    def __init__(self, *tables: TextTable) -> None:
        self._problems: list[DataFinding] = []
        self._tables = {table.name: table for table in tables}

    def add(
        self,
        severity: str,
        file: str,
        message: str,
        action: str,
        *,
        line: int | None = None,
        patient: str | None = None,
        column: str | None = None,
    ) -> None:
        """Add one finding."""
        if line is not None:
            file, line = self._located(file, line)
        self._problems.append(DataFinding(severity, file, line, patient or None, column, message, action))

    def place(self, file: str, line: int) -> str:
        """``line 3``, for the inside of a message on `file`; of a table of several files ``line 3 of visits_2.csv``."""
        own, line = self._located(file, line)
        return f"{place_word(own)} {line}" + (f" of {own}" if own != file else "")

    def places(self, file: str, lines: Iterable[int]) -> str:
        """``lines 3, 7``, likewise."""
        found = [self._located(file, line) for line in lines]
        if all(own == file for own, _ in found):
            return f"{place_word(file)}s {', '.join(str(line) for _, line in found)}"
        return ", ".join(f"{place_word(own)} {line} of {own}" for own, line in found)

    def _located(self, file: str, line: int) -> tuple[str, int]:
        return self._tables[file].located(line) if file in self._tables else (file, int(line))

    def add_cells(
        self,
        table: TextTable,
        column: str,
        bad: Iterable[BadCell],
        action: str,
        patient_column: str,
        severity: str = ERROR,
    ) -> None:
        """Add a finding for each bad cell of a column, with its line and patient."""
        bad = list(bad)
        for cell in bad[:MOST_CELLS]:
            named, line = table.text[patient_column].iloc[cell.row], table.line(cell.row, column)
            patient = None if named in MISSING else named
            place = table.column(cell.row, column)
            self.add(severity, table.name, cell.message, action, line=line, patient=patient, column=place)
        if len(bad) > MOST_CELLS:
            message = f"{len(bad) - MOST_CELLS} more cells of this column are like that"
            self.add(severity, table.name, message, action, line=table.line(bad[MOST_CELLS].row, column), column=column)

    def sorted(self) -> list[DataFinding]:
        """Errors first, then by file, line and column."""
        rank = (ERROR, WARNING, NOTE)
        return sorted(
            self._problems, key=lambda p: (rank.index(p.severity), p.file, p.line or 0, p.column or "", p.message)
        )

    def frame(self) -> pd.DataFrame:
        """The findings as the table ``cohort/problems``."""
        columns = ["severity", "file", "line", "patient", "column", "message", "action"]
        frame = pd.DataFrame([asdict(problem) for problem in self.sorted()], columns=columns, dtype=object)
        return frame.astype({"line": "Int64"})

    def stop_at_errors(self) -> None:
        """Raise `CohortError` when an error was found."""
        errors = [problem for problem in self.sorted() if problem.severity == ERROR]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise CohortError(f"{errors[0]}{more}", self.frame())
