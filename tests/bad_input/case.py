"""What a case of bad input is."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bad_input.good import Change


@dataclass(frozen=True)
class Case:
    """One defect: its name, where the message must say that it is, the change, and how the command ends."""

    name: str
    place: str
    change: Change
    status: int = 1
