"""The report: it says what the tables say, loads nothing, names nobody, and is the same for the same tables."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jinja2 import Environment, PackageLoader

from slopewise.report.material.parts import Table
from slopewise.report.pages.study import render
from slopewise.report.sections.cohort import flow_of
from slopewise.report.sections.order import sections
from slopewise.report.words.numbers import count, count_of, counts_of_parts
from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from slopewise.tables.catalogue import entry
from tests.lengths import of_length
from tests.unit.report.report_page import LOADING, Page
from tests.unit.report.report_tables import HORIZONS, Invented
from tests.walking import cells_of, unknown


@pytest.fixture(scope="module")
def html(invented, results) -> str:
    return render(invented.study(), results)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_nothing_is_loaded(html, page):
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "base", "audio", "video"), tag
        assert not LOADING & set(attributes), (tag, attributes)
        if tag == "script":
            assert not attributes
        if "href" in attributes and tag != "a":
            assert (attributes["href"] or "").startswith("#"), (tag, attributes)
    assert "@import" not in html
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", html))
    policy = next(
        a["content"] for tag, a in page.tags if tag == "meta" and a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None and policy.startswith("default-src 'none'")
    assert "http" not in policy


def test_links_lead_to_a_section_or_to_a_cited_work(html, page):
    ids = Counter(a["id"] for _, a in page.tags if "id" in a)
    assert max(ids.values()) == 1
    for tag, attributes in page.tags:
        if tag == "a":
            target = attributes["href"] or ""
            assert target.startswith("https://doi.org/10.") or target[1:] in ids, target
    named = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
    parts = [f"#{a['id']}" for tag, a in page.tags if tag == "section"]
    assert len(named) == len(parts) >= 13 and set(named) <= set(ids)
    contents = re.search(r"<nav.*?</nav>", html, re.S)
    assert contents and re.findall(r'href="([^"]*)"', contents[0]) == parts, "every section, in order"
    assert html.index('id="summary"') < contents.start(), "the finding comes before the contents"


OF_ONE_LAYER = {
    "section": "summary patients courses population evidence fit slopes ladder checks coefficients hazards "
    "risks groups audit care methods tripod appraisal provenance",
    "table": "patients growth-fixed growth-evidence growth-comparison growth-shares growth-fixed-by-model "
    "growth-components growth-trends growth-serial growth-scatter growth-normality growth-influence growth-visits "
    "slopes slopes-by-visits evidence performance-c_uno performance-c_harrell performance-1 performance-3 "
    "performance sensitivity subgroups coefficients-slope coefficients-level coefficients-clinical "
    "coefficients-baseline coefficients-last coefficients-delta coefficients-ols coefficients-slope_only groups-slope "
    "groups-clinical groups-level leakage-audit tripod-ai probast-ai stratos inputs settings versions tables",
    "figure": "summary courses trends variogram implied correlation residuals influence visits shrinkage pooling "
    "reliability pulled ladder hazards calibration decision groups",
}
"""What the report held when it was one long page."""


@pytest.mark.parametrize("kind", OF_ONE_LAYER)
def test_nothing_is_lost_by_the_two_layers(html, kind):
    name = "id" if kind == "section" else "data-name"
    found = re.findall(rf'<{kind}\b[^>]*? {name}="([^"]+)"', html)
    assert set(OF_ONE_LAYER[kind].split()) <= set(found)
    assert len(found) == len(set(found)), "each of them once"


def test_the_evidence_is_closed_and_holds_every_section_of_its_layer(html, frames, naming):
    found = sections(frames, naming)
    assert {section.layer for section in found} <= {1, 2}
    folded = re.findall(
        r'<details class="layer" data-anchor="(\w+)">\s*<summary>.*?</summary>\s*<section id="(\w+)"', html
    )
    assert [anchor for anchor, _ in folded] == [one.anchor for one in found if one.layer == 2]
    assert all(anchor == inside for anchor, inside in folded)
    for section in found:
        if section.layer == 1:
            assert html.index(f'<section id="{section.anchor}"') < html.index('<section id="behind"')


def test_the_page_is_well_formed_and_every_picture_has_a_text(page):
    assert page.open == []
    pictures = [a for tag, a in page.tags if tag == "svg" and a.get("aria-hidden") != "true"]  # small ones repeat them
    assert len(pictures) >= 14
    assert all(a.get("role") == "img" and a.get("aria-label") for a in pictures)
    assert [tag for tag, _ in page.tags].count("h1") == 1


def test_no_patient_is_in_it(html, invented):
    assert not [name for name in invented.names if name in html]


def test_the_same_tables_give_the_same_bytes_from_any_folder(html, invented, results, tmp_path):
    elsewhere = tmp_path / "deeper" / "other"
    shutil.copytree(results, elsewhere)
    program = (
        "import sys; from pathlib import Path; from slopewise.report.pages.study import render\n"
        "from slopewise.study.reading import load_study\n"
        "sys.stdout.buffer.write(render(load_study(sys.argv[1]), Path(sys.argv[2])).encode())"
    )
    import yaml

    study = invented.study()
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(study.model_dump(mode="json", exclude_defaults=True)), encoding="utf-8")
    where = {**os.environ, "PYTHONHASHSEED": "77", "LC_ALL": "C", "TZ": "Asia/Tokyo"}
    where["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", program, str(file), str(elsewhere)],
        capture_output=True,
        check=True,
        env=where,
        cwd=tmp_path,
    )
    assert done.stdout == html.encode()
    assert str(tmp_path) not in html and str(results) not in html and "/home/somebody" not in html


def test_a_missing_table_is_an_error_that_names_it(invented, results, tmp_path):
    shutil.copytree(results, tmp_path / "copy")
    (tmp_path / "copy" / "slopes" / "reliability.csv").unlink()
    with pytest.raises(InputError, match=r"reliability\.csv.*run the workflow again"):
        render(invented.study(), tmp_path / "copy")


def test_nothing_is_called_significant(page):
    assert not re.search(r"\bsignifican", " ".join(page.text(section) for section in page.sections), re.IGNORECASE)


SETTINGS = (2.0, 95.0, 0.02, 0.5, 0.0, 1.0, 5.0, 200.0, 100.0)
"""Landmark, level of intervals, margin, what is no better than chance, folds, repeats, resamples, of 100 patients."""


def unknown_numbers(text: str, folder: Path, of_100: bool = False) -> list[str]:
    """The numbers of `text` that are neither a cell of the tables which the first layer reports, nor a setting."""
    known = cells_of(folder / "outcome/performance.csv", only=r",c_(uno|harrell),")
    for file in ("slopes/reliability.csv", "cohort/flow.csv", "outcome/ledger.csv", "outcome/risk_groups.csv"):
        known += cells_of(folder / file)
    cells = [*known, *ratios_per_sd(folder), *HORIZONS, *SETTINGS]
    return unknown(text, cells, of_100)


def ratios_per_sd(folder: Path) -> list[float]:
    """Hazard ratios of slopes beside levels per SD of the true slopes, and their ends, from two tables."""
    spread = tables.read("growth/covariance", folder / "growth" / "covariance.csv").query("model == 'random_slope'")
    spread = spread[(spread["term_1"] == "time") & (spread["term_2"] == "time")].set_index("marker")
    rows = tables.read("outcome/coefficients", folder / "outcome" / "coefficients.csv")
    rows = rows[(rows["predictors"] == "slope") & (rows["scale"] == "unit") & rows["term"].str.endswith(".slope")]
    ends = rows[["estimate", "ci_low_bootstrap", "ci_high_bootstrap"]].to_numpy(dtype=float)
    sds = spread.loc[rows["term"].str.removesuffix(".slope"), "sd_or_correlation"].to_numpy(dtype=float)
    return np.exp(ends * sds[:, None])[np.isfinite(ends)].tolist()


def test_every_number_of_the_summary_is_a_cell_of_a_table(page, results):
    text = page.text("summary")
    assert len(re.findall(r"\d+\.\d+", text)) > 20
    assert unknown_numbers(text, results) == []
    figures = ("0.812", "−0.001 (95% interval −0.008 to +0.005)", "60 patients", "30 with the event")
    assert all(shown in text for shown in figures)
    assert unknown_numbers(text.replace("0.812", "0.666").replace("−0.008", "−0.077"), results)[:2] == [
        "0.666",
        "−0.077",
    ]


@pytest.mark.parametrize("section", ["whom", "predicts", "careful", "done"])
def test_every_number_of_the_first_layer_is_a_cell_of_a_table(page, results, frames, naming, section):
    assert section in [one.anchor for one in sections(frames, naming) if one.layer == 1]
    assert unknown_numbers(page.text(section), results, of_100=section == "predicts") == []


def test_the_counts_are_those_of_the_table_of_thirds(page, results):
    rows = pd.read_csv(results / "outcome/risk_groups.csv")
    shown = rows[(rows["horizon"] == min(HORIZONS)) & (rows["predictors"] == "slope")]
    observed = shown.set_index("third")["observed"]
    text = page.text("predicts")
    for third in ("low", "middle", "high"):
        found = re.search(rf" {third} ((?:\d+ ?)+)", text)
        assert found and int(found[1].split()[-1]) == round(100 * observed[third]), third


def words_of(page: Page) -> int:
    """How many words its sections have, with those of their tables and without those of their pictures."""
    return sum(len(page.text(section).split()) for section in page.sections if section)


@pytest.mark.slow
def test_a_report_of_many_markers_and_patients_stays_small(tmp_path):
    markers = of_length(30, 62)
    study = Invented(patients=of_length(100, 300), markers=tuple(f"m{number:02d}" for number in range(markers)))
    html = render(study.study(), study.write(tmp_path))
    page = Page(html)
    assert len(html.encode()) < 5_000_000
    for marker, pictures in (("m11", 2), ("m12", 0)):
        found = [a for tag, a in page.tags if tag == "div" and a.get("data-marker") == marker]
        assert len(found) == pictures
    assert f"{markers - 12} further markers are in the tables only" in page.text("courses")
    rows = [a for tag, a in page.tags if tag == "tr" and a.get("data-marker") == "m01"]
    assert len(rows) >= 12, "its rows are in every table that has the marker"
    assert f"The first 10 of {markers} rows; all are in the study’s folder of results" in page.text("evidence")
    few = Invented(markers=("m00", "m01", "m02"))
    three = Page(render(few.study(), few.write(tmp_path / "few")))
    assert words_of(page) <= 1.5 * words_of(three)


def test_a_long_table_is_cut_and_says_so():
    environment = Environment(loader=PackageLoader("slopewise.report", "templates"), autoescape=True)
    macros = environment.get_template("macros.html.j2").module
    table = Table("long", "Long", ["a"], [[str(number)] for number in range(12)], most=10)
    assert "The first 10 of 12 rows" in macros.table(table) and macros.table(table).count("<tr>") == 11


NASTY = '<script>alert(1)</script> & "é" 😀'


@pytest.fixture(scope="module")
def nasty(tmp_path_factory) -> tuple[str, Page]:
    """Hostile words wherever data can bring them, three patients of one sex, and tiny groups."""
    study = Invented(
        patients=24,
        keys={
            "title": NASTY,
            "description": NASTY,
            "markers.alpha.label": NASTY,
            "markers.alpha.unit": "'\"><img src=x onerror=alert(2)>",
            "outcome.events": {"1": "</style><b>death</b>"},
            "report.small_cells": 9,
        },
    )
    folder = study.write(tmp_path_factory.mktemp("nasty"))
    patients = tables.read("cohort/patients", folder / entry("cohort/patients").file)
    patients["sex"] = np.where(np.arange(len(patients)) < 3, "<i>other</i>", "f")
    tables.write(patients, "cohort/patients", folder / entry("cohort/patients").file)
    problems = tables.read("cohort/problems", folder / entry("cohort/problems").file)
    problems.loc[0, "message"] = "<svg onload=alert(3)>"
    tables.write(problems, "cohort/problems", folder / entry("cohort/problems").file)
    coefficients = tables.read("outcome/coefficients", folder / entry("outcome/coefficients").file)
    coefficients["term"] = coefficients["term"].str.replace("sex[m]", "sex[<i>other</i>]", regex=False)
    tables.write(coefficients, "outcome/coefficients", folder / entry("outcome/coefficients").file)
    html = render(study.study(), folder)
    return html, Page(html)


def test_text_from_data_is_escaped_everywhere(nasty):
    html, page = nasty
    tags = Counter(tag for tag, _ in page.tags)
    assert tags["script"] == 1 and tags["style"] == 1
    assert not {"img", "i"} & set(tags)
    assert not [a for _, a in page.tags if any(key.startswith("on") for key in a)]
    assert "".join(page.texts["h1"]) == "".join(page.texts["title"]) == NASTY
    assert "alert(1)" not in "".join(page.texts["script"])
    assert any(NASTY in text for text in page.texts["text"]), "the marker's label is a text in a figure"
    assert page.open == []
    assert "<svg onload" not in html


def test_small_counts_are_masked(nasty):
    _, page = nasty
    patients = page.text("patients")
    assert "sex: <i>other</i> <9 – – 24 sex: f ≥9 – – 24" in patients
    assert "(12%)" not in patients and "21" not in patients
    assert "<9" in page.text("groups") and "<9" in page.text("slopes")
    risk = [text for text in page.texts["text"] if text.startswith("<")]
    assert "<9" in risk


def test_a_count_cannot_be_found_by_subtraction():
    def flow(*removed: int) -> pd.DataFrame:
        left = 100 + sum(removed)
        rows = [("start", "in the files", 0, 0, left, 400, 50)]
        for place, n in enumerate(removed):
            left -= n
            rows.append((f"step{place}", f"reason {place}", n, 0, left, 400, 50))
        return pd.DataFrame(rows, columns=list(tables.TABLES["cohort/flow"].columns))

    shown = flow_of(flow(30, 2), 5)
    assert shown.removals == [("32", "reason 0 or reason 1")] and shown.start == "132 patients in the files"
    shown = flow_of(flow(2, 30, 3, 40), 5)
    assert [n for n, _ in shown.removals] == ["35", "40"]
    shown = flow_of(flow(0, 3), 5)
    assert shown.removals == [("<5", "reason 1")] and shown.start == "fewer than 105 patients in the files"
    shown = flow_of(flow(30, 12), 5)
    assert [n for n, _ in shown.removals] == ["30", "12"]
    counted = flow(20).replace("reason 0", "a covariate is missing (age 2, stage 2 18)")
    assert flow_of(counted, 5).removals == [("20", "a covariate is missing (age <5, stage 2 18)")]


def test_findings_about_single_patients_are_counted_and_not_told(page, invented):
    text = page.text("patients")
    assert "warning: The landmark splits a visit: 9 rows before, 8 after; move it" in text
    assert "(<5 patients, column month)" in text and "ZQ" not in text


def test_numbers_of_patients():
    assert [count(n, 5) for n in (0, 1, 4, 5, 60)] == ["0", "<5", "<5", "5", "60"]
    assert [count(n, 0) for n in (0, 1)] == ["0", "1"]
    assert count_of(4, 200, 5) == "<5" and count_of(50, 200, 5) == "50 (25%)"
    assert counts_of_parts([3, 21, 30], 5) == ["<5", "≥5", "30"]
    assert counts_of_parts([3, 0, 2, 30], 5) == ["<5", "0", "<5", "30"]
    assert counts_of_parts([6, 20], 5) == ["6", "20"] and counts_of_parts([3], 5) == ["<5"]
