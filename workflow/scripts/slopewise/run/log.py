"""The log of a step and how it ends: one line that says why it failed, and its exit status.

Snakemake imports this module at each start: nothing heavy.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slopewise.run.errors import InputError, reason_of

FINISHED = "finished"
"""The last word in the log of a step that ended well."""

REASONS_AT_END = "SLOPEWISE_REASONS_AT_END"
"""Environment variable of jobs whose workflow prints, once and last, why they failed (`run.reasons`)."""

logger = logging.getLogger("slopewise")


@contextmanager
def logged(log: str | Path | None) -> Iterator[None]:
    """Log what the body does to `log`; an `InputError` becomes one line and status 1.

    Any other exception is ours: its traceback goes to the log, a line that says where to the terminal.
    """
    try:
        _log_to(log)
        yield
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


def _details(error: Exception, log: str | Path | None) -> str:
    return "" if isinstance(error, InputError) or not log else f" (details: {log})"
