"""CDISC Dataset-JSON 1.1: a data set with its columns and rows, as one JSON text or as a line for each row."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slopewise.run.errors import InputError
from slopewise.run.progress import shared, uncounted
from slopewise.sources.table import TextTable
from slopewise.sources.typed import typed_table
from slopewise.study.keys import Data

VERSIONS = "1.1"
SIMPLE = (str, int, float, bool, type(None))
WAY = "write the file again as CDISC Dataset-JSON 1.1, or save it as CSV"


def read_dataset_json(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The data set at `path`, `name` in messages; rows are counted from 1. Raises `InputError`.

    count: called with the share of the rows in each part that was read.
    """
    text = read_json_text(path, name)
    described, rows = _by_line(text, name, count) if path.suffix.lower() == ".ndjson" else _whole(text, name)
    header = _header(described, name)
    cells: list[list[Any]] = [[] for _ in header]
    by_line = path.suffix.lower() == ".ndjson"  # whose lines were counted
    for place, row in enumerate(shared(rows, uncounted if by_line else count), start=1):
        if not isinstance(row, list) or len(row) != len(header):
            held = f"{len(row)} values" if isinstance(row, list) else "no list of values"
            raise InputError(f"{name}: record {place}: holds {held}, and there are {len(header)} columns; {WAY}")
        for column, own, value in zip(header, cells, row, strict=True):
            if not isinstance(value, SIMPLE):
                raise InputError(f"{name}: record {place}, column {column}: holds a list or an object; {WAY}")
            own.append(value)
    return typed_table(name, header, cells, "dataset-json")


def read_json_text(path: Path, name: str) -> str:
    """The text of the file at `path`, `name` in messages. Raises `InputError` where it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: is not UTF-8 text, as JSON must be; {WAY}") from error


def _whole(text: str, name: str) -> tuple[dict[str, Any], list[Any]]:
    """What a JSON text says of the data set, and its rows."""
    described = _object(text, name, "")
    rows = described.get("rows")
    if not isinstance(rows, list):
        raise InputError(f"{name}: has no `rows`, so it is no data set of CDISC Dataset-JSON; {WAY}")
    _check_count(described, rows, name)
    return described, rows


def _by_line(text: str, name: str, count: Callable[[float], None]) -> tuple[dict[str, Any], list[Any]]:
    """The same of a text whose first line describes the data set, and each other line is a row."""
    lines = text.splitlines()
    described = _object(lines[0] if lines else "", name, "line 1: ")
    rows = []
    for place, line in enumerate(shared(lines[1:], count), start=1):
        if line.strip():
            rows.append(_parsed(line, name, f"record {place}: "))
    _check_count(described, rows, name)
    return described, rows


def _object(text: str, name: str, place: str) -> dict[str, Any]:
    found = _parsed(text, name, place)
    version = str(found.get("datasetJSONVersion", "")) if isinstance(found, dict) else ""
    if not version:
        raise InputError(f"{name}: {place}has no `datasetJSONVersion`, so it is no CDISC Dataset-JSON; {WAY}")
    if not (version == VERSIONS or version.startswith(f"{VERSIONS}.")):
        raise InputError(f"{name}: is CDISC Dataset-JSON {version}, and version {VERSIONS} is read; {WAY}")
    return dict(found)


def _parsed(text: str, name: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        reason = (
            f"{error.msg} at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        )
        raise InputError(f"{name}: {place}is no JSON ({reason}); {WAY}") from error


def _header(described: dict[str, Any], name: str) -> list[str]:
    """The names of the columns."""
    columns = described.get("columns")
    names = [one.get("name") if isinstance(one, dict) else None for one in columns or ()]
    if not names or not all(isinstance(one, str) and one.strip() for one in names):
        raise InputError(f"{name}: `columns` must give the name of each column; {WAY}")
    return [str(one) for one in names]


def _check_count(described: dict[str, Any], rows: list[Any], name: str) -> None:
    """Refuse a file that was cut off."""
    promised = described.get("records")
    if isinstance(promised, int) and promised != len(rows):
        raise InputError(f"{name}: holds {len(rows)} records, and says {promised} (`records`); copy the file again")
