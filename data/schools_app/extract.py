"""Simulate measurements.csv of this folder: three invented schools, ten pupils each, hours with an app and a score.

Run as ``python data/schools_app/extract.py [FOLDER]``; numpy's legacy stream `RandomState(42)` is frozen, so the same
bytes come out with every version.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SCHOOLS, PUPILS, SLOPE = ("A", "B", "C"), 10, 2.0


def simulate() -> pd.DataFrame:
    """A row a pupil: school, pupil, hours, score."""
    stream = np.random.RandomState(42)
    baselines = stream.normal([60, 65, 70], 3)
    deviations = stream.normal([-0.5, 0.2, 0.8], 0.3)
    rows = []
    for school, baseline, deviation in zip(SCHOOLS, baselines, deviations, strict=True):
        for pupil in range(1, PUPILS + 1):
            hours = stream.uniform(1, 10)
            noise = stream.normal(0, 5)
            score = baseline + (SLOPE + deviation) * hours + noise
            rows.append((school, pupil, round(hours, 3), round(score, 3)))
    return pd.DataFrame(rows, columns=["school", "pupil", "hours", "score"])


def main(folder: Path) -> None:
    """Write the file into `folder`."""
    simulate().to_csv(folder / "measurements.csv", index=False, encoding="utf-8", lineterminator="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
