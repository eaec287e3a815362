"""`slopewise figures`: the report's figures as files of a journal's width."""

import re
import xml.etree.ElementTree as ET
import zlib
from html import unescape
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from slopewise.figures import canvas
from slopewise.figures.paper import paper_figure
from slopewise.report.pages.study import render
from slopewise.report.sections import order
from slopewise.report.sections.order import ORDER
from tests.lengths import of_length
from tests.unit.cli.cli_files import call, finished
from tests.unit.report.report_tables import Invented

MARKER = {"markers.alpha.label": "Alpha of <patients>"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study of one marker, as a run leaves it."""
    return finished(Invented(markers=("alpha",), keys=MARKER), tmp_path_factory.mktemp("results") / "invented")


@pytest.fixture(scope="module")
def exported(results: Path) -> Path:
    """Of the sections of the report a few, whose figures are of different kinds; all with `make test-long`."""
    some = [row for row in ORDER if row[0].__name__.partition("_")[0] in {"whom", "evidence", "slopes", "ladder"}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(order, "ORDER", of_length(tuple(some), ORDER))
        ended = call("figures", results, "--width", "58")
    assert ended.exit_code == 0, ended.output
    assert "files written" in ended.output
    return results / "figures"


@pytest.mark.slow
def test_each_figure_of_the_report_is_a_pdf_and_an_svg_of_the_width(exported: Path, results: Path):
    pdfs, svgs = (sorted(exported.glob(f"*.{form}")) for form in ("pdf", "svg"))
    assert [path.stem for path in pdfs] == [path.stem for path in svgs]
    page = render(Invented(markers=("alpha",), keys=MARKER).study(), results)
    shown = re.findall(r'<svg [^>]*role="img"[^>]*aria-label="([^"]*)"', page)
    lines = (exported / "figures.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(pdfs) > 10
    assert {line.partition(":")[0] for line in lines} == {path.stem for path in pdfs}
    in_words = [re.sub(r"\W+", " ", line.partition(": ")[2]) for line in lines]
    plain = {re.sub(r"\W+", " ", unescape(text)) for text in shown}
    assert set(in_words) <= plain | {""}, "what a line says is what is read aloud in the report"
    for path in pdfs:
        content = path.read_bytes()
        assert content.startswith(b"%PDF-") and b"CreationDate" not in content
        box = [float(number) for number in re.search(rb"/MediaBox \[([^\]]*)\]", content)[1].split()]
        assert box[2] == pytest.approx(58 * 72 / 25.4, abs=0.01)
    for path in svgs:
        root = ET.parse(path).getroot()
        assert root.attrib["width"] == "58mm" and not list(root.iter("{http://www.w3.org/2000/svg}text"))


def test_no_patient_is_named(exported: Path):
    names = re.compile("|".join(Invented(markers=("alpha",)).names))
    for path in exported.glob("*.svg"):
        assert not names.search(path.read_text(encoding="utf-8")), path.name
    assert not names.search((exported / "figures.txt").read_text(encoding="utf-8"))


def drawn(text: str = "of all patients") -> Figure:
    figure, axes = canvas.panel(200, text)
    axes.plot([0, 1], [0, 1])
    return figure


@pytest.mark.parametrize("form", ["pdf", "svg"])
def test_a_figure_gives_the_same_bytes_each_time_and_another_text_others(form: str):
    first, again = (paper_figure(drawn(), form, 85) for _ in range(2))
    assert first == again
    assert paper_figure(drawn(), form, 85, lambda text: text.replace("patients", "wards")) == paper_figure(
        drawn("of all wards"), form, 85
    )
    assert paper_figure(drawn("of all wards"), form, 85) != first


def test_nothing_is_cut_off_when_a_pdf_is_narrower_than_the_drawing():
    """Backends leave out what lies beyond the page: as many strokes and marks at half the width as at the whole."""
    whole, half = (paper_figure(drawn(), "pdf", width) for width in (113, 56))
    assert operators(whole) == operators(half)


def operators(pdf: bytes) -> bytes:
    """What a page draws, without its numbers."""
    packed = re.search(rb"/Filter /FlateDecode >>\s*stream\r?\n(.*?)\r?\nendstream", pdf, re.S)
    return re.sub(rb"[\d.\- ]+", b"", zlib.decompress(packed[1]))


@pytest.mark.parametrize("width", ["0", "-85", "nan", "1000"])
def test_a_width_that_no_journal_has_is_one_line(results: Path, tmp_path: Path, width: str):
    ended = call("figures", results, "--out", tmp_path / "out", "--width", width)
    assert ended.exit_code != 0 and "Traceback" not in ended.output
    assert "give millimetres, from 40 to 400" in ended.output and not (tmp_path / "out").exists()


def test_what_is_no_result_is_one_line(tmp_path: Path):
    ended = call("figures", tmp_path, "--out", tmp_path / "out")
    assert ended.exit_code != 0 and "Traceback" not in ended.output
    assert not (tmp_path / "out").exists()
