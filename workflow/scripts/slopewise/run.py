"""How a step runs: errors a user can act on, atomic writes, seeds by name, one thread for BLAS.

Nothing here knows any statistics. Heavy libraries are imported inside the functions that need them,
because Snakemake imports this module each time that it starts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import secrets
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

PACKAGE = Path(__file__).resolve().parent
BLAS_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")

FINISHED = "finished"
"""The last word in the log of a step that ended well."""

REASONS_AT_END = "SLOPEWISE_REASONS_AT_END"
"""Environment variable of jobs whose workflow prints, once and last, why they failed (`run_reasons`)."""

logger = logging.getLogger("slopewise")


class InputError(Exception):
    """A mistake in the user's study file or data: one message that names the place and the way out.

    Shown to the user as it stands, without a traceback; the process then ends with status 1.
    """


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

    After an error or a kill `path` is what it was before, so nothing half-written is taken for a result.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


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
    choose_numba_cache()


def choose_numba_cache() -> None:
    """Let numba keep compiled code where it may write: beside the package, else in a private cache folder."""
    if os.environ.get("NUMBA_CACHE_DIR") or os.access(PACKAGE / "growth", os.W_OK):
        return
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / "slopewise" / "numba"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        folder = Path(tempfile.gettempdir()) / f"slopewise-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


@contextmanager
def step(log: str | Path | None, threads: int = 1) -> Iterator[logging.Logger]:
    """Run the body of a workflow script: log to `log`, and turn an `InputError` into one line and status 1.

    Any other exception is ours: its traceback goes to the log, a line that says where to the terminal.
    """
    limit_threads(threads)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if log:
        Path(log).parent.mkdir(parents=True, exist_ok=True)
        handlers = [logging.FileHandler(log, mode="w", encoding="utf-8")]
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s", handlers=handlers, force=True)
    logging.captureWarnings(True)
    try:
        yield logger
    except Exception as error:
        reason = " ".join(_reason(error, log).split())
        if not isinstance(error, InputError):
            logger.info("%s", traceback.format_exc())
        logger.error("%s", reason)
        if log and not os.getenv(REASONS_AT_END):
            print(f"slopewise: {reason}", file=sys.stderr)
        raise SystemExit(1) from None
    logger.info(FINISHED)


def _reason(error: Exception, log: str | Path | None) -> str:
    """What the user is told of an error: a mistake of the user's as it stands, a full disk, or a fault of ours."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'a file'}: {error.strerror} (details: {log})"
    if isinstance(error, MemoryError):
        return f"not enough memory (details: {log})"
    return f"internal error: {type(error).__name__}: {error} (details: {log})"
