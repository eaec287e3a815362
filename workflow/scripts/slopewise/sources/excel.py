"""Excel workbooks (.xlsx, .xlsm)."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from slopewise.run.errors import InputError
from slopewise.run.extras import needed
from slopewise.run.progress import uncounted
from slopewise.sources.sheets import chosen_sheet, counted_rows, sheet_table
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

OLD = b"\xd0\xcf\x11\xe0"
"""First bytes of a workbook that is protected by a password, or of the format before 2007."""


def read_excel(path: Path, name: str, data: Data, count: Callable[[int], None] = uncounted) -> TextTable:
    """One sheet of the workbook at `path`, `name` in messages: `data.sheet`, else the only one that is not empty.

    count: called with how many rows were read since it was called last.
    """
    with path.open("rb") as file:
        if file.read(4) == OLD:
            message = "is protected by a password or was made by Excel before 2007"
            raise InputError(f"{name}: {message}; save it as .xlsx without a password")
    openpyxl = needed("openpyxl", "excel", f"{name}: reading this kind of file")
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # of styles and of validations that are not kept: only values count
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            contents = {
                sheet.title: _rows(sheet, count) for sheet in book.worksheets if data.sheet in (None, sheet.title)
            }
        names = [sheet.title for sheet in book.worksheets]
        book.close()
    except (zipfile.BadZipFile, OSError, KeyError, ValueError, TypeError, SyntaxError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{name}: cannot be read as Excel ({reason}); save it again as .xlsx or as CSV") from error
    filled = [sheet for sheet, rows in contents.items() if rows]
    sheet = chosen_sheet(names, filled, data.sheet, name)
    _refuse_formulas(path, name, sheet, contents[sheet])
    return sheet_table(name, sheet, len(names) > 1, contents[sheet], "excel")


def _rows(sheet: Any, count: Callable[[int], None]) -> list[tuple[Any, ...]]:
    """The values of each row of a sheet, up to the last that is not blank."""
    sheet.reset_dimensions()  # what the file says of its size may be wrong
    rows = list(counted_rows(sheet.iter_rows(values_only=True), count))
    while rows and all(value is None for value in rows[-1]):
        rows.pop()
    return rows


def _refuse_formulas(path: Path, name: str, sheet: str, values: Sequence[Sequence[Any]]) -> None:
    """Refuse a sheet with formulas none of which has a value: programs that do not compute write such files."""
    with zipfile.ZipFile(path) as parts:
        sheets = [part for part in parts.namelist() if part.startswith("xl/worksheets/") and part.endswith(".xml")]
        if not any(b"<f>" in content or b"<f " in content for content in map(parts.read, sheets)):
            return
    openpyxl = needed("openpyxl", "excel", f"{name}: reading this kind of file")
    with warnings.catch_warnings(action="ignore"):
        book = openpyxl.load_workbook(path, read_only=True)
        book[sheet].reset_dimensions()
        formulas = [
            (row, values[row - 1][place] if row <= len(values) else None)
            for row, cells in enumerate(book[sheet].iter_rows(), start=1)
            for place, cell in enumerate(cells)
            if cell.data_type == "f"
        ]
        book.close()
    if formulas and all(value is None for _, value in formulas):
        message = f"no formula of the sheet {sheet} has a value (the first is in row {formulas[0][0]})"
        raise InputError(f"{name}: {message}; open the workbook in Excel and save it, so that they are computed")
