"""How much of a long step is done: a bar on a terminal, which is removed at the end, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, TypeVar

T = TypeVar("T")


def counted(what: str, parts: Collection[T], stream: TextIO | None = None) -> Iterator[T]:
    """The parts of a step one after the other; a terminal shows ``what: 40 of 200 done`` meanwhile.

    In a job on a cluster, in a pipe and in a file nothing is written, nor for a single part.
    """
    with progress_bar(what, len(parts), False if len(parts) < 2 else None, stream) as advance:
        for part in parts:
            yield part
            advance()


@contextmanager
def progress_bar(
    what: str, total: int, shown: bool | None = None, stream: TextIO | None = None
) -> Iterator[Callable[[], None]]:
    """A bar for `total` parts; the function that it gives counts one part as done.

    shown: None shows the bar where `stream` (by default the error stream) is a terminal.
    """
    stream = stream or sys.stderr
    if not (stream.isatty() if shown is None else shown):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("  {task.description}: {task.completed} of {task.total} done"), BarColumn())
    with Progress(*columns, console=Console(file=stream), transient=True, auto_refresh=False) as bar:
        bar.console.show_cursor(True)  # a job that is killed here would leave the terminal without one
        task = bar.add_task(what, total=total)
        yield lambda: bar.update(task, advance=1, refresh=True)


@contextmanager
def stage(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """A part of a step whose length is not known: a terminal shows ``what ...``, removed at the end, others nothing."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    columns = (TextColumn("  {task.description} ..."),)
    with Progress(*columns, console=Console(file=stream), transient=True, auto_refresh=False) as bar:
        bar.console.show_cursor(True)
        bar.add_task(what, total=None)
        bar.refresh()
        yield


def uncounted(share: float) -> None:
    """In place of what counts the parts of something that is read, where nobody looks."""


def shared(parts: Sequence[T], count: Callable[[float], None], most: int = 100) -> Iterator[T]:
    """The parts; `count` is called with the share of all after each hundredth (`most`) of them, together 1."""
    step = max(1, len(parts) // most)
    for place, part in enumerate(parts, start=1):
        yield part
        if place % step == 0:
            count(step / len(parts))
    if len(parts) % step:
        count(len(parts) % step / len(parts))


@contextmanager
def share_counter(what: str, stream: TextIO | None = None) -> Iterator[Callable[[float], None]]:
    """How much of something is done; the function that it gives adds a share, all of them together 1.

    A terminal shows ``what: 40% read``, removed at the end; nothing is written elsewhere.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield uncounted
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("  {task.description}: {task.percentage:.0f}% read"), BarColumn())
    with Progress(*columns, console=Console(file=stream), transient=True, auto_refresh=False) as bar:
        bar.console.show_cursor(True)
        task = bar.add_task(what, total=1.0)
        bar.refresh()
        yield lambda share: bar.update(task, advance=share, refresh=True)


@contextmanager
def row_counter(what: str, stream: TextIO | None = None) -> Iterator[Callable[[int], None]]:
    """A count of rows whose number is not known before; the function that it gives adds to it.

    A terminal shows ``what: 40000 rows read``, removed at the end; nothing is written elsewhere.
    """
    stream = stream or sys.stderr
    if not stream.isatty():
        yield lambda number: None
        return
    from rich.console import Console
    from rich.progress import Progress, TextColumn

    columns = (TextColumn("  {task.description}: {task.completed:,.0f} rows read"),)
    with Progress(*columns, console=Console(file=stream), transient=True, auto_refresh=False) as bar:
        bar.console.show_cursor(True)
        task = bar.add_task(what, total=None)
        yield lambda number: bar.update(task, advance=number, refresh=True)
