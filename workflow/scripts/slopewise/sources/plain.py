"""Delimited text without surprises, read by pyarrow: a line is a row, no quote stands inside a cell.

Anything else is left to the reader that goes through the records one by one and names the line of what is wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Callable

import numpy as np

from slopewise.run.progress import uncounted

Columns = dict[str, np.ndarray]
MOST = csv.field_size_limit()
"""Characters of a cell, as in the other reader."""
PART = 1 << 22
"""Bytes of a part, some tens of thousands of rows."""
LEAST = 1 << 16
"""Characters of a text below which the other reader is as fast."""


def read_plain(
    text: str, delimiter: str, least: int = LEAST, count: Callable[[float], None] = uncounted
) -> tuple[Columns, np.ndarray] | None:
    """The cells of each column that has a name and the line of each row; None for a text that is not plain.

    least: characters of the text below which it is not even tried. count: called with the share of the rows of each
    part.
    """
    header = _header(text, delimiter) if len(text) >= least and delimiter.isascii() else None
    try:
        content = text.encode("utf-8") if header is not None else b""
    except UnicodeEncodeError:
        return None
    if header is None or not _is_plain(content, delimiter.encode()):
        return None
    import pyarrow as pa
    from pyarrow import csv as arrow

    places = [str(place) for place in range(len(header))]
    lines = content.count(b"\n") - content.endswith(b"\n")
    parts: dict[str, list[np.ndarray]] = {place: [] for place in places}
    try:
        batches = arrow.open_csv(
            pa.BufferReader(content),
            read_options=arrow.ReadOptions(column_names=places, skip_rows=1, use_threads=False, block_size=PART),
            parse_options=arrow.ParseOptions(delimiter=delimiter, ignore_empty_lines=False),
            convert_options=arrow.ConvertOptions(
                column_types=dict.fromkeys(places, pa.large_string()), strings_can_be_null=False
            ),
        )
        for batch in batches:
            for place in places:
                parts[place].append(_stripped(batch.column(place)))
            count(batch.num_rows / max(lines, 1))
    except pa.ArrowException:
        return None
    rows = sum(map(len, parts["0"]))
    if not rows or rows != lines:
        return None  # a row that goes over several lines
    cells = {name: np.concatenate(parts.pop(place)) for place, name in zip(places, header, strict=True)}
    blank = np.logical_and.reduce([column == "" for column in cells.values()])
    if blank.any() or max(max(map(len, column)) for column in cells.values()) > MOST:
        return None
    return {name: column for name, column in cells.items() if name}, np.arange(2, 2 + rows, dtype=np.int64)


def _header(text: str, delimiter: str) -> list[str] | None:
    """The names in the first line, each once; None where it is no line of names."""
    line = text.partition("\n")[0].removesuffix("\r")
    try:
        names = [name.strip() for name in next(csv.reader([line], delimiter=delimiter, strict=True), [])]
    except csv.Error:
        return None
    return names if any(names) and len(set(names)) == len(names) else None


def _is_plain(content: bytes, delimiter: bytes) -> bool:
    """Whether quotes stand at the two ends of cells only, and each carriage return belongs to a line end."""
    if content.count(b"\r") != content.count(b"\r\n"):
        return False
    letters = np.frombuffer(content + b"\n", dtype=np.uint8)
    quotes = np.flatnonzero(letters == ord('"'))
    if len(quotes) % 2:
        return False
    before, after = letters[quotes[::2] - 1], letters[quotes[1::2] + 1]
    ends = [ord("\n"), ord("\r"), ord(delimiter)]
    return bool(np.isin(before, [ord("\n"), ord(delimiter)]).all() and np.isin(after, ends).all())


def _stripped(column: object) -> np.ndarray:
    """The texts of a part of a column without white space around them, equal ones as one object."""
    cells = column.to_pandas().to_numpy(dtype=object)  # type: ignore[attr-defined]
    return np.array([cell.strip() for cell in cells], dtype=object)
