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
    grouped: bool = False
    """Whether coefficients of a marker are 0 together or not at all."""

    @property
    def message(self) -> str:
        """The line of the ledger."""
        return (
            f"{'grouped ' if self.grouped else ''}elastic net, penalty {self.strength:.4g} (half lasso, half ridge) "
            f"chosen by {self.folds} folds of the training patients: {self.kept} of {self.of} coefficients "
            f"{agree(self.kept, 'is', 'are')} not 0"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain content for JSON."""
        return {"strength": self.strength, "largest": self.largest, "folds": self.folds, "kept": self.kept,
                "of": self.of, **({"grouped": True} if self.grouped else {})}  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Penalty:
        """The inverse of `to_dict`."""
        counted = content["folds"], content["kept"], content["of"]
        return cls(content["strength"], content["largest"], *counted, content.get("grouped", False))
