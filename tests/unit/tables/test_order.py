"""Rows in order are recognised, and rows out of order are sorted as pandas sorts them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from slopewise.tables.order import in_order, ordered

KEYS = ["patient", "time"]


def _rows(patients: str, times: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"patient": list(patients), "time": times, "place": range(len(times))})


@pytest.mark.parametrize(
    ("patients", "times", "expected"),
    [
        ("aabb", [1, 2, 0, 0], True),
        ("aabb", [2, 1, 0, 0], False),  # out of order within a patient
        ("baab", [0, 1, 2, 3], False),  # out of order between patients
        ("aabb", [1, np.nan, 0, 1], False),  # nobody knows where a missing time belongs
        ("", [], True),
        ("a", [1], True),
    ],
)
def test_rows_in_order(patients: str, times: list[float], expected: bool) -> None:
    assert in_order(_rows(patients, times), KEYS) is expected


def test_rows_out_of_order_are_sorted_and_ties_keep_their_order() -> None:
    random = np.random.default_rng(1)
    frame = _rows("".join(random.choice(list("abc"), 60)), random.integers(0, 4, 60).astype(float).tolist())
    pd.testing.assert_frame_equal(ordered(frame, KEYS), frame.sort_values(KEYS, kind="stable"))
    done = ordered(frame, KEYS)
    assert ordered(done, KEYS) is done
