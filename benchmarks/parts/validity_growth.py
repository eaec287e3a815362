"""Simulations with known truth of the growth half: tests, intervals, predicted slopes.

Intercepts have SD 1, residuals SD 0.5, the mean slope is 0.1; visits are at times 0 to 5 (ragged: each after the
second missing with probability 0.4). Each data set has a seed of its own, made of the setting and its number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from parts.monte_carlo import Quantity, mean, pooled_test, share
from slopewise.growth import GrowthData, GrowthModel
from slopewise.growth.evidence.compare import bootstrap_p, boundary_p, fit_side_by_side, naive_p, variance_components
from slopewise.growth.evidence.serial import compare_serial
from slopewise.growth.evidence.trends import trends
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.run.seeds import generator
from slopewise.study.keys_of_growth import Growth

SEED, VISITS, SIGMA, MEAN_SLOPE = 20261122, 6, 0.5, 0.1
STRUCTURES = ["intercept", "correlated"]
DRAWS, REPORTED = int(Growth.model_fields["bootstrap"].default), "bootstrap as reported"


@dataclass(frozen=True)
class Setting:
    """One cell: patients, visits, SD of slopes, lag-1 correlation of the residuals, correlation of start and slope."""

    patients: int
    ragged: bool
    slope_sd: float = 0.0
    lag: float = 0.0
    correlation: float = 0.0

    @property
    def name(self) -> str:
        """What the tables and the seeds call it."""
        words = [f"{self.patients} patients", "ragged" if self.ragged else "balanced"]
        words += [f"slope SD {self.slope_sd:g}"] if self.slope_sd else []
        words += [f"lag-1 {self.lag:g}"] if self.lag else []
        return ", ".join(words)


@dataclass(frozen=True)
class Drawn:
    """One data set, and its patients' true intercepts and slopes as deviations from the means 2 and `MEAN_SLOPE`."""

    data: GrowthData
    intercepts: np.ndarray
    slopes: np.ndarray


def data_sets(setting: Setting, count: int) -> Iterator[Drawn]:
    """`count` data sets; the visits of a setting are the same in each, so that the design is reduced once."""
    n = setting.patients
    kept = np.ones((n, VISITS), bool)
    if setting.ragged:
        kept[:, 2:] = generator(SEED, "visits", setting.name).random((n, VISITS - 2)) > 0.4
    rows = kept.ravel()
    patient, time = np.repeat(np.arange(n), VISITS)[rows], np.tile(np.arange(VISITS, dtype=float), n)[rows]
    frame = pd.DataFrame({"patient": [f"{p:04d}" for p in patient], "time": time, "y": 0.0})
    data = GrowthModel().data(frame, "y")
    half = np.linalg.cholesky([[1.0, setting.correlation], [setting.correlation, 1.0]])
    for replicate in range(count):
        rng = generator(SEED, setting.name, replicate)
        b = rng.normal(size=(n, 2)) @ half.T * [1.0, setting.slope_sd]
        error = rng.normal(size=(n, VISITS))
        for k in range(1, VISITS):
            error[:, k] = setting.lag * error[:, k - 1] + np.sqrt(1 - setting.lag**2) * error[:, k]
        y = 2.0 + MEAN_SLOPE * time + b[patient, 0] + b[patient, 1] * time + SIGMA * error.ravel()[rows]
        yield Drawn(data.with_values(y), b[:, 0], b[:, 1])


def _everybody(data: GrowthData, fits: int = 1) -> np.ndarray:
    return np.ones((fits, len(data.patients)), np.int64)


def _slope_fit(data: GrowthData) -> GrowthFit:
    return GrowthFit.from_batch(fit_batch(data, _everybody(data), ["correlated"]), 0)


def rejections(setting: Setting, count: int) -> list[Quantity]:
    """Shares rejected at 0.05 by the bootstrap (one draw a data set), the mixture, the naive p and the F test."""
    ratios, drawn, f = np.empty(count), np.empty(count), np.empty(count)
    for i, sample in enumerate(data_sets(setting, count)):
        batch = fit_batch(sample.data, _everybody(sample.data, 2), STRUCTURES)
        ratios[i] = batch.deviance[0] - batch.deviance[1]
        null = GrowthFit.from_batch(batch, 0)
        values = null.simulate(generator(SEED, setting.name, "bootstrap", i), 1)[0]
        again = fit_batch(sample.data.with_values(values), _everybody(sample.data, 2), STRUCTURES).deviance
        drawn[i] = again[0] - again[1]
        f[i] = trends(null).p_value
    return [
        pooled_test("bootstrap", ratios, drawn),
        share("mixture", [boundary_p(ratio, 2) < 0.05 for ratio in ratios]),
        share("naive", [naive_p(ratio, 2) < 0.05 for ratio in ratios]),
        share("F test", f < 0.05),
    ]


def sequential(setting: Setting, count: int) -> list[Quantity]:
    """The share of the p-values below 0.05 that the report prints: those of the sequential bootstrap of `DRAWS`."""
    p = np.empty(count)
    for i, sample in enumerate(data_sets(setting, count)):
        p[i] = bootstrap_p(fit_side_by_side(sample.data), DRAWS, generator(SEED, setting.name, "sequential", i))
    return [share(REPORTED, p < 0.05)]


def protection(setting: Setting, count: int) -> list[Quantity]:
    """How often the likelihood ratio cries slope, and how often the slope survives beside serial correlation."""
    cried, survived = np.zeros(count, bool), np.zeros(count, bool)
    for i, sample in enumerate(data_sets(setting, count)):
        models = fit_side_by_side(sample.data)
        intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
        cried[i] = boundary_p(intercept.deviance - slope.deviance, 2) < 0.05
        survived[i] = cried[i] and compare_serial(intercept, slope).p_value < 0.05
    return [share("mixture", cried), share("and survives", survived)]


def holds(fit: GrowthFit, truth: list[float]) -> np.ndarray:
    """Whether each 95% profile interval (SD of intercepts, SD of slopes, correlation, residual SD) holds the truth."""
    parts = variance_components(fit)  # SD of intercepts, correlation, SD of slopes, residual SD
    value = [truth[k] for k in (0, 2, 1, 3)]
    inside = ((parts["ci_low"] <= value) & (value <= parts["ci_high"])).to_numpy()
    return inside[[0, 2, 1, 3]]


def coverage(setting: Setting, count: int) -> list[Quantity]:
    """Coverage of the 95% intervals: fixed effects (Satterthwaite), SDs, correlation and residual SD (profile)."""
    truth = [1.0, setting.slope_sd, setting.correlation, SIGMA]
    covered = np.zeros((count, 6), bool)
    for i, sample in enumerate(data_sets(setting, count)):
        fit = _slope_fit(sample.data)
        table = fit.fixed_effects
        covered[i, :2] = (table["ci_low"] <= [2.0, MEAN_SLOPE]) & (table["ci_high"] >= [2.0, MEAN_SLOPE])
        covered[i, 2:] = holds(fit, truth)
    names = ["intercept", "mean slope", "SD of intercepts", "SD of slopes", "correlation", "residual SD"]
    return [share(name, column) for name, column in zip(names, covered.T, strict=True)]


def calibration(setting: Setting, count: int) -> list[Quantity]:
    """Slope of the truth on the BLUP of new patients, stated mean reliability less the squared correlation.

    Every data set's fit scores the patients of another one. A fit without a slope variance scores all alike: it has
    reliability 0 and no regression on it; how often that happened is the last row.
    """
    found = []
    flat = np.zeros(count, bool)
    samples = data_sets(setting, 2 * count)
    for i, (train, test) in enumerate(zip(samples, samples, strict=True)):
        fit = _slope_fit(train.data)
        names = np.array(test.data.patients, dtype=object)[test.data.codes]
        frame = test.data.frame.assign(patient=names, y=test.data.values)
        b = fit.random_effects(frame)["time"].to_numpy()
        stated = float(fit.reliability(frame)["time"].mean())
        flat[i] = b.std() < 1e-6 * setting.slope_sd
        if not flat[i]:
            square = np.corrcoef(test.slopes, b)[0, 1] ** 2
            found.append((np.cov(test.slopes, b)[0, 1] / b.var(ddof=1), stated, square, stated - square))
    names = ["truth on BLUP", "reliability stated", "squared correlation", "stated less true"]
    columns = np.array(found).T
    return [*(mean(name, column) for name, column in zip(names, columns, strict=True)), share("no slopes", flat)]
