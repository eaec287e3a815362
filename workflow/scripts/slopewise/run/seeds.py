"""Random generators by name: the same numbers on any machine and any number of cores."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, *names: object) -> np.random.Generator:
    """A random generator for one named step, e.g. ``generator(study.seed, "folds", "crossfit", 3)``.

    The stream depends on the seed and the names alone: never on a path, on the order in which jobs run
    or on the number of cores. The names are hashed with SHA-256 into a `numpy.random.SeedSequence`.
    """
    import numpy as np

    digest = hashlib.sha256("\x1f".join(str(name) for name in names).encode()).digest()
    words = [int.from_bytes(digest[start : start + 4], "little") for start in range(0, 16, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))
