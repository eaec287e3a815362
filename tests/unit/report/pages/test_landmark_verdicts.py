"""The page over landmarks has each landmark's own verdict, first in words and again in its table."""

from pathlib import Path

import pandas as pd

from slopewise.report.material.frames import Frames
from slopewise.report.pages.landmarks import render_landmarks
from slopewise.validate.verdict import Verdict
from tests.unit.report.report_tables import Invented


def test_each_landmark_has_its_verdict_on_the_page(tmp_path: Path) -> None:
    invented = Invented()
    performance = Frames.read(invented.write(tmp_path)).performance
    counts = {"patients": 60, "events": 30, "slopes": 2}
    table = pd.concat([performance.assign(landmark=moment, **counts) for moment in (1.0, 2.0)], ignore_index=True)
    page = render_landmarks(invented.study(), table, ["a", "b"], [Verdict.WORSE, Verdict.DISAGREE])
    assert "Predictions were worse" in page and "conflicting" in page
    assert ">worse<" in page and ">disagree<" in page
