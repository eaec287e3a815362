"""Text whose cells a comma, semicolon, tab or bar separates."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.progress import shared, uncounted
from slopewise.run.words import amount
from slopewise.sources.numbers import find_decimal
from slopewise.sources.plain import read_plain
from slopewise.sources.table import TextTable, refuse_twins, shown, told_apart
from slopewise.study.keys import Data

DELIMITERS = (",", ";", "\t", "|")


def read_delimited(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The file at `path`, `name` in messages; delimiter, encoding and decimal mark as `data` has them, else found.

    count: called with the share of the rows that each part has.
    """
    return parse_delimited(path.read_bytes(), name, data, count)


def parse_delimited(content: bytes, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The same from the bytes of a file."""
    text, encoding = _decode(content, name, data.encoding)
    delimiter = _find_delimiter(text) if data.delimiter == "auto" else data.delimiter
    plain = read_plain(text, delimiter, count=count)
    columns, lines = plain if plain is not None else _by_record(text, delimiter, name, count)
    frame = pd.DataFrame(columns, dtype=object)
    found = data.decimal == "auto"
    decimal = find_decimal(columns, name, delimiter) if found else data.decimal
    return TextTable(name, frame, lines, encoding, decimal, found)


def _by_record(
    text: str, delimiter: str, name: str, count: Callable[[float], None] = uncounted
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The cells of each column that has a name, and the line of each row, whatever the text holds."""
    records = _records(text, delimiter, name)
    if not records:
        raise InputError(f"{name}: the file is empty; it needs a line with the columns' names and rows below it")
    header = told_apart([column.strip() for column in records[0][1]])
    refuse_twins(header, name)
    if len(records) == 1:
        raise InputError(f"{name}: the file has no rows below the columns' names; export it again")
    if any(_is_ragged(cells, len(header)) for _, cells in records[1:]):
        _refuse_notes(records, name)
    rows = [_whole_row(cells, len(header), line, name, delimiter) for line, cells in shared(records[1:], count)]
    # Programs write row numbers into a column without a name; it cannot be asked for, so it is left out.
    columns = {
        column: np.array([row[place] for row in rows], dtype=object) for place, column in enumerate(header) if column
    }
    return columns, np.array([line for line, _ in records[1:]], dtype=np.int64)


def _decode(content: bytes, name: str, encoding: str) -> tuple[str, str]:
    """The text of a file and its encoding: as told, else by byte order mark, else UTF-8 if it is that, else Latin-1."""
    if content[:4] == b"PK\x03\x04" or content[:2] == b"\x1f\x8b":
        raise InputError(
            f"{name}: this is a compressed or Excel file under the name of a CSV file; save it as CSV text"
        )
    if encoding == "auto":
        encoding = "latin-1"
        if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16"
        elif _is_utf8(content):
            encoding = "utf-8"
    try:
        text = content.decode("utf-8-sig" if encoding.lower() in ("utf-8", "utf8") else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}: line {line}: cannot be read as {encoding}; set data.encoding") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise InputError(f"{name}: line {line}: holds a NUL character, so this is not a text file; save it as CSV text")
    return text, encoding


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _find_delimiter(text: str) -> str:
    """The delimiter that cuts the first lines into equally many cells, the most of them."""
    best, most = ",", (False, 1)
    sample = text[:65536] if len(text) <= 65536 else text[: text.rfind("\n", 0, 65536) + 1 or 65536]
    for delimiter in DELIMITERS:
        try:
            widths = [len(cells) for cells in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if cells]
        except csv.Error:
            continue
        score = (len(set(widths[:50])) == 1, widths[0] if widths else 0)
        if score[1] > 1 and score > most:
            best, most = delimiter, score
    return best


def _records(text: str, delimiter: str, name: str) -> list[tuple[int, list[str]]]:
    """Each record that is not blank, with the line on which it starts (a quoted cell may hold line ends)."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    records, line = [], 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                records.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        if "field limit" in str(error):
            message = f"a cell has more than {csv.field_size_limit():,} characters, or a quoted cell is not closed"
            raise InputError(f"{name}: line {line}: {message}; shorten it") from error
        raise InputError(
            f"{name}: line {line}: a quoted cell is not closed or is broken ({error}); correct its quotes"
        ) from error
    return records


def _refuse_notes(records: list[tuple[int, list[str]]], name: str) -> None:
    """A first or last line of a few cells, where all others have equally many, is a note and no row of the table."""
    widths = [len(cells) for _, cells in records]
    for place, others in ((0, widths[1:]), (-1, widths[:-1])):
        if len(others) > 1 and len(set(others)) == 1 < others[0] and widths[place] <= max(1, others[0] // 2):
            line, cells = records[place]
            message = f"{amount(widths[place], 'cell')} ({shown(cells[0])}) where all other lines have {others[0]}"
            raise InputError(f"{name}: line {line}: {message}; delete the line if it is a note, or complete it")


def _is_ragged(cells: list[str], width: int) -> bool:
    """Whether a row has fewer cells than names, or a text beyond them."""
    return len(cells) < width or any(cell.strip() for cell in cells[width:])


def _whole_row(cells: list[str], width: int, line: int, name: str, delimiter: str) -> list[str]:
    cells = [cell.strip() for cell in cells]
    if _is_ragged(cells, width):
        mark = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(delimiter, delimiter)
        message = f"{amount(len(cells), 'cell')} where the columns' names are {width} (delimiter: {mark})"
        raise InputError(f"{name}: line {line}: {message}; quote cells that hold the delimiter, or set data.delimiter")
    return cells[:width]
