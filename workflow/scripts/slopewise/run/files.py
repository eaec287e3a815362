"""Files written all or nothing, and digests of what files hold."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from slopewise.run.folders import sweep_beside, temporary_name


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Give a temporary name in the folder of `path`; when the block ends well, it becomes `path`.

    After an error, a kill or a power cut `path` is what it was before or what it should become, so nothing half-written
    is taken for a result: file and folder are on the disk (fsync) before the block is left. An `OSError` of the block
    names `path`. Temporary files that a killed writer left beside `path` are removed.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path.parent)) from error
    sweep_beside(path)
    temporary = temporary_name(path)
    try:
        yield temporary
        _to_disk(temporary)
        os.replace(temporary, path)
        _to_disk(path.parent)
    except OSError as error:
        if isinstance(error, BrokenPipeError) or error.filename not in (None, str(temporary), temporary):
            raise
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def _to_disk(path: Path) -> None:
    """Have the operating system write what it still holds of a file, or of the names in a folder."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not path.is_dir() or error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EBADF):
            raise  # some network file systems cannot do it for a folder


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, all or nothing."""
    with atomic(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON with sorted keys, all or nothing; a number that is not finite is an error."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def file_digest(path: str | Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def content_digest(content: Any) -> str:
    """SHA-256 of any JSON-like content; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
