"""What an elastic net was fitted with; told in the ledger, kept in the shipped model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slopewise.run.words import agree


@dataclass(frozen=True)
class Penalty:
    """What was chosen: λ (`strength`), the largest one tried, by how many folds, how many coefficients are not 0."""

    strength: float
    largest: float
    folds: int
    kept: int
    of: int

    @property
    def message(self) -> str:
        """The line of the ledger."""
        return (
            f"elastic net, penalty {self.strength:.4g} (half lasso, half ridge) chosen by {self.folds} folds of the "
            f"training patients: {self.kept} of {self.of} coefficients {agree(self.kept, 'is', 'are')} not 0"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain content for JSON."""
        return {"strength": self.strength, "largest": self.largest, "folds": self.folds, "kept": self.kept,
                "of": self.of}  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Penalty:
        """The inverse of `to_dict`."""
        return cls(content["strength"], content["largest"], content["folds"], content["kept"], content["of"])
