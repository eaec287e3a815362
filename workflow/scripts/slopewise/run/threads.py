"""One thread for BLAS, and a folder that numba may keep compiled code in."""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from slopewise.run.errors import InputError
from slopewise.run.place import PACKAGE


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


BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def limit_threads(threads: int = 1) -> None:
    """One thread for BLAS, `threads` for numba. Call before numpy or numba is imported.

    A sum that several BLAS threads share is rounded in another order, which would change bytes.
    """
    for variable in BLAS_VARIABLES:
        os.environ[variable] = "1"
    os.environ.setdefault("NUMBA_NUM_THREADS", str(max(1, threads)))  # numba refuses another number once it runs
    os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")
    choose_numba_cache(PACKAGE / "growth")
