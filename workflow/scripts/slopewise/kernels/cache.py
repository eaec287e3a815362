"""A cache of compiled code that notices every change.

numba looks at the one file in which a cached function stands, so an edit of a module that it calls would go unnoticed:
a digest of all the modules of a folder goes into the name under which each function's code is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit


def keeper(folder: Path, **options: bool) -> Callable[[Callable[..., Any]], Any]:
    """A decorator for functions of the modules of `folder`, which may call each other's; `options` are numba's.

    It compiles on first use and keeps on disk, under a name that changes with any of the modules and with this one.
    """
    files = [Path(__file__).resolve(), *sorted(folder.glob("*.py"))]
    sources = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()

    def cached(function: Callable[..., Any]) -> Any:
        function.__qualname__ += "_" + sources[:16]
        return njit(cache=True, error_model="numpy", **options)(function)

    return cached
