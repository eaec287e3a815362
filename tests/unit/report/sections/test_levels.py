"""How well the level is known: the gap to the landmark and the standard error, in numbers and in words."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
import yaml

from slopewise.report.material.frames import Frames
from slopewise.report.sections.levels import gaps, level_sentences, level_table
from slopewise.report.words.naming import Naming
from slopewise.study.reading import parse_study
from tests.unit.report.report_tables import SomeFrames


def naming(landmark: Any = 2.0) -> Naming:
    content = {
        "study": "s", "seed": 1,
        "data": {"measurements": "m.csv", "patient": "id", "time": "t", "time_unit": "years", "analysis_unit": "years"},
        "markers": {"y": {"column": "y", "unit": "mg"}}, "landmark": landmark, "outcome": {"kind": "none"},
    }  # fmt: skip
    return Naming(parse_study(yaml.safe_dump(content).encode(), "s.yaml"))


def frames(patients: int = 12) -> Frames:
    """Patient k has values at 0 and at 2 - k/10 (years), so that the gap to a landmark of 2 is k/10; p00 has none.

    The standard error of the level grows with the gap.
    """
    names = [f"p{k:02d}" for k in range(patients)]
    times = [(name, time) for k, name in enumerate(names) if k for time in (0.0, 2.0 - 0.1 * k)]
    measurements = pd.DataFrame(times, columns=["patient", "time"]).assign(y=1.0)
    measurements = pd.concat([measurements, pd.DataFrame({"patient": ["p05"], "time": [2.0], "y": [np.nan]})])
    known = [float("nan") if k == 0 else 1.0 for k in range(patients)]
    slopes = pd.DataFrame({"patient": names, "marker": "y", "last": known, "level": np.arange(float(patients)),
                           "level_se": 0.2 + 0.01 * np.arange(patients)})  # fmt: skip
    return cast(Frames, SomeFrames(measurements=measurements, slopes=slopes))


def test_the_gap_is_from_the_last_value_of_the_marker_to_the_landmark() -> None:
    known = gaps(frames(), naming(), "y")
    assert "p00" not in known.index and len(known) == 11
    assert known["gap"].round(9).to_dict()["p05"] == 0.5  # the later row has no value
    assert known["level_se"].to_dict()["p05"] == 0.25


def test_table_and_words_have_the_same_numbers() -> None:
    table = level_table(frames(), naming())
    (row,) = table.cells
    assert [cell.text for cell in row[1:5]] == ["0.600", "0.260", "0.235", "0.290"]
    assert row[1].note == "0.350 to 0.850" and row[2].note == "0.235 to 0.285"
    assert row[6].text.startswith("<5")
    (said,) = level_sentences(frames(), naming())
    assert "lies 0.600 years before the landmark (median)" in said
    assert "0.260 mg (median, 0.235 with a shorter gap and 0.290 with a longer one)" in said


def test_without_a_landmark_there_is_no_gap_and_few_patients_have_no_quartiles() -> None:
    row = level_table(frames(), naming("none")).cells[0]
    assert row[1].text == "–" and row[2].text == "0.260" and row[3].text == "–"
    assert level_sentences(frames(), naming("none")) == []
    assert [cell.text for cell in level_table(frames(4), naming()).cells[0][1:5]] == ["–"] * 4
    assert level_sentences(frames(4), naming()) == []
