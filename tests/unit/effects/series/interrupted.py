"""Interrupted series for tests: simulated ones with a known truth, and the states of the shipped study."""

from typing import Any

import numpy as np
import pandas as pd
import yaml

from slopewise.effects.inputs import EffectRows
from slopewise.effects.series.model import SeriesFit, fit_series, series_model, with_terms
from slopewise.growth.model import GrowthModel
from slopewise.study.reading import parse_study

LEVEL, SLOPE, LEVEL_SD, SLOPE_SD = -1.0, 0.1, 0.5, 0.08


def series(
    units: int = 40, times: int = 16, phi: float = 0.5, controls: int = 8, seed: int = 1, unit_sd: float = 1.0
) -> pd.DataFrame:
    """Rows with patient, time, y, interruption (staggered, missing for the controls) and size, a property of the unit.

    The level falls by 1 (SD 0.5) and the slope rises by 0.1 (SD 0.08), each SD times `unit_sd`; residuals are AR(1)
    with SD 0.5.
    """
    rng = np.random.default_rng(seed)
    parts = []
    for unit in range(units):
        moment = np.nan if unit < controls else float(rng.integers(5, 11))
        time = np.arange(times, dtype=float)
        noise = rng.standard_normal(times)
        for j in range(1, times):
            noise[j] = phi * noise[j - 1] + np.sqrt(1 - phi**2) * noise[j]
        after = time >= moment
        level = LEVEL + unit_sd * LEVEL_SD * rng.standard_normal()
        slope = SLOPE + unit_sd * SLOPE_SD * rng.standard_normal()
        y = 10 + rng.standard_normal() + (0.2 + 0.05 * rng.standard_normal()) * time + 0.5 * noise
        y += np.where(after, level + slope * (time - np.nan_to_num(moment)), 0.0)
        parts.append(
            pd.DataFrame({"patient": f"u{unit:03d}", "time": time, "y": y, "interruption": moment, "size": unit % 5})
        )
    return pd.concat(parts, ignore_index=True)


def fitted(frame: pd.DataFrame, serial: bool = True, random: str = "~ time") -> SeriesFit:
    """The model of these rows."""
    return fit_series(series_model(GrowthModel(random=random)), with_terms(frame), "y", serial)


def rows_of(frame: pd.DataFrame, bootstrap: int = 0, **asked: Any) -> EffectRows:
    """The rows as an estimator reads them."""
    content = {
        "study": "laws",
        "seed": 1,
        "data": {"measurements": "m.csv", "patient": "unit", "time": "t", "time_unit": "years",
                 "analysis_unit": "years"},
        "markers": {"y": {"column": "y"}},
        "growth": {"bootstrap": bootstrap},
        "landmark": "none",
        "outcome": {"kind": "none"},
        "effects": {"interruption": {"at": {"column": "law"}, **asked}},
    }  # fmt: skip
    return EffectRows(parse_study(yaml.safe_dump(content).encode(), "laws.yaml"), frame)
