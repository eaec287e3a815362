"""Cells that a code of missing values emptied, counted for each column; a warning where values lie around the code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slopewise.cohort.findings import NOTE, WARNING, Findings
from slopewise.sources.numbers import NUMBER, numbers
from slopewise.sources.table import TextTable, shown


def tell_recoded(tables: Sequence[TextTable], codes: Sequence[str], findings: Findings) -> None:
    """Count the cells that held a code of missing values, and warn of a code that lies among a column's values.

    A code that no file holds is a note too: it may be misspelt.
    """
    for table in tables:
        _tell_table(table, findings)
    for code in codes:
        if not any(code == held for table in tables for _, held in table.recoded):
            message = f"no cell holds {shown(code)}, a code of data.missing"
            findings.add(NOTE, tables[0].name, message, "is it spelt as in the file?")


def _tell_table(table: TextTable, findings: Findings) -> None:
    for (column, code), count in table.recoded.items():
        what = f"{count} cell{'s' if count > 1 else ''} with {shown(code)} read as missing"
        if _among(table, column, code):
            message = f"{what}, although other values of the column lie on both sides of it"
            action = "is it a code in this column? if not, leave the cells empty and take it out of data.missing"
            findings.add(WARNING, table.name, message, action, column=column)
        else:
            findings.add(NOTE, table.name, what, "as given in data.missing", column=column)
    for (column, code), count in table.declared.items():
        what = f"{count} cell{'s' if count > 1 else ''} with the user-missing value {shown(code)} read as missing"
        findings.add(NOTE, table.name, what, "as the file declares", column=column)
    for column, what, why in table.notes:
        findings.add(NOTE, table.name, what, why, column=column or None)


def _among(table: TextTable, column: str, code: str) -> bool:
    """Whether a code that is a number has numbers of the column on both sides."""
    if not NUMBER["."].fullmatch(code) or column not in table.text.columns:  # the column of a long table's values
        return False
    values = numbers(table, column)[0]
    return bool(np.any(values < float(code)) and np.any(values > float(code)))
