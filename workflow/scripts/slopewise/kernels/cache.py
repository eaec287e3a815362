"""A cache of compiled code that notices every change, and who may call it.

numba looks at the one file in which a cached function stands, so an edit of a module that it calls would go unnoticed:
a digest of all the modules of a folder goes into the name under which each function's code is kept.

Around each function numba compiles two wrappers, one for calls from Python and one for calls by address. They unpack
every array of every argument, which took a sixth of the time of compiling: a function gets those that it needs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from numba import njit
from numba.core.dispatcher import Dispatcher

PYTHON = {"no_cfunc_wrapper": True}
ADDRESS = {"no_cpython_wrapper": True}
COMPILED = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Who calls a function: Python, compiled code that was handed its address, compiled code alone."""


class Inner(Dispatcher):
    """A compiled function without the wrapper for Python; a call from Python would end the process."""

    def __call__(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(f"{self.py_func.__name__} is compiled for calls from compiled code; use its py_func in Python")


def keeper(folder: Path, called_by: dict[str, bool] = PYTHON, **options: bool) -> Callable[[Callable[..., Any]], Any]:
    """A decorator for functions of the modules of `folder`, which may call each other's; `options` are numba's.

    It compiles on first use and keeps on disk, under a name that changes with any of the modules and with this one.
    """
    files = [Path(__file__).resolve(), *sorted(folder.glob("*.py"))]
    sources = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()

    def cached(function: Callable[..., Any]) -> Any:
        function.__qualname__ += "_" + sources[:16]
        return _compiled(function, called_by, cache=True, **options)

    return cached


def inner(function: Callable[..., Any]) -> Any:
    """Decorates the functions that compiled code alone calls: compiled with each of their callers, not kept."""
    return _compiled(function, COMPILED)


def _compiled(function: Callable[..., Any], called_by: dict[str, bool], **options: bool) -> Any:
    compiled = njit(error_model="numpy", **called_by, **options)(function)
    if "no_cpython_wrapper" in called_by and isinstance(compiled, Dispatcher):  # the function itself: NUMBA_DISABLE_JIT
        compiled.__class__ = Inner
    return compiled
