"""Figures that need not be drawn again: a drawing depends on its arguments alone, and most reports share most of them.

Where it is switched on, a figure of the same arguments is what it was the first time. Tests of the figures themselves
leave it off; a test that compares two reports of one process draws within `anew`.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from slopewise.figures import canvas

_MADE: dict[bytes, str] = {}
_ON = [False]
_CALLS: list[list[tuple[str, tuple[Any, ...]]]] = []


@contextmanager
def remembered(on: bool = True) -> Iterator[None]:
    """Within it drawings are made once for the same arguments."""
    before, _ON[0] = _ON[0], on
    try:
        yield
    finally:
        _ON[0] = before


@contextmanager
def asked_for() -> Iterator[list[tuple[str, tuple[Any, ...]]]]:
    """Within it the list gets the name and the arguments of each figure that is asked for, drawn or not."""
    calls: list[tuple[str, tuple[Any, ...]]] = []
    _CALLS.append(calls)
    try:
        yield calls
    finally:
        _CALLS.remove(calls)


def anew() -> Any:
    """Within it every figure is drawn."""
    return remembered(False)


def remembering(drawing: Callable[[Callable[..., str]], Callable[..., str]]) -> Callable[..., Any]:
    """The decorator `drawing` of figures, whose functions can be remembered."""

    def decorate(function: Callable[..., str]) -> Callable[..., str]:
        draw = drawing(function)

        @wraps(draw)
        def made(*args: Any, **kwargs: Any) -> str:
            for calls in _CALLS:
                calls.append((function.__name__, (*args, *kwargs.values())))
            if not _ON[0] or not canvas.is_drawing():
                return draw(*args, **kwargs)
            content = pickle.dumps((function.__module__, function.__qualname__, args, sorted(kwargs.items())))
            key = hashlib.sha256(content).digest()
            if key not in _MADE:
                _MADE[key] = draw(*args, **kwargs)
            return _MADE[key]

        return made

    return decorate


canvas.drawing = remembering(canvas.drawing)  # before any module of figures is imported: see tests/conftest.py
