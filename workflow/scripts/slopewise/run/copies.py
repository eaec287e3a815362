"""Calls that are shared out to copies of this process (forks): for work that Python does one thread at a time.

A copy has all that was read and imported before it was made; this process only waits, so that it stays one that can be
copied again. A process of several threads is not copied, since a lock that another thread holds would never open in the
copy; nor is one on systems other than Linux. The calls are then made one after the other, with the same results.
"""

from __future__ import annotations

import multiprocessing as mp
import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from slopewise.run.progress import progress_bar

T = TypeVar("T")

MOST = 256
"""Calls that can be shared out: each number is a byte."""

PR_SET_PDEATHSIG = 1


def can_be_copied() -> bool:
    """Whether a fork of this process is safe: Linux, and a single thread."""
    return sys.platform == "linux" and len(os.listdir("/proc/self/task")) == 1


def shared_out(call: Callable[[int], T], number: int, threads: int = 1, what: str = "") -> list[T]:
    """``[call(0), ..., call(number - 1)]``, made by up to `threads` copies of this process.

    Each takes the next number when it is done with one. Results of copies are pickled, as is an error, which is raised
    here; `MemoryError` where a copy was ended from outside. A terminal shows how many are done where `what` names them.
    Raises `ValueError` for more than `MOST` calls.
    """
    if number > MOST:
        raise ValueError(f"{number} calls, at most {MOST} can be shared out")
    shown = None if what and number > 1 else False
    if threads < 2 or number < 2 or not can_be_copied():
        made = []
        with progress_bar(what, number, shown) as advance:
            for one in range(number):
                made.append(call(one))
                advance()
        return made
    numbers, fill = os.pipe()
    os.write(fill, bytes(range(number)))
    os.close(fill)
    done, tell = os.pipe()
    copies = [_Copy(call, numbers, tell) for _ in range(min(threads, number))]
    os.close(tell)
    try:
        with progress_bar(what, number, shown) as advance:
            while os.read(done, 1):
                advance()
        found: dict[int, T] = {}
        for copy in copies:
            found |= copy.result()
    finally:
        os.close(numbers)
        os.close(done)
        for copy in copies:
            copy.end()
    return [found[one] for one in range(number)]


def _taken(numbers: int) -> Iterator[int]:
    """The numbers that nobody has taken yet, one at a time."""
    while one := os.read(numbers, 1):
        yield one[0]


class _Copy:
    """A copy of this process at work."""

    def __init__(self, call: Callable[[int], Any], numbers: int, tell: int) -> None:
        context = mp.get_context("fork")
        self.answer, there = context.Pipe(duplex=False)
        self.process = context.Process(target=_work, args=(call, numbers, tell, there))
        self.process.start()
        there.close()

    def result(self) -> dict[int, Any]:
        """What it made, by number; its error is raised."""
        try:
            made = self.answer.recv()
        except EOFError:
            raise MemoryError from None
        if isinstance(made, BaseException):
            raise made
        return dict(made)

    def end(self) -> None:
        """End it, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.answer.close()


def _work(call: Callable[[int], Any], numbers: int, tell: int, answer: Connection) -> None:
    """A copy's part. It closes `tell` before it sends, since who reads there reads the answers afterwards."""
    end_with_parent()
    made: dict[int, Any] = {}
    failed: Exception | None = None
    try:
        for one in _taken(numbers):
            made[one] = call(one)
            os.write(tell, b"1")
    except Exception as error:
        failed = error
        for _ in _taken(numbers):  # nobody begins another one
            pass
    os.close(tell)
    try:
        answer.send(failed or made)
    except Exception as error:  # what cannot be pickled is named, not taken for a copy that was ended
        answer.send(RuntimeError(f"{type(failed or error).__name__}: {failed or error}"))


@cache
def library() -> Any:
    """The system's library of C."""
    import ctypes

    return ctypes.CDLL(None)


def end_with_parent() -> None:
    """Let the kernel end this process when the one that it is a copy of ends."""
    library().prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
