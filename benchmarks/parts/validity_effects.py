"""Effects of a treatment that differ between patients: does the spread's interval cover, its test keep its level, and
the interval of the share of patients with the other sign cover?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from parts.monte_carlo import Quantity, Store, mean, pooled_test, share
from parts.validity_growth import SEED
from slopewise.effects.coding import TREATED
from slopewise.effects.patients import drawn_effects, predictions, share_interval
from slopewise.growth import GrowthFit, GrowthModel
from slopewise.growth.evidence.compare import boundary_p
from slopewise.growth.evidence.profile import component_intervals
from slopewise.growth.evidence.residual_variance import ratio_interval
from slopewise.growth.fitting import everybody, fit_batch, fit_everybody
from slopewise.run.seeds import generator
from slopewise.slopes.fast import probability

MEAN, LEVEL_SD, RESIDUAL = 0.6, 1.0, (0.7, 0.5)
"""The average effect, the SD of patients' levels, and the residual SDs under the reference and the treatment."""
STRUCTURES = ("intercept", "correlated")

SECTION = """## Effects of a treatment that differ between patients

Crossover trials with normal levels (SD 1) and effects (mean 0.6), residual SDs of 0.7 and 0.5 under the reference and
the treatment, and so many values under each. The model has a residual variance for each treatment. Coverage is that
of the 95% intervals: of the SD of the effect (profile), of the average effect (Satterthwaite), of the ratio of the
residual SDs (profile); below, of the share of the trial's patients whose effect is below 0 (parameters drawn). "Test,
mixture" and "test, bootstrap" are the shares of data sets in which the test of a spread rejects at
5%. {size}.

{table}

The share below 0, {size_shares}:

{shares}

{verdicts}"""


@dataclass(frozen=True)
class Trial:
    """Patients, values under each treatment, and the SD of the effect between patients."""

    patients: int
    each: int
    sd: float

    @property
    def name(self) -> str:
        """What the tables and the seeds call it."""
        return f"{self.patients} patients, {self.each} values a treatment, SD of the effect {self.sd:g}"


SPREADS = (Trial(40, 2, 0.5), Trial(40, 4, 0.5), Trial(100, 2, 0.5), Trial(100, 4, 0.3))
NOTHING = (Trial(40, 2, 0.0), Trial(100, 2, 0.0), Trial(100, 4, 0.0))


def rows(trial: Trial, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Rows of one data set and the patients' true effects, in the order of their names."""
    n, each = trial.patients, trial.each
    who, treated = np.repeat(np.arange(n), 2 * each), np.tile(np.repeat([0, 1], each), n)
    level, effect = rng.normal(0, LEVEL_SD, n), rng.normal(MEAN, trial.sd, n)
    noise = np.take(RESIDUAL, treated) * rng.normal(size=len(who))
    names = np.array([f"p{number:04d}" for number in range(n)], dtype=object)
    y = level[who] + effect[who] * treated + noise
    return pd.DataFrame({"patient": names[who], TREATED: treated.astype(float), "y": y}), effect


def model() -> GrowthModel:
    """The model of a within-patient comparison, as the step fits it."""
    return GrowthModel(fixed=f"~ {TREATED}", random=f"~ {TREATED}", time=TREATED, residual_by=TREATED)


def covered(trial: Trial, count: int) -> list[Quantity]:
    """Coverage of the intervals of a trial's model, and the mean estimate of the spread."""
    flags: dict[str, list[bool]] = {name: [] for name in ("SD", "average", "ratio")}
    found = []
    for k in range(count):
        data = model().data(rows(trial, generator(SEED, "effects", trial.name, k))[0], "y")
        fit = fit_everybody(data, "correlated")
        low, high = component_intervals(fit)[TREATED, TREATED]
        flags["SD"].append(low <= trial.sd <= high)
        row = fit.fixed_effects.set_index("term").loc[TREATED]
        flags["average"].append(row["ci_low"] <= MEAN <= row["ci_high"])
        low, high = ratio_interval(data, fit, 1)
        flags["ratio"].append(low <= RESIDUAL[1] / RESIDUAL[0] <= high)
        found.append(float(np.sqrt(fit.estimates.covariance[0, 1, 1])))
    return [
        *(share(f"coverage, {name}", happened) for name, happened in flags.items()),
        mean("mean SD", found),
    ]


def shares(trial: Trial, count: int) -> list[Quantity]:
    """Coverage of the share of a trial's patients whose effect is below 0."""
    inside, widths, errors = [], [], []
    for k in range(count):
        rng = generator(SEED, "effect_shares", trial.name, k)
        frame, effect = rows(trial, rng)
        fit = fit_everybody(model().data(frame, "y"), "correlated")
        low, high = share_interval(drawn_effects(fit, rng), 0.0, True)
        truth = float((effect < 0).mean())
        inside.append(low <= truth <= high)
        widths.append(high - low)
        errors.append(float(probability(predictions(fit), 0.0, True).mean()) - truth)
    return [share("coverage, share", inside), mean("width", widths), mean("share less truth", errors)]


def rejected(trial: Trial, count: int) -> list[Quantity]:
    """How often the test of a spread rejects: by the mixture, and by the bootstrap with one draw a data set."""
    statistics, drawn, p = np.zeros(count), np.zeros(count), np.zeros(count)
    for k in range(count):
        rng = generator(SEED, "effects", trial.name, k)
        data = model().data(rows(trial, rng)[0], "y")
        twice = everybody(data, 2)
        batch = fit_batch(data, twice, STRUCTURES)
        statistics[k] = max(0.0, batch.deviance[0] - batch.deviance[1])
        p[k] = boundary_p(statistics[k], 2)
        values = GrowthFit.from_batch(batch, 0).simulate(rng, 1)[0]
        again = fit_batch(data.with_values(values), twice, STRUCTURES)
        drawn[k] = max(0.0, again.deviance[0] - again.deviance[1])
    return [share("test, mixture", p < 0.05), pooled_test("test, bootstrap", statistics, drawn)]


def effects_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """The table of coverage and rejections."""
    found, beyond = store.read("effects"), store.read("effect_shares")
    names = [f"coverage, {name}" for name in ("SD", "average", "ratio")]
    none = found["setting"].str.endswith("SD of the effect 0")
    lines = [
        verdict(found, ["coverage, SD"], (0.925, 0.98), "Coverage of the SD of the effect"),
        verdict(
            found, ["coverage, average", "coverage, ratio"], (0.925, 0.98), "Coverage of the average and the ratio"
        ),
        verdict(beyond, ["coverage, share"], (0.92, 0.99), "Coverage of the share with the other sign"),
        verdict(found[none], ["test, bootstrap"], (0.035, 0.065), "Type I error of the bootstrap test"),
    ]
    return SECTION.format(
        size=size(found), verdicts="\n".join(f"- {line}" for line in lines),
        table=wide(found, (*names, "mean SD", "test, mixture", "test, bootstrap")),
        size_shares=size(beyond), shares=wide(beyond, ("coverage, share", "width", "share less truth")),
    )  # fmt: skip
