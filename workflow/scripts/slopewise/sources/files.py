"""Reading files: a CSV or Parquet file becomes a table of text with the line of each row.

Everything stays text until a column is asked for as numbers, so that a patient `001` is not `1` and so that a
message can show the cell as the file spells it. Nothing here knows what the columns mean.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError
from slopewise.run.short_repr import ShortRepr
from slopewise.study.errors import close_to
from slopewise.study.files import input_file
from slopewise.study.keys import MISSING, Data

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
PARQUET_SUFFIXES = (".parquet", ".pq")
DELIMITERS = (",", ";", "\t", "|")

INFINITE = re.compile(r"[-+]?inf(inity)?", re.IGNORECASE)
DECIMAL_COMMA = re.compile(r"[-+]?[0-9]*,[0-9]+([eE][-+]?[0-9]+)?")
DECIMAL_POINT = re.compile(r"[-+]?[0-9]*\.[0-9]+([eE][-+]?[0-9]+)?")
THOUSANDS = {mark: re.compile(rf"[-+]?[1-9][0-9]{{0,2}}[{mark}][0-9]{{3}}") for mark in ".,"}
"""Numbers in which the mark may be that of decimals or that of thousands."""
HUNDREDS = re.compile(r"[-+]?[1-9][0-9]{2}")
BARE_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{3,}([.,][0-9]*)?")
GROUPED = re.compile(r"[-+]?[0-9]{1,3}([,.'’ \u00a0\u202f])[0-9]{3}(\1[0-9]{3})*([.,][0-9]+)?")
NUMBER = {
    ".": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
    ",": re.compile(r"[-+]?([0-9]+,?[0-9]*|,[0-9]+)([eE][-+]?[0-9]+)?"),
}


@dataclass(frozen=True, repr=False)
class Table(ShortRepr):
    """A file as text.

    `name` is the path as the study gives it; `text` has a column of str for each named column of the file, cells
    stripped of white space around them; `lines` the line (CSV) or row (Parquet) of each, from 1; `encoding` and
    `decimal` are what was told or found (`decimal_found`: the mark was found). `recoded` counts the cells of a column
    that held a code of `data.missing` and are empty now, by (column, code).
    """

    name: str
    text: pd.DataFrame
    lines: np.ndarray
    encoding: str
    decimal: str
    decimal_found: bool = False
    recoded: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def missing(self, column: str) -> np.ndarray:
        """Which cells of a column mean a missing value."""
        return self.text[column].isin(MISSING).to_numpy()


@dataclass(frozen=True)
class BadCell:
    """A cell that is not what its column must hold: position in the table (from 0) and what is wrong with it.

    `numeric`: it is meant as a number all the same (infinite, or with the other decimal mark).
    """

    row: int
    message: str
    numeric: bool = False


def read_table(folder: Path, name: str, key: str, data: Data) -> Table:
    """Read the file `name` (beside `folder` unless absolute) that the study gives under `key`.

    Raises `InputError` when there is no such file, when it is empty or broken, or when a column's name stands twice.
    """
    path = input_file(folder, name, key)
    if path.suffix.lower() in PARQUET_SUFFIXES:
        return _without_codes(_read_parquet(path, name), data)
    if path.suffix.lower() in CSV_SUFFIXES:
        return _without_codes(_read_csv(path, name, data), data)
    known = " ".join((*CSV_SUFFIXES, *PARQUET_SUFFIXES))
    raise InputError(f"{name}: files ending in {path.suffix!r} are not read ({key}); save it as one of: {known}")


def read_patients(folder: Path, data: Data, key: str = "data.patients") -> Table | None:
    """The table `data.patients`, its column of the patient called as in the measurements; None where there is none.

    `key`: what names the file, for messages.

    Raises `InputError` as `read_table` does, and where `data.patients_patient` names no column.
    """
    if data.patients is None:
        return None
    table = read_table(folder, data.patients, key, data)
    names = [str(name) for name in table.text.columns]
    if data.patients_patient is None or (key != "data.patients" and data.patients_patient not in names):
        return table  # the files of new patients may have one name for both
    if data.patients_patient not in names:
        close = close_to(data.patients_patient, names, 0.8)
        meant = f"; did you mean {close!r}?" if close else ""
        there = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
        message = f"there is no such column (data.patients_patient){meant}; the columns there are: {there}"
        raise InputError(f"{data.patients}: column {data.patients_patient}: {message}")
    return called_alike(table, data.patients_patient, data.patient)


def called_alike(table: Table, column: str, name: str) -> Table:
    """The table with `column` under another name; a column that has that name already is another one, and goes."""
    text = table.text
    if column != name:
        text = text.drop(columns=[name], errors="ignore").rename(columns={column: name})
    return replace(table, text=text)


def numbers(table: Table, column: str) -> tuple[np.ndarray, list[BadCell]]:
    """A column as float64 (NaN where missing), and the cells that are no finite number (NaN there too)."""
    pattern, decimal = NUMBER[table.decimal], table.decimal
    values = np.full(len(table.text), np.nan)
    bad = []
    unclear = table.decimal_found and _may_be_thousands(table.text[column], decimal)
    for row, cell in enumerate(table.text[column]):
        if cell in MISSING:
            continue
        if unclear and THOUSANDS[decimal].fullmatch(cell):
            bad.append(BadCell(row, f"{shown(cell)} {EITHER}; set data.decimal, or write it without marks", True))
            continue
        if pattern.fullmatch(cell):
            values[row] = float(cell.replace(",", ".") if decimal == "," else cell)
            if math.isfinite(values[row]):
                continue
            values[row] = np.nan
        bad.append(_no_number(row, cell, decimal))
    return values, bad


def _no_number(row: int, cell: str, decimal: str) -> BadCell:
    if INFINITE.fullmatch(cell) or NUMBER[decimal].fullmatch(cell):
        return BadCell(row, f"{shown(cell)} is not a finite number", numeric=True)
    if NUMBER["," if decimal == "." else "."].fullmatch(cell):
        return BadCell(row, f"{shown(cell)} is not a number where the decimal mark is {decimal!r}", numeric=True)
    if GROUPED.fullmatch(cell):
        return BadCell(row, f"{shown(cell)} has marks of thousands, which are not read", numeric=True)
    return BadCell(row, f"{shown(cell)} is not a number")


EITHER = "could be a decimal mark or a mark of thousands"


def _may_be_thousands(cells: Iterable[str], mark: str) -> bool:
    """Whether the marks of a column may be those of thousands: three digits after each, and whole hundreds without."""
    marked = [cell for cell in cells if mark in cell]
    if not marked or not all(THOUSANDS[mark].fullmatch(cell) for cell in marked):
        return False
    bare = [cell for cell in cells if mark not in cell]
    return any(HUNDREDS.fullmatch(cell) for cell in bare) and not any(BARE_THOUSANDS.fullmatch(cell) for cell in bare)


def _without_codes(table: Table, data: Data) -> Table:
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


def shown(cell: str) -> str:
    """A cell as it can stand in a message of one line: quoted, at most 40 characters."""
    return repr(cell if len(cell) <= 40 else cell[:37] + "...")


# -- CSV --------------------------------------------------------------------------------------------------------------


def _read_csv(path: Path, name: str, data: Data) -> Table:
    text, encoding = _decode(path.read_bytes(), name, data.encoding)
    delimiter = _find_delimiter(text) if data.delimiter == "auto" else data.delimiter
    records = _records(text, delimiter, name)
    if not records:
        raise InputError(f"{name}: the file is empty; it needs a line with the columns' names and rows below it")
    header = [column.strip() for column in records[0][1]]
    _refuse_twins(header, name)
    if len(records) == 1:
        raise InputError(f"{name}: the file has no rows below the columns' names")
    rows = [_whole_row(cells, len(header), line, name, delimiter) for line, cells in records[1:]]
    # Programs write row numbers into a column without a name; it cannot be asked for, so it is left out.
    columns = {column: [row[place] for row in rows] for place, column in enumerate(header) if column}
    frame = pd.DataFrame(columns, dtype=object)
    lines = np.array([line for line, _ in records[1:]], dtype=np.int64)
    found = data.decimal == "auto"
    decimal = _find_decimal(columns, name, delimiter) if found else data.decimal
    return Table(name, frame, lines, encoding, decimal, found)


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
        raise InputError(f"{name}: line {line}: holds a NUL character, so this is no text file; save it as CSV text")
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
        raise InputError(f"{name}: line {line}: a quoted cell is not closed or is broken ({error})") from error
    return records


def _whole_row(cells: list[str], width: int, line: int, name: str, delimiter: str) -> list[str]:
    cells = [cell.strip() for cell in cells]
    if len(cells) < width or any(cells[width:]):
        mark = {"\t": "tab", ",": "comma", ";": "semicolon"}.get(delimiter, delimiter)
        message = f"{len(cells)} cells where the columns' names are {width} (delimiter: {mark})"
        raise InputError(f"{name}: line {line}: {message}; quote cells that hold the delimiter, or set data.delimiter")
    return cells[:width]


def _refuse_twins(header: list[str], name: str) -> None:
    twins = [column for column, count in Counter(header).items() if column and count > 1]
    if twins:
        places = " and ".join(str(place + 1) for place, column in enumerate(header) if column == twins[0])
        raise InputError(
            f"{name}: the column name {shown(twins[0])} stands twice (columns {places}); rename one of them"
        )


def _find_decimal(columns: dict[str, list[str]], name: str, delimiter: str) -> str:
    """The decimal mark of the file; `InputError` where nothing tells 1,234 (or 1.234) of decimals from thousands.

    Cells whose mark cannot be that of thousands (3,5 and 0.123) tell it, by majority. Without any, marks that may be
    either are refused; points are taken as decimal in a file whose cells commas separate.
    """
    patterns = {",": DECIMAL_COMMA, ".": DECIMAL_POINT}
    marked = {mark: [cell for cells in columns.values() for cell in cells if mark in cell and pattern.fullmatch(cell)]
              for mark, pattern in patterns.items()}  # fmt: skip
    plain = {mark: sum(1 for cell in cells if not THOUSANDS[mark].fullmatch(cell)) for mark, cells in marked.items()}
    if any(plain.values()):
        return "," if plain[","] > plain["."] else "."
    unclear = marked[","] or (marked["."] if delimiter != "," else [])
    if unclear:
        what = "a decimal comma" if "," in unclear[0] else "a decimal point"
        message = f"{shown(unclear[0])} could be {what} or a mark of thousands; set data.decimal"
        raise InputError(f"{name}: {message}")
    return "."


# -- Parquet ----------------------------------------------------------------------------------------------------------


def _read_parquet(path: Path, name: str) -> Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name}: cannot be read as Parquet ({' '.join(str(error).split())[:200]})") from error
    header = [column.strip() for column in content.column_names]
    _refuse_twins(header, name)
    if content.num_rows == 0:
        raise InputError(f"{name}: the file has no rows")
    columns = {
        column: [_as_text(value) for value in content.column(place).to_pylist()]
        for place, column in enumerate(header)
        if column
    }
    lines = np.arange(1, content.num_rows + 1, dtype=np.int64)
    return Table(name, pd.DataFrame(columns, dtype=object), lines, "parquet", ".")


def _as_text(value: Any) -> str:
    """A value of a typed file as the text that a CSV file would hold; a whole number has no point (7.0 is 7)."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.timetz() == time() else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return str(value).strip()
