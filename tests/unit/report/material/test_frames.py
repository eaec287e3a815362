"""Rows of one marker, and what is made once for a report."""

import pandas as pd

from tests.unit.report.report_tables import SomeFrames


def test_the_rows_of_a_marker_are_those_that_a_filter_finds() -> None:
    table = pd.DataFrame({"marker": ["b", "a", "b", None, "a"], "value": range(5)})
    frames = SomeFrames(fits=table, further={"effects_design": table.iloc[::-1]})
    for marker in ("a", "b", "c"):
        pd.testing.assert_frame_equal(frames.of("fits", marker), table[table["marker"] == marker])
        reverse = frames.of("effects_design", marker)
        pd.testing.assert_frame_equal(reverse, table.iloc[::-1][lambda rows, name=marker: rows["marker"] == name])


def test_what_many_sections_need_is_made_once_for_the_tables_of_a_report() -> None:
    made: list[int] = []
    frames, others = SomeFrames(), SomeFrames()
    for tables in (frames, frames, others):
        assert tables.once("evidence", lambda: made.append(1) or len(made)) == (2 if tables is others else 1)
    assert made == [1, 1]
