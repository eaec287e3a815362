"""The effect of a treatment in each patient, and the share of patients whose effect lies beyond a limit.

The effect of patient i, beta_1 + b_1i, is normal about its prediction with Henderson's prediction variance
(`slopes.fast`). The share is the mean of the patients' probabilities; for its interval nothing is known but the data:
(beta, Psi, sigma^2) are drawn by the parametric bootstrap, and every patient's effect given the patient's own rows.
With `growth.engine: bayes` all of this is of the posterior (`effects.posterior`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.effects.coding import TREATED, Coded
from slopewise.growth import GrowthFit
from slopewise.growth.fitting import everybody, fit_batch
from slopewise.slopes.fast import DRAWS, PARAMETERS, Predicted, predicted_by, probability

Floats = NDArray[np.float64]

EFFECT = "treatment"
BEYOND = 1.959963984540054


def predictions(fit: GrowthFit) -> Predicted:
    """The effect in each patient of the fit, in the order of its data."""
    assert fit.batch is not None
    n = len(fit.batch.data.patients)
    dx, dz = direction(fit)
    return predicted_by(fit.batch, fit.index, np.arange(n), np.tile(dx, (n, 1)), np.tile(dz, (n, 1)))


def direction(fit: GrowthFit) -> tuple[Floats, Floats]:
    """The combination of fixed effects (p,) and of random effects (q,) that is a patient's effect."""
    dx = np.array([float(name == TREATED) for name in fit.design.fixed_names])
    dz = np.array([float(name == TREATED) for name in fit.design.random_names])
    return dx, dz


def patient_effects(fit: GrowthFit, one: Coded) -> pd.DataFrame:
    """The marker's rows of ``effects/patients``: estimate, se, 95% interval, reliability.

    own: the patient's own difference of means, without pooling; missing for a patient with one treatment.
    """
    assert fit.batch is not None
    found = predictions(fit)
    return effect_rows(
        fit,
        one,
        {
            "estimate": found.slope,
            "se": found.sd,
            **interval_about(found.slope, found.sd),
            "reliability": fit.reliability()
            .set_index("patient")[TREATED]
            .reindex(fit.batch.data.patients)
            .to_numpy(dtype=float),
        },
    )


def effect_rows(fit: GrowthFit, one: Coded, found: dict[str, Floats]) -> pd.DataFrame:
    """The rows of ``effects/patients`` with what was `found` of each patient of the fit."""
    assert fit.batch is not None
    names = fit.batch.data.patients
    means = one.frame.groupby(["patient", TREATED])[one.marker].mean().unstack().reindex(columns=[0.0, 1.0])
    return pd.DataFrame(
        {
            "effect": EFFECT,
            "patient": names,
            "rows": fit.batch.data.n_rows,
            **found,
            "own": (means[1.0] - means[0.0]).reindex(names).to_numpy(dtype=float),
        }
    )


def interval_about(estimate: Floats, sd: Floats) -> dict[str, Floats]:
    """ci_low and ci_high (95%) of what is normal about its prediction."""
    return {"ci_low": estimate - BEYOND * sd, "ci_high": estimate + BEYOND * sd}


def drawn_effects(fit: GrowthFit, rng: np.random.Generator, parameters: int = PARAMETERS) -> Floats:
    """(draws, patients): effects of all patients given the data, the parameters drawn too."""
    assert fit.batch is not None
    observed = fit.batch.data
    n, each = len(observed.patients), DRAWS // PARAMETERS
    dx, dz = direction(fit)
    where = np.zeros(n, np.int64)
    drawn = []
    for values in fit.simulate(rng, parameters):
        again = replace(fit_batch(observed.with_values(values), everybody(observed), [fit.structure]), data=observed)
        if not np.isfinite(again.deviance[0]):
            continue
        effects, conditional = again.random_effects(where, np.arange(n))
        effect = float(dx @ again.beta[0]) + effects @ dz
        sd = np.sqrt(np.maximum(np.einsum("i,nij,j->n", dz, conditional, dz), 0.0))
        drawn.append(effect + sd * rng.standard_normal((each, n)))
    return np.concatenate(drawn) if drawn else np.empty((0, n))


def share_interval(drawn: Floats, limit: float, below: bool) -> tuple[float, float]:
    """The 95% interval of the share of patients beyond `limit`; drawn (draws, patients)."""
    if not len(drawn):
        return np.nan, np.nan
    low, high = np.quantile((drawn < limit if below else drawn > limit).mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def shares(fit: GrowthFit, one: Coded, meaningful: float | None, rng: np.random.Generator) -> pd.DataFrame:
    """The marker's rows of ``effects/shares``: the other sign than the average's, and at least `meaningful` with it."""
    found, drawn = predictions(fit), drawn_effects(fit, rng)
    asked = limits(float(fit.beta[TREATED]) >= 0, meaningful)
    return pd.DataFrame([{"effect": EFFECT, **share_row(found, drawn, limit)} for limit in asked])


def limits(positive: bool, meaningful: float | None) -> list[tuple[str, float, bool]]:
    """What the shares are of: name, limit, and whether they are of effects below it; `positive`: the average is."""
    asked = [("opposite", 0.0, positive)]
    if meaningful is not None:
        asked.append(("meaningful", meaningful if positive else -meaningful, not positive))
    return asked


def share_row(found: Predicted, drawn: Floats, asked: tuple[str, float, bool]) -> dict[str, object]:
    """what, side, limit, patients, share with ci_low and ci_high, likely, sure; drawn (draws, patients)."""
    what, limit, below = asked
    chance = probability(found, limit, below)
    low, high = share_interval(drawn, limit, below)
    return {
        "what": what,
        "side": "below" if below else "above",
        "limit": limit,
        "patients": len(chance),
        "share": float(chance.mean()),
        "ci_low": low,
        "ci_high": high,
        "likely": int((chance > 0.5).sum()),
        "sure": int((chance > 0.9).sum()),
    }
