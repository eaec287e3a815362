"""The three lines after a run: the report's own sentences."""

import re
from pathlib import Path

from slopewise.cli.run import found
from slopewise.report.material.frames import Frames
from slopewise.report.pages.study import page
from slopewise.report.words.findings import findings
from slopewise.run.files import write_json
from tests.unit.report.report_page import Page
from tests.unit.report.report_tables import Invented


def test_three_findings_that_stand_in_the_report_too(tmp_path: Path):
    invented = Invented(gain=(0.025, 0.010, 0.041), markers=("beta", "alpha"))
    folder = invented.write(tmp_path / "invented")
    frames = Frames.read(folder)
    sentences = findings(frames, invented.study())
    report = Page(page(invented.study(), frames))
    for finding, section in zip(sentences, ("summary", "summary", "slopes"), strict=True):
        assert re.sub(r"\s+", " ", finding) in report.text(section)
    write_json(folder / "rigour.json", {"findings": sentences})
    lines = found(folder).splitlines()
    assert lines[0] == f"The report: {folder / 'report.html'}"
    assert sum(line.startswith("  - ") for line in lines) == 3 and max(map(len, lines[1:])) <= 100
    assert "+0.025 (95% interval +0.010 to +0.041)" in " ".join(line.strip() for line in lines)
