"""Random designs for the search of the growth engine: few and many patients, any rank, outliers, a far origin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

RANDOM = ("~ 1", "~ time", "~ time + x", "~ time + x + time:g", "~ 0 + time", "~ poly(time, 2, raw=True)")
FIXED = ("~ 1", "~ time + g", "~ time * g + x")


def design(seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """A frame and the arguments of its model: 5 to 200 patients, 1 to 12 visits, up to four random effects."""
    rng = np.random.default_rng([77, seed])
    patients = int(rng.integers(5, rng.choice([12, 25, 60, 200]) + 1))
    most = int(rng.integers(1, 13))
    index = np.repeat(np.arange(patients), rng.integers(1, most + 1, patients))
    n, kind = len(index), rng.integers(0, 4)
    time = rng.uniform(0, 5, n) if kind < 2 else rng.integers(0, most, n).astype(float)
    if kind == 1:
        time = time + 20
    x, g = rng.standard_normal(n), rng.integers(0, 2, patients)[index].astype(float)
    columns = np.column_stack([np.ones(n), time, x, g * time])
    rank = int(rng.integers(0, 5))
    loading = rng.standard_normal((4, max(rank, 1))) * rng.choice([0.0, 0.01, 0.3, 1, 3], size=(4, 1)) * (rank > 0)
    b = rng.standard_normal((patients, max(rank, 1))) @ loading.T
    noise = rng.choice([0.1, 1.0, 2.0])
    y = 1 + 0.2 * time + 0.3 * g + (columns * b[index]).sum(axis=1) + noise * rng.standard_normal(n)
    if rng.random() < 0.1:
        y[rng.integers(n)] += 20 * noise
    frame = pd.DataFrame({"patient": [f"{i:03d}" for i in index], "time": time, "x": x, "g": g, "y": y})
    fixed, random = str(rng.choice(FIXED)), str(rng.choice(RANDOM))
    structure, reml = str(rng.choice(["correlated", "diagonal"])), bool(rng.integers(0, 2))
    return frame, {"fixed": fixed, "random": random, "structure": structure, "reml": reml}


def two_minima() -> pd.DataFrame:
    """23 rows of 10 patients whose diagonal likelihood has a second minimum without a random intercept."""
    rows = """
        0 1.417732 -0.898550 0 1.111063 | 1 3.807026 -0.807378 0 1.849259 | 1 2.528883 -0.483763 0 1.450891
        2 1.962211 0.313104 1 1.686955 | 3 0.942867 1.621293 1 1.548735 | 4 1.430253 -0.915514 1 1.644630
        4 2.800483 -0.079536 1 1.858961 | 5 0.323503 -0.333136 0 0.997987 | 5 0.896673 -0.526931 0 1.185506
        5 2.925389 -1.818287 0 1.726884 | 5 0.795128 -0.911005 0 1.080149 | 6 2.180889 -0.102243 0 1.545404
        6 0.172708 0.937124 0 0.890739 | 6 1.486054 1.105184 0 1.301198 | 6 0.196261 -0.171932 0 0.957774
        6 1.011986 -1.339810 0 1.174593 | 7 3.213631 -0.154978 1 1.898837 | 7 0.466220 1.021732 1 1.392398
        7 1.317260 -0.133953 1 1.567171 | 8 0.489108 -0.066156 0 1.135515 | 9 3.990366 -0.448948 0 1.706846
        9 2.993680 -0.483742 0 1.478875 | 9 4.559905 1.826134 0 1.936531"""
    table = [line.split() for line in rows.replace("\n", " | ").split("|") if line.strip()]
    frame = pd.DataFrame(table, columns=["patient", "time", "x", "g", "y"])
    return frame.astype({"time": float, "x": float, "g": float, "y": float})
