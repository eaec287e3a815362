"""`GrowthFit`: one fitted growth model with its tables."""

from __future__ import annotations

from dataclasses import dataclass

from slopewise.growth.batch import GrowthBatch


@dataclass(frozen=True)
class GrowthFit:
    batch: GrowthBatch
    index: int

    @staticmethod
    def from_batch(batch: GrowthBatch, index: int) -> "GrowthFit":
        return GrowthFit(batch, index)

    @property
    def deviance(self) -> float:
        return float(self.batch.deviance[self.index])
