"""OpenDocument spreadsheets (.ods), as LibreOffice writes them."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from slopewise.run.errors import InputError
from slopewise.run.progress import uncounted
from slopewise.sources.sheets import chosen_sheet, counted_rows, sheet_table
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

SPACES = {
    "office": "urn:oasis:names:tc:opendocument:xmlns:office:1.0",
    "table": "urn:oasis:names:tc:opendocument:xmlns:table:1.0",
    "text": "urn:oasis:names:tc:opendocument:xmlns:text:1.0",
}
ROW_LIMIT = 1_048_576
"""Rows of a sheet; a file that repeats a filled row more often is broken."""


def read_opendocument(path: Path, name: str, data: Data, count: Callable[[int], None] = uncounted) -> TextTable:
    """One sheet of the spreadsheet at `path`, `name` in messages: `data.sheet`, else the only one that is not empty.

    count: called with how many rows were read since it was called last.
    """
    try:
        with zipfile.ZipFile(path) as parts:
            if b"encryption-data" in (parts.read("META-INF/manifest.xml") if _has_manifest(parts) else b""):
                raise InputError(f"{name}: is protected by a password; save it without one")
            root = ElementTree.fromstring(parts.read("content.xml"))
    except (zipfile.BadZipFile, KeyError, OSError, ElementTree.ParseError) as error:
        raise InputError(
            f"{name}: cannot be read as OpenDocument ({error}); save it again as .ods or as CSV"
        ) from error
    sheets = {
        str(_get(sheet, "table:name")): sheet for sheet in root.iterfind(".//office:spreadsheet/table:table", SPACES)
    }
    asked = {title: sheet for title, sheet in sheets.items() if data.sheet in (None, title)}
    contents = {title: rows for title, sheet in asked.items() if (rows := list(counted_rows(_rows(sheet), count)))}
    title = chosen_sheet(list(sheets), list(contents), data.sheet, name)
    return sheet_table(name, title, len(sheets) > 1, contents.get(title, []), "opendocument")


def _has_manifest(parts: zipfile.ZipFile) -> bool:
    return "META-INF/manifest.xml" in parts.namelist()


def _tag(name: str) -> str:
    space, _, local = name.partition(":")
    return f"{{{SPACES[space]}}}{local}"


def _get(element: ElementTree.Element, name: str) -> str | None:
    return element.get(_tag(name))


def _rows(sheet: ElementTree.Element) -> Iterator[list[str | float]]:
    """The values of each row of a sheet; blank rows at its end, which stand for the whole page, are left out."""
    blank = 0
    for row in sheet.iter(_tag("table:table-row")):
        times = int(_get(row, "table:number-rows-repeated") or 1)
        cells = _cells(row)
        if not cells:
            blank += times
            continue
        yield from ([] for _ in range(min(blank, ROW_LIMIT)))
        yield from (cells for _ in range(min(times, ROW_LIMIT)))
        blank = 0


def _cells(row: ElementTree.Element) -> list[str | float]:
    """The values of a row, without the empty cells at its end; cells that a merged one covers are empty."""
    found: list[str | float] = []
    empty = 0
    for cell in row:
        if cell.tag not in (_tag("table:table-cell"), _tag("table:covered-table-cell")):
            continue
        times = int(_get(cell, "table:number-columns-repeated") or 1)
        value = _value(cell)
        if value == "":
            empty += times
            continue
        found += [""] * empty + [value] * times
        empty = 0
    return found


def _value(cell: ElementTree.Element) -> str | float:
    """A cell's value: a number, or the text of a date (ISO), a boolean or a text; empty where it has none."""
    kind = _get(cell, "office:value-type")
    if kind in ("float", "percentage", "currency"):
        return float(str(_get(cell, "office:value")))
    if kind == "date":
        return str(_get(cell, "office:date-value")).removesuffix("T00:00:00")
    if kind == "boolean":
        return str(_get(cell, "office:boolean-value"))
    return "\n".join("".join(_texts(line)) for line in cell.iterfind("text:p", SPACES)).strip()


def _texts(element: ElementTree.Element) -> Iterator[str]:
    """The text of a paragraph, in which repeated blanks are elements."""
    yield element.text or ""
    for part in element:
        yield " " * int(_get(part, "text:c") or 1) if part.tag == _tag("text:s") else "".join(_texts(part))
        yield part.tail or ""
