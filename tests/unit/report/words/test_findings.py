"""The three lines after a run: the report's own sentences, made from the tables."""

import re
from pathlib import Path

import pytest

from slopewise.report.pages.study import render
from slopewise.report.words.findings import findings, main
from slopewise.run.files import write_text
from tests.unit.report.report_page import Page
from tests.unit.report.report_tables import Invented


@pytest.fixture
def results(tmp_path: Path) -> Path:
    invented = Invented(gain=(0.025, 0.010, 0.041), markers=("beta", "alpha"))
    folder = invented.write(tmp_path / "invented")
    write_text(folder / "report.html", render(invented.study(), folder))
    return folder


def test_three_findings_that_stand_in_the_report_too(results, capsys):
    assert main([str(results)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"The report: {results / 'report.html'}"
    assert sum(line.startswith("  - ") for line in lines) == 3 and max(map(len, lines[1:])) <= 100
    page = Page((results / "report.html").read_text(encoding="utf-8"))
    for finding, section in zip(findings(results), ("summary", "summary", "slopes"), strict=True):
        assert re.sub(r"\s+", " ", finding) in page.text(section)
    assert "+0.025 (95% interval +0.010 to +0.041)" in " ".join(line.strip() for line in lines)


def test_a_folder_without_a_study_is_told_in_one_line(tmp_path, capsys):
    assert main([str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and "no finished study" in said.err
