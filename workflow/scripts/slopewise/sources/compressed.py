"""Delimited text that is compressed by gzip."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from slopewise.run.errors import InputError
from slopewise.sources.delimited import parse_delimited
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

MOST = 4 * 1024**3
"""Bytes of text that are unpacked at most: a small file may hold more than the memory."""


def read_gzip(path: Path, name: str, data: Data) -> TextTable:
    """The file at `path`, `name` in messages: one table of delimited text."""
    try:
        with gzip.open(path) as file:
            content = file.read(MOST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be unpacked ({error}); compress the table with gzip again") from error
    if len(content) > MOST:
        raise InputError(f"{name}: holds more than {MOST // 1024**3} GiB of text; save it as Parquet")
    return parse_delimited(content, name, data)
