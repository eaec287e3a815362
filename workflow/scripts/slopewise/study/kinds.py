"""Kinds of outcome."""

from __future__ import annotations

from slopewise.study.model import Study


def causes_of(study: Study) -> tuple[str, ...]:
    """What is predicted, as the column ``cause`` names it: the event (``transplant or death``), then competing ones.

    A binary outcome is ``remission: yes``, a continuous one its column.
    """
    outcome = study.outcome
    if outcome.kind == "binary":
        return (f"{outcome.column}: {outcome.positive}",)
    if outcome.kind == "continuous":
        return (str(outcome.column),)
    return (" or ".join(outcome.events.values()), *dict.fromkeys(outcome.competing.values()))


def horizons_of(study: Study) -> tuple[float, ...]:
    """The horizons of the risks; one that is missing (NaN) where the outcome has no time."""
    if study.outcome.kind != "survival":
        return (float("nan"),)
    return tuple(float(h) for h in study.outcome.horizons)


EVENTS_PER_COEFFICIENT = 10
"""With fewer events (patients, if continuous) a coefficient of the largest step, ``outcome.penalty: auto`` is a net."""


HEADLINE = {"survival": "c_harrell", "binary": "auc", "continuous": "r2"}
"""The metric in which the slope's gain is judged where one number is wanted: by kind, and to be had in every study."""
