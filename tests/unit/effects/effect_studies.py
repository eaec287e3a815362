"""Rows of the golden data sets and of simulated trials, as the estimators of effects read them."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from slopewise.effects.inputs import EffectRows
from slopewise.study.model import Study
from slopewise.study.reading import parse_study

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
REFERENCE = {"machines": "B", "bioequivalence": "R", "rabbit": "Control", "btheb": "TAU"}


@cache
def golden() -> pd.DataFrame:
    """data, what, value."""
    return pd.read_csv(GOLDEN / "effects.csv", skipinitialspace=True)


def numbers(name: str) -> dict[str, float]:
    """What R found for one data set."""
    rows = golden()[golden()["data"] == name]
    return dict(zip(rows["what"].str.strip(), rows["value"], strict=True))


def study(reference: str, fixed: str = "~ time", **effects: Any) -> Study:
    """A growth study of one marker y with the treatment in column treatment."""
    content = {
        "study": "trial",
        "seed": 1,
        "data": {"measurements": "m.csv", "patient": "id", "time": "t", "time_unit": "none", "analysis_unit": "none"},
        "markers": {"y": {"column": "y"}},
        "growth": {"fixed": fixed, "random": "~ time", "bootstrap": 0},
        "landmark": "none",
        "outcome": {"kind": "none"},
        "effects": {"treatment": {"column": "treatment", "reference": reference}, **effects},
    }
    return parse_study(yaml.safe_dump(content).encode(), "trial.yaml")


def rows_of(name: str, fixed: str = "~ time", **effects: Any) -> EffectRows:
    """One golden data set."""
    frame = pd.read_csv(GOLDEN / "effects_rows.csv", dtype={"patient": str, "period": str, "sequence": str})
    return EffectRows(study(REFERENCE[name], fixed, **effects), frame[frame["data"] == name].reset_index(drop=True))


def trial(
    rng: np.random.Generator, patients: int = 60, each: int = 3, mean: float = 1.0, sd: float = 1.0,
    residual: tuple[float, float] = (1.0, 1.0),
) -> tuple[pd.DataFrame, np.ndarray]:  # fmt: skip
    """Rows of a crossover trial, `each` values under each treatment, and the true effects (patients,)."""
    who = np.repeat(np.arange(patients), 2 * each)
    treated = np.tile(np.repeat([0, 1], each), patients)
    level, effect = rng.normal(0, 2, patients), rng.normal(mean, sd, patients)
    noise = rng.normal(0, 1, len(who)) * np.take(residual, treated)
    frame = pd.DataFrame(
        {
            "patient": [f"P{number:03d}" for number in who],
            "time": np.tile(np.arange(2.0 * each), patients),
            "treatment": np.where(treated == 1, "drug", "placebo"),
            "y": level[who] + effect[who] * treated + noise,
        }
    )
    return frame, effect
