"""Text from data that would run in a browser or a spreadsheet: through the whole workflow it stays text."""

import csv
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from slopewise.cli.tables import export
from slopewise.run.errors import InputError
from slopewise.study.reading import load_study
from slopewise.tables import files as tables
from tests.unit.report.report_page import Page
from tests.workflow.running import HOSTILE_IDS, LONG, Tables, made_once, run_hostile


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "hostile", run_hostile) / "results"


@pytest.fixture(scope="module")
def html(results: Path) -> str:
    return (results / "report.html").read_text(encoding="utf-8")


def test_nothing_of_it_runs_in_the_report(html: str):
    page = Page(html)
    tags = Counter(tag for tag, _ in page.tags)
    assert (tags["script"], tags["style"], tags["title"], tags["main"]) == (1, 1, 1, 1)
    assert not {"img", "i", "u"} & set(tags) and page.open == []
    assert tags["b"] == html.count("<b>") and "<b>&#34;m" not in html
    assert not [a for _, a in page.tags if any(key.startswith("on") for key in a)]
    title = "\"Slopes\" & 'levels' 😀 </title><script>alert(2)</script>"
    assert "".join(page.texts["title"]) == "".join(page.texts["h1"]) == title
    assert LONG in page.text("coefficients") and "=1+1, level and slope" not in html


def test_no_patient_is_in_what_is_shared(results: Path, html: str):
    for name in HOSTILE_IDS[:1] + HOSTILE_IDS[4:]:
        assert name not in html and "SUM(A1)" not in html
        assert name not in (results / "model.json").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" not in html


def formulas(path: Path) -> list[str]:
    """The cells of a CSV file that a spreadsheet would run."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    return [cell for cell in cells if cell[:1] in "=+-@\t\r" and cell and not is_number(cell)]


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_no_cell_for_people_is_a_formula(results: Path, tmp_path: Path):
    files = [*results.rglob("*.csv"), *[path for path in export(results, tmp_path) if path.suffix == ".csv"]]
    assert len(files) > 25
    assert {path.name: found for path in files if (found := formulas(path))} == {}
    assert "'=1+1," in (results / "slopes/slopes.csv").read_text(encoding="utf-8")
    assert "'+sex[" in (results / "outcome/coefficients.csv").read_text(encoding="utf-8")


def test_reading_back_gives_every_patient_and_term_its_own_name(results: Path):
    written = tables.read("slopes/slopes", results / "slopes/slopes.parquet")
    read = tables.read("slopes/slopes", results / "slopes/slopes.csv")
    pd.testing.assert_series_equal(read["patient"], written["patient"])
    patients = set(tables.read("cohort/patients", results / "cohort/patients.parquet")["patient"])
    assert len(set(HOSTILE_IDS) & patients) >= 3 and set(read["patient"]) == patients
    terms = set(tables.read("outcome/coefficients", results / "outcome/coefficients.csv")["term"])
    assert LONG in terms and any(term.startswith("+sex[") for term in terms)


@pytest.mark.parametrize("name", ["=1+1", "<script>", "a b", "@x", "x" * 101])
def test_a_marker_of_such_a_name_is_refused(pbc: Tables, tmp_path: Path, name: str):
    pbc.study["markers"][name] = pbc.study["markers"].pop("albumin")
    with pytest.raises(InputError, match="a marker's name starts with a letter") as refused:
        load_study(pbc.write(tmp_path))
    assert len(str(refused.value).splitlines()) == 1


def test_a_column_of_more_than_200_characters_is_refused(pbc: Tables, tmp_path: Path):
    pbc.study["markers"]["albumin"]["column"] = "x" * 201
    with pytest.raises(InputError, match="200"):
        load_study(pbc.write(tmp_path))
