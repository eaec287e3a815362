"""Does the search of the growth engine miss an optimum? Its end beside the lowest of many random starts.

    python benchmarks/starts.py                 2,000 data sets, correlated and diagonal
    python benchmarks/starts.py --sets 100      seconds

Data sets have 15 to 80 patients with 1 to 8 visits; in four of ten the slopes do not differ, one in ten has a value
that lies 20 away, a third is far from the origin of time, half are fitted by ML. Each is fitted once as studies are,
and from random starts of very different sizes. The excess is the deviance of the first above the lowest of the others;
evaluations are those of the first.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from slopewise.run.threads import limit_threads  # noqa: E402

SEED, MISSED = 4711, 1e-6


def data_set(number: int, slopes: bool | None = None) -> tuple[Any, bool]:
    """Rows of patient, time, g and y, and whether they are fitted by REML.

    `slopes`: whether patients' slopes differ, where it is not left to chance.
    """
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng([SEED, number])
    patients, most = int(rng.integers(15, 81)), int(rng.integers(3, 9))
    index = np.repeat(np.arange(patients), rng.integers(2 if rng.random() < 0.5 else 1, most + 1, patients))
    n, kind = len(index), rng.integers(0, 3)
    time = rng.integers(0, most, n).astype(float) if kind == 1 else rng.uniform(0, 5, n)
    g = rng.integers(0, 2, patients)[index].astype(float)
    level, slope = rng.choice([0, 0.3, 1, 3]), rng.choice([0, 0, 0.1, 0.3, 1.0])
    if slopes is not None:
        slope = (0.1, 0.3, 1.0)[number % 3] if slopes else 0.0
    r, b = rng.choice([-0.9, -0.3, 0, 0.5, 0.95]), rng.standard_normal((patients, 2))
    y = 1 + 0.2 * time + 0.3 * g + level * b[index, 0]
    y += slope * (r * b[index, 0] + np.sqrt(1 - r**2) * b[index, 1]) * time
    y += rng.choice([0.1, 1.0, 2.0]) * rng.standard_normal(n)
    if rng.random() < 0.1:
        y[rng.integers(n)] += 20
    time = time + 20 if kind == 2 else time
    frame = pd.DataFrame({"patient": [f"{i:03d}" for i in index], "time": time, "g": g, "y": y})
    return frame, bool(rng.integers(0, 2))


def compare(number: int, structure: str, starts: int, slopes: bool | None = None) -> tuple[int, float, int, float]:
    """(patients, excess, evaluations, deviance) of a data set."""
    import numpy as np

    from slopewise.growth import GrowthModel
    from slopewise.growth.fitting import everybody, fit_batch

    frame, reml = data_set(number, slopes)
    data = GrowthModel("~ time + g", "~ time", structure=structure, reml=reml).data(frame, "y")
    own = fit_batch(data, everybody(data), [structure])
    rng, lowest = np.random.default_rng([SEED, number, starts]), np.inf
    for _ in range(starts):
        root = np.tril(rng.standard_normal((2, 2))) * 10 ** rng.uniform(-1, 2.5, 2)[:, None]
        psi = root @ root.T if structure == "correlated" else np.diag(np.diag(root) ** 2)
        lowest = min(lowest, float(fit_batch(data, everybody(data), [structure], 1, psi).deviance[0]))
    deviance = float(own.deviance[0])
    return len(data.patients), deviance - lowest, int(own.iterations[0]), deviance


def main() -> None:
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=2000)
    parser.add_argument("--starts", type=int, default=10, help="random starts of each")
    options = parser.parse_args()
    limit_threads(1)
    for structure in ("correlated", "diagonal"):
        found = np.array([compare(number, structure, options.starts) for number in range(options.sets)])
        missed = int((found[:, 1] > MISSED).sum())
        print(
            f"{structure}: worst excess {found[:, 1].max():.1e}, {missed} of {options.sets} missed by over {MISSED:g}"
        )
        for first, last in ((15, 40), (41, 60), (61, 80)):
            some = found[(found[:, 0] >= first) & (found[:, 0] <= last), 2]
            print(f"  {first} to {last} patients: {np.mean(some):.0f} evaluations on average, at most {some.max():.0f}")


if __name__ == "__main__":
    main()
