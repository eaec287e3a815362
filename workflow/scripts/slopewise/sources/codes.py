"""Codes of missing values (`data.missing`): such cells become empty, and are counted."""

from __future__ import annotations

from dataclasses import replace

from slopewise.sources.numbers import NUMBER
from slopewise.sources.table import TextTable
from slopewise.study.keys import MISSING, Data


def without_codes(table: TextTable, data: Data) -> TextTable:
    """The table with empty cells where a code of `data.missing` stands; patients' ids stay as they are."""
    if not data.missing:
        return table
    found: dict[tuple[str, str], int] = {}
    text = table.text.copy()
    for column in (str(name) for name in text.columns if name not in (data.patient, data.patients_patient)):
        spelt = {cell: code for cell in set(text[column]) - MISSING if (code := _code_of(cell, table.decimal, data))}
        codes = text[column].map(spelt)
        counts = codes.value_counts()
        found |= {(column, str(code)): int(counts[code]) for code in data.missing if code in counts}
        text[column] = text[column].mask(codes.notna(), "")
    return replace(table, text=text, recoded=found)


def _code_of(cell: str, decimal: str, data: Data) -> str | None:
    """The code of `data.missing` that a cell holds, as text or as a number, if any."""
    if cell in data.missing:
        return cell
    if not NUMBER[decimal].fullmatch(cell):
        return None
    number = float(cell.replace(decimal, "."))
    return next((code for code in data.missing if NUMBER["."].fullmatch(code) and float(code) == number), None)
