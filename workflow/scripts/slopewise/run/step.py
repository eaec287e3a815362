"""How a step of the workflow runs: logged, and with a limited number of threads.

Nothing here knows any statistics. NumPy is imported by the body of a step, after its threads are limited.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slopewise.run.log import logged, logger
from slopewise.run.threads import limit_threads


@contextmanager
def step(log: str | Path | None, threads: int = 1) -> Iterator[logging.Logger]:
    """Run the body of a workflow script on so many threads, with its log and its errors as `logged` has them."""
    with logged(log):
        limit_threads(threads)
        yield logger
