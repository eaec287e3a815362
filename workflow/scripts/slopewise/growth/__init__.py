"""Growth-curve mixed models: REML and ML at a fraction of a millisecond a fit; usable on their own."""

from slopewise.growth.batch import GrowthBatch
from slopewise.growth.bayes.priors import BayesSettings, Priors
from slopewise.growth.bayes.sampled import PosteriorSample, sample_posterior
from slopewise.growth.data import GrowthData, GrowthRows
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.growth.model import GrowthModel

__all__ = [
    "BayesSettings",
    "GrowthBatch",
    "GrowthData",
    "GrowthFit",
    "GrowthModel",
    "GrowthRows",
    "PosteriorSample",
    "Priors",
    "fit_batch",
    "sample_posterior",
]
