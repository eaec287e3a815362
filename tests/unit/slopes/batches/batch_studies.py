"""Small studies of several markers measured in batches, whose effects are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import yaml

from slopewise.study.model import Study
from slopewise.study.reading import parse_study

SHIFT = {"A": 0.0, "B": 1.5, "C": -0.7}
"""What each scanner adds to every marker."""


def study_of(markers: int, method: str, **growth: Any) -> Study:
    """Markers m0, m1, ... with rows up to 3 years, a binary outcome, and the batch `scanner`."""
    content = {
        "study": "scanned",
        "seed": 1,
        "data": {
            "measurements": "m.csv", "patient": "id", "time": "t", "time_unit": "years", "analysis_unit": "years",
            "batch": {"column": "scanner", "method": method},
        },
        "markers": {f"m{k}": {"column": f"m{k}"} for k in range(markers)},
        "growth": growth,
        "landmark": 3,
        "outcome": {"kind": "binary", "column": "y", "positive": "1", "after_measurements": True},
        "crossfit": {"folds": 2, "repeats": 1},
        "validation": {"folds": 2, "repeats": 1},
    }  # fmt: skip
    return parse_study(yaml.safe_dump(content).encode(), "study.yaml")


def cohort_of(
    patients: int, markers: int, seed: int, shifted: float = 1.0, scale: float = 1.0, late: bool = False,
    slope_sd: float = 0.5,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Tables ``cohort/measurements`` and ``cohort/patients``: five visits, levels and slopes that vary by patient.

    `shifted` times `SHIFT` is added to every marker by scanner; residuals of scanner B are `scale` times as large. With
    `late`, scanner B is used at the last visits and A at the first ones, mostly.
    """
    rng = np.random.default_rng(seed)
    owner, visit = np.repeat(np.arange(patients), 5), np.tile(np.arange(5), patients)
    time = np.round(visit * 0.6 + rng.uniform(0, 0.3, len(owner)), 3)
    scanner = np.array(list("ABC"))[rng.integers(0, 3, len(owner))]
    if late:
        scanner = np.where(rng.random(len(owner)) < 0.15 + 0.7 * (visit >= 3), "B", "A")
    names = np.array([f"p{i:03d}" for i in range(patients)], dtype=object)
    rows = pd.DataFrame({"patient": names[owner], "time": time})
    for k in range(markers):
        level, slope = rng.normal(size=patients), slope_sd * rng.normal(size=patients)
        noise = 0.4 * rng.normal(size=len(owner)) * np.where(scanner == "B", scale, 1.0)
        moved = shifted * pd.Series(scanner).map(SHIFT).to_numpy(dtype=float)
        rows[f"m{k}"] = level[owner] + (0.3 + slope[owner]) * time + noise + moved
    people = pd.DataFrame({"patient": names, "outcome": (np.arange(patients) % 2).astype(float)})
    return rows.assign(scanner=scanner), people
