"""The tables of the growth model's checks for an invented study, as `compare_growth` would have written them."""

import numpy as np
import pandas as pd

from slopewise.tables import files as tables


def check_tables(markers: tuple[str, ...], slopes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By file: patients (from ``slopes/slopes``), planned, scatter, spread, quantiles, normality, visits, ..."""
    found: dict[str, list[pd.DataFrame]] = {}
    for place, marker in enumerate(markers):
        own = slopes[slopes["marker"] == marker].reset_index(drop=True)
        for name, frame in {"patients": patients(own), **checks(place)}.items():
            found.setdefault(f"growth/{name}.csv", []).append(frame.assign(marker=marker))
    return {file: pd.concat(parts) for file, parts in found.items()}


def patients(own: pd.DataFrame) -> pd.DataFrame:
    """Rows of ``growth/patients`` from one marker's rows of ``slopes/slopes``."""
    n = len(own)
    wave = np.sin(np.arange(n))
    return pd.DataFrame(
        {
            "patient": own["patient"], "visits": own["visits"], "first": 0.0, "last": own["span"],
            "middle": own["span"] / 2, "residual": 0.01 * wave, "trend": own["slope_ols"] - 0.1, "trend_noise": 0.3,
            "intercept_ols": own["first"].where(own["span"] > 0), "slope_ols": own["slope_ols"],
            "intercept": own["intercept"], "slope": own["slope"], "slope_se": 0.11,
            "reliability": own["reliability"], "intercept_pooled": 1.2, "slope_pooled": 0.1,
            "slope_change": 0.004 * wave, "slope_change_se": 0.1 * wave, "slope_sd_change": 0.01 * np.cos(np.arange(n)),
            "cook": 0.02 * wave**2,
        }
    )  # fmt: skip


def checks(place: int) -> dict[str, pd.DataFrame]:
    """The other tables of one marker; the `place` of the marker moves some of the numbers."""
    normal = np.linspace(-2.2, 2.2, 15)
    grid = np.linspace(0.0, 2.0, 7)
    one, other = (part.ravel() for part in np.meshgrid(grid, grid, indexing="ij"))
    planned = [(span, visits, visits * span / (visits * span + 4)) for span in (0.8, 1.6) for visits in range(2, 13)]
    shapes = [("residual", 120, 0.1, 2.4, 0.05, 0.0123, 0.02, 0.6, 4.1)]
    shapes += [("intercept", 45, 1.1, 0.2, 0.04, 0, 0.2, 0.01, 2.6), ("slope", 45, 0.1, 0.2, 0.04, 0, 0.02, 0.7, 2.2)]
    found = dict(tables.TABLES["growth/visits"].columns)
    seen = (40, 1, 5, -0.21, -0.4, 0.01, -0.0321, 0.01, 31.4, 0.0028, -0.0523, -0.0119)
    return {
        "planned": pd.DataFrame(planned, columns=["span", "visits", "reliability"]),
        "scatter": pd.DataFrame({"fitted": np.linspace(0, 4, 30), "residual": 2 * np.sin(7 * np.arange(30))}),
        "spread": pd.DataFrame({"fitted": [0.5, 3.5], "rows": [15, 15], "mean": [0.1, -0.1], "sd": [0.5, 1.9]}),
        "quantiles": pd.concat(
            pd.DataFrame({"what": what, "normal": normal, "seen": normal**3 / 4, "low": normal - 1, "high": normal + 1})
            for what in ("residual", "intercept", "slope")
        ),
        "normality": pd.DataFrame(
            shapes,
            columns=["what", "number", "skewness", "kurtosis", "beyond_2", "beyond_3", "outside", "p_value", "largest"],
        ),
        "visits": pd.DataFrame([seen if place == 0 else (*seen[:6], 0.02, 0.01, 31.4, 0.2, -0.01, 0.05)],
                               columns=[name for name in found if name != "marker"]),
        "influence": pd.DataFrame(
            [(0.1, 0.02, np.nan) if place else (0.1, 0.25, 0.4)],
            columns=["slope_change_se", "slope_sd_change", "p_value"],
        ),
        "correlation": pd.DataFrame(
            {
                "time_1": one, "time_2": other, "random_intercept": 0.61,
                "random_slope": 0.9 - 0.5 * np.abs(one - other),
            }
        ),
    }  # fmt: skip
