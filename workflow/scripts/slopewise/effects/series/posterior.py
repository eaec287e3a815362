"""The effects of an interruption under the posterior: each unit's, the share that went the other way, the averages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slopewise.effects.posterior import Asked, PosteriorEffects, residual_row
from slopewise.effects.series.average import named_effects
from slopewise.effects.series.model import SeriesFit
from slopewise.effects.series.units import interrupted, of_units
from slopewise.growth.bayes.gridded import Gridded, integrated, neighbours
from slopewise.growth.bayes.priors import Priors


def series_posterior(fit: SeriesFit, priors: Priors) -> Gridded:
    """The posterior of the model that `fit` is the REML fit of."""
    rows = fit.serial.rows
    return integrated(rows.data, neighbours(rows, fit.serial.phi), priors)


def posterior_rows(
    fit: SeriesFit, horizons: Sequence[float], priors: Priors, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """The rows of ``effects/patients``, ``shares`` and ``posterior``."""
    who = interrupted(fit)
    posterior = series_posterior(fit, priors)
    asked = [Asked(name, fit.fixed_row(k, term), fit.random_row(k, term)) for name, k, term in named_effects(horizons)]
    effects = PosteriorEffects.of(posterior, asked, np.array(who, dtype=np.int64), rng)
    table, places = effects.table(), range(len(asked))
    if fit.serial.rows.spacing is not None:
        u, weights = posterior.residual_number()
        row = residual_row("correlation of neighbouring residuals", np.tanh(u), weights)
        table = pd.concat([table, row], ignore_index=True)
    return {
        "patients": of_units(fit, who, horizons, [effects.patients(place) for place in places]),
        "shares": pd.DataFrame([effects.share(place, effects.opposite(place)) for place in places]),
        "posterior": table,
    }
