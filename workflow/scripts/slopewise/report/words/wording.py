"""From numbers to plain sentences. Every number in a sentence is a cell of a table (or a setting of the study).

Nothing is called significant: a sentence gives the difference, its interval, and what the interval rules out.
"""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.material.gains import difference_words, gain, reliabilities, value_words
from slopewise.report.words.courses import slope_is_nil
from slopewise.report.words.naming import Naming
from slopewise.report.words.numbers import count, in_words, interval, number


def ladder_sentences(frames: Frames, naming: Naming, metric: str) -> list[str]:
    """What the markers add to the covariates, and what more than a first value adds."""
    clinical, first, last, level = (gain(frames, step, metric) for step in ("clinical", "baseline", "last", "level"))
    has = "alone reach" if len(naming.study.outcome.covariates) > 1 else "alone reaches"
    covariates = naming.covariates
    start = (
        f"{covariates[0].upper()}{covariates[1:]} {has} {naming.words.short} of {value_words(clinical)}; "
        f"{naming.words.coin}."
        if naming.study.outcome.covariates
        else f"Without any predictor {naming.words.short} is {number(clinical.value)}; {naming.words.coin}."
    )
    return [
        start,
        f"Adding the markers’ first values changes it by {difference_words(first)}, to {number(first.value)}; "
        f"replacing the first values by the last changes it by {difference_words(last)}, to {number(last.value)}.",
        f"Replacing the last values by the growth model’s levels changes it by {difference_words(level)}, to "
        f"{number(level.value)}.",
    ]


def reliability_sentence(frames: Frames, naming: Naming) -> str:
    """How much of what tells slopes apart is signal."""
    rows = reliabilities(frames, list(naming.study.markers))
    if not len(rows):
        return "No slope could be estimated, so there is no reliability to report."
    parts = []
    for row in rows.itertuples():
        ends = f" (95% interval {interval(row.ci_low, row.ci_high, 2)})" if math.isfinite(row.ci_low) else ""
        parts.append(f"{number(row.reliability, 2)}{ends} for {naming.marker(row.marker)}")
    singular = [marker for marker in rows["marker"] if frames.is_singular(marker)]
    nil = [marker for marker in singular if slope_is_nil(frames, naming, marker)]
    rank = [marker for marker in singular if marker not in nil]
    apart = (
        f" For {naming.listed(rank)} it is that of the level, since the slope is determined by the level."
        if rank
        else ""
    )
    apart += (
        f" For {naming.listed(nil)} slopes do not vary between patients in the model fitted to all patients."
        if nil
        else ""
    )
    shown = in_words(parts) if len(parts) < 5 else (
        f"between {number(rows['reliability'].min(), 2)} and {number(rows['reliability'].max(), 2)} over {len(rows)} "
        "markers"
    )  # fmt: skip
    return (
        "The mean reliability of slopes, the proportion of the variance of patients’ true slopes that the data up to "
        f"{naming.end} recover, is {shown}. 1 would be a slope measured without error, 0 the average slope for "
        f"every patient.{apart}"
    )


def scope_sentence(frames: Frames, naming: Naming) -> str:
    """Who, what, when."""
    limit = naming.study.report.small_cells
    patients, at = count(frames.n_patients, limit), naming.duration(naming.landmark)
    if naming.kind.numeric:
        return (
            f"Of {patients} patients the outcome ({naming.cause}) is known. It is predicted from what had been "
            f"measured up to {naming.up_to}."
        )
    if naming.kind.dichotomous:
        return (
            f"Of {patients} patients the outcome is known; {count(frames.n_events, limit)} of them had it "
            f"({naming.cause}). It is predicted from what had been measured up to {naming.up_to}."
        )
    return (
        f"Risks of the event ({naming.cause}) within {naming.horizons()} of the landmark, which is {at} after time "
        "zero, are predicted from what had been measured up to the landmark."
    )


def until(rows: pd.DataFrame, naming: Naming) -> str:
    """Up to when a concordance counts events: ``events before τ = 8 years after the landmark``; empty without a τ."""
    tau = float(rows["horizon"].max())
    return f"events before τ = {naming.duration(tau)} after the landmark" if math.isfinite(tau) else ""
