"""Kinds of outcome: what every part of the package asks about one. No NumPy: Snakemake imports it at each start.

What differs beyond these facts is one row a kind in a dict of each part: the study's rules, the cohort, the learners,
the metrics, the validation, the words of the report, the words of ``predict`` and those of ``check``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from slopewise.study.keys import Outcome

EVENTS_PER_COEFFICIENT = 10
"""With fewer events (patients, if continuous) a coefficient of the largest step, ``outcome.penalty: auto`` is a net."""


def _events_in_words(outcome: Outcome) -> tuple[str, ...]:
    return (" or ".join(outcome.events.values()), *dict.fromkeys(outcome.competing.values()))


def _level(outcome: Outcome) -> tuple[str, ...]:
    return (f"{outcome.column}: {outcome.positive}",)


def _column(outcome: Outcome) -> tuple[str, ...]:
    return (str(outcome.column),)


def _nothing(outcome: Outcome) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True)
class Kind:
    """One kind of outcome.

    Attributes
    ----------
    name : str
        As ``outcome.kind`` in the study file.
    predicts : bool
        Whether there is an outcome at all.
    timed : bool
        Whether the outcome is an event at a time, which censoring can hide; risks are then predicted at horizons.
    dichotomous : bool
        Whether each patient has one of two levels.
    numeric : bool
        Whether the outcome is a number, of which values are predicted and no risks.
    counted : str
        What coefficients are counted against: ``events`` or ``patients``.
    headlines : tuple of str
        Metrics on which a headline may rest, the first that was computed.
    metric : str
        The metric of the slope's gain where one number is wanted, to be had in every study; empty without an outcome.
    information : {"events", "rarer", "patients", "none"}
        What the statistical information is counted by: the events, the rarer of two outcomes, or the patients.
    causes_of : callable
        What `causes` calls.
    """

    name: str
    predicts: bool = True
    timed: bool = False
    dichotomous: bool = False
    numeric: bool = False
    counted: str = "events"
    headlines: tuple[str, ...] = ()
    metric: str = ""
    information: Literal["events", "rarer", "patients", "none"] = "none"
    causes_of: Callable[[Outcome], tuple[str, ...]] = _nothing

    @property
    def has_events(self) -> bool:
        """Whether patients have the outcome or not, so that pairs of them can be ordered."""
        return self.timed or self.dichotomous

    def informative(self, events: int, patients: int) -> int:
        """How many patients carry the information, of `patients` with `events`: the events; the rarer of two outcomes;
        all, where the outcome is a number; 0 without an outcome."""
        rarer = min(events, patients - events)
        return {"events": events, "rarer": rarer, "patients": patients, "none": 0}[self.information]

    def causes(self, outcome: Outcome) -> tuple[str, ...]:
        """What is predicted, as the column ``cause`` names it: the event (``transplant or death``), then competing
        ones. A binary outcome is ``remission: yes``, a continuous one its column; nothing without an outcome."""
        return self.causes_of(outcome)

    def horizons(self, outcome: Outcome) -> tuple[float, ...]:
        """The horizons of the risks; one that is missing (NaN) where the outcome has no time."""
        return tuple(float(h) for h in outcome.horizons) if self.timed else (float("nan"),)


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "survival",
            timed=True,
            headlines=("c_uno", "c_harrell"),
            metric="c_harrell",
            information="events",
            causes_of=_events_in_words,
        ),
        Kind("binary", dichotomous=True, headlines=("auc",), metric="auc", information="rarer", causes_of=_level),
        Kind(
            "continuous",
            numeric=True,
            counted="patients",
            headlines=("r2",),
            metric="r2",
            information="patients",
            causes_of=_column,
        ),
        Kind("none", predicts=False, counted="patients"),
    )
}
"""By ``outcome.kind``; competing events are those of survival."""
