"""Simulation-based calibration of posteriors: ranks of true values among draws, where truths come from the priors.

Talts et al. 2018 (arXiv 1804.06788): if a program draws from the posterior, the rank of the true value among the draws
is uniform, for every quantity, over data sets whose parameters come from the prior.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import chisquare

from parts.monte_carlo import COLUMNS, Quantity, Store, mean
from parts.page import table
from parts.validity_growth import SEED
from slopewise.growth import BayesSettings, GrowthModel, Priors, sample_posterior
from slopewise.growth.bayes.sampled import PosteriorSample
from slopewise.run.errors import InputError
from slopewise.run.seeds import generator

DRAWS, BINS = 99, 20
"""Draws that a true value is ranked among (a rank from 0 to 99), and bins of the ranks."""
TIMES = np.arange(5.0)
DF, SHAPE = 3.0, 2.0
FAST = 0.3
"""The slope below which a patient's change is called fast."""

SECTION = """## Posteriors: ranks of true values

For each data set the parameters are drawn from the priors (half-t on standard deviations, LKJ on the correlation,
normal on fixed effects), then the rows of patients with 5 visits, then the posterior by `growth.engine: bayes`. If it
is the posterior, the rank of each true value among {draws} thinned draws is uniform (simulation-based calibration;
Talts et al. 2018). "p" is that of a chi-square test of the ranks in {bins} bins; coverage is that of the central 95% of
the draws. "Slope of a patient" and "share of fast change", of patients whose slope is below {fast}, are drawn given the
parameters. In the setting "slopes near 0" most standard deviations of slopes are small, where REML is often at its
boundary. {sizes}. Where the chains did not pass the gates ({again} data sets), they were run again with twice the
draws.

{table}

{verdicts}"""


@dataclass(frozen=True)
class Drawn:
    """How many patients, and the prior scale of the SD of slopes."""

    patients: int
    slope_scale: float

    @property
    def name(self) -> str:
        """What the tables and the seeds call it."""
        return f"{self.patients} patients{', slopes near 0' if self.slope_scale < 0.1 else ''}"

    @property
    def priors(self) -> Priors:
        """The priors, with nothing left to defaults, which follow from the data."""
        fixed = {"Intercept": (2.0, 2.0), "time": (0.0, 0.5)}
        return Priors({"Intercept": 1.0, "time": self.slope_scale}, 1.0, DF, SHAPE, fixed)


SETTINGS = (Drawn(25, 0.4), Drawn(25, 0.05))
QUANTITIES = (
    "intercept", "time", "SD of intercepts", "SD of slopes", "correlation", "residual SD", "slope of a patient",
    "share of fast change",
)  # fmt: skip


@dataclass(frozen=True)
class Truth:
    """One draw from the priors, and the rows that follow from it."""

    values: np.ndarray
    frame: pd.DataFrame
    response: np.ndarray


def draw(setting: Drawn, rng: np.random.Generator) -> Truth:
    """Parameters from the priors, patients from the parameters, rows from the patients."""
    scales = np.array([1.0, setting.slope_scale, 1.0]) * np.abs(rng.standard_t(DF, 3))
    correlation = 2.0 * rng.beta(SHAPE, SHAPE) - 1.0  # LKJ of two terms
    middle, slope = rng.normal(2.0, 2.0), rng.normal(0.0, 0.5)
    intercept = middle - slope * TIMES.mean()  # the prior is that of the intercept at the mean of time
    covariance = correlation * scales[0] * scales[1]
    psi = np.array([[scales[0] ** 2, covariance], [covariance, scales[1] ** 2]])
    b = rng.multivariate_normal(np.zeros(2), psi, setting.patients, method="cholesky")
    y = intercept + b[:, :1] + (slope + b[:, 1:]) * TIMES + rng.normal(0.0, scales[2], (setting.patients, len(TIMES)))
    names = [f"p{k:03d}" for k in range(setting.patients)]
    frame = pd.DataFrame(
        {"patient": np.repeat(names, len(TIMES)), "time": np.tile(TIMES, setting.patients), "y": y.ravel()}
    )
    slopes = slope + b[:, 1]
    values = np.array(
        [intercept, slope, scales[0], scales[1], correlation, scales[2], slopes[0], (slopes < FAST).mean()]
    )
    return Truth(values, frame, y)


def posterior_draws(sample: PosteriorSample, response: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(DRAWS, quantities): thinned draws of the parameters and, given them, of the patients' slopes."""
    size = sample.sigma.size
    chosen = np.linspace(0, size - 1, DRAWS).round().astype(int)
    beta, sd = (part.reshape(size, -1)[chosen] for part in (sample.beta, sample.sd))
    correlation, sigma = sample.correlation.reshape(size)[chosen], sample.sigma.reshape(size)[chosen]
    z = np.column_stack([np.ones(len(TIMES)), TIMES])
    made = np.empty((DRAWS, len(QUANTITIES)))
    for k in range(DRAWS):
        cross = correlation[k] * sd[k, 0] * sd[k, 1]
        psi = np.array([[sd[k, 0] ** 2, cross], [cross, sd[k, 1] ** 2]])
        gain = np.linalg.solve(z @ psi @ z.T + sigma[k] ** 2 * np.eye(len(TIMES)), z @ psi).T
        left = psi - gain @ z @ psi
        expected = (response - z @ beta[k]) @ gain.T
        noise = rng.standard_normal(len(response)) * np.sqrt(max(left[1, 1], 0.0))
        slopes = beta[k, 1] + expected[:, 1] + noise
        made[k] = (*beta[k], *sd[k], correlation[k], sigma[k], slopes[0], (slopes < FAST).mean())
    return made


def rank_of(value: float, draws: np.ndarray, rng: np.random.Generator) -> int:
    """How many draws lie below the value; a tie is broken at random."""
    ties = int((draws == value).sum())
    return int((draws < value).sum()) + (int(rng.integers(ties + 1)) if ties else 0)


def ranks(setting: Drawn, number: int) -> dict[str, float]:
    """The rank of each true value in one data set, and how often its chains were run again."""
    rng = generator(SEED, "sbc", setting.name, number)
    truth = draw(setting, rng)
    sample, tried = _sample(setting, truth, rng)
    draws = posterior_draws(sample, truth.response, rng)
    found = [rank_of(value, own, rng) for value, own in zip(truth.values, draws.T, strict=True)]
    return {"again": float(tried), **dict(zip(QUANTITIES, map(float, found), strict=True))}


def _sample(setting: Drawn, truth: Truth, rng: np.random.Generator) -> tuple[PosteriorSample, int]:
    """The posterior, with twice the draws as often as the gates refuse the chains, and how often they did."""
    for tried in range(6):
        settings = BayesSettings(draws=500 * 2**tried, warmup=250 * 2**tried, priors={"y": setting.priors})
        model = GrowthModel(engine="bayes", bayes=settings)
        try:
            return sample_posterior(model.data(truth.frame, "y"), rng), tried
        except InputError as error:
            if "units" in str(error):
                raise
    raise RuntimeError("the chains do not pass the gates with 16,000 draws each")


def p_values(found: pd.DataFrame) -> pd.DataFrame:
    """setting, quantity, value, se, sets: p of the chi-square test of uniform ranks, and coverage, of each quantity."""
    rows = []
    for setting, own in found.groupby("setting", sort=False):
        for name in QUANTITIES:
            rank = own[name].to_numpy()
            counts = np.bincount((rank * BINS // (DRAWS + 1)).astype(int), minlength=BINS)
            rows.append((setting, Quantity(f"p, {name}", float(chisquare(counts).pvalue), 0.0, len(rank))))
            low, high = 0.025 * (DRAWS + 1), 0.975 * (DRAWS + 1)
            inside = np.clip(np.minimum(rank + 1, high) - np.maximum(rank, low), 0.0, 1.0)  # a rank has width 1
            rows.append((setting, mean(f"coverage, {name}", inside)))
    return pd.DataFrame([(setting, one.name, one.value, one.se, one.sets) for setting, one in rows], columns=COLUMNS)


def bayes_section(store: Store, verdict: Callable[..., str]) -> str:
    """The table of p-values and coverage."""
    found = store.read("sbc")
    tests = p_values(found)
    rows = []
    for setting, own in tests.groupby("setting", sort=False):
        value = own.set_index("quantity")
        for name in QUANTITIES:
            p, inside = value.loc[f"p, {name}"], value.loc[f"coverage, {name}"]
            coverage = f"{inside['value']:.3f} ({inside['se']:.3f})"
            rows.append([str(setting), name, f"{int(p['sets'])}", f"{p['value']:.3f}", coverage])
    number = len(tests) // 2
    asked = [[f"{what}, {name}" for name in QUANTITIES] for what in ("p", "coverage")]
    lines = [
        verdict(tests, asked[0], (0.05 / number, 1.0), f"p of uniform ranks (0.05 over {number} tests)"),
        verdict(tests, asked[1], (0.92, 0.98), "Coverage of 95% intervals"),
    ]
    sizes = "; ".join(f"“{setting}”: {len(own)} data sets" for setting, own in found.groupby("setting", sort=False))
    return SECTION.format(
        draws=DRAWS,
        bins=BINS,
        fast=FAST,
        sizes=sizes,
        again=int((found["again"] > 0).sum()),
        table=table(["setting", "quantity", "data sets", "p of the ranks", "coverage"], rows),
        verdicts="\n".join(f"- {line}" for line in lines),
    )
