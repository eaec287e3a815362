"""How a step runs: errors a user can act on, atomic writes, seeds by name, one thread for BLAS.

Nothing here knows any statistics. Heavy libraries are imported inside the functions that need them,
because Snakemake imports this module each time that it starts.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slopewise.run_folders import InputError as InputError
from slopewise.run_folders import choose_numba_cache, sweep_beside, temporary_name

if TYPE_CHECKING:
    import numpy as np

PACKAGE = Path(__file__).resolve().parent
BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

FINISHED = "finished"
"""The last word in the log of a step that ended well."""

REASONS_AT_END = "SLOPEWISE_REASONS_AT_END"
"""Environment variable of jobs whose workflow prints, once and last, why they failed (`run_reasons`)."""

logger = logging.getLogger("slopewise")


def generator(seed: int, *names: object) -> np.random.Generator:
    """A random generator for one named step, e.g. ``generator(study.seed, "folds", "crossfit", 3)``.

    The stream depends on the seed and the names alone: never on a path, on the order in which jobs run
    or on the number of cores. The names are hashed with SHA-256 into a `numpy.random.SeedSequence`.
    """
    import numpy as np

    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    words = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


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


def limit_threads(threads: int = 1) -> None:
    """One thread for BLAS, `threads` for numba. Call before numpy or numba is imported.

    A sum that several BLAS threads share is rounded in another order, which would change bytes.
    """
    for variable in BLAS_VARIABLES:
        os.environ[variable] = "1"
    os.environ.setdefault("NUMBA_NUM_THREADS", str(max(1, threads)))  # numba refuses another number once it runs
    os.environ.setdefault("NUMBA_THREADING_LAYER", "workqueue")
    choose_numba_cache(PACKAGE / "growth")


@contextmanager
def step(log: str | Path | None, threads: int = 1) -> Iterator[logging.Logger]:
    """Run the body of a workflow script: log to `log`, and turn an `InputError` into one line and status 1.

    Any other exception is ours: its traceback goes to the log, a line that says where to the terminal.
    """
    try:
        _log_to(log)
        limit_threads(threads)
        yield logger
    except Exception as error:
        reason = f"{reason_of(error)}{_details(error, log)}"
        if not isinstance(error, InputError):
            logger.info("%s", traceback.format_exc())
        logger.error("%s", reason)
        if log and not os.getenv(REASONS_AT_END):
            print(f"slopewise: {reason}", file=sys.stderr)
        raise SystemExit(1) from None
    logger.info(FINISHED)


def _log_to(log: str | Path | None) -> None:
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handlers = [logging.FileHandler(log, mode="w", encoding="utf-8")]
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", handlers=handlers, force=True)
    logging.captureWarnings(True)


def is_foreseen(error: BaseException) -> bool:
    """Whether an error is the user's or the machine's (a mistake in a file, a full disk), not a fault of ours."""
    return isinstance(error, (InputError, MemoryError)) or (isinstance(error, OSError) and bool(error.strerror))


def reason_of(error: Exception, nameless: str = "a file") -> str:
    """An error in one line: a mistake of the user's as it stands, a full disk with its file, or a fault of ours.

    `nameless`: what an error of the operating system is about that names no file; `atomic` gives all of its own a name.
    """
    if isinstance(error, InputError):
        text = str(error)
    elif isinstance(error, MemoryError):
        text = "not enough memory"
    elif isinstance(error, OSError) and error.strerror:
        place = str(error.filename) if error.filename is not None else nameless
        text = f"{place}: {error.strerror}{WAYS_OUT.get(error.errno or 0, '')}"
    else:
        text = f"internal error: {type(error).__name__}: {error}"
    return " ".join(text.split())


def _details(error: Exception, log: str | Path | None) -> str:
    return "" if isinstance(error, InputError) or not log else f" (details: {log})"


WAYS_OUT = {
    errno.ENOSPC: "; make room, then run it again",
    errno.EDQUOT: "; make room, then run it again",
    errno.EROFS: "; write to a folder that is not read-only",
    errno.EACCES: "; write to a folder in which you may write, or have the permissions changed",
}
"""What helps against an error of the operating system, by its number."""
