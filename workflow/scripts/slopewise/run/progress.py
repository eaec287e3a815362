"""How much of a long step is done: a line that renews itself on a terminal, and nothing at all elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from typing import TextIO, TypeVar

T = TypeVar("T")
CLEAR = "\r\x1b[K"


def counted(what: str, parts: Collection[T], stream: TextIO | None = None) -> Iterator[T]:
    """The parts of a step one after the other; a terminal shows ``what: 40 of 200 done`` meanwhile.

    The line is written over by the next one and taken away at the end. In a job of a cluster, in a pipe and in a file
    nothing is written.
    """
    stream = stream or sys.stderr
    if len(parts) < 2 or not stream.isatty():
        yield from parts
        return
    try:
        for done, part in enumerate(parts):
            stream.write(f"{CLEAR}  {what}: {done} of {len(parts)} done")
            stream.flush()
            yield part
    finally:
        stream.write(CLEAR)
        stream.flush()
