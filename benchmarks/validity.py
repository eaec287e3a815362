"""Do the tests and intervals of the growth models hold what they promise? Simulation with known truth.

Run as ``python benchmarks/validity.py [REPLICATES]`` (2,000 unless told otherwise; coverage takes a quarter and serial
correlation a tenth of them). Writes docs/validity.md. Time is 0 to 5 with six visits (ragged: each visit after the
second missing with probability 0.4), intercepts have SD 1, residuals SD 0.5; each replicate has a seed of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from slopewise.growth import GrowthData, GrowthModel  # noqa: E402
from slopewise.growth.compare import (  # noqa: E402
    boundary_p,
    fit_side_by_side,
    naive_p,
    variance_components,
)
from slopewise.growth.diagnose import trends  # noqa: E402
from slopewise.growth.serial import compare_serial  # noqa: E402
from slopewise.run import generator  # noqa: E402

SEED, VISITS, SIGMA = 20261122, 6, 0.5
STRUCTURES = ["intercept", "correlated"]


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
        return f"{self.patients}-{self.ragged}-{self.slope_sd}-{self.lag}-{self.correlation}"


@dataclass(frozen=True)
class Drawn:
    """One data set and the true slopes of its patients (deviations from the mean 0.1)."""

    data: GrowthData
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
        y = 2.0 + 0.1 * time + b[patient, 0] + b[patient, 1] * time + SIGMA * error.ravel()[rows]
        yield Drawn(data.with_values(y), b[:, 1])


def everybody(data: GrowthData, fits: int) -> np.ndarray:
    return np.ones((fits, len(data.patients)), np.int64)


def rejections(setting: Setting, count: int) -> dict[str, float]:
    """Shares rejected at 0.05 by the mixture, the naive p, the bootstrap (one draw a replicate) and the F test."""
    ratios, drawn, f = np.empty(count), np.empty(count), np.empty(count)
    for i, sample in enumerate(data_sets(setting, count)):
        batch = sample.data.fit_batch(everybody(sample.data, 2), STRUCTURES)
        ratios[i] = batch.deviance[0] - batch.deviance[1]
        null = batch.fit(0)
        values = null.simulate(generator(SEED, setting.name, "bootstrap", i), 1)[0]
        again = sample.data.with_values(values).fit_batch(everybody(sample.data, 2), STRUCTURES).deviance
        drawn[i] = again[0] - again[1]
        f[i] = trends(null).p_value
    limit = np.quantile(drawn, 0.95)
    return {
        "bootstrap": float((ratios > max(limit, 1e-6)).mean()),
        "mixture": float(np.mean([boundary_p(ratio, 2) < 0.05 for ratio in ratios])),
        "naive": float(np.mean([naive_p(ratio, 2) < 0.05 for ratio in ratios])),
        "F": float((f < 0.05).mean()),
    }


def protection(setting: Setting, count: int) -> dict[str, float]:
    """Shares in which the likelihood ratio cries slope, and in which the slope survives beside serial correlation."""
    cried = survived = 0
    for sample in data_sets(setting, count):
        models = fit_side_by_side(sample.data)
        intercept, slope = models.reml["random_intercept"], models.reml["random_slope"]
        found = boundary_p(intercept.deviance - slope.deviance, 2) < 0.05
        cried += found
        survived += found and compare_serial(intercept, slope).p_value < 0.05
    return {"likelihood ratio": cried / count, "and survives": survived / count}


def coverage(setting: Setting, count: int) -> dict[str, float]:
    """Coverage of the 95% intervals: mean slope (Satterthwaite), SDs, correlation, residual SD (profile)."""
    truth = [1.0, setting.correlation, setting.slope_sd, SIGMA]
    covered = np.zeros(5)
    for sample in data_sets(setting, count):
        fit = sample.data.fit_batch(everybody(sample.data, 1), ["correlated"]).fit(0)
        mean = fit.fixed_effects.set_index("term").loc["time"]
        parts = variance_components(fit)
        inside = (parts["ci_low"] <= truth) & (truth <= parts["ci_high"])
        covered += [mean["ci_low"] <= 0.1 <= mean["ci_high"], *inside]
    names = ["mean slope", "SD of intercepts", "correlation", "SD of slopes", "residual SD"]
    return dict(zip(names, covered / count, strict=True))


def calibration(setting: Setting, count: int) -> dict[str, float]:
    """Slope of the truth on the BLUP of new patients, stated mean reliability and the squared correlation."""
    found = []
    samples = data_sets(setting, 2 * count)
    for train, test in zip(samples, samples, strict=True):
        fit = train.data.fit_batch(everybody(train.data, 1), ["correlated"]).fit(0)
        names = np.array(test.data.patients, dtype=object)[test.data.codes]
        new = fit.random_effects(test.data.frame.assign(patient=names, y=test.data.values))
        b, truth = new["time"].to_numpy(), test.slopes
        stated = 1.0 - (new["se_time"] ** 2).mean() / fit.covariance.to_numpy()[1, 1]
        if b.std() > 1e-9:
            found.append((np.cov(truth, b)[0, 1] / b.var(ddof=1), stated, np.corrcoef(truth, b)[0, 1] ** 2))
    slope, stated, square = np.mean(found, axis=0)
    return {"truth on BLUP": slope, "reliability stated": stated, "squared correlation": square}


def table(rows: list[tuple[str, dict[str, float]]]) -> str:
    """Markdown."""
    columns = list(rows[0][1])
    lines = ["| setting | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{cells[c]:.3f}" for c in columns) + " |" for name, cells in rows]
    return "\n".join(lines)


def words(setting: Setting) -> str:
    return f"{setting.patients} patients, {'ragged' if setting.ragged else 'balanced'}"


def main(count: int) -> None:
    """Run every part and write docs/validity.md."""
    cells = [(n, ragged) for n in (30, 100, 300) for ragged in (False, True)]
    null = [(words(s), rejections(s, count)) for s in (Setting(n, r) for n, r in cells)]
    few = max(count // 10, 10)
    serial = [
        (f"{words(s)}, lag-1 {s.lag:g}", protection(s, few))
        for s in (Setting(n, False, lag=lag) for n in (100, 300) for lag in (0.3, 0.6))
    ]
    kept = [
        (f"{words(s)}, slope SD {s.slope_sd:g}", protection(s, few))
        for s in (Setting(100, False, slope_sd=sd) for sd in (0.1, 0.2, 0.3))
    ]
    power = [
        (f"{words(s)}, slope SD {s.slope_sd:g}", rejections(s, max(count // 4, 10)))
        for s in (Setting(100, False, slope_sd=sd) for sd in (0.05, 0.1, 0.15, 0.2))
    ]
    covered = [
        (words(s), coverage(s, max(count // 4, 10))) for s in (Setting(n, r, 0.2, correlation=0.3) for n, r in cells)
    ]
    calibrated = [
        (words(s), calibration(s, max(count // 10, 10)))
        for s in (Setting(300, r, 0.2, correlation=0.3) for r in (False, True))
    ]
    text = TEXT.format(
        count=count, few=few, quarter=max(count // 4, 10), null=table(null), serial=table(serial), kept=table(kept),
        power=table(power), covered=table(covered), calibrated=table(calibrated),
    )  # fmt: skip
    (ROOT / "docs" / "validity.md").write_text(text, encoding="utf-8")


TEXT = """# Do the tests and intervals hold what they promise?

Made by `python benchmarks/validity.py {count}`. Known truth: intercepts with SD 1, residual SD 0.5, visits at
times 0 to 5 (ragged: each after the second missing with probability 0.4).

## No random slope: share of data sets in which the test rejects at 0.05 ({count} data sets a row)

The parametric bootstrap takes one draw a data set and pools the draws ("warp speed").

{null}

## No random slope, but serially correlated residuals ({few} data sets a row)

The likelihood ratio cries slope; "and survives" is the share in which the slope is kept beside an exponential
correlation.

{serial}

The same where there is a slope and no serial correlation:

{kept}

## Power ({quarter} data sets a row)

{power}

## Coverage of 95% intervals ({quarter} data sets a row)

Slope SD 0.2, correlation of start and slope 0.3.

{covered}

## Slopes of new patients

Slope of the regression of the true slope on the predicted one (1 is right), stated mean reliability, and the squared
correlation of truth and prediction that it should equal.

{calibrated}
"""


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
