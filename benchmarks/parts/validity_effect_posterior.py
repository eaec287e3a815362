"""Effects under the posterior (`growth.engine: bayes`): do the intervals of shares, averages and spreads cover?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from parts import validity_effects as trials
from parts import validity_interruption as series
from parts.monte_carlo import Quantity, Store, mean, share
from parts.validity_growth import SEED
from slopewise.effects.coding import TREATED
from slopewise.effects.posterior import Asked, PosteriorEffects
from slopewise.effects.series.model import AFTER, fit_series, series_model
from slopewise.effects.series.posterior import series_posterior
from slopewise.effects.series.units import interrupted
from slopewise.effects.treatment import within_posterior
from slopewise.growth.bayes.priors import Priors
from slopewise.growth.fitting import fit_everybody
from slopewise.growth.model import GrowthModel
from slopewise.run.seeds import generator

TRIALS = (trials.Trial(40, 2, 0.5), trials.Trial(40, 2, 0.2), trials.Trial(100, 4, 0.3))
SERIES = (series.Series(40, 16, 0.5),)
AT = 5.0
"""Time after the interruption at which its effect is looked at."""

SECTION = """## Effects under a posterior

The trials and the series of the two sections above, with `growth.engine: bayes` and default priors; the courses of the
series differ in level alone. Coverage is that of 95% credible intervals: of the share of the data set's patients whose
effect has the other sign than the average, of the average effect, and of its SD between patients; in the series of the
effect 5 steps after the interruption. "REML at 0" is the share of data sets in which REML estimates no spread of the
effect. {size}.

{table}

{verdicts}"""

QUANTITIES = ("share", "average", "SD")


def covered_in_trial(trial: trials.Trial, count: int) -> list[Quantity]:
    """Coverage in trials."""
    flags: dict[str, list[bool]] = {name: [] for name in (*QUANTITIES, "zero")}
    errors = []
    for k in range(count):
        rng = generator(SEED, "effect_posterior", trial.name, k)
        frame, effect = trials.rows(trial, rng)
        fit = fit_everybody(trials.model().data(frame, "y"), "correlated")
        asked = [Asked("treatment", *(_unit(names, {TREATED: 1.0}) for names in _names(fit.design)))]
        posterior = within_posterior(fit, Priors())
        found = PosteriorEffects.of(posterior, asked, np.arange(trial.patients), rng)
        errors.append(_add(flags, found, effect, trials.MEAN, trial.sd))
        flags["zero"].append(bool(fit.estimates.covariance[0, 1, 1] < 1e-6))
    return _quantities(flags, errors)


def covered_in_series(setting: series.Series, count: int) -> list[Quantity]:
    """Coverage of the effect `AT` after an interruption."""
    flags: dict[str, list[bool]] = {name: [] for name in (*QUANTITIES, "zero")}
    errors = []
    for k in range(count):
        rng = generator(SEED, "effect_posterior", setting.name, k)
        frame = series.rows(setting, rng, course_sd=0.0)
        fit = fit_series(series_model(GrowthModel(random="~ 1")), frame, "y", True)
        units = frame.drop_duplicates("patient").set_index("patient")
        who = interrupted(fit)
        effect = (units["level"] + AT * units["slope"]).loc[[fit.serial.batch.data.patients[place] for place in who]]
        random = fit.random_row(AT)
        found = PosteriorEffects.of(
            series_posterior(fit, Priors()), [Asked("effect", fit.fixed_row(AT), random)], np.array(who), rng
        )
        sd = float(np.hypot(series.LEVEL_SD, AT * series.SLOPE_SD))
        errors.append(_add(flags, found, effect.to_numpy(), series.LEVEL + AT * series.SLOPE, sd))
        covariance = fit.serial.fit.covariance
        flags["zero"].append(AFTER not in covariance or bool(random @ covariance.to_numpy() @ random < 1e-6))
    return _quantities(flags, errors)


def _names(design: object) -> tuple[Sequence[str], Sequence[str]]:
    return design.fixed_names, design.random_names  # type: ignore[attr-defined]


def _unit(names: Sequence[str], shares: dict[str, float]) -> np.ndarray:
    return np.array([shares.get(name, 0.0) for name in names])


def _add(flags: dict[str, list[bool]], found: PosteriorEffects, effect: np.ndarray, average: float, sd: float) -> float:
    """Whether each interval holds the truth; the estimated share less the true one."""
    limit = ("opposite", 0.0, average > 0)
    row = found.share(0, limit)
    truth = float((effect < 0).mean() if average > 0 else (effect > 0).mean())
    flags["share"].append(bool(row["ci_low"] <= truth <= row["ci_high"]))
    table = found.table().set_index("what")
    for name, what, true in (("average", "average", average), ("SD", "spread", sd)):
        flags[name].append(bool(table.loc[what, "ci_low"] <= true <= table.loc[what, "ci_high"]))
    return float(row["share"]) - truth  # type: ignore[arg-type]


def _quantities(flags: dict[str, list[bool]], errors: list[float]) -> list[Quantity]:
    return [
        *(share(f"coverage, {name}", flags[name]) for name in QUANTITIES),
        mean("share less truth", errors),
        share("REML at 0", flags["zero"]),
    ]


def effect_posterior_section(
    store: Store, wide: Callable[..., str], verdict: Callable[..., str], size: Callable[..., str]
) -> str:
    """The table of coverage."""
    found = store.read("effect_posterior")
    names = tuple(f"coverage, {name}" for name in QUANTITIES)
    lines = [
        verdict(found, [names[0]], (0.92, 0.99), "Coverage of the share with the other sign"),
        verdict(found, list(names[1:]), (0.92, 0.98), "Coverage of the average and of the SD"),
    ]
    return SECTION.format(
        size=size(found),
        table=wide(found, (*names, "share less truth", "REML at 0")),
        verdicts="\n".join(f"- {line}" for line in lines),
    )
