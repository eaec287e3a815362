"""Columns that programs write for themselves: row numbers, flags of complete forms, diagnostics: no measurements."""

from __future__ import annotations

import re

import numpy as np

NAMES = {
    re.compile(r"(.*_)?complete\??( \([0-9]+\))?"): "a flag that a form was filled in",
    re.compile(
        r"redcap_.*|.*_timestamp|.*_survey_identifier|(repeat|event) (name|instrument|instance)"
    ): "written by the program that collected the data",
    re.compile(r"diagnostics?[_.].*"): "a diagnostic of the program that computed the features",
    re.compile(r"unnamed:? ?_?[0-9]*"): "a column without a name",
}
"""Names, whole and in lower case, and what the column is."""
COUNTED = re.compile(
    r"(row|obs|record|line|lfd|laufende|seq|[a-z]{2}seq|_n_|index|level_0|sequence)[_ .]?"
    r"(num|nr|no|number|nummer|id|index)?"
)
"""Names of row numbers, whose values go up over the whole file."""


def technical(name: str, values: np.ndarray) -> str:
    """What a technical column is; empty for another. `values` (n,): its numbers in the order of the rows, NaN if none.

    Row numbers are known by their values: they go up by 1 from row to row of the whole file, or, under a name that
    says it, go up at all.
    """
    plain = name.strip().lower()
    for pattern, what in NAMES.items():
        if pattern.fullmatch(plain):
            return what
    if len(values) < 2 or not np.isfinite(values).all():
        return ""
    steps = np.diff(values)
    counted = len(values) >= 20 and values[0] in (0, 1) and (steps == 1).all()
    if counted or (COUNTED.fullmatch(plain) and (steps > 0).all() and not np.any(values % 1)):
        return "a number of rows"
    return ""
