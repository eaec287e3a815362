"""Growth-curve mixed models: REML and ML at a millisecond a fit (the engine), usable on their own."""

from slopewise.growth.batch import GrowthBatch, GrowthData
from slopewise.growth.fit import GrowthFit
from slopewise.growth.model import GrowthModel

__all__ = ["GrowthBatch", "GrowthData", "GrowthFit", "GrowthModel"]
