"""What every command does with an error: a mistake of the user's is one line on the terminal and status 1."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from slopewise.run.errors import is_foreseen, reason_of
from slopewise.run.threads import limit_threads


@contextmanager
def one_line_errors() -> Iterator[None]:
    """A mistake of the user's, a full disk or a read-only folder becomes one line on the terminal and status 1.

    A fault of ours keeps its traceback. A pipe whose reader has gone (``| head``) is left to click, which ends quietly.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show a letter of the data shows a ? for it
            stream.reconfigure(errors="replace")
    try:
        limit_threads()
        yield
        sys.stdout.flush()  # a full disk shows here, not after the command has ended well
    except BrokenPipeError:
        raise
    except Exception as error:
        if not is_foreseen(error):
            raise
        typer.echo(f"slopewise: {reason_of(error, 'standard output')}", err=True)
        raise typer.Exit(1) from None
