"""`slopewise tables`: the report's tables, number by number, harmless in a spreadsheet and in LaTeX."""

import csv
import io
import math
import re
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slopewise.cli.paper import paper_sheets
from slopewise.cli.tables import Sheet, csv_text, escaped, file_name, guarded, latex_text, report_sheets, sheet_of
from slopewise.report.material.parts import Cell, Table
from slopewise.report.pages.study import render
from slopewise.run.files import read_json, write_json
from slopewise.tables import files as tables
from tests.unit.cli.cli_files import call, files_in, finished
from tests.unit.report.report_page import Page
from tests.unit.report.report_tables import Invented

PLANTED = {
    "markers.alpha.label": '=HYPERLINK("x")',
    "markers.beta.label": "@beta_1 & 50% <b>",
    "markers.beta.unit": "-mg/l",
}


@pytest.fixture(scope="module")
def invented() -> Invented:
    return Invented(keys=PLANTED)


@pytest.fixture(scope="module")
def results(invented, tmp_path_factory) -> Path:
    return finished(invented, tmp_path_factory.mktemp("results") / "invented")


@pytest.fixture(scope="module")
def exported(results) -> Path:
    ended = call("tables", results)
    assert ended.exit_code == 0, ended.output
    assert f"{len(files_in(results / 'tables'))} files written" in ended.output
    return results / "tables"


def read(path: Path) -> list[dict[str, str]]:
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "Excel takes a file without the mark for its own code page"
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))


def test_every_table_of_the_report_is_written(exported, results, invented):
    page = Page(render(invented.study(), results))
    named = {
        str(attributes["data-name"]) for tag, attributes in page.tags if tag == "table" and "data-name" in attributes
    }
    assert len(named) >= 10
    assert {path.stem for path in exported.glob("*.csv")} >= {file_name(name) for name in named}
    assert {path.stem for path in exported.glob("*.csv")} == {path.stem for path in exported.glob("*.tex")}


def test_the_numbers_are_those_of_the_results(exported, results):
    performance = tables.read("outcome/performance", results / "outcome" / "performance.csv")
    own = performance[performance["metric"] == "c_uno"].set_index("predictors")
    rows = {row["predictors"]: row for row in read(exported / "performance-c_uno.csv")}
    level = rows["level"]
    assert float(level["validated"]) == pytest.approx(own.loc["level", "validated"], abs=5.01e-4)
    assert float(level["validated, 95% low"]) == pytest.approx(own.loc["level", "ci_low"], abs=5.01e-4)
    assert float(level["validated, 95% high"]) == pytest.approx(own.loc["level", "ci_high"], abs=5.01e-4)
    slope = rows["level and slope"]
    assert float(slope["difference"]) == pytest.approx(own.loc["slope", "difference"], abs=5.01e-4)
    assert slope["difference"].startswith("-") and slope["difference, 95% low"].startswith("-")
    assert rows["covariates alone"]["compared with"] == ""


def test_nothing_is_a_formula_and_no_patient_is_named(exported, invented):
    number = re.compile(r"-?[0-9]+(\.[0-9]+)?(e[-+]?[0-9]+)?")
    labels = set()
    for path in exported.glob("*.csv"):
        text = path.read_bytes().decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                assert number.fullmatch(cell) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (
                    path.name,
                    cell,
                )
                labels.add(cell)
        assert not any(name in text for name in invented.names), path.name
    assert '\'=HYPERLINK("x")' in labels and "'-mg/l per year" in labels


def test_latex_is_escaped(exported):
    found = ""
    for path in exported.glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        body = [line for line in text.splitlines() if line.endswith(r"\\")]
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)
        assert columns and body, path.name
        for line in body:
            assert len(re.findall(r"(?<!\\)&", line)) == len(columns[1]) - 1, line
            assert not re.search(r"(?<!\\)[%#_]", line), line
        found += text
    assert r"@beta\_1 \& 50\% \textless{}b\textgreater{}" in found


def test_forms_and_folders(results, tmp_path):
    assert call("tables", results, "--out", tmp_path / "a", "--format", "csv").exit_code == 0
    assert {Path(name).suffix for name in files_in(tmp_path / "a")} == {".csv"}
    assert call("tables", results, "--out", tmp_path / "b", "--format", "latex").exit_code == 0
    assert {Path(name).suffix for name in files_in(tmp_path / "b")} == {".tex"}
    assert call("tables", results, "--out", tmp_path / "c", "--format", "csv").exit_code == 0
    for name in files_in(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


@pytest.mark.parametrize("broken", ["nowhere", "empty", "without a table", "old"])
def test_what_is_no_result_is_one_line(invented, tmp_path, broken):
    folder = tmp_path / "results"
    if broken != "nowhere":
        folder.mkdir()
    if broken == "without a table":
        finished(invented, folder)
        (folder / "outcome" / "performance.csv").unlink()
    if broken == "old":
        invented.write(folder)
        write_json(folder / "provenance.json", {**read_json(folder / "provenance.json"), "study": {}})
    before = files_in(tmp_path)
    ended = call("tables", folder)
    assert ended.exit_code == 1 and ended.stdout == ""
    assert ended.stderr.startswith("slopewise: ") and ended.stderr.count("\n") == 1
    said = {"without a table": "performance.csv", "old": "another version"}.get(broken, "no finished study lies there")
    assert said in ended.stderr
    assert files_in(tmp_path) == before


def test_a_folder_that_cannot_be_written_is_one_line(results, tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    ended = call("tables", results, "--out", tmp_path / "file" / "below")
    assert ended.exit_code == 1 and ended.stderr.count("\n") == 1 and "file" in ended.stderr


def test_intervals_get_columns_of_their_own():
    table = Table(
        "../up", "Caption", ["term", "ratio, 95% interval", "95% naive", "range"],
        [["a", Cell("1.2", "−1.0 to 1.4"), "0.9 to 1.5", "1 to 2"], ["b", Cell("–", ""), "–", "–"]],
    )  # fmt: skip
    sheet = sheet_of(table)
    assert sheet.name == "up"
    assert sheet.columns == [
        "term", "ratio", "ratio, 95% low", "ratio, 95% high", "ratio, 95% naive low", "ratio, 95% naive high", "range"
    ]  # fmt: skip
    assert sheet.rows[0] == ["a", "1.2", "−1.0", "1.4", "0.9", "1.5", "1 to 2"]
    assert csv_text(sheet).splitlines()[1:] == ["a,1.2,-1.0,1.4,0.9,1.5,1 to 2", "b,,,,,,"]
    assert latex_text(sheet).splitlines()[6] == r"a & 1.2 & $-$1.0 & 1.4 & 0.9 & 1.5 & 1 to 2 \\"


def test_guards():
    plain = {"0.5": "0.5", "−0.5": "-0.5", "+0.5": "0.5", "-2e-05": "-2e-05", "<5": "<5", "≥5": "≥5", "–": ""}
    assert {text: guarded(text) for text in plain} == plain
    for text in ("=1+1", "+cmd|x", "-a", "@sum", "\t=1", " =1", "-1-1", "+1+1"):
        assert guarded(text) == f"'{text}"


@given(st.text(max_size=40))
def test_any_cell_is_harmless(text):
    cell = guarded(text)
    assert re.fullmatch(r"-?[0-9.]+(e[-+]?[0-9]+)?", cell) or not cell.lstrip().startswith(("=", "+", "-", "@"))
    sheet = Sheet("t", "c", ["a"], [[text]], frozenset())
    assert (
        [*csv.reader(io.StringIO(csv_text(sheet), newline=""))][1:] in ([[cell]], [[]]) or "\r" in cell or "\n" in cell
    )
    latex = escaped(text)
    assert "\n" not in latex and not re.search(r"(?<!\\)[%#&_]", latex)


def test_the_study_is_read_back_from_the_results(results, invented):
    names = [sheet.name for sheet in report_sheets(results)]
    assert len(names) == len(set(names)) and {"performance", "slopes"} <= set(names)


def test_four_tables_for_a_paper_hold_what_the_report_prints(results, tmp_path):
    ended = call("tables", results, "--paper", "--format", "csv", "--out", tmp_path)
    assert ended.exit_code == 0 and "4 files written" in ended.output
    found = {path.stem: read(path) for path in tmp_path.glob("*.csv")}
    assert sorted(found) == ["table-1-patients", "table-2-performance", "table-3-effects", "table-4-growth"]
    assert all(len(rows[0]) <= 7 for rows in found.values())
    performance = tables.read("outcome/performance", results / "outcome" / "performance.csv")
    own = performance[(performance["metric"] == "c_uno") & (performance["predictors"] == "level")].iloc[0]
    level = next(row for row in found["table-2-performance"] if row["predictors"] == "level")
    shown = [float(text) for text in re.findall(r"[0-9.]+", level["Uno’s C (95% CI)"])]
    assert shown == pytest.approx([own["validated"], own["ci_low"], own["ci_high"]], abs=5.01e-4)
    coefficients = tables.read("outcome/coefficients", results / "outcome" / "coefficients.csv")
    hazard = coefficients.query("predictors == 'slope' and term == 'alpha.level' and scale == 'sd'").iloc[0]
    terms = {row["term"]: row for row in found["table-3-effects"]}
    row = next(row for term, row in terms.items() if "level" in term and "HYPERLINK" in term)
    shown = [float(text) for text in re.findall(r"[0-9.]+", row["level and slope, HR per SD (95% CI)"])]
    wanted = [hazard["estimate"], hazard["ci_low_bootstrap"], hazard["ci_high_bootstrap"]]
    assert shown == pytest.approx([math.exp(value) for value in wanted], rel=5.01e-3)


def test_a_word_document_holds_every_table_the_methods_and_the_references(results, tmp_path):
    docx = pytest.importorskip("docx")
    for folder, form in (("a", ["--format", "docx"]), ("b", ["--docx"])):
        assert call("tables", results, *form, "--out", tmp_path / folder).exit_code == 0
    made = tmp_path / "a" / "tables.docx"
    assert made.read_bytes() == (tmp_path / "b" / "tables.docx").read_bytes()
    document, sheets = docx.Document(made), report_sheets(results)
    assert [len(table.columns) for table in document.tables] == [len(sheet.columns) for sheet in sheets]
    for table, sheet in zip(document.tables, sheets, strict=True):
        assert len(table.rows) == len(sheet.rows) + 1
        assert [cell.text for cell in table.rows[0].cells] == sheet.columns
    text = [paragraph.text for paragraph in document.paragraphs]
    assert sum(line.startswith("Table ") for line in text) == len(sheets)
    assert "Methods" in text and any("doi:10." in line for line in text[text.index("References") :])
    with zipfile.ZipFile(made) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_without_python_docx_the_extra_is_named(results, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "docx", None)
    ended = call("tables", results, "--format", "docx", "--out", tmp_path / "a")
    assert ended.exit_code == 1 and "slopewise[docx]" in ended.stderr and ended.stderr.count("\n") == 1
    assert not (tmp_path / "a").exists()


def growth_tables() -> list[Table]:
    """Of two markers, the first a logarithm, whose unit one table writes below the name and another in a column."""
    random = ["marker", "SD at time zero", "SD of slopes", "correlation", "residual SD", "fit"]
    stratum = ["marker", "slope of", "patients", "estimate", "95% interval", "df", "p of a difference"]
    known = ["marker", "reliability, 95% interval", "mean slope", "unit"]
    logs = Cell("a", "log mg/l")
    return [
        Table("growth-random", "C", random, [[logs, "1", "2", "3", "4", "ok"], ["b", "5", "6", "7", "8", "ok"]]),
        Table(
            "slopes-by-stratum", "C", stratum,
            [[logs, "all", "9", "0.1", "0.0 to 0.2", "9", ""], [logs, "sex: f", "5", "0.3", "0.2 to 0.4", "9", ""],
             ["b", "all", "9", "−0.1", "−0.2 to 0.0", "9", ""]],
        ),
        Table(
            "slopes", "C", known,
            [["a", Cell("0.43", "0.33 to 0.54"), "0.1", "log mg/l per year"],
             ["b", Cell("0.68", ""), "0.1", "g/l per year"]],
        ),
    ]  # fmt: skip


def test_a_marker_of_the_growth_table_has_its_unit_average_and_reliability():
    (sheet,) = paper_sheets(growth_tables())
    assert sheet.rows == [
        ["a (log mg/l)", "0.1 (0.0 to 0.2)", "1", "2", "3", "4", "0.43 (0.33 to 0.54)"],
        ["b (g/l)", "−0.1 (−0.2 to 0.0)", "5", "6", "7", "8", "0.68"],
    ]
    assert sheet.notes == "CI, confidence interval; SD, standard deviation"


@pytest.mark.parametrize(
    ("bootstrap", "cell", "kind"),
    [("0.8 to 1.7", "1.2 (0.8 to 1.7)", "bootstrap"), ("–", "1.2 (0.9 to 1.5)", "Wald intervals")],
)
def test_effects_have_the_interval_of_the_bootstrap_or_where_there_is_none_the_naive(bootstrap, cell, kind):
    columns = [
        "term",
        "ratio per SD",
        "95% naive",
        "95% bootstrap",
        "ratio per unit shown",
        "95% naive",
        "95% bootstrap",
    ]
    row = ["age", "1.2", "0.9 to 1.5", bootstrap, "1.2", "0.9 to 1.5", bootstrap]
    (sheet,) = paper_sheets([Table("coefficients-slope", "Hazard ratios: level and slope", columns, [row])])
    assert sheet.columns[1:] == ["level and slope, HR per SD (95% CI)", "level and slope, HR per unit (95% CI)"]
    assert sheet.rows == [["age", cell, cell]] and kind in sheet.caption
