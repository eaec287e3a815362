"""How the compiled code of the metrics and of the outcome models is kept: under names that change with any of it."""

from __future__ import annotations

from pathlib import Path

from slopewise.kernels.cache import keeper

FOLDER = Path(__file__).resolve().parent

cached = keeper(FOLDER)
cached_parallel = keeper(FOLDER, parallel=True)
"""The same for loops over `prange`."""
