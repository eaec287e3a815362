"""What came before each treatment: the rows of patients as decisions, each with the history that it was made on.

A row's treatment is the one received since the patient's last row (`since_last_visit`), or the one decided at the row
and received until the next (`from_this_visit`). Either way the history of a decision ends at the row before it, so that
no confounder is measured after the treatment that it predicts. A patient's first row has no decision.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from slopewise.run.errors import InputError

SINCE_LAST, FROM_THIS = "since_last_visit", "from_this_visit"


def with_histories(frame: pd.DataFrame, treatment: str, given: str = SINCE_LAST) -> pd.DataFrame:
    """The rows sorted by patient and time, with what was received up to each.

    treated: 0 or 1, in the interval that ends at the row; exposure: time spent under treatment up to the row; previous:
    `treated` at the patient's last row (NaN at the first); decision: whether the treatment could have been the other
    one. Where nobody who was treated ever stops, the decisions are those of patients not yet treated.

    Raises `InputError` where a column is missing, or the treatment is not 0 or 1, or is the same in all rows.
    """
    refuse_missing(frame, ("patient", "time", treatment))
    if given not in (SINCE_LAST, FROM_THIS):
        raise InputError(f"given is {given!r}; it is {SINCE_LAST} or {FROM_THIS}")
    rows = frame.sort_values(["patient", "time"], kind="stable").reset_index(drop=True)
    values = pd.to_numeric(rows[treatment], errors="coerce").to_numpy(dtype=float)
    if not np.isin(values, (0.0, 1.0)).all():
        raise InputError(f"column {treatment!r}: a treatment is 0 or 1 in every row")
    if values.min() == values.max():
        raise InputError(f"column {treatment!r}: every row has the treatment {values[0]:g}, so nothing is compared")
    own = rows["patient"]
    treated = pd.Series(values)
    if given == FROM_THIS:
        treated = treated.groupby(own).shift().fillna(0.0)
    previous = treated.groupby(own).shift()
    length = rows["time"].groupby(own).diff().fillna(0.0)
    exposure = (treated * length).groupby(own).cumsum()
    decision = previous.notna()
    if not ((previous == 1) & (treated == 0)).any():
        decision &= previous == 0
    return rows.assign(treated=treated, exposure=exposure, previous=previous, decision=decision)


def refuse_missing(frame: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise `InputError` where one of the columns is not there."""
    for name in columns:
        if name not in frame:
            raise InputError(f"there is no column {name!r}; the data have {', '.join(map(str, frame.columns))}")


def history_of(rows: pd.DataFrame, confounders: Sequence[str]) -> pd.DataFrame:
    """Each row with `time` and the confounders as they were at the patient's last row (NaN at the first)."""
    names = ["time", *confounders]
    return rows.assign(**rows.groupby("patient")[names].shift())
