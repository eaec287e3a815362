"""Folders that a run writes to: temporary files and what a killed run left of them, and where compiled code is kept.

Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from slopewise.run.errors import InputError

TEMPORARY = re.compile(r"\..+\.(?P<host>[0-9a-f]{8})(?P<process>[0-9a-f]{8})[0-9a-f]{8}\.tmp")
"""A temporary file's name: the file that it is to become, a digest of the host's name, the process, a random part."""
USED = re.compile(r"\.used\.(?P<host>[0-9a-f]{8})(?P<process>[0-9a-f]{8})")
"""The name of a mark that a process of a host uses the folder."""
WEEK = 7 * 86400.0
"""Seconds."""


def temporary_name(path: Path) -> Path:
    """A name beside `path` that tells whose it is."""
    return path.with_name(f".{path.name}.{_host()}{os.getpid():08x}{secrets.token_hex(4)}.tmp")


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def sweep_beside(path: Path) -> None:
    """Remove temporary files of `path` whose writer, a process of this machine, no longer runs."""
    for file in path.parent.glob(f".{_literal(path.name)}.*.tmp"):
        name = TEMPORARY.fullmatch(file.name)
        if name and name["host"] == _host() and not is_at_work(int(name["process"], 16)):
            with suppress(OSError):
                file.unlink()


def sweep_below(folder: Path) -> list[Path]:
    """Remove every temporary file below a folder in which nothing else runs; returns them."""
    found = [file for file in sorted(folder.rglob(".*.tmp")) if TEMPORARY.fullmatch(file.name)]
    for file in found:
        with suppress(OSError):
            file.unlink()
    return found


def _literal(name: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", name)


def mark_used(folder: Path) -> None:
    """Leave a mark in a folder that this process reads what is in it, until the process ends."""
    mark = folder.absolute() / f".used.{_host()}{os.getpid():08x}"
    if not mark.exists():
        mark.touch(mode=0o600)
        atexit.register(mark.unlink, missing_ok=True)


def is_used(folder: Path) -> bool:
    """Whether another process writes this folder (its name is a temporary one) or has marked it as used.

    Of another machine's processes nothing is known: for a week they count as running.
    """
    found = [(TEMPORARY.fullmatch(folder.name), folder)]
    found += [(USED.fullmatch(file.name), file) for file in folder.glob(".used.*")]
    return any(_runs(name, path) for name, path in found if name)


def _runs(name: re.Match[str], path: Path) -> bool:
    process = int(name["process"], 16)
    if name["host"] == _host():
        return process != os.getpid() and is_at_work(process)
    try:
        return time.time() - path.stat().st_mtime < WEEK
    except OSError:
        return False  # removed meanwhile


def is_at_work(process: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def check_writable(folder: Path) -> None:
    """Raise `InputError` where nothing can be written to a folder, or to the nearest one above it that there is."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    trial = temporary_name(there / "trial")
    try:
        trial.write_bytes(b"slopewise")
    except OSError as error:
        raise InputError(
            f"{folder.absolute()}: {error.strerror or error}; run from a folder in which you may write, or name one: "
            "snakemake -s PATH/Snakefile --directory FOLDER ..."
        ) from error
    finally:
        with suppress(OSError):
            trial.unlink()


def close_to_others(folder: Path) -> None:
    """Let nobody but the owner read a folder and what is in it."""
    for path in [folder, *folder.rglob("*")] if folder.is_dir() else []:
        if not path.is_symlink():
            path.chmod(0o700 if path.is_dir() else 0o600)


def full_disk(folder: Path, least: int = 1_000_000) -> str | None:
    """What is wrong where the disk of a folder has fewer than `least` bytes left; None where it has more."""
    there = folder if folder.exists() else Path()
    free = shutil.disk_usage(there).free
    if free >= least:
        return None
    return f"{folder.absolute()}: no space left on the disk ({free // 1000} kB free); make room, then run it again"
