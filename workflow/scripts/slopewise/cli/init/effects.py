"""The effect that `slopewise init --kind` asks about, by kind."""

from __future__ import annotations

from collections.abc import Callable

from slopewise.cli.init.crossover import guess_crossover
from slopewise.cli.init.guess import Look
from slopewise.cli.init.interruption import guess_interruption
from slopewise.cli.init.iptw import guess_iptw
from slopewise.cli.init.proposed_effect import ProposedEffect

__all__ = ["GUESSES", "ProposedEffect"]

GUESSES: dict[str, Callable[[Look, str, str, str], ProposedEffect]] = {
    "crossover": guess_crossover,
    "interruption": guess_interruption,
    "iptw": guess_iptw,
}
"""By `--kind`: (tables, patient, time, format of its dates) -> the proposal."""
