"""How the compiled code of the metrics and of the outcome models is kept: under names that change with any of it."""

from __future__ import annotations

from pathlib import Path

from slopewise.kernel_cache import keeper

FOLDER = Path(__file__).resolve().parent
KERNEL_MODULES = ("kernels", "binomial_kernels", "calibration_kernels", "penalty_kernels")

cached = keeper(FOLDER, KERNEL_MODULES)
cached_parallel = keeper(FOLDER, KERNEL_MODULES, parallel=True)
"""The same for loops over `prange`."""
