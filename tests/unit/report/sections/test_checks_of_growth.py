"""The report's pages on the growth model's checks: sentences from the numbers, units, and nobody named."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from slopewise.report.pages.study import render
from slopewise.report.sections.evidence import correlation_panel
from slopewise.report.sections.pooling import planned_panel, pulled_panel
from slopewise.report.sections.slopes import by_visits, by_visits_picture
from slopewise.report.words.naming import Naming
from tests.unit.report.report_page import Page, html_of
from tests.unit.report.report_tables import Invented


def pages(invented: Invented, folder: Path) -> tuple[str, Page]:
    html = render(invented.study(), invented.write(folder))
    return html, Page(html)


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[str, Page, Invented]:
    invented = Invented()
    return *pages(invented, tmp_path_factory.mktemp("two")), invented


def test_each_check_is_followed_by_a_sentence_with_its_numbers(two):
    text = two[1].text("fit")
    for said in (
        "Values scatter about the patients’ lines by",
        "more where values are high",
        "1.2% of the residuals lie beyond three standard deviations (0.3% would if normal)",
        "The tails are heavier than normal",
        "20% of the starting values lie outside the band, where 5% should: a few patients lie far to the high side",
        "The slopes are close to a normal distribution (skewness 0.1, excess kurtosis 0.2).",
        "No single patient moves the average slope by more than 0.00400",
        "With each further visit the slope is 0.0321",
        "lower (95% interval of the change −0.0523 to −0.0119, p = 0.003)",
        "The number of visits is associated with the slope",
        "the data do not show an association between the number of visits and the slope, and are",
    ):
        assert said in text, said


def test_pooling_and_correlation_are_said_in_words(two):
    slopes, evidence = two[1].text("slopes"), two[1].text("evidence")
    assert re.search(r"For \d+ of 60 patients the interval lies entirely above the average slope of", slopes)
    assert re.search(r"The median shrinkage of a slope towards the average is \d+%", slopes)
    assert (
        "per year, true slopes one of 0.275 according to the model, and slopes after partial pooling one of" in slopes
    )
    assert "3 visits give a reliability of 0.55 and 10 visits 0.80" in slopes
    assert "a correlation of 0.73 between values at 0 and 0.33 (years since time zero), and of −0.10" in evidence
    assert "A random intercept alone implies 0.61 at any lag." in evidence
    assert "By the exact F test of equal slopes" in evidence and "more than noise explains (p = 0.03)" in evidence


def test_every_panel_of_the_checks_has_a_sentence_and_no_word_stands_for_a_verdict(two):
    html = two[0]
    for name in (
        "trends",
        "variogram",
        "implied",
        "correlation",
        "residuals",
        "influence",
        "visits",
        "pooling",
        "pulled",
    ):
        figure = re.search(rf'<figure data-name="{name}".*?</figure>', html, re.S)
        assert figure, name
        assert figure[0].count('class="panel"') == figure[0].count('class="note"') > 0, name
    assert not re.search(r"significan", html)


def test_nobody_is_named_and_few_are_not_counted(two):
    html, _, invented = two
    assert not [name for name in invented.names if name in html]
    assert "must not be shared" in html


def test_of_many_markers_the_first_few_are_pictured_and_all_are_in_the_tables(tmp_path):
    invented = Invented(
        patients=16, markers=tuple(f"m{number:02d}" for number in range(9)), keys={"report.detailed": 2}
    )
    html, page = pages(invented, tmp_path)
    for name in ("variogram", "influence", "pooling", "correlation"):
        figure = re.search(rf'<figure data-name="{name}".*?</figure>', html, re.S)
        assert set(re.findall(r'data-marker="(m\d+)"', figure[0])) == {"m00", "m01"}, name
    assert "The evidence of the first 2 of 9 markers" in page.text("evidence")
    assert "Pictured are the first 2 of 9 markers" in page.text("fit")
    for table in ("growth-evidence", "growth-influence", "growth-visits"):
        rows = re.search(rf'<table data-name="{table}".*?</table>', html, re.S)[0]
        assert len(re.findall(r'<tr data-marker="m\d+"', rows)) == 9, table
    paragraphs = re.search(r'<section id="evidence".*?</section>', html, re.S)[0]
    assert len(re.findall(r'<p data-marker="m\d+"', paragraphs)) == 9, "all are said in words"
    assert '<details class="more most">' in paragraphs and '<body class="many">' in html, "folded is not printed"


def test_without_a_random_slope_the_checks_say_nothing(tmp_path):
    from slopewise.tables import files as tables

    invented = Invented()
    results = invented.write(tmp_path)
    for name in ("patients", "planned", "visits", "correlation", "scatter", "spread", "quantiles", "normality"):
        file = results / f"growth/{name}.csv"
        tables.write(tables.read(f"growth/{name}", file).iloc[:0], f"growth/{name}", file)
    html = html_of(invented.study(), results, "fit", "slopes", "evidence")
    assert 'data-name="influence"' not in html and 'data-name="pooling"' not in html


def test_of_three_patients_no_distribution_is_told(two, tmp_path):
    from types import SimpleNamespace

    from slopewise.report.material.frames import Frames
    from slopewise.report.sections.fit import shape_words
    from slopewise.report.words.naming import Naming

    invented = two[2]
    frames, naming = Frames.read(invented.write(tmp_path)), Naming(invented.study())
    row = {
        "marker": "alpha",
        "what": "slope",
        "skewness": 0.0,
        "kurtosis": -1.5,
        "outside": 0.0,
        "p_value": 1.0,
        "largest": 1.2,
    }
    said = [shape_words(frames, naming, SimpleNamespace(**row, number=number)) for number in (3, 30)]
    assert said[0] == "There are too few slopes to judge their distribution."
    assert said[1].startswith("The slopes are close to a normal distribution")


def test_a_picture_of_one_constant_is_left_out_and_its_number_said(frames, invented):
    naming = Naming(invented.study())
    flat = frames.correlation.assign(random_slope=lambda rows: rows["random_slope"].clip(0.6, 0.6))
    assert correlation_panel(frames, naming)("alpha", "alpha", "a") is not None
    assert correlation_panel(replace(frames, correlation=flat), naming)("alpha", "alpha", "a") is None
    alike = replace(frames, pooling=frames.pooling.assign(reliability=0.4))
    assert pulled_panel(frames, naming)("alpha", "alpha", "a") is not None
    assert pulled_panel(alike, naming)("alpha", "alpha", "a") is None
    said = planned_panel(alike, naming)("alpha", "alpha", "a")[1]
    assert said.startswith("Every patient’s slope is shrunk by 60% towards the average. Over ")
    groups = by_visits(frames, naming)
    labels = {"alpha": "alpha"}
    assert by_visits_picture(groups, labels, naming) is not None
    assert by_visits_picture(groups[groups["visits"] == "2"], labels, naming) is None
