"""Delimited text that is compressed by gzip, or the one file of a ZIP archive."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from slopewise.run.errors import InputError
from slopewise.run.progress import uncounted
from slopewise.sources.delimited import parse_delimited
from slopewise.sources.table import TextTable
from slopewise.study.keys import Data

MOST = 4 * 1024**3
"""Bytes of text that are unpacked at most: a small file may hold more than the memory."""
TEXTS = (".csv", ".tsv", ".tab", ".txt")
HIDDEN = "__MACOSX/"
"""Folder that one system adds to its archives."""


def read_gzip(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The file at `path`, `name` in messages: one table of delimited text; `count` as `read_delimited` has it."""
    try:
        with gzip.open(path) as file:
            content = file.read(MOST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be unpacked ({error}); compress the table with gzip again") from error
    return _parsed(content, name, data, count)


def read_zip(path: Path, name: str, data: Data, count: Callable[[float], None] = uncounted) -> TextTable:
    """The file at `path`, `name` in messages: an archive that holds one table of delimited text and nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            held = [part for part in archive.infolist() if not part.is_dir() and not part.filename.startswith(HIDDEN)]
            tables = [part for part in held if Path(part.filename).suffix.lower() in TEXTS]
            if len(held) != 1 or len(tables) != 1:
                inside = ", ".join(part.filename for part in held[:5]) or "no file"
                more = f" and {len(held) - 5} more" if len(held) > 5 else ""
                message = f"holds {inside}{more}; an archive must hold one file that ends in {' or '.join(TEXTS)}"
                raise InputError(f"{name}: {message}")
            with archive.open(tables[0]) as file:
                content = file.read(MOST + 1)
    except NotImplementedError as error:  # a RuntimeError, too: it comes first
        raise InputError(f"{name}: cannot be unpacked ({error}); make the archive again") from error
    except RuntimeError as error:  # zipfile's for a password
        raise InputError(f"{name}: is encrypted; unpack it, and name the file that it holds") from error
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{name}: cannot be unpacked ({error}); make the archive again") from error
    return _parsed(content, name, data, count)


def _parsed(content: bytes, name: str, data: Data, count: Callable[[float], None]) -> TextTable:
    if len(content) > MOST:
        raise InputError(f"{name}: holds more than {MOST // 1024**3} GiB of text; save it as Parquet")
    return parse_delimited(content, name, data, count)
