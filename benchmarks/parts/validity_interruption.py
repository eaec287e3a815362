"""Interrupted series of many units with AR(1) residuals: are average effects and their spread unbiased and covered,
with the correlation in the model and without it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from parts.monte_carlo import Quantity, Store, mean, share
from parts.validity_growth import SEED
from slopewise.effects.series.average import contrast_table, leading
from slopewise.effects.series.likelihood import sd_interval
from slopewise.effects.series.model import AFTER, SINCE, SeriesFit, fit_series, series_model, with_terms
from slopewise.growth.model import GrowthModel
from slopewise.run.seeds import generator

LEVEL, SLOPE, LEVEL_SD, SLOPE_SD, RESIDUAL = -1.0, 0.1, 0.5, 0.1, 0.5
"""Average level and slope change, their SDs between units, and the residual SD."""

SECTION = """## An interruption of many series

Units with {times} rows a step apart, a fifth of them without an interruption, moments spread over the middle third;
level change −1 (SD 0.5 between units), slope change 0.1 (SD 0.1), residuals AR(1) with SD 0.5. Each data set is fitted
with the correlation in the model ("serial") and with residuals taken as independent. "Error" is the mean estimate less
the truth; coverage is that of the 95% intervals. {size}.

{serial}

Residuals taken as independent:

{independent}

{verdicts}

An interval that is computed with the true variances and correlation covers 0.95 but for chance. The share of the same
data sets in which it does shows what a coverage above owes to the data sets that were drawn:

{known}

{drawn}"""

QUANTITIES = ("level", "slope", "SD of level", "SD of slope")
"""The average level and slope change, and their SDs between units."""


@dataclass(frozen=True)
class Series:
    """Units, rows of each, and the correlation of neighbouring residuals."""

    units: int
    times: int
    phi: float

    @property
    def name(self) -> str:
        """What the tables and the seeds call it."""
        return f"{self.units} units, {self.times} rows, correlation {self.phi:g}"


SETTINGS = (Series(40, 16, 0.5), Series(40, 16, 0.0))


def rows(series: Series, rng: np.random.Generator, course_sd: float = 0.05) -> pd.DataFrame:
    """Rows of one data set, with the true changes of their unit; course_sd: SD of the courses before the change."""
    n, times = series.units, series.times
    noise = rng.standard_normal((n, times))
    for j in range(1, times):
        noise[:, j] = series.phi * noise[:, j - 1] + np.sqrt(1 - series.phi**2) * noise[:, j]
    moment = rng.integers(times // 3, 2 * times // 3 + 1, n).astype(float)
    moment[: n // 5] = np.nan
    time = np.arange(times, dtype=float)
    since = time - moment[:, None]
    late = since >= 0
    level, slope = rng.normal(LEVEL, LEVEL_SD, n), rng.normal(SLOPE, SLOPE_SD, n)
    changed = np.where(late, level[:, None] + slope[:, None] * np.nan_to_num(since), 0.0)
    own = rng.normal(size=n)[:, None] + rng.normal(0.2, course_sd, n)[:, None] * time
    y = 10 + own + changed + RESIDUAL * noise
    names = np.array([f"u{number:03d}" for number in range(n)], dtype=object)
    frame = {"patient": np.repeat(names, times), "time": np.tile(time, n), "interruption": np.repeat(moment, times)}
    true = {"level": np.repeat(level, times), "slope": np.repeat(slope, times)}
    return with_terms(pd.DataFrame({**frame, "y": y.ravel(), **true}))


def _of(fit: SeriesFit) -> dict[str, float | bool]:
    """Estimates less the truth, and whether the intervals hold it."""
    table = contrast_table(fit, np.array([fit.fixed_row(None, AFTER), fit.fixed_row(None, SINCE)]))
    found: dict[str, float | bool] = {}
    for (_, row), what, truth in zip(table.iterrows(), ("level", "slope"), (LEVEL, SLOPE), strict=True):
        found[f"error, {what}"] = float(row["estimate"] - truth)
        found[f"coverage, {what}"] = bool(row["ci_low"] <= truth <= row["ci_high"])
    for what, term, truth in (("SD of level", AFTER, LEVEL_SD), ("SD of slope", SINCE, SLOPE_SD)):
        varying = fit.random_row(None, term)
        if varying.any():
            low, high = sd_interval(fit.serial, leading(varying))
            found[f"error, {what}"] = float(np.sqrt(fit.serial.fit.covariance.loc[term, term]) - truth)
            found[f"coverage, {what}"] = bool(low <= truth <= high)
    return found


def known(series: Series, count: int) -> list[Quantity]:
    """Coverage in the same data sets where the variances and the correlation are known, not estimated."""
    time = np.arange(series.times, dtype=float)
    residual = RESIDUAL**2 * series.phi ** np.abs(time[:, None] - time)
    random = np.diag(np.square([1.0, 0.05, LEVEL_SD, SLOPE_SD]))
    held: list[NDArray[np.bool_]] = []
    for k in range(count):
        frame = rows(series, generator(SEED, "interruption", series.name, k))
        precision, moments = np.zeros((4, 4)), np.zeros(4)
        for _, unit in frame.groupby("patient"):
            z = np.column_stack([np.ones(series.times), unit[["time", AFTER, SINCE]].to_numpy()])
            weighted = np.linalg.solve(z @ random @ z.T + residual, z)
            precision, moments = precision + weighted.T @ z, moments + weighted.T @ unit["y"].to_numpy()
        away = np.linalg.solve(precision, moments)[2:] - np.array([LEVEL, SLOPE])
        held.append(np.abs(away) <= 1.959964 * np.sqrt(np.diag(np.linalg.inv(precision))[2:]))
    table = np.array(held)
    return [share(f"coverage, {what}, known variances", table[:, place]) for place, what in enumerate(QUANTITIES[:2])]


def expected_words(found: pd.DataFrame, exact: pd.DataFrame) -> str:
    """The coverage of the level change less what the drawn data sets explain of it."""
    if not len(exact):
        return "Not run yet."
    said = []
    for setting, own in found.groupby("setting", sort=False):
        values = pd.concat([own, exact[exact["setting"] == setting]]).set_index("quantity")["value"]
        estimated, ideal = values["coverage, level, serial"], values.get("coverage, level, known variances", np.nan)
        said.append(f"{0.95 + estimated - ideal:.3f} ({setting})")
    return (
        "So the coverage of the level change that is expected over all data sets is 0.95 less the difference of the "
        "two: " + "; ".join(said) + "."
    )


def covered(series: Series, count: int) -> list[Quantity]:
    """Errors and coverage of both models, and the mean correlation that is estimated."""
    found: dict[str, list[dict[str, float | bool]]] = {"serial": [], "independent": []}
    phi = []
    for k in range(count):
        frame = rows(series, generator(SEED, "interruption", series.name, k))
        for way, serial in (("serial", True), ("independent", False)):
            fit = fit_series(series_model(GrowthModel()), frame, "y", serial)
            found[way].append(_of(fit))
            phi += [fit.serial.phi] if serial else []
    quantities = [mean("correlation", phi)]
    for way, each in found.items():
        table = pd.DataFrame(each)
        for name in table.columns:
            kind = share if name.startswith("coverage") else mean
            quantities.append(kind(f"{name}, {way}", table[name].dropna().tolist()))
    return quantities


def interruption_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """The table of errors and coverage."""
    found = store.read("interruption")
    serial = found[found["setting"].str.endswith("correlation 0.5")]
    modelled = [f"coverage, {of}, serial" for of in QUANTITIES]
    errors = [f"error, {of}, serial" for of in QUANTITIES]
    lines = [
        verdict(serial, modelled, (0.925, 0.98), "Coverage with the correlation in the model"),
        verdict(serial, errors, (-0.05, 0.05), "Error with the correlation in the model"),
        verdict(
            serial, ["coverage, SD of level, independent"], (0.0, 0.925),
            "Coverage of the SD of the level change with residuals taken as independent, which should be too low",
        ),
    ]  # fmt: skip
    tables = {
        way: wide(found, (*first, *(f"{what}, {of}, {way}" for of in QUANTITIES for what in ("error", "coverage"))))
        for way, first in (("serial", ("correlation",)), ("independent", ()))
    }
    exact = store.read("interruption_known")
    tables["known"] = wide(exact, [f"coverage, {of}, known variances" for of in QUANTITIES[:2]])
    tables["drawn"] = expected_words(found, exact)
    return SECTION.format(
        times=SETTINGS[0].times, size=size(found), verdicts="\n".join(f"- {line}" for line in lines), **tables
    )
