"""Every interval has the level that is printed: each place that computes one is read back by quantile or simulation.

`LEVELS` has a row for each; `PLACES` says which row stands for each line of the package that takes a quantile, so that a
new one cannot be added without a row. Draws are an even grid, whose quantiles are known.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm, t

from slopewise.growth import draws, fit, profile
from slopewise.growth.checks import quantiles, visits_and_slopes
from slopewise.growth.inference import t_tests
from slopewise.metrics.incidence import incidence
from slopewise.metrics.resampling import bca_interval, percentile_interval
from slopewise.outcome.coefficients import coefficients_table
from slopewise.outcome.hazards import ScoreTest, smoothed
from slopewise.report.risk_groups import kaplan_meier
from slopewise.slopes_dropout import _mean
from slopewise.validate import sensitivity
from slopewise.validate.bootstrap import reliability_table
from slopewise.validate.intervals import interval_of, split_of

PACKAGE = Path(__file__).resolve().parents[2] / "workflow" / "scripts" / "slopewise"
GRID = np.linspace(0.0, 1.0, 4001)
"""Draws: the p-quantile is p."""
WALD = norm.ppf([0.025, 0.975])
Ends = tuple[float, float]


def reliability() -> tuple[Ends, Ends]:
    slopes = pd.DataFrame({"marker": ["m"], "reliability": [0.5]})
    row = reliability_table(GRID[:, None], slopes, ["m"]).iloc[0]
    return (row["ci_low"], row["ci_high"]), (0.025, 0.975)


def percentiles() -> tuple[Ends, Ends]:
    low, high, _ = percentile_interval(GRID[:, None])
    return (low[0], high[0]), (0.025, 0.975)


def bca() -> tuple[Ends, Ends]:
    low, high, _ = bca_interval(GRID[:, None], np.array([0.5]), np.array([[0.4], [0.6]]))
    return (low[0], high[0]), (0.025, 0.975)  # without bias and acceleration the percentiles


def of_the_tested() -> tuple[Ends, Ends]:
    found = interval_of([split_of(np.concatenate([[0.5], GRID])[:, None])] * 2)
    return (found.low[0], found.high[0]), (0.025, 0.975)


def of_the_repeats() -> tuple[Ends, Ends]:
    """Draws that are all alike leave the SD between the repeats, here √2."""
    found = interval_of([split_of(np.full((50, 1), value)) for value in (-1.0, 1.0)])
    return (found.low[0], found.high[0]), tuple(np.sqrt(2) * WALD)


def parametric_bootstrap() -> tuple[Ends, Ends]:
    return draws._percentiles(GRID), (0.025, 0.975)


def fixed_effects() -> tuple[Ends, Ends]:
    found = t_tests(np.array([1.0]), np.array([2.0]), np.array([7.0]))
    return (found["ci_low"][0], found["ci_high"][0]), tuple(1 + 2 * t.ppf([0.025, 0.975], 7))


def confidence_interval_of_a_fit() -> tuple[Ends, Ends]:
    effects = pd.DataFrame({"term": ["time"], "estimate": [1.0], "se": [2.0], "df": [7.0]})
    row = fit.GrowthFit.conf_int(SimpleNamespace(fixed_effects=effects)).iloc[0]  # type: ignore[arg-type]
    return (row["lower"], row["upper"]), tuple(1 + 2 * t.ppf([0.025, 0.975], 7))


def mean_of_a_part() -> tuple[Ends, Ends]:
    found = _mean(np.array([1.0, 2.0, 6.0]))
    return (found["mean_low"], found["mean_high"]), tuple(3 + t.ppf([0.025, 0.975], 2) * np.sqrt(7 / 3))


def profile_likelihood() -> tuple[Ends, Ends]:
    return (profile.RISE, profile.RISE), (chi2.ppf(0.95, 1), chi2.ppf(0.95, 1))


def coefficient() -> tuple[Ends, Ends]:
    data: Any = SimpleNamespace(rows=(("level", "event", "m.level"),), kind="continuous")
    one, se = np.array([1.0]), np.array([2.0])
    row = coefficients_table(data, (one, se), (one, se), np.array([9.0]), np.array([np.nan])).iloc[0]
    return (row["ci_low"], row["ci_high"]), tuple(1 + 2 * t.ppf([0.025, 0.975], 9))


def schoenfeld_band() -> tuple[Ends, Ends]:
    """The band holds the curve of residuals that are pure noise of the variance told: 0, in 95% of points."""
    rng, inside, moment = np.random.default_rng(5), [], np.linspace(0, 1, 60)
    for _ in range(400):
        test = ScoreTest(np.zeros(1), np.ones(1, dtype=int), np.ones(1), moment, moment, rng.normal(0, 2, (60, 1)), np.full((1, 1), 4.0))  # fmt: skip
        curve = smoothed(test, 0)
        inside.append(((curve["ci_low"] <= 0) & (curve["ci_high"] >= 0)).mean())
    return (float(np.mean(inside)),) * 2, (0.95, 0.95)


def normal_quantiles() -> tuple[Ends, Ends]:
    rng, inside = np.random.default_rng(6), []
    for _ in range(400):
        found = quantiles(rng.normal(size=50))
        inside.append(((found["low"] <= found["seen"]) & (found["seen"] <= found["high"])).mean())
    return (float(np.mean(inside)),) * 2, (0.95, 0.95)


def seen_often() -> tuple[Ends, Ends]:
    rng, inside = np.random.default_rng(7), 0
    for _ in range(600):
        visits = rng.permutation(40) + 2
        rows = pd.DataFrame({"visits": visits, "slope": rng.normal(size=40), "first": 0.0, "last": 1.0})
        found = visit_correlation(rows)
        inside += found[0] <= 0 <= found[1]
    return (inside / 600,) * 2, (0.95, 0.95)


def visit_correlation(rows: pd.DataFrame) -> Ends:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("slopewise.growth.checks._visits_in_the_model", lambda *_: {})
        row = visits_and_slopes(None, None, rows, None).iloc[0]  # type: ignore[arg-type]
    return row["correlation_low"], row["correlation_high"]


def _log_log(risk: float, error: float) -> Ends:
    reach = 1.959964 * error / abs((1 - risk) * np.log1p(-risk))
    low, high = (1 - (1 - risk) ** np.exp(sign * reach) for sign in (-1, 1))
    return low, high


def cumulative_incidence() -> tuple[Ends, Ends]:
    rng = np.random.default_rng(8)
    found = incidence(rng.exponential(size=60), rng.integers(0, 3, 60))
    place = len(found.times) // 2
    ends = _log_log(float(found.risk[place]), float(found.error[place]))
    return (found.interval[0][place], found.interval[1][place]), ends


def survival() -> tuple[Ends, Ends]:
    """By Greenwood's formula, without censoring the binomial variance."""
    table = kaplan_meier(pd.DataFrame({"followup": np.arange(1.0, 41.0), "event": 1})).set_index("time")
    row = table.loc[10.0]
    low, high = _log_log(0.25, float(np.sqrt(0.25 * 0.75 / 40)))
    return (row["ci_low"], row["ci_high"]), (1 - high, 1 - low)


LEVELS: dict[str, tuple[Callable[[], tuple[Ends, Ends]], float]] = {
    "reliability": (reliability, 1e-9),
    "percentiles": (percentiles, 1e-9),
    "BCa": (bca, 1e-3),
    "tested patients": (of_the_tested, 1e-9),
    "repeats": (of_the_repeats, 1e-9),
    "parametric bootstrap": (parametric_bootstrap, 1e-9),
    "fixed effects": (fixed_effects, 1e-9),
    "conf_int": (confidence_interval_of_a_fit, 1e-9),
    "mean of a part": (mean_of_a_part, 1e-9),
    "profile": (profile_likelihood, 1e-9),
    "coefficient": (coefficient, 1e-9),
    "Schoenfeld band": (schoenfeld_band, 0.01),
    "normal quantiles": (normal_quantiles, 0.01),
    "visits and slopes": (seen_often, 0.02),
    "incidence": (cumulative_incidence, 1e-5),
    "survival": (survival, 1e-5),
}
"""Each interval: what returns its ends (or its coverage, twice) and what they must be, and how exactly."""


@pytest.mark.parametrize("name", LEVELS)
def test_an_interval_has_its_level(name: str):
    made, tolerance = LEVELS[name]
    found, wanted = made()
    assert found == pytest.approx(wanted, abs=tolerance)
