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
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

TEMPORARY = re.compile(r"\..+\.(?P<host>[0-9a-f]{8})(?P<process>[0-9a-f]{8})[0-9a-f]{8}\.tmp")
"""A temporary file's name: the file that it is to become, a digest of the host's name, the process, a random part."""


class InputError(Exception):
    """A mistake in the user's study file or data: one message that names the place and the way out.

    Shown to the user as it stands, without a traceback; the process then ends with status 1.
    """


def temporary_name(path: Path) -> Path:
    """A name beside `path` that tells whose it is."""
    return path.with_name(f".{path.name}.{_host()}{os.getpid():08x}{secrets.token_hex(4)}.tmp")


def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def sweep_beside(path: Path) -> None:
    """Remove temporary files of `path` whose writer, a process of this machine, no longer runs."""
    for file in path.parent.glob(f".{_literal(path.name)}.*.tmp"):
        name = TEMPORARY.fullmatch(file.name)
        if name and name["host"] == _host() and not _runs(int(name["process"], 16)):
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


def _runs(process: int) -> bool:
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


def full_disk(folder: Path, least: int = 1_000_000) -> str | None:
    """What is wrong where the disk of a folder has fewer than `least` bytes left; None where it has more."""
    there = folder if folder.exists() else Path()
    free = shutil.disk_usage(there).free
    if free >= least:
        return None
    return f"{folder.absolute()}: no space left on the disk ({free // 1000} kB free); make room, then run it again"


def choose_numba_cache(beside: Path) -> None:
    """Let numba keep compiled code where it may write: `beside` the package's, else in a private cache folder.

    Compiled code is executed as it lies, so a folder is taken only if it belongs to this user and nobody else may write
    to it. Without one, code is compiled anew into a folder that goes with the process. `InputError` where there is no
    folder at all to write to.
    """
    if os.environ.get("NUMBA_CACHE_DIR") or os.access(beside, os.W_OK):
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.path.expanduser("~")) / ".cache")
    choices = [cache / "slopewise" / "numba"] if cache.is_absolute() else []
    with suppress(OSError):  # no folder for temporary files at all
        choices.append(Path(tempfile.gettempdir()) / f"slopewise-numba-{os.getuid()}")
    for folder in choices:
        if is_private(folder):
            os.environ["NUMBA_CACHE_DIR"] = str(folder)
            return
    try:
        own = tempfile.mkdtemp(prefix="slopewise-numba-")
    except OSError as error:
        tried = ", ".join(str(folder) for folder in (beside, *choices))
        raise InputError(
            f"no folder for compiled code can be written (tried {tried}): set NUMBA_CACHE_DIR to one of yours"
        ) from error
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = own


def is_private(folder: Path) -> bool:
    """Make a folder for this user alone, or say whether one that is there is: a real folder, own, closed to others."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return False
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return own and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and os.access(folder, os.W_OK | os.X_OK)
