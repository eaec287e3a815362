"""Simulations of what the report says of drop-out, fast changers and slopes of the patients' own, with known truth.

Each data set has a seed of its own, made of the part, the setting and its number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from parts.monte_carlo import Quantity, mean, share
from slopewise.folds import CROSSFIT, FoldPlan, fits, make_folds
from slopewise.growth import GrowthModel
from slopewise.growth.evidence.compare import SideBySide, bootstrap_p, boundary_p, fit_side_by_side, likelihood_ratio
from slopewise.growth.evidence.heteroscedastic import compare_scatter
from slopewise.growth.evidence.judgement import AGAINST, LEVEL, verdicts
from slopewise.growth.evidence.serial import compare_serial
from slopewise.growth.evidence.trends import trends
from slopewise.growth.fitting import fit_batch
from slopewise.run.seeds import generator
from slopewise.slopes.crossfit import fit_all
from slopewise.slopes.dropout import slopes_by_part
from slopewise.slopes.facts import facts
from slopewise.slopes.fast import fast_changers
from slopewise.slopes.marker import marker_data
from slopewise.study.keys import FastChange

SEED, VISITS, SIGMA, MEAN_SLOPE = 20261126, 6, 0.5, 0.1
DIFFERENCE = 0.3
"""By how much the slopes of those who leave first differ from all others'."""
LIMIT, FAST_MEAN, FAST_SD, FAST_SIGMA = -0.8, -0.5, 0.5, 0.8
"""Slopes below the limit are fast; mean and SD of the true slopes; residual SD."""
DRAWS = 99
"""Draws of the parametric bootstrap that decides whether there are slopes."""


def _rows(who: np.ndarray, time: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"patient": [f"p{i:04d}" for i in who], "time": time, "y": y})


def dropout(patients: int, slope_sd: float, count: int) -> list[Quantity]:
    """The difference of the slopes of those seen for the shortest time: mean, coverage, and that of predicted slopes.

    A third each is seen at times 0 and 1, 0 to 3, and 0 to 5.
    """
    last = np.repeat([1, 3, 5], patients // 3)
    inside, estimates, by_prediction = np.zeros(count, bool), np.empty(count), np.empty(count)
    for k in range(count):
        rng = generator(SEED, "dropout", patients, f"{slope_sd:g}", k)
        n = len(last)
        level = rng.normal(size=n)
        slope = MEAN_SLOPE + np.where(last == 1, DIFFERENCE, 0.0) + slope_sd * rng.normal(size=n)
        who, time = np.repeat(np.arange(n), last + 1), np.concatenate([np.arange(one + 1.0) for one in last])
        rows = _rows(who, time, 10 + level[who] + slope[who] * time + SIGMA * rng.normal(size=len(who)))
        data = marker_data(GrowthModel(), "y", rows, rows[["patient"]].drop_duplicates(), np.inf)
        part = pd.Series(np.searchsorted([1, 3, 5], last) + 1, index=data.patients)
        found = slopes_by_part(GrowthModel(), data, part)[1]
        estimates[k] = found["difference"]
        inside[k] = found["difference_low"] <= DIFFERENCE <= found["difference_high"]
        batch = fit_batch(data.growth, data.everybody())
        effects, _ = batch.random_effects(np.zeros(n, np.int64), np.arange(n))
        by_prediction[k] = effects[last == 1, 1].mean() - effects[last == 5, 1].mean()
    return [share("coverage", inside), mean("difference", estimates), mean("of predicted slopes", by_prediction)]


def fast_share(patients: int, count: int) -> list[Quantity]:
    """The share of fast changers among the patients of the study: coverage of its 95% interval, width, error."""
    inside, width, error = np.zeros(count, bool), np.empty(count), np.empty(count)
    for k in range(count):
        rng = generator(SEED, "fast", patients, k)
        who = np.repeat(np.arange(patients), rng.integers(2, 6, patients))
        time = rng.uniform(0, 4, len(who))
        level, slope = rng.normal(5, 1, patients), rng.normal(FAST_MEAN, FAST_SD, patients)
        rows = _rows(who, time, level[who] + slope[who] * time + FAST_SIGMA * rng.normal(size=len(who)))
        cohort = pd.DataFrame({"patient": sorted(rows["patient"].unique())})
        data = marker_data(GrowthModel(), "y", rows, cohort, 4.0)
        table = make_folds(cohort, FoldPlan(5, 1, 2, 1, k))
        plan = list(fits(table[table["scheme"] == CROSSFIT], data.patients))
        own = facts(rows, cohort, "y", False)
        found = fast_changers(data, plan, fit_all(data, plan), own, FastChange(below=LIMIT), rng)[1].iloc[0]
        truth = float((slope < LIMIT).mean())
        inside[k] = found["ci_low"] <= truth <= found["ci_high"]
        width[k], error[k] = found["ci_high"] - found["ci_low"], found["share"] - truth
    return [share("coverage", inside), mean("width", width), mean("share less truth", error)]


@dataclass(frozen=True)
class Noise:
    """A setting: patients, SD of the slopes, and the residual SD at each of the `VISITS`, in words and numbers."""

    patients: int
    words: str
    scatter: tuple[float, ...]
    slope_sd: float = 0.0

    @property
    def name(self) -> str:
        """What the tables and the seeds call it."""
        slopes = f"slope SD {self.slope_sd:g}" if self.slope_sd else "no slopes"
        return f"{self.patients} patients, {slopes}, {self.words}"


EVEN = (SIGMA,) * VISITS
GROWING = tuple(float(one) for one in SIGMA * (1 + 0.4 * np.arange(VISITS)))
STEP = (SIGMA,) * 3 + (2 * SIGMA,) * 3
NOISES = (
    Noise(100, "constant noise", EVEN),
    Noise(100, "growing noise", GROWING),
    Noise(100, "shrinking noise", GROWING[::-1]),
    Noise(100, "noise with a step", STEP),
    Noise(300, "noise with a step", STEP),
    Noise(100, "constant noise", EVEN, 0.1),
    Noise(100, "constant noise", EVEN, 0.2),
    Noise(100, "growing noise", GROWING, 0.3),
)


def claims(setting: Noise, count: int) -> list[Quantity]:
    """How often the bootstrap finds slopes, how often a trend is claimed, and how often it is said to be open."""
    finds, said = np.zeros(count, bool), []
    n = setting.patients
    who, time = np.repeat(np.arange(n), VISITS), np.tile(np.arange(VISITS, dtype=float), n)
    ready = GrowthModel().data(_rows(who, time, np.zeros(len(who))), "y")
    for k in range(count):
        rng = generator(SEED, "trend", setting.name, k)
        level, slope = rng.normal(size=n), MEAN_SLOPE + setting.slope_sd * rng.normal(size=n)
        y = 2 + level[who] + slope[who] * time + np.tile(setting.scatter, n) * rng.normal(size=len(who))
        models = fit_side_by_side(ready.with_values(y))
        p = float(bootstrap_p(models, DRAWS, rng))
        finds[k] = p < LEVEL
        said.append(_judged(models, p))
    claimed, unclear = (np.array([one == word for one in said]) for word in ("trend", "unclear"))
    return [share("bootstrap finds slopes", finds), share("trend claimed", claimed), share("open", unclear)]


def _judged(models: SideBySide, p: float) -> str:
    """The verdict as the report gives it; the other tests are made where the bootstrap finds slopes."""
    intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
    row = dict.fromkeys(AGAINST, np.nan) | {"marker": "y", "singular": slope.singular}
    if p < LEVEL:
        row |= {f"p_{one.by}": one.p_value for one in compare_scatter(models).itertuples()}
        row |= {"p_f": trends(intercept).p_value, "p_serial": compare_serial(intercept, slope).p_value}
    compared = {"p_value": boundary_p(likelihood_ratio(intercept, slope), 2), "p_value_bootstrap": p, "q_value": np.nan}
    comparison = pd.DataFrame([{"marker": "y", "model": "random_slope", **compared}])
    return str(verdicts(pd.DataFrame([row]), comparison)["verdict"].iloc[0])
