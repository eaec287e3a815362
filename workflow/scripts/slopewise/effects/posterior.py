"""Effects of patients, and shares of patients, under the posterior of a study with `growth.engine: bayes`.

The model is that of the estimator by REML, with the priors of section 9 of docs/methods.md. Each draw has the fixed
effects, the covariance of the random effects, the residual variance and, given these, every patient's effect from the
patient's own rows (`growth.bayes.gridded`), so that an interval counts everything that is not known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from slopewise.effects.patients import share_row
from slopewise.growth.bayes.gridded import Effect, Gridded
from slopewise.growth.bayes.mixture import mixture_quantiles
from slopewise.run.short_repr import ShortRepr
from slopewise.slopes.fast import Predicted, of_mixture

Floats = NDArray[np.float64]
Limit = tuple[str, float, bool]
"""What a share is of, its limit, and whether it is of effects below that."""

ENDS = (0.025, 0.975)


@dataclass(frozen=True, repr=False)
class Asked(ShortRepr):
    """An effect by name: its combination of fixed effects (p,) and of random ones (q,), zero where it does not vary."""

    name: str
    fixed: Floats
    random: Floats


@dataclass(frozen=True, repr=False)
class PosteriorEffects(ShortRepr):
    """The effects of n patients, by name, under one posterior."""

    asked: tuple[Asked, ...]
    found: tuple[Effect, ...]

    @staticmethod
    def of(
        posterior: Gridded, asked: Sequence[Asked], who: NDArray[np.int64], rng: np.random.Generator
    ) -> PosteriorEffects:
        """The effects of patients `who`, by position in the posterior's data."""
        fixed, random = np.array([one.fixed for one in asked]), np.array([one.random for one in asked])
        return PosteriorEffects(tuple(asked), tuple(posterior.effects(fixed, random, who, rng)))

    def predicted(self, place: int) -> Predicted:
        """Means, SDs and mixture of one effect."""
        effect = self.found[place]
        return of_mixture(effect.mean, effect.sd, np.full(len(effect.mean), 1.0 / len(effect.mean)))

    def average(self, place: int) -> float:
        """The posterior mean of an average effect."""
        return float(self.found[place].average.mean())

    def patients(self, place: int) -> dict[str, Floats]:
        """estimate, se, ci_low, ci_high (95% credible), reliability of each patient's effect."""
        effect, found = self.found[place], self.predicted(place)
        assert found.mixture is not None
        low, high = mixture_quantiles(*found.mixture, ENDS)
        between = float((effect.spread**2).mean())
        left = found.sd**2
        with np.errstate(divide="ignore", invalid="ignore"):
            reliability = np.clip(1.0 - left / between, 0.0, 1.0) if between > 0 else np.zeros(len(left))
        return {"estimate": found.slope, "se": found.sd, "ci_low": low, "ci_high": high, "reliability": reliability}

    def share(self, place: int, limit: Limit) -> dict[str, object]:
        """A row of ``effects/shares``: the mean probability of the patients, and the interval of their share."""
        return {"effect": self.asked[place].name, **share_row(self.predicted(place), self.found[place].drawn, limit)}

    def opposite(self, place: int) -> Limit:
        """Effects of the other sign than the average."""
        return ("opposite", 0.0, self.average(place) >= 0)

    def table(self) -> pd.DataFrame:
        """Rows of ``effects/posterior``: each average effect, and its SD between patients where it varies."""
        rows = []
        for one, effect in zip(self.asked, self.found, strict=True):
            above = float((effect.average > 0).mean())
            rows.append({"effect": one.name, "what": "average", **summary(effect.average), "above_zero": above})
            if one.random.any():
                rows.append({"effect": one.name, "what": "spread", **summary(effect.spread), "above_zero": np.nan})
        return pd.DataFrame(rows)


def summary(values: Floats, weights: Floats | None = None) -> dict[str, float]:
    """mean, sd, median, ci_low, ci_high (95%) of equally likely values, or of sorted ones with weights (sum 1)."""
    if weights is None:
        values = np.sort(values)
        weights = np.full(len(values), 1.0 / len(values))
    mean = float(weights @ values)
    below = np.cumsum(weights) - 0.5 * weights
    low, middle, high = np.interp((ENDS[0], 0.5, ENDS[1]), below, values)
    sd = float(np.sqrt(weights @ (values - mean) ** 2))
    return {"mean": mean, "sd": sd, "median": float(middle), "ci_low": float(low), "ci_high": float(high)}


def residual_row(name: str, values: Floats, weights: Floats) -> pd.DataFrame:
    """The row of ``effects/posterior`` on the further number of the residuals."""
    return pd.DataFrame([{"effect": name, "what": "residuals", **summary(values, weights), "above_zero": np.nan}])
