"""Growth-curve mixed models: REML and ML at a fraction of a millisecond a fit; usable on their own."""

from slopewise.growth.batch import GrowthBatch
from slopewise.growth.data import GrowthData, GrowthRows
from slopewise.growth.fit import GrowthFit
from slopewise.growth.fitting import fit_batch
from slopewise.growth.model import GrowthModel

__all__ = ["GrowthBatch", "GrowthData", "GrowthFit", "GrowthModel", "GrowthRows", "fit_batch"]
