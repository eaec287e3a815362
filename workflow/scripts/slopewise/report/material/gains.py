"""Gains of a step over the one before, as the tables hold them and as the report prints them."""

from __future__ import annotations

import math

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.words.kinds import WORDS
from slopewise.report.words.numbers import interval, number, signed
from slopewise.study.model import Study
from slopewise.validate.evidence import evidence
from slopewise.validate.gains import Gain
from slopewise.validate.verdict import Evidence

HEADLINES = {name: words for words_of in WORDS.values() for name, words in words_of.headlines.items()}
"""The metrics a headline may rest on, by their names."""


def difference_words(gain: Gain) -> str:
    """``+0.025 (95% interval +0.010 to +0.040)``."""
    if not gain.has_interval:
        return signed(gain.difference)
    return f"{signed(gain.difference)} (95% interval {interval(gain.difference_low, gain.difference_high, plus=True)})"


def value_words(gain: Gain) -> str:
    """``0.825 (95% interval 0.790 to 0.858)``."""
    ends = interval(gain.low, gain.high)
    return f"{number(gain.value)} (95% interval {ends})" if math.isfinite(gain.low) else number(gain.value)


def gain(frames: Frames, step: str, metric: str) -> Gain:
    """The row of `metric` for a ladder step."""
    return Gain.of(step, metric, frames.metric(metric).loc[step])


def evidence_of(frames: Frames, study: Study) -> Evidence:
    """The evidence on which the study's verdict rests, gathered once for a report."""
    return frames.once("evidence", lambda: evidence(frames, study))


def reliabilities(frames: Frames, markers: list[str]) -> pd.DataFrame:
    """The reliability table in the order of `markers`, those without a reliability left out."""
    rows = frames.reliability.dropna(subset=["reliability"])
    known = set(rows["marker"])
    return rows.set_index("marker").loc[[marker for marker in markers if marker in known]].reset_index()
